"""A replayed transmission for people: sentences, a figure and a file of everything."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from semcom.files import write_atomically
from semcom.replay import DIGITS, PacketReplay, Replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_replay", "reason", "symbols_in_words", "write_replay"]

#: packets that the figure opens, lost ones first
PACKETS = 4
#: symbols of a constellation diagram
SYMBOLS = 4000
RIGHT, FLIPPED, WRONG = "#DDE3E8", "#E69F00", "#B3132B"


def reason(packet: PacketReplay, mean_esn0_db: float | None) -> str:
    """Why a packet arrived or did not, in one sentence.

    ``mean_esn0_db`` is that of the point, from which the packet's own differs by its fade.
    """
    if mean_esn0_db is None:
        return "no channel: it arrives"
    if packet.inspection is None:
        verdict = "lost" if packet.received is None else "arrived"
        return f"{verdict}: {'an ideal code' if packet.sent else 'nothing was sent'}"
    blocks = packet.inspection.attempts[-1]
    count, wrong = len(blocks.wrong), np.flatnonzero(blocks.wrong.any(axis=1))
    parts = []
    if packet.received is None and len(wrong):
        which = f"{len(wrong)} of {count} code blocks ({_list(wrong + 1)}) still have"
        which = "its code block still has" if count == 1 else which
        parts.append(
            f"lost: {which} {blocks.wrong.sum()} wrong bits after "
            f"{blocks.iterations[wrong].max()} iterations"
        )
    elif packet.received is None:
        parts.append("lost: a check sum fails")
    elif packet.received != packet.sent:
        parts.append("arrived wrong: the CRC did not notice")
    else:
        parts.append(f"arrived after {blocks.iterations.max()} iterations")
    parts.append(f"{100 * blocks.flipped.mean():.1f} % of the coded bits came with the wrong sign")
    if len(packet.inspection.attempts) > 1:
        parts.append(f"attempt {len(packet.inspection.attempts)}")
    snr = packet.esn0_db
    if snr is not None:
        parts.append(_snr_in_words(snr, mean_esn0_db))
        best = _best_code(packet, snr)
        if best is not None:
            parts.append(best)
    return "; ".join(parts)


def write_replay(made: Replay, folder: Path) -> list[Path]:
    """Write ``replay.png``, ``replay.json`` and the pictures to ``folder``; returns their paths."""
    import matplotlib

    from semcom.figure_style import STYLE

    content = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        draw_replay(made).savefig(content, format="png", dpi=130)
    files: dict[str, str | bytes] = {
        "replay.png": content.getvalue(),
        "replay.json": json.dumps(_facts(made), indent=1) + "\n",
        "received.png": _png(made.received.image),
        "complete.png": _png(made.complete.image),
    }
    for name, data in files.items():
        write_atomically(folder / name, data)
    return [folder / name for name in files]


def draw_replay(made: Replay) -> Figure:
    """Pictures above; below, for some packets, symbols, coded bits and decoded bits."""
    from matplotlib.figure import Figure

    opened = [packet for packet in _lost_first(made.packets) if packet.inspection is not None]
    opened = opened[:PACKETS]
    palette = np.array(made.run["plan"]["palette"], np.uint8).reshape(-1, 3)
    maps = made.complete.label_map is not None
    height, width = made.received.image.shape[:2]
    shown = 4.0 * height / width
    heights = [0.7, (shown + 0.28) * (2 if maps else 1), *[2.6] * len(opened)]
    figure = Figure(figsize=(12.6, sum(heights) + 0.15), layout="constrained")
    if made.symbols is not None:
        heights.append(3.4)
        figure.set_size_inches(12.6, sum(heights) + 0.15)
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights, hspace=0)
    head, above, *below = parts
    _title(head, made)
    _pictures(above, made, palette, maps)
    for part, packet in zip(below, opened, strict=False):
        _packet(part, packet, made)
    if made.symbols is not None:
        _symbols(below[-1], made)
    return figure


def _lost_first(packets: Sequence[PacketReplay]) -> list[PacketReplay]:
    return sorted(packets, key=lambda packet: packet.received is not None)


def _title(head: Any, made: Replay) -> None:
    task = made.task
    where = "without a channel" if task["esn0_db"] is None else f"at {task['esn0_db']:g} dB"
    lost = task["arrived"].count("0")
    fate = f"{lost} of {len(made.packets)} packets lost"
    if made.symbols is not None:
        fate = f"{len(made.symbols[0])} symbols"
    head.text(
        0.008, 0.95, f"{task['transmitter']}: {task['image']} {where}, {fate}",
        va="top", fontsize=14, fontweight="bold",
    )  # fmt: skip
    agrees = "exactly as in the results" if not made.differences else "NOT as in the results"
    head.text(
        0.008, 0.42, f"task {task['id'][:DIGITS]}, replayed {agrees}",
        va="top", fontsize=10, color="#555555",
    )  # fmt: skip


def _pictures(part: Any, made: Replay, palette: np.ndarray, maps: bool) -> None:
    from semcom.data import colourise

    axes = part.subplots(2 if maps else 1, 3, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    lost = [packet.kind.replace("_", " ") for packet in made.packets if packet.received is None]
    what = f"without {_counted(lost)}" if lost else "nothing was lost"
    titles = ("sent", "received with every packet", f"received: {what}")
    if made.symbols is not None:
        titles = ("sent", "without noise", "received")
    images = (made.original, made.complete.image, made.received.image)
    for axis, title, image in zip(axes[0], titles, images, strict=True):
        axis.set_title(title, fontsize=10, fontweight="normal")
        if image is not None:
            axis.imshow(image)
    if not maps:
        return
    label_maps = (made.truth, made.complete.label_map, made.received.label_map)
    for axis, label_map in zip(axes[1], label_maps, strict=True):
        if label_map is not None:
            axis.imshow(colourise(label_map, palette))


def symbols_in_words(made: Replay) -> str:
    """How many symbols an analog transmitter sent, and what they met."""
    assert made.symbols is not None
    sent, got = made.symbols
    text = f"{len(sent)} of mean power {np.mean(np.abs(sent) ** 2):.3f}"
    if made.task["esn0_db"] is None:
        return f"{text}, without a channel"
    snr = -10 * np.log10(np.maximum(got.noise_variance, 1e-30))
    return f"{text}; {_snr_in_words(snr, made.task['esn0_db'])}"


def _symbols(part: Any, made: Replay) -> None:
    """Symbols as sent and as received, and the Es/N0 of each behind the equaliser."""
    assert made.symbols is not None
    sent, got = made.symbols
    part.suptitle(symbols_in_words(made), x=0.008, ha="left", fontsize=9.5)
    *clouds, way = part.subplots(1, 3, width_ratios=[1, 1, 1.6])
    edge = 1.1 * float(np.quantile(np.abs(np.concatenate([sent, got.symbols])), 0.99))
    for axis, points, name in zip(clouds, (sent, got.symbols), ("sent", "received"), strict=True):
        axis.scatter(
            points.real[:SYMBOLS], points.imag[:SYMBOLS], s=2, color="#56B4E9", linewidths=0,
            alpha=0.6,
        )  # fmt: skip
        axis.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", xticks=[], yticks=[])
        axis.grid(False)
        axis.set_xlabel(f"symbols as {name}", fontsize=9)
    way.plot(-10 * np.log10(np.maximum(got.noise_variance, 1e-6)), color="#222222", linewidth=0.8)
    way.set_xlabel("number of the symbol", fontsize=9)
    way.set_ylabel("Es/N0 (dB)", fontsize=9)


def _packet(part: Any, packet: PacketReplay, made: Replay) -> None:
    inspection = packet.inspection
    assert inspection is not None
    blocks = inspection.attempts[-1]
    left, coded, decoded = part.subplots(1, 3, width_ratios=[1, 2.1, 2.1])
    number = made.packets.index(packet)
    text = reason(packet, made.task["esn0_db"])
    name = f"packet {number + 1}, {packet.kind.replace('_', ' ')}, {len(packet.sent)} bytes: "
    part.suptitle(
        textwrap.fill(name + text, 165), x=0.008, ha="left", fontsize=9.5,
        color=WRONG if packet.received is None else "#222222",
    )  # fmt: skip
    _constellation(left, blocks)
    flips = blocks.flipped
    _bits(coded, flips, FLIPPED)
    coded.set_xlabel(f"{flips.size} coded bits, {flips.sum()} with the wrong sign", fontsize=9)
    _bits(decoded, blocks.wrong, WRONG)
    decoded.set_xlabel(
        f"{blocks.wrong.size} bits after decoding, {blocks.wrong.sum()} wrong", fontsize=9
    )


def _constellation(axis: Axes, blocks: Any) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    if blocks.received is None or blocks.sent is None or len(blocks.sent) != len(blocks.received):
        axis.text(0.5, 0.5, "no symbols\nto show", ha="center", va="center", fontsize=9)
        return
    received = blocks.received[:SYMBOLS]
    edge = 1.15 * max(1.3, float(np.quantile(np.abs(received), 0.98)))
    size = 5.0 if len(received) < 1500 else 2.0
    axis.scatter(received.real, received.imag, s=size, color="#56B4E9", linewidths=0, alpha=0.6)
    points = np.unique(np.round(blocks.sent, 4))
    axis.scatter(points.real, points.imag, s=22, marker="+", color="#222222", linewidths=1.2)
    axis.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    axis.set_xlabel(f"{len(blocks.received)} symbols, equalised", fontsize=9)


def _bits(axis: Axes, marked: np.ndarray, colour: str) -> None:
    """Bits [num_blocks, n] in rows, those that are ``marked`` in ``colour``, a gap per block."""
    from matplotlib.colors import ListedColormap

    count, length = marked.shape
    columns = max(32, int(np.ceil(np.sqrt(marked.size * 3.4))))
    rows = -(-length // columns)
    grid = np.full((count * (rows + 1) - 1, columns), 2, np.uint8)
    for number, block in enumerate(marked):
        cells = np.full(rows * columns, 2, np.uint8)
        cells[:length] = block
        start = number * (rows + 1)
        grid[start : start + rows] = cells.reshape(rows, columns)
    axis.imshow(
        grid, cmap=ListedColormap([RIGHT, colour, "#FFFFFF"]), vmin=0, vmax=2, aspect="auto",
        interpolation="nearest" if grid.shape[1] < 400 else "antialiased",
    )  # fmt: skip
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _snr_in_words(snr: np.ndarray, mean_esn0_db: float) -> str:
    low, high = np.quantile(snr, [0.05, 0.95])
    if high - low < 0.05:
        fade = low - mean_esn0_db
        faded = f", a fade of {fade:+.1f} dB" if abs(fade) > 0.005 else ""
        return f"Es/N0 {low:.2f} dB{faded}"
    middle = np.median(snr)
    return f"Es/N0 of nine in ten symbols {low:.1f} to {high:.1f} dB, of half above {middle:.1f} dB"


def _best_code(packet: PacketReplay, snr: np.ndarray) -> str | None:
    """What the best code of this length would do where all symbols have the same Es/N0."""
    from channels.limits import normal_approximation

    inspection, settings = packet.inspection, packet.settings
    assert inspection is not None
    assert settings is not None
    if len(inspection.attempts) > 1 or np.ptp(snr) > 0.05 or settings.code == "uncoded":
        return None
    uses = inspection.attempts[0].coded.shape[1] / settings.bits_per_symbol
    bits = inspection.frame.block_bits
    rate = normal_approximation(settings.modulation, float(snr[0]), bits, round(uses))
    whole = 1 - (1 - min(rate, 1.0)) ** inspection.frame.num_blocks
    return f"the best code of this length would lose {_share(whole)} here"


def _share(value: float) -> str:
    if value < 0.001:
        return "fewer than 1 in 1000"
    return "more than 99.9 %" if value > 0.999 else f"{100 * value:.3g} %"


def _list(numbers: Sequence[int] | np.ndarray, most: int = 6) -> str:
    shown = ", ".join(str(number) for number in numbers[:most])
    return shown if len(numbers) <= most else f"{shown}, ..."


def _counted(kinds: Sequence[str]) -> str:
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    return " and ".join(kind if n == 1 else f"{n} packets of {kind}" for kind, n in counts.items())


def _facts(made: Replay) -> dict[str, Any]:
    """All that was replayed, as plain data."""
    return {
        "task": made.task,
        "exactly_as_in_the_results": not made.differences,
        "differences": list(made.differences),
        "packets": [_packet_facts(packet, made.task["esn0_db"]) for packet in made.packets],
        **({} if made.symbols is None else {"symbols": symbols_in_words(made)}),
    }


def _packet_facts(packet: PacketReplay, mean_esn0_db: float | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": packet.kind,
        "bits": packet.bits,
        "sent": packet.sent.hex(),
        "received": None if packet.received is None else packet.received.hex(),
        "why": reason(packet, mean_esn0_db),
    }
    if packet.inspection is not None:
        facts["report"] = asdict(packet.inspection.report)
        facts["attempts"] = [
            {
                "esn0_db_median": None if one.esn0_db is None else float(np.median(one.esn0_db)),
                "coded_bits_flipped": one.flipped.sum(axis=1).tolist(),
                "bits_wrong_after_decoding": one.wrong.sum(axis=1).tolist(),
                "iterations": one.iterations.tolist(),
            }
            for one in packet.inspection.attempts
        ]
    return facts


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
