"""Contact sheets: what was sent, what was kept of it, and what arrived at each Es/N0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.pictures import PictureStore
from semcom.results import Results, Row
from semcom.scenario import REFERENCE
from semcom.summary import read_summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_contact_sheets", "shown_points"]

#: pictures of a run that get a sheet
SHEETS = 3
WIDTH, TEXT, GAP = 2.75, 0.34, 0.06


def draw_contact_sheets(results: Results, folder: Path) -> list[tuple[str, Figure]]:
    """``(name, figure)`` for a few pictures of the run, evenly spaced.

    A block of two rows per transmitter: above, the original, the tokens kept of it, and the picture
    received at each Es/N0; below, the true label map, the one sent, and what the scoring segmenter
    sees in each received picture.
    """
    if results.run is None:
        return []
    plan = results.run["plan"]
    points = shown_points(read_summary(folder / "summary.csv"))
    images = plan["images"]
    chosen = sorted({index * len(images) // SHEETS for index in range(SHEETS)})
    store = PictureStore(folder / "pictures")
    return [
        (f"contact_sheet_{number}", _sheet(results, plan, images[index], points, store))
        for number, index in enumerate(chosen, start=1)
    ]


def shown_points(rows: Sequence[dict[str, Any]]) -> Sequence[float | None]:
    """A few points below, on and above the cliff; ``[None]`` without a link.

    >>> rows = [{"esn0_db": x, "bler": y} for x, y in ((-2, 1), (0, 1), (1, 0.6), (2, 0), (9, 0))]
    >>> shown_points(rows)
    [0, 1, 2]
    """
    losses: dict[float, list[float]] = {}
    for row in rows:
        if row["esn0_db"] is not None:
            losses.setdefault(row["esn0_db"], []).append(row["bler"])
    if not losses:
        return [None]
    mean = {point: sum(values) / len(values) for point, values in sorted(losses.items())}
    wanted = [
        max(mean, key=lambda point: (mean[point], point)),
        min(mean, key=lambda point: abs(mean[point] - 0.67)),
        min(mean, key=lambda point: abs(mean[point] - 0.33)),
        min(mean, key=lambda point: (mean[point], point)),
    ]
    return sorted(set(wanted))


def _sheet(
    results: Results, plan: Row, image: Row, points: Sequence[float | None], store: PictureStore
) -> Figure:
    from matplotlib.figure import Figure

    original, truth = store.sample(image["sample"])
    assert original is not None
    palette = np.array(plan["palette"], np.uint8)
    transmitters = [one for one in plan["transmitters"] if one["label"] != REFERENCE]
    height = WIDTH * original.shape[0] / original.shape[1]
    columns = 2 + len(points)
    total_width = columns * (WIDTH + GAP) + GAP
    block = 2 * (height + GAP) + TEXT + 0.12
    total_height = 0.95 + len(transmitters) * block + 0.55
    figure = Figure(figsize=(total_width, total_height))

    def place(column: int, top: float) -> Axes:
        left = GAP + column * (WIDTH + GAP)
        axis = figure.add_axes(
            (
                left / total_width,
                1 - (top + height) / total_height,
                WIDTH / total_width,
                height / total_height,
            )
        )
        axis.set_axis_off()
        return axis

    def write(text: str, left: float, top: float, **style: Any) -> None:
        figure.text(left / total_width, 1 - top / total_height, text, va="top", **style)

    title = plan["title"] or "What arrived"
    write(f"{title}: {image['name']}", GAP, 0.1, fontsize=14, fontweight="bold")
    heads = ["original  /  label map", "kept mask  /  label map sent"]
    heads += ["no channel" if p is None else f"received at {p:g} dB" for p in points]
    for column, text in enumerate(heads):
        write(text, GAP + column * (WIDTH + GAP), 0.55, fontsize=10.5, color="#555555")
    seen = _seen(results, plan, image["sample"])
    top = 0.85
    for transmitter in transmitters:
        ideal = seen.get((transmitter["setup"], None))
        write(
            f"{transmitter['label']}   {_rate(results, ideal)}",
            GAP, top + 0.06, fontsize=11, fontweight="bold",
        )  # fmt: skip
        upper, lower = top + TEXT, top + TEXT + height + GAP
        place(0, upper).imshow(original)
        received = store.get(_picture(results, ideal)) if ideal else None
        if truth is not None:
            axis = place(0, lower)
            axis.imshow(_coloured(truth, palette))
            _note(axis, "label map (truth)")
        mask = received.extras.get("kept_mask") if received else None
        axis = place(1, upper)
        if mask is None:
            axis.imshow(np.full_like(original, 244))
            _note(axis, "no mask: the whole picture is coded", middle=True)
        else:
            axis.imshow(_veiled(original, mask))
            _note(axis, f"{100 * np.mean(mask):.0f} % of the tokens kept")
        axis = place(1, lower)
        if received is None or received.label_map is None:
            axis.imshow(np.full_like(original, 244))
            _note(axis, "no label map is sent", middle=True)
        else:
            axis.imshow(_coloured(received.label_map, palette))
            _note(axis, "label map sent, as decoded")
        for column, point in enumerate(points, start=2):
            row = seen.get((transmitter["setup"], point))
            if row is None:
                continue
            name = _picture(results, row)
            shown = store.get(name)
            axis = place(column, upper)
            axis.imshow(shown.image)
            lost = row["arrived"].count("0")
            if lost:
                _note(axis, f"{lost} of {len(row['arrived'])} packets lost")
            predicted = store.prediction(name, plan["scorer"]) if plan["scorer"] else None
            if predicted is not None:
                axis = place(column, lower)
                axis.imshow(_coloured(predicted, palette))
                _note(axis, "what the segmenter sees")
        top += block
    _class_legend(figure, plan, palette, total_width, total_height)
    return figure


def _seen(results: Results, plan: Row, sample: str) -> dict[tuple[str, float | None], Row]:
    """The first realisation of one picture by transmitter and point."""
    from semcom.summary import select

    return {
        key: next(row for row in rows if row["sample"] == sample)
        for key, rows in select(results, plan).items()
        if any(row["sample"] == sample for row in rows)
    }


def _picture(results: Results, row: Row) -> str:
    return str(results.receipts[row["receipt"]]["picture"])


def _rate(results: Results, row: Row | None) -> str:
    if row is None:
        return ""
    encoding = results.encodings[row["encoding"]]
    num_bytes = sum(packet["bytes"] for packet in encoding["packets"])
    return f"{num_bytes} bytes, {8 * num_bytes / encoding['pixels']:.4f} bits per pixel"


def _coloured(label_map: np.ndarray, palette: np.ndarray) -> np.ndarray:
    from semcom.data import colourise

    return colourise(label_map, palette)


def _veiled(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``image`` with the tokens that were not kept faded out; ``mask`` [h, w] bool."""
    height, width = image.shape[:2]
    rows = np.arange(height) * mask.shape[0] // height
    columns = np.arange(width) * mask.shape[1] // width
    kept = mask[rows[:, None], columns[None, :], None]
    veil = 0.14 * image + 0.86 * 250
    return np.where(kept, image, veil).astype(np.uint8)


def _note(axis: Axes, text: str, middle: bool = False) -> None:
    axis.text(
        0.5 if middle else 0.016,
        0.5 if middle else 0.042,
        text,
        transform=axis.transAxes,
        ha="center" if middle else "left",
        va="center" if middle else "bottom",
        fontsize=8,
        color="#555555" if middle else "white",
        bbox=None
        if middle
        else {"facecolor": "#00000099", "edgecolor": "none", "boxstyle": "square,pad=0.25"},
    )


def _class_legend(
    figure: Figure, plan: Row, palette: np.ndarray, width: float, height: float
) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=tuple(palette[number] / 255), label=name.replace("_", " "))
        for number, name in enumerate(plan["classes"])
    ]
    if handles:
        figure.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.0, 0.05 / height),
            ncols=min(len(handles), max(3, int(width / 1.25))),
            fontsize=9,
            handlelength=1.1,
            columnspacing=1.2,
        )
