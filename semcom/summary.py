"""Ratios and intervals derived from counts: one row per transmitter and point."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import semcom
from channels.curves import wilson
from semcom.analog import sends_symbols
from semcom.files import write_atomically, write_csv
from semcom.identity import digest, measurement_id
from semcom.plan import picture_ranks
from semcom.results import Results, Row
from semcom.selection import select
from semcom.stop import Stop, stages

__all__ = ["COLUMNS", "read_summary", "summarise", "wilson", "write_summary"]

#: columns that every summary has, in this order; columns of further metrics follow
COLUMNS = (
    "codec",
    "label",
    "esn0_db",
    "ebn0_db",
    "images",
    "bits_per_pixel",
    "channel_uses_per_pixel",
    "payloads",
    "payloads_lost",
    "bler",
    "miou",
    "miou_low",
    "miou_high",
    "miou_map",
    "frechet_efficientnet_lite0",
    "psnr_db",
    "ms_ssim",
    "bler_low",
    "bler_high",
    "group",
    "label_map",
    "realisations",
    "payloads_undetected",
    "code_blocks",
    "block_errors",
    "information_bits",
    "channel_uses",
    "decoder_iterations",
    "encode_ms",
    "decode_ms",
    "link",
    "scorer",
)
#: metrics cheap enough to be shown while a run goes on
QUICK = ("miou",)


def summarise(
    results: Results,
    folder: Path,
    *,
    points: Sequence[float | None] | None = None,
    quick: bool = False,
    first: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the summary for what the newest run asked; points that were never run have no row.

    ``points`` picks some (None is the row without a channel); ``quick`` leaves out metrics that
    take long to sum up; ``first`` sums up so many pictures, in the order in which a rule to stop
    looks at them, and otherwise that rule says how many. Raises ValueError if nothing was run in
    ``folder``.
    """
    if results.run is None:
        raise ValueError(f"{folder}: there are no results here; `semcom run` makes them")
    plan = results.run["plan"]
    cache = _Cache(folder / "cache" / "summary.json", read_only=quick)
    metrics = _metrics(plan, folder, quick)
    chosen = [None, *plan["esn0_db"]] if points is None else points
    found = select(results, plan, chosen)
    rows = []
    for transmitter in plan["transmitters"]:
        for point in chosen:
            sent = found.get((transmitter["setup"], point), [])
            if point is not None and point not in transmitter.get("esn0_db", [point]):
                continue  # that of another transmitter with the same setup
            if first is not None:
                sent = _of_first(plan, sent, first)
            elif "stop" in plan:
                sent = _until_enough(results, plan, transmitter, point, sent, metrics, cache)
            if sent:
                rows.append(_row(results, plan, transmitter, point, sent, metrics, cache))
    cache.write()
    return _in_order(rows)


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of each label together, by Es/N0 where several transmitters share a label."""
    labels: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        labels.setdefault(row["label"], []).append(row)
    for own in labels.values():
        if len({row["link"] for row in own if row["link"]}) > 1:
            own.sort(key=lambda row: row["esn0_db"])
    return [row for own in labels.values() for row in own]


def _of_first(plan: Row, sent: list[Row], pictures: int) -> list[Row]:
    ranks = picture_ranks(plan["seed"], [image["sample"] for image in plan["images"]])
    return [row for row in sent if ranks[row["sample"]] < pictures]


def _until_enough(
    results: Results,
    plan: Row,
    transmitter: Row,
    point: float | None,
    sent: list[Row],
    metrics: dict[str, Any],
    cache: _Cache,
) -> list[Row]:
    """What the rule to stop takes of ``sent``: a folder may hold more from other runs."""
    rule = Stop.model_validate(plan["stop"])
    quick = {name: metric for name, metric in metrics.items() if name in QUICK}
    for count in stages(len(plan["images"])):
        part = _of_first(plan, sent, count)
        if part and rule.met(_row(results, plan, transmitter, point, part, quick, cache)):
            return part
    return sent


def _row(
    results: Results,
    plan: Row,
    transmitter: Row,
    point: float | None,
    sent: list[Row],
    metrics: dict[str, Any],
    cache: _Cache,
) -> dict[str, Any]:
    encodings = [results.encodings[row["encoding"]] for row in sent]
    receipts = [results.receipts[row["receipt"]] for row in sent]
    pixels = sum(encoding["pixels"] for encoding in encodings)
    packets = [packet for encoding in encodings for packet in encoding["packets"]]
    num_bytes = sum(packet["bytes"] for packet in packets)
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {
        "codec": transmitter["codec"],
        "label": transmitter["label"],
        "group": transmitter["group"],
        "label_map": transmitter["label_map"],
        "esn0_db": point,
        "images": len({one["sample"] for one in sent}),
        "realisations": 1 + max(one["realisation"] for one in sent),
        # an analog transmitter sends symbols and no bits
        "bits_per_pixel": 8 * num_bytes / pixels if packets else None,
        "payloads": sum(len(one["arrived"]) for one in sent),
        "payloads_lost": sum(one["arrived"].count("0") for one in sent),
        "encode_ms": _mean(encoding["ms"] for encoding in encodings),
        "decode_ms": _mean(receipt["ms"] for receipt in receipts),
        "scorer": plan["scorer"],
    }
    if point is not None:
        row |= _link_columns(transmitter, plan, point, sent, row, pixels)
    shown = [
        (one["sample"], receipt["picture"]) for one, receipt in zip(sent, receipts, strict=True)
    ]
    known = {pair: measurement_id(*pair, plan["scorer"]) for pair in set(shown)}
    names = [known[pair] for pair in shown]
    for name, metric in metrics.items():
        row |= _metric_columns(results, name, metric, names, cache)
    return row


def _link_columns(
    transmitter: Row, plan: Row, point: float, sent: list[Row], row: dict[str, Any], pixels: int
) -> dict[str, Any]:
    total: dict[str, int] = {}
    for one in sent:
        for key, value in one["link"].items():
            total[key] = total.get(key, 0) + value
    lost, payloads = row["payloads_lost"], row["payloads"]
    low, high = wilson(lost, payloads) if payloads else (None, None)
    bits = total["information_bits"]
    return {
        "ebn0_db": point + 10 * math.log10(total["channel_uses"] / bits) if bits else None,
        "channel_uses_per_pixel": total["channel_uses"] / pixels,
        "bler": lost / payloads if payloads else None,
        "bler_low": low,
        "bler_high": high,
        "payloads_undetected": total["undetected"],
        "code_blocks": total["code_blocks"],
        "block_errors": total["block_errors"],
        "information_bits": bits,
        "channel_uses": total["channel_uses"],
        "decoder_iterations": total["iterations"] / max(1, total["code_blocks"]),
        # with a budget every transmitter has its own
        "link": transmitter.get("link")
        or _link_in_words(transmitter.get("link_identity") or plan["link"]),
    }


def _link_in_words(link: Row) -> str:
    if sends_symbols(link):
        return f"analog {link['channel']}"
    words = [str(link[key]) for key in ("code", "rate", "modulation", "channel")]
    return " ".join([*words, "by table"] if "block_error_table" in link else words)


def _metrics(plan: Row, folder: Path, quick: bool) -> dict[str, Any]:
    from semcom.metrics import build

    return {
        name: build(name, folder=folder, classes=plan["classes"], void_id=plan["void_id"])
        for name in plan["metrics"]
        if not quick or name in QUICK
    }


def _metric_columns(
    results: Results, name: str, metric: Any, measurements: list[str], cache: _Cache
) -> dict[str, Any]:
    counts = [results.measurements.get(one, {}).get(name) for one in measurements]
    if any(count is None for count in counts):
        return {}  # a run is still on its way
    key = digest(name, semcom.__version__, measurements)
    if key not in cache.columns:
        cache.columns[key] = dict(metric.summarise(counts))
    return cache.columns[key]


class _Cache:
    """Columns by the digest of the measurements they sum up, since some take seconds to derive."""

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self.columns: dict[str, dict[str, Any]] = {}
        try:
            self.columns = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.columns = {}  # derived again
        self._known = len(self.columns)

    def write(self) -> None:
        if not self.read_only and len(self.columns) > self._known:
            write_atomically(self.path, json.dumps(self.columns))


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return round(sum(listed) / len(listed), 3)


def write_summary(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write ``rows`` as CSV, an empty field where there is no value."""
    further = sorted({key for row in rows for key in row} - set(COLUMNS))
    write_csv(path, rows, [*COLUMNS, *further])


def read_summary(path: Path) -> list[dict[str, Any]]:
    """Rows of a summary file with numbers as numbers and empty fields as None.

    Raises FileNotFoundError, or ValueError for a file that no run wrote, or not to its end.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `semcom run` makes it")
    try:
        text = path.read_bytes().decode()
        head, *lines = filter(None, csv.reader(io.StringIO(text, newline=""), strict=True))
        rows = [
            {key: _value(key, value) for key, value in zip(head, line, strict=True)}
            for line in lines
        ]
    except (ValueError, csv.Error):
        rows = []  # other bytes, or a line with fewer fields than the first
    if not rows or "label" not in rows[0] or not text.endswith("\n"):
        raise ValueError(
            f"{path}: not a whole summary; `semcom run` makes it again from the counts beside it"
        )
    return rows


_TEXT = ("codec", "label", "group", "label_map", "link", "scorer")


def _value(column: str, text: str) -> Any:
    if text == "":
        return None
    if column in _TEXT:
        return text
    number = float(text)
    return int(number) if text.lstrip("-").isdigit() else number
