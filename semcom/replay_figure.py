"""The figure of a replayed transmission: its pictures, and what some of its packets met."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.replay import DIGITS, PacketReplay, Replay
from semcom.replay_words import reason, symbols_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_replay"]

#: packets that the figure opens, lost ones first
PACKETS = 4
#: symbols of a constellation diagram
SYMBOLS = 4000
RIGHT, FLIPPED, WRONG = "#DDE3E8", "#E69F00", "#B3132B"


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


def _counted(kinds: Sequence[str]) -> str:
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    return " and ".join(kind if n == 1 else f"{n} packets of {kind}" for kind, n in counts.items())
