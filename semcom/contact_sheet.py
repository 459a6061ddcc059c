"""Contact sheets: what was sent, what was kept of it, and what arrived at each Es/N0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.pictures import PictureStore
from semcom.rate_sheet import draw_rate_sheet, groups_of_rates
from semcom.results import Results, Row
from semcom.scenario import REFERENCE
from semcom.sheet import GAP, TEXT, Sheet, coloured, note
from semcom.summary import read_summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_contact_sheets", "shown_points"]

#: pictures of a run that get a sheet
SHEETS = 3
#: points at which they show what was received
COLUMNS = 4


def draw_contact_sheets(results: Results, folder: Path) -> list[tuple[str, Figure]]:
    """``(name, figure)`` for a few pictures of the run, evenly spaced.

    A block of two rows per transmitter: above, the original, the tokens kept of it, and the picture
    received at each Es/N0; below, the true label map, the one sent, and what the scoring segmenter
    sees in each received picture. Transmitters with points of their own are shown at those around
    their own cliffs.
    """
    if results.run is None:
        return []
    plan = results.run["plan"]
    points = _points_of_labels(read_summary(folder / "summary.csv"))
    images = plan["images"]
    chosen = sorted({index * len(images) // SHEETS for index in range(SHEETS)})
    store = PictureStore(folder / "pictures")

    def draw(image: Row) -> Figure:
        if not groups_of_rates(plan):
            return _sheet(results, plan, image, points, store)
        seen = _seen(results, plan, image["sample"])
        pictures = {
            label: (_picture(results, row), _rate(results, row)) for (label, _), row in seen.items()
        }
        return draw_rate_sheet(plan, image, pictures, store)

    return [
        (f"contact_sheet_{number}", draw(images[index]))
        for number, index in enumerate(chosen, start=1)
    ]


def _points_of_labels(rows: Sequence[dict[str, Any]]) -> dict[str, Sequence[float | None]]:
    """Where each transmitter is shown: all at the same points if they have the same."""
    own: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["label"] != REFERENCE:
            own.setdefault(row["label"], []).append(row)
    if len({frozenset(row["esn0_db"] for row in group) for group in own.values()}) == 1:
        return dict.fromkeys(own, shown_points(rows))
    return {label: shown_points(group) for label, group in own.items()}


def shown_points(rows: Sequence[dict[str, Any]]) -> Sequence[float | None]:
    """Four points below, on and above the cliff, as far as there are; ``[None]`` without a link.

    >>> rows = [{"esn0_db": x, "bler": y} for x, y in ((-2, 1), (0, 1), (1, 0.6), (2, 0), (9, 0))]
    >>> shown_points(rows)
    [0, 1, 2, 9]
    """
    losses: dict[float, list[float]] = {}
    for row in rows:
        if row["esn0_db"] is not None:
            own = losses.setdefault(row["esn0_db"], [])
            own += [] if row["bler"] is None else [row["bler"]]
    if not losses:
        return [None]
    if not any(losses.values()):  # symbols are never lost: an even choice
        points = sorted(losses)
        return sorted({points[round(n * (len(points) - 1) / 3)] for n in range(4)})
    mean = {point: sum(own) / len(own) for point, own in sorted(losses.items()) if own}
    wanted = [
        max(mean, key=lambda point: (mean[point], point)),
        min(mean, key=lambda point: abs(mean[point] - 0.67)),
        min(mean, key=lambda point: abs(mean[point] - 0.33)),
        min(mean, key=lambda point: (mean[point], point)),
    ]
    first, last = wanted[0], wanted[-1]
    # what else there is: next above the cliff, then on it, then below
    rest = sorted(set(mean) - set(wanted), key=lambda p: (p < last, p < first, abs(p - last)))
    found = set(wanted)
    return sorted(found | set(rest[: COLUMNS - len(found)]))


def _sheet(
    results: Results,
    plan: Row,
    image: Row,
    points: dict[str, Sequence[float | None]],
    store: PictureStore,
) -> Figure:
    original, truth = store.sample(image["sample"])
    assert original is not None
    palette = np.array(plan["palette"], np.uint8)
    columns = 2 + max(map(len, points.values()))
    sheet = Sheet(columns, original.shape, lambda height: len(points) * _block(height))
    place, write, head = sheet.place, sheet.write, sheet.head
    height = sheet.height

    title = plan["title"] or "What arrived"
    sheet.title(f"{title}: {image['name']}")
    head("original  /  label map", 0, 0.55)
    head("kept mask  /  label map sent", 1, 0.55)
    together = len({tuple(own) for own in points.values()}) == 1
    seen = _seen(results, plan, image["sample"])
    top = 0.85
    for label, own in points.items():
        # with a budget a transmitter codes anew for every point: that which lost least is described
        known = [seen[label, p] for p in (None, *own[::-1]) if (label, p) in seen]
        ideal = min(known, key=lambda row: row["arrived"].count("0"), default=None)
        write(
            f"{label}   {_rate(results, ideal)}",
            GAP, top + 0.06, fontsize=11, fontweight="bold",
        )  # fmt: skip
        upper, lower = top + TEXT, top + TEXT + height + GAP
        place(0, upper).imshow(original)
        if truth is not None:
            axis = place(0, lower)
            axis.imshow(coloured(truth, palette))
            note(axis, "label map (truth)")
        _draw_sent(place(1, upper), place(1, lower), results, ideal, original, palette, store)
        for column, point in enumerate(own, start=2):
            if not together:
                head(_received_at(point), column, top + 0.08)
            elif top == 0.85:
                head(_received_at(point), column, 0.55)
            row = seen.get((label, point))
            if row is None:
                continue
            name = _picture(results, row)
            axis = place(column, upper)
            axis.imshow(store.get(name).image)
            lost = row["arrived"].count("0")
            if lost:
                note(axis, f"{lost} of {len(row['arrived'])} packets lost")
            predicted = store.prediction(name, plan["scorer"]) if plan["scorer"] else None
            if predicted is not None:
                axis = place(column, lower)
                axis.imshow(coloured(predicted, palette))
                note(axis, "what the segmenter sees")
        top += _block(height)
    sheet.legend(plan["classes"], palette)
    return sheet.figure


def _block(height: float) -> float:
    return 2 * (height + GAP) + TEXT + 0.12


def _received_at(point: float | None) -> str:
    return "no channel" if point is None else f"received at {point:g} dB"


def _draw_sent(
    upper: Axes,
    lower: Axes,
    results: Results,
    ideal: Row | None,
    original: np.ndarray,
    palette: np.ndarray,
    store: PictureStore,
) -> None:
    """The tokens kept of a picture and the label map sent with it, where there are such."""
    received = store.get(_picture(results, ideal)) if ideal else None
    mask = received.extras.get("kept_mask") if received else None
    if mask is None:
        upper.imshow(np.full_like(original, 244))
        note(upper, "no mask: the whole picture is coded", middle=True)
    else:
        upper.imshow(_veiled(original, mask))
        note(upper, f"{100 * np.mean(mask):.0f} % of the tokens kept")
    if received is None or received.label_map is None:
        lower.imshow(np.full_like(original, 244))
        note(lower, "no label map is sent", middle=True)
    else:
        lower.imshow(coloured(received.label_map, palette))
        note(lower, "label map sent, as decoded")


def _seen(results: Results, plan: Row, sample: str) -> dict[tuple[str, float | None], Row]:
    """The first realisation of one picture by transmitter's label and point."""
    from semcom.selection import select

    found = select(results, plan)
    seen: dict[tuple[str, float | None], Row] = {}
    for one in plan["transmitters"]:
        for point in (None, *one.get("esn0_db", plan["esn0_db"])):
            for row in found.get((one["setup"], point), ()):
                if row["sample"] == sample:
                    seen.setdefault((one["label"], point), row)
                    break
    return seen


def _picture(results: Results, row: Row) -> str:
    return str(results.receipts[row["receipt"]]["picture"])


def _rate(results: Results, row: Row | None) -> str:
    if row is None:
        return ""
    encoding = results.encodings[row["encoding"]]
    num_bytes = sum(packet["bytes"] for packet in encoding["packets"])
    return f"{num_bytes} bytes, {8 * num_bytes / encoding['pixels']:.4f} bits per pixel"


def _veiled(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``image`` with the tokens that were not kept faded out; ``mask`` [h, w] bool."""
    height, width = image.shape[:2]
    rows = np.arange(height) * mask.shape[0] // height
    columns = np.arange(width) * mask.shape[1] // width
    kept = mask[rows[:, None], columns[None, :], None]
    veil = 0.14 * image + 0.86 * 250
    return np.where(kept, image, veil).astype(np.uint8)
