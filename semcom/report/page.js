"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const RATES = ["bits_per_pixel", "channel_uses_per_pixel"];
  const isNumber = (value) => typeof value === "number" && isFinite(value);

  /* ---------- what there is to show ---------- */

  const onAir = data.transmitters.filter((t) => !t.reference);
  const groups = [...new Set(onAir.map((t) => t.group))];
  // curves of few transmitters over a link keep apart; many, or rates alone, go by their groups
  const apart = onAir.length <= 8 && data.rows.some((row) => row.esn0_db !== null);
  const byLabel = new Map();
  for (const transmitter of data.transmitters) {
    const own = data.rows.filter((row) => row.label === transmitter.label);
    const sameGroup = data.transmitters.filter((t) => t.group === transmitter.group);
    byLabel.set(transmitter.label, {
      ...transmitter,
      rows: own,
      ideal: own.find((row) => row.esn0_db === null),
      sent: own.filter((row) => row.esn0_db !== null).sort((a, b) => a.esn0_db - b.esn0_db),
      look: apart ? onAir.indexOf(transmitter) : groups.indexOf(transmitter.group),
      tint: apart ? 1 : 1 - 0.55 * (sameGroup.indexOf(transmitter) / Math.max(1, sameGroup.length)),
    });
  }
  const transmitters = [...byLabel.values()].filter((t) => !t.reference);
  const reference = [...byLabel.values()].find((t) => t.reference);
  const points = [...new Set(data.rows.map((r) => r.esn0_db).filter(isNumber))].sort((a, b) => a - b);
  // the last step of the slider is the row without a channel, which a run with a budget lacks
  const steps = !points.length || transmitters.some((t) => t.ideal) ? [...points, null] : points;

  const axes = [];
  if (points.length) {
    axes.push({ column: "esn0_db", name: "Es/N0", long: "Es/N0 per complex symbol (dB)" });
    if (data.rows.some((r) => isNumber(r.ebn0_db)))
      axes.push({ column: "ebn0_db", name: "Eb/N0", long: "Eb/N0 per payload bit (dB)" });
  }
  axes.push({ column: RATES[0], name: "bits per pixel", long: "bits per pixel, everything sent counted" });
  if (data.rows.some((r) => isNumber(r[RATES[1]])))
    axes.push({ column: RATES[1], name: "channel uses per pixel", long: "complex channel uses per pixel" });

  const state = {
    metric: data.metrics[0],
    axis: axes[0],
    hidden: new Set(),
    step: startingStep(),
    image: 0,
  };

  /** The point nearest to where half of the payloads arrive, where the choice matters most. */
  function startingStep() {
    const halves = transmitters.map((t) => t.cliff && t.cliff.half).filter(isNumber);
    if (!halves.length) return steps.length - 1;
    const half = halves.reduce((a, b) => a + b) / halves.length;
    return points.reduce((best, p, i) => (Math.abs(p - half) < Math.abs(points[best] - half) ? i : best), 0);
  }

  /* ---------- small helpers ---------- */

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    return dress(made, attributes, children);
  }
  function svg(name, attributes = {}, ...children) {
    return dress(document.createElementNS(SVG, name), attributes, children);
  }
  function dress(made, attributes, children) {
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  const colour = (t) => `var(--c${t.look % 8})`;
  const minus = (text) => text.replace("-", "\u2212");
  function number(value, digits = 3) {
    if (!isNumber(value)) return "";
    const size = Math.abs(value);
    if (value !== 0 && size < 0.001) return minus(value.toExponential(1));
    if (size >= 1000) return minus(value.toFixed(0));
    return minus(value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : digits));
  }
  const dB = (value) => minus(String(+value.toFixed(3))) + " dB";
  const stepName = (step) => (steps[step] === null ? "no channel errors" : dB(steps[step]));

  const SHAPES = [
    (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
    (r) => `M${-r * 0.9},${-r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
    (r) => `M0,${-r * 1.25}L${r * 1.25},0L0,${r * 1.25}L${-r * 1.25},0z`,
    (r) => `M0,${-r * 1.2}L${r * 1.15},${r * 0.9}H${-r * 1.15}z`,
    (r) => `M0,${r * 1.2}L${r * 1.15},${-r * 0.9}H${-r * 1.15}z`,
    (r) => `M${-r * 0.45},${-r * 1.2}h${r * 0.9}v${r * 0.75}h${r * 0.75}v${r * 0.9}h${-r * 0.75}v${r * 0.75}h${-r * 0.9}v${-r * 0.75}h${-r * 0.75}v${-r * 0.9}h${r * 0.75}z`,
    (r) => `M${-r},${-r * 0.6}L0,${-r * 1.2}L${r},${-r * 0.6}V${r * 0.6}L0,${r * 1.2}L${-r},${r * 0.6}z`,
    (r) => `M${-r * 1.2},0L0,${-r * 0.8}L${r * 1.2},0L0,${r * 0.8}z`,
  ];
  function dot(t, x, y, r = 4.6, extra = "") {
    return svg("path", {
      d: SHAPES[t.look % SHAPES.length](r), transform: `translate(${x} ${y})`,
      class: "dot " + extra, style: `fill:${colour(t)}` + (extra ? `;stroke:${colour(t)}` : ""), opacity: t.tint,
    });
  }
  function badge(t) {
    return svg("svg", { width: 30, height: 12, viewBox: "0 0 30 12", "aria-hidden": "true" },
      svg("line", { x1: 0, x2: 30, y1: 6, y2: 6, style: `stroke:${colour(t)}`, "stroke-width": 2.2, opacity: t.tint }),
      dot(t, 15, 6));
  }

  /* ---------- the curves ---------- */

  /** Points of one transmitter on the axes chosen: x, y, its interval, and whether y is a bound. */
  function curve(t) {
    const column = state.metric.column;
    const rows = RATES.includes(state.axis.column) ? [atStep(t)] : t.sent;
    return rows
      .filter((row) => row && isNumber(row[state.axis.column]) && isNumber(row[column]))
      .map((row) => {
        const bound = column === "bler" && row.bler === 0;
        const interval = isNumber(row[column + "_low"]) && isNumber(row[column + "_high"]);
        return {
          row, bound, x: row[state.axis.column], y: bound ? row.bler_high : row[column],
          low: interval ? row[column + "_low"] : null, high: interval ? row[column + "_high"] : null,
        };
      });
  }
  const atStep = (t) => t.rows.find((row) => row.esn0_db === steps[state.step]) ||
    (state.axis.column === RATES[0] ? t.ideal : undefined);
  const shown = () => transmitters.filter((t) => !state.hidden.has(t.label));

  function ceiling(t) {
    const value = t.ideal && t.ideal[state.metric.column];
    return !RATES.includes(state.axis.column) && state.metric.column !== "bler" && isNumber(value) ? value : null;
  }
  function originals() {
    const column = state.metric.column;
    const says = column === "miou" || column.startsWith("iou_");
    const value = says && reference && reference.ideal ? reference.ideal[column] : null;
    return isNumber(value) ? value : null;
  }

  function niceTicks(low, high, wanted) {
    const raw = (high - low) / wanted;
    const base = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * base).find((s) => s >= raw * 0.999);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(+(i * step).toPrecision(12));
    return ticks;
  }
  function logTicks(low, high) {
    const ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
      for (const m of high / low > 300 ? [1] : [1, 2, 5]) {
        const tick = +(m * 10 ** e).toPrecision(3);
        if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
      }
    return ticks;
  }
  /** A scale from values to pixels with its ticks. */
  function scale(values, from, to, { log = false, zero = false, wanted = 6, pad = 0.05 } = {}) {
    let low = Math.min(...values), high = Math.max(...values);
    if (log) {
      [low, high] = [low / 1.35, high * 1.35];
      const size = Math.log(high / low);
      const map = (v) => from + ((to - from) * Math.log(v / low)) / size;
      return { map, ticks: logTicks(low, high) };
    }
    if (zero && low >= 0 && low < 0.55 * high) low = 0;
    const room = (high - low || Math.abs(high) || 1) * pad;
    if (low !== 0 || !zero) low -= room;
    high += room;
    return { map: (v) => from + ((to - from) * (v - low)) / (high - low), ticks: niceTicks(low, high, wanted) };
  }

  let hits = [];
  function drawChart() {
    const picture = document.querySelector("#chart svg");
    const width = picture.clientWidth, height = picture.clientHeight;
    picture.replaceChildren();
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    hits = [];
    const curves = shown().map((t) => ({ t, points: curve(t), top: ceiling(t) }));
    const all = curves.flatMap((c) => c.points);
    const box = { left: 52, right: width - 10, top: 24, bottom: height - 46 };
    if (!all.length) {
      picture.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" },
        document.createTextNode("nothing was measured here: choose another metric or axis")));
      return;
    }
    const rate = RATES.includes(state.axis.column);
    const heights = all.flatMap((p) => [p.y, p.low, p.high])
      .concat(curves.map((c) => c.top), originals()).filter(isNumber);
    const xs = all.map((p) => p.x);
    const spread = Math.max(...xs) / Math.min(...xs);
    const x = scale(xs, box.left, box.right, { log: rate && spread > 6, wanted: width < 520 ? 5 : 9, pad: 0.04 });
    const logY = state.metric.column === "bler";
    const y = scale(logY ? all.map((p) => p.y).concat(1) : heights, box.bottom, box.top, { log: logY, zero: true });
    drawFrame(picture, box, x, y);
    if (!rate) drawCliffs(picture, box, x);
    if (isNumber(originals())) drawOriginals(picture, box, y);
    for (const c of curves) drawCurve(picture, box, x, y, c, logY);
    if (rate) joinGroups(picture, x, y, curves);
    else drawHere(picture, box, x);
    for (const c of curves)
      for (const p of c.points) {
        const [px, py] = [x.map(p.x), y.map(p.y)];
        picture.append(dot(c.t, px, py, 4.6, p.bound ? "bound" : ""));
        hits.push({ ...p, t: c.t, px, py });
      }
    picture.append(svg("line", { class: "hover", y1: box.top, y2: box.bottom, visibility: "hidden" }));
  }

  function drawFrame(picture, box, x, y) {
    for (const tick of y.ticks) {
      const at = Math.round(y.map(tick));
      picture.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }));
      picture.append(svg("text", { x: box.left - 8, y: at + 4, "text-anchor": "end" }, minus(String(tick))));
    }
    for (const tick of x.ticks) {
      const at = Math.round(x.map(tick));
      picture.append(svg("line", { class: "frame", x1: at, x2: at, y1: box.bottom, y2: box.bottom + 5 }));
      picture.append(svg("text", { x: at, y: box.bottom + 19, "text-anchor": "middle" }, minus(String(tick))));
    }
    picture.append(svg("line", { class: "frame", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
    picture.append(svg("text", { class: "axis-name", x: (box.left + box.right) / 2, y: box.bottom + 40, "text-anchor": "middle" }, state.axis.long));
  }

  /** Ranges between a tenth and nine tenths lost; those that overlap are one. */
  function drawCliffs(picture, box, x) {
    const spans = [];
    for (const t of shown().filter((s) => s.cliff).sort((a, b) => a.cliff.low - b.cliff.low)) {
      const shift = state.axis.column === "ebn0_db" ? t.sent[0].ebn0_db - t.sent[0].esn0_db : 0;
      const [low, high] = [x.map(t.cliff.low + shift), x.map(t.cliff.high + shift)];
      const last = spans[spans.length - 1];
      if (last && low <= last[1]) last[1] = Math.max(last[1], high);
      else spans.push([low, high]);
    }
    spans.forEach(([low, high], i) => {
      picture.prepend(svg("rect", { class: "cliff", x: low, y: box.top, width: Math.max(1.5, high - low), height: box.bottom - box.top }));
      const text = spans.length === 1 ? "lost ◂ cliff ▸ intact" : "cliff";
      const middle = Math.min(Math.max((low + high) / 2, box.left + 55), box.right - 55);
      if (!i || low - spans[i - 1][1] > 30)
        picture.append(svg("text", { class: "cliff-name", x: middle, y: box.top - 9, "text-anchor": "middle" }, text));
    });
  }
  function drawOriginals(picture, box, y) {
    const at = y.map(originals());
    picture.append(svg("line", { class: "originals", x1: box.left, x2: box.right, y1: at, y2: at }));
    picture.append(svg("text", { x: box.left + 6, y: at - 6 }, "original pictures"));
  }
  function drawCurve(picture, box, x, y, { t, points, top }, logY) {
    if (isNumber(top)) {
      const at = y.map(top);
      picture.append(svg("line", { class: "ceiling", x1: box.left, x2: box.right, y1: at, y2: at, style: `stroke:${colour(t)}`, opacity: t.tint }));
    }
    const rated = RATES.includes(state.axis.column);
    const banded = points.filter((p) => isNumber(p.low) && (!logY || p.low > 0));
    if (rated)
      for (const p of banded)
        picture.append(svg("line", { x1: x.map(p.x), x2: x.map(p.x), y1: y.map(p.low), y2: y.map(p.high), style: `stroke:${colour(t)}`, "stroke-width": 1.6, opacity: 0.6 * t.tint }));
    else if (banded.length > 1) {
      const up = banded.map((p) => `${x.map(p.x)},${y.map(p.high)}`);
      const down = banded.map((p) => `${x.map(p.x)},${y.map(p.low)}`).reverse();
      picture.append(svg("polygon", { class: "band", points: [...up, ...down].join(" "), style: `fill:${colour(t)}` }));
    }
    const line = points.filter((p) => !p.bound).map((p) => `${x.map(p.x)},${y.map(p.y)}`);
    picture.append(svg("polyline", { class: "curve", points: line.join(" "), style: `stroke:${colour(t)}`, opacity: t.tint }));
  }
  function joinGroups(picture, x, y, curves) {
    for (const group of groups) {
      const own = curves.filter((c) => c.t.group === group).flatMap((c) => c.points.map((p) => ({ ...p, t: c.t })));
      own.sort((a, b) => a.x - b.x);
      if (own.length > 1)
        picture.append(svg("polyline", { class: "curve", points: own.map((p) => `${x.map(p.x)},${y.map(p.y)}`).join(" "), style: `stroke:${colour(own[0].t)}` }));
    }
  }
  /** Where the slider of the pictures stands. */
  function drawHere(picture, box, x) {
    if (state.axis.column !== "esn0_db" || steps[state.step] === null) return;
    const at = x.map(steps[state.step]);
    picture.append(svg("line", { class: "here", x1: at, x2: at, y1: box.top, y2: box.bottom }));
    picture.append(svg("path", { d: `M${at - 5},${box.bottom + 1}h10l-5,-7z`, style: "fill:var(--ink)" }));
  }

  function say(event) {
    const tip = document.querySelector("#chart .tip"), line = document.querySelector("#chart .hover");
    const frame = $("chart").getBoundingClientRect();
    const [mx, my] = [event.clientX - frame.left, event.clientY - frame.top];
    const rate = RATES.includes(state.axis.column);
    const far = (h) => (rate ? Math.hypot(h.px - mx, h.py - my) : Math.abs(h.px - mx));
    const nearest = hits.reduce((best, h) => (!best || far(h) < far(best) ? h : best), null);
    if (!nearest || far(nearest) > (rate ? 60 : 90)) return hush();
    const near = rate ? [nearest] : hits.filter((h) => Math.abs(h.px - nearest.px) < 3);
    near.sort((a, b) => b.y - a.y);
    const table = element("table");
    for (const h of near) {
      const value = (h.bound ? "< " : "") + number(h.y) + (state.metric.unit ? " " + state.metric.unit : "");
      const interval = isNumber(h.low) && !h.bound ? `${number(h.low)} to ${number(h.high)}` : "";
      const mark = svg("svg", { width: 12, height: 12, viewBox: "-6 -6 12 12" }, dot(h.t, 0, 0));
      table.append(element("tr", {}, element("td", {}, mark), element("td", {}, h.t.label), element("td", {}, value), element("td", {}, interval)));
    }
    const title = rate ? `${number(nearest.x, 4)} ${state.axis.name}` : `${state.axis.name} ${dB(nearest.x)}`;
    tip.replaceChildren(element("b", {}, title), table);
    tip.hidden = false;
    const left = nearest.px + 16 + tip.offsetWidth > frame.width ? nearest.px - 16 - tip.offsetWidth : nearest.px + 16;
    tip.style.transform = `translate(${Math.max(0, Math.min(left, frame.width - tip.offsetWidth))}px, ${Math.max(0, Math.min(my - 20, frame.height - tip.offsetHeight))}px)`;
    line.setAttribute("x1", nearest.px);
    line.setAttribute("x2", nearest.px);
    line.setAttribute("visibility", rate ? "hidden" : "visible");
    return nearest;
  }
  function hush() {
    document.querySelector("#chart .tip").hidden = true;
    const line = document.querySelector("#chart .hover");
    if (line) line.setAttribute("visibility", "hidden");
    return null;
  }

  function drawLegend() {
    $("legend").replaceChildren(...transmitters.map((t) => {
      const button = element("button", { type: "button", "aria-pressed": !state.hidden.has(t.label), title: "Show or hide" }, badge(t), t.label);
      const rate = t.rows[0].bits_per_pixel;
      if (isNumber(rate)) button.append(element("small", {}, `${number(rate)} bit/pixel`));
      button.addEventListener("click", () => {
        if (!state.hidden.delete(t.label)) state.hidden.add(t.label);
        drawLegend();
        drawChart();
      });
      return button;
    }));
  }

  function explainChart() {
    const says = [];
    const rate = RATES.includes(state.axis.column);
    const { better, column, name } = state.metric;
    if (state.metric.note) says.push(state.metric.note + ".");
    if (better) says.push(better[0].toUpperCase() + better.slice(1) + " is better.");
    if (rate && points.length) says.push(`At the Es/N0 of the slider below: ${stepName(state.step)}.`);
    if (column === "bler") says.push("Open marker: no loss was seen, upper end of the 95 % interval.");
    else if (!rate && transmitters.some((t) => isNumber(ceiling(t)))) says.push("Dashed: without channel errors.");
    if (transmitters.some((t) => t.rows.some((r) => isNumber(r[column + "_low"])))) says.push(rate ? "Bars: 95 % interval." : "Bands: 95 % interval.");
    if (!rate && transmitters.some((t) => t.cliff)) says.push("Shaded: the cliff, from a tenth of the payloads to nine tenths arriving.");
    if (/frechet|^fid/.test(column)) says.push("A flat grey picture has no spread of features, which a distance between spreads may even reward: compare pictures that arrived.");
    $("curve-note").textContent = says.join(" ");
    $("curve-title").textContent = name;
  }

  /* ---------- what each receiver saw ---------- */

  function received(t, image) {
    const all = image.receivers[t.label] || [];
    const wanted = steps[state.step];
    const exact = all.find((one) => one.esn0_db === wanted);
    if (exact || wanted === null) return exact;
    const near = all.filter((one) => one.esn0_db !== null);
    return near.reduce((best, one) => (!best || Math.abs(one.esn0_db - wanted) < Math.abs(best.esn0_db - wanted) ? one : best), undefined);
  }
  function figure(index, text, size, kind) {
    const picture = element("img", { alt: text, width: size[1], height: size[0], class: kind });
    picture.src = data.pictures.uris[index];
    return element("figure", {}, picture, element("figcaption", {}, text));
  }
  function drawReceivers() {
    const image = data.pictures.images[state.image];
    const rows = [element("div", { class: "row" }, element("h3", {}, "Sent", element("small", {}, image.name)), element("div", { class: "pictures" },
      figure(image.original, "original", image.size, "sent"),
      ...[[image.seen, "what the scoring segmenter sees"], [image.truth, "true label map"]]
        .filter(([index]) => isNumber(index)).map(([index, text]) => figure(index, text, image.size, "sent"))))];
    for (const t of transmitters) {
      const got = received(t, image);
      if (!got) continue;
      const many = got.packets > 1 ? `${got.packets} packets, ` : "";
      const id = got.task.slice(0, 12);
      const task = element("span", { title: `semcom replay DIR --task ${id} shows what happened on its way` }, `task ${id}`);
      const amount = got.symbols ? `${got.symbols.toLocaleString("en")} symbols` : `${many}${got.bytes.toLocaleString("en")} bytes`;
      const sent = element("small", {}, `${amount}, `, task);
      const head = element("h3", {}, badge(t), t.label, sent);
      if (steps[state.step] !== got.esn0_db) head.append(element("small", {}, `at ${dB(got.esn0_db)}, the nearest point simulated`));
      const main = figure(got.image, "received picture", image.size, "received");
      if (got.lost.length) {
        const what = got.lost.length === got.packets ? (got.packets > 1 ? "all packets lost" : "lost")
          : got.packets > 4 ? `${got.lost.length} of ${got.packets} packets lost` : `lost: ${got.lost.join(", ").replaceAll("_", " ")}`;
        main.append(element("span", { class: "badge" }, what));
      }
      const pictures = element("div", { class: "pictures" }, main);
      if (isNumber(got.seen)) pictures.append(figure(got.seen, "what the scoring segmenter sees", image.size, "seen"));
      if (isNumber(got.map)) pictures.append(figure(got.map, "label map received", image.size, "map"));
      rows.push(element("div", { class: "row", "data-label": t.label, "data-task": got.task }, head, pictures));
    }
    $("receivers").replaceChildren(...rows);
    const point = steps[state.step];
    const lost = data.rows.filter((r) => r.esn0_db === point && r.payloads);
    const share = lost.reduce((sum, r) => sum + r.payloads_lost, 0) / (lost.reduce((sum, r) => sum + r.payloads, 0) || 1);
    const note = point === null ? "everything arrives" : `${share > 0 && share < 0.01 ? (100 * share).toFixed(2) : Math.round(100 * share)} % of payloads lost`;
    $("where").replaceChildren(element("b", {}, point === null ? "No channel" : "Es/N0 " + dB(point)), note);
    $("snr").setAttribute("aria-valuetext", stepName(state.step));
    [...$("ticks").children].forEach((tick) => tick.classList.toggle("now", +tick.dataset.step === state.step));
  }

  function setUpPictures() {
    if (!data.pictures.images.length) {
      $("seen").remove();
      return;
    }
    const slider = $("snr");
    slider.max = steps.length - 1;
    slider.value = state.step;
    slider.addEventListener("input", () => moveTo(+slider.value));
    if (steps.length === 1) $("control").hidden = true;
    $("image").replaceChildren(...data.pictures.images.map((image, i) => element("option", { value: i }, image.name)));
    const choose = (i) => {
      const count = data.pictures.images.length;
      state.image = (i + count) % count;
      $("image").value = state.image;
      drawReceivers();
    };
    $("image").addEventListener("change", () => choose(+$("image").value));
    $("previous").addEventListener("click", () => choose(state.image - 1));
    $("next").addEventListener("click", () => choose(state.image + 1));
    $("classes").replaceChildren(...data.pictures.classes.map((one) => {
      const patch = element("i", { class: "swatch" });
      patch.style.background = one.colour;
      return element("span", {}, patch, one.name);
    }));
    const { images, all } = data.pictures;
    const says = [];
    if (images.length < all) says.push(`${images.length} of the ${all} pictures of the run.`);
    if (points.length) says.push("The strip under the slider shows how many payloads are lost: strong is all, faint is none.");
    if (data.rows.some((r) => r.realisations > 1)) says.push("The first realisation of the noise is shown.");
    $("seen-note").textContent = says.join(" ");
    drawStrip();
    drawReceivers();
  }
  function drawStrip() {
    if (steps.length === 1) return;
    const last = steps.length - 1;
    const tick = (i) => {
      const mark = element("span", { "data-step": i }, steps[i] === null ? "no channel" : minus(String(steps[i])));
      mark.style.left = `${(100 * i) / last}%`;
      return mark;
    };
    // labels that would touch are left out, never the two ends
    const every = Math.ceil(steps.length / ($("ticks").clientWidth < 420 ? 5 : 18));
    const kept = steps.map((_, i) => i).filter((i) => i === last || (i % every === 0 && (last - i) * $("ticks").clientWidth / last > 62));
    $("ticks").replaceChildren(...kept.map(tick));
    $("ticks").lastChild.style.transform = "translateX(-85%)";
    $("strip").replaceChildren(...points.map((point, i) => {
      const rows = data.rows.filter((r) => r.esn0_db === point && isNumber(r.bler));
      const cell = element("i");
      const [from, to] = [Math.max(0, i - 0.5), Math.min(last, i + 0.5)];
      cell.style.left = `calc(${(100 * from) / last}% + 1px)`;
      cell.style.width = `calc(${(100 * (to - from)) / last}% - 2px)`;
      cell.style.opacity = 0.06 + 0.74 * (rows.reduce((sum, r) => sum + r.bler, 0) / (rows.length || 1));
      return cell;
    }));
  }
  function moveTo(step) {
    state.step = step;
    $("snr").value = step;
    if (data.pictures.images.length) drawReceivers();
    explainChart();
    drawChart();
  }

  /* ---------- the bit budget ---------- */

  const LINK_PARTS = ["padding", "crc", "parity"];
  const SHADES = { padding: "var(--faint)", crc: "var(--c5)", parity: "var(--line)" };
  function drawBudget() {
    const own = transmitters.filter((t) => t.budget);
    if (!own.length) {
      $("budget").remove();
      return;
    }
    const parts = [...new Set(own.flatMap((t) => Object.keys(t.budget)))]
      .sort((a, b) => LINK_PARTS.indexOf(a) - LINK_PARTS.indexOf(b));
    const content = parts.filter((part) => !LINK_PARTS.includes(part));
    const fill = (part) => SHADES[part] || `var(--c${[1, 3, 0, 2, 4, 6, 7][content.indexOf(part) % 7]})`;
    const total = (t) => Object.values(t.budget).reduce((a, b) => a + b, 0);
    const most = Math.max(...own.map(total));
    const name = (part) => (part === "crc" ? "CRC" : part.replaceAll("_", " "));
    $("bars").replaceChildren(...own.map((t) => {
      const stack = element("div", { class: "stack", role: "img", "aria-label": `${t.label}: ` + parts.filter((p) => t.budget[p]).map((p) => `${name(p)} ${number(t.budget[p], 4)}`).join(", ") + " bits per pixel" });
      for (const part of parts.filter((p) => t.budget[p])) {
        const piece = element("i", { title: `${name(part)}: ${number(t.budget[part], 4)} bits per pixel, ${number((100 * t.budget[part]) / total(t), 1)} %` });
        piece.style.background = fill(part);
        piece.style.width = `${(82 * t.budget[part]) / most}%`;
        stack.append(piece);
      }
      stack.append(element("span", {}, number(total(t), 4)));
      return element("div", { class: "bar" }, element("div", {}, t.label), stack);
    }));
    $("parts").replaceChildren(...parts.map((part) => {
      const patch = element("i", { class: "swatch" });
      patch.style.background = fill(part);
      return element("span", {}, patch, name(part));
    }));
    const overAir = own.some((t) => "parity" in t.budget || "crc" in t.budget);
    $("budget-note").textContent = "Bits per pixel, mean over all pictures" +
      (overAir ? "; all coded bits of one attempt. Padding fills the transport block, CRC and parity are the link's." : ", as the codecs send them.") +
      " Hover over a part for its share.";
  }

  /* ---------- numbers and where they come from ---------- */

  function drawTable() {
    const quality = data.metrics.filter((m) => m.kind === "quality" && m.column !== "bler");
    const link = points.length ? [["Es/N0", "esn0_db"], ["Eb/N0", "ebn0_db"]] : [];
    const columns = [["transmitter", "label"], ...link, ["pictures", "images"], ["bits/pixel", "bits_per_pixel"]];
    if (points.length) columns.push(["uses/pixel", "channel_uses_per_pixel"], ["lost", "payloads_lost"], ["of", "payloads"], ["BLER", "bler"]);
    const short = { miou: "mIoU", miou_map: "mIoU of map", frechet_efficientnet_lite0: "Fréchet", psnr_db: "PSNR/dB", ms_ssim: "MS-SSIM", hed_vgg: "HED-VGG", kid_efficientnet_lite0: "Kernel dist." };
    for (const m of quality) columns.push([short[m.column] || m.name, m.column]);
    const cell = (row, column) => {
      const value = row[column];
      if (column === "esn0_db" && value === null) return "none";
      if (row.esn0_db === null && ["payloads_lost", "payloads"].includes(column)) return "";
      if (!isNumber(value)) return value ?? "";
      if (["images", "payloads", "payloads_lost"].includes(column)) return String(value);
      if (column === "bler" && value === 0) return "< " + number(row.bler_high);
      return column.endsWith("n0_db") ? minus(value.toFixed(2)) : number(value, column.endsWith("pixel") ? 4 : 3);
    };
    const body = element("tbody");
    let before = null;
    for (const row of data.rows) {
      const line = element("tr", row.label !== before ? { class: "first" } : {});
      for (const [, column] of columns) line.append(element("td", {}, cell(row, column)));
      before = row.label;
      body.append(line);
    }
    const head = element("tr");
    for (const [text] of columns) head.append(element("th", { scope: "col" }, text));
    $("table").replaceChildren(element("table", {}, element("thead", {}, head), body));
    const names = Object.keys(data.rows[0]);
    const quote = (v) => (v === null || v === undefined ? "" : /[",\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
    const csv = [names, ...data.rows.map((row) => names.map((n) => row[n]))].map((line) => line.map(quote).join(",")).join("\n") + "\n";
    $("csv").href = "data:text/csv;charset=utf-8," + encodeURIComponent(csv);
  }

  function drawProvenance() {
    const from = data.provenance;
    const facts = [
      ["run", from.run], ["started", from.started], ["seed", from.seed],
      ["versions", Object.entries(from.versions).map(([name, text]) => `${name} ${text}`).join(", ")],
      ["pictures", from.data && `${from.data.name}, ${from.data.split}, ${from.data.size.join(" × ")} pixels`],
      ["scorer", from.scorer && `weights ${from.scorer}`],
      ...from.transmitters.map((t) => [t.label, (t.weights ? `weights ${t.weights}, ` : "") + `codec, settings and weights ${t.setup}`]),
    ];
    for (const [name, value] of facts)
      if (value !== null && value !== undefined && value !== "") $("provenance").append(element("dt", {}, name), element("dd", {}, String(value)));
    if (from.scenario) {
      $("scenario").hidden = false;
      document.querySelector("#scenario pre").textContent = from.scenario;
    }
  }

  function introduce() {
    const first = data.rows.find((r) => r.link);
    const images = Math.max(...data.rows.map((r) => r.images || 0));
    const says = [`${images} pictures`, `${transmitters.length} transmitter${transmitters.length > 1 ? "s" : ""}`];
    if (points.length) says.push(`${points.length} points from ${minus(String(points[0]))} to ${dB(points[points.length - 1])} Es/N0`);
    const links = [...new Set(data.rows.map((r) => r.link).filter(Boolean))];
    if (links.length === 1) {
      const [code, rate, modulation, ...channel] = first.link.split(" ");
      const names = { awgn: "white noise", rayleigh: "Rayleigh fading", rician: "Rician fading" };
      const kind = channel.join(" ");
      says.push(`${code.toUpperCase()} of rate ${rate}, ${modulation.toUpperCase()}, ${names[kind] || kind.toUpperCase()}`);
    } else if (!links.length) says.push("no channel");
    $("lede").textContent = says.join("; ") + ".";
  }

  /* ---------- controls ---------- */

  function setUpChoosers() {
    const kinds = { quality: "Quality and loss", class: "IoU by class", further: "Cost" };
    for (const [kind, title] of Object.entries(kinds)) {
      const own = data.metrics.filter((m) => m.kind === kind);
      if (!own.length) continue;
      const group = element("optgroup", { label: title });
      for (const m of own) group.append(element("option", { value: m.column }, m.name + (m.unit ? ` (${m.unit})` : "")));
      $("metric").append(group);
    }
    for (const axis of axes) $("axis").append(element("option", { value: axis.column }, axis.name));
    $("metric").addEventListener("change", () => {
      state.metric = data.metrics.find((m) => m.column === $("metric").value);
      explainChart();
      drawChart();
    });
    $("axis").addEventListener("change", () => {
      state.axis = axes.find((a) => a.column === $("axis").value);
      explainChart();
      hush();
      drawChart();
    });
    const chart = $("chart");
    chart.addEventListener("pointermove", say);
    chart.addEventListener("pointerleave", hush);
    chart.addEventListener("click", (event) => {
      const hit = say(event);
      if (hit && state.axis.column === "esn0_db" && data.pictures.images.length) moveTo(steps.indexOf(hit.x));
    });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const root = document.documentElement;
    const follow = () => { root.dataset.theme = dark.matches ? "dark" : "light"; };
    follow();
    dark.addEventListener("change", follow);
    $("theme").addEventListener("click", () => { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; });
  }

  introduce();
  setUpChoosers();
  drawLegend();
  explainChart();
  setUpPictures();
  drawBudget();
  drawTable();
  drawProvenance();
  new ResizeObserver(() => {
    drawChart();
    if (data.pictures.images.length) drawStrip();
  }).observe($("chart"));
})();
