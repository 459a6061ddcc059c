"""Results against position: what a car received on its way, at one Es/N0 of the mean position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcom.figure_style import FAINT, INK, LEGEND, look_of, title_above
from semcom.identity import measurement_id
from semcom.metrics import build
from semcom.pictures import PictureStore
from semcom.results import Results, Row
from semcom.scenario import REFERENCE
from semcom.selection import select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Stop", "draw_along_drive", "stops"]

#: metric, its column and its name on an axis; the first that was measured is drawn
_QUALITIES = (("miou", "miou", "mIoU"), ("psnr", "psnr_db", "PSNR (dB)"))
_FRAMES = 4


@dataclass(frozen=True)
class Stop:
    """What a transmitter's picture of one position came to, over all realisations."""

    name: str
    metres: float
    gain_db: float | None
    #: packets that were lost over those sent; None for what does not cross the link
    lost: float | None
    #: mIoU of the picture (or its PSNR in dB)
    quality: float | None


def stops(results: Results, folder: Path, esn0_db: float | None, setup: str) -> list[Stop]:
    """One transmitter's results in the order of the way; none where the link is along no drive.

    ``setup`` is the transmitter's digest in the plan, ``esn0_db`` a point of the sweep or None for
    no channel.
    """
    plan = results.run["plan"] if results.run else {"images": []}
    way = {image["name"]: image for image in plan["images"] if "metres" in image}
    if not way:
        return []
    # without a channel a picture is known by what it shows, and the same wherever it was sent
    key, own_key = ("sample", "sample") if esn0_db is None else ("image", "name")
    rows: dict[str, list[Row]] = {}
    for row in select(results, plan, [esn0_db]).get((setup, esn0_db), ()):
        rows.setdefault(row[key], []).append(row)
    metric, column, _ = _quality(plan)
    build_metric = build(metric, folder=folder, classes=plan["classes"], void_id=plan["void_id"])
    found = []
    for name, image in sorted(way.items(), key=lambda item: item[1]["metres"]):
        own = rows.get(image[own_key], [])
        if not own:
            continue
        sent = "".join(row["arrived"] for row in own)
        counts = [_counts(results, plan, row, metric) for row in own]
        quality = None
        if all(count is not None for count in counts):
            quality = build_metric.summarise(counts)[column]
        lost = None if esn0_db is None else sent.count("0") / max(1, len(sent))
        found.append(Stop(name, image["metres"], image["gain_db"], lost, quality))
    return found


def draw_along_drive(results: Results, folder: Path) -> Figure | None:
    """Es/N0, quality and losses against the way; None where the link is along no drive.

    It shows the point of the sweep at which the positions differ most in what is lost.
    """
    from matplotlib.figure import Figure

    if results.run is None:
        return None
    plan = results.run["plan"]
    senders = [one for one in plan["transmitters"] if one["label"] != REFERENCE]
    ways: dict[float, list[list[Stop]]] = {
        point: [stops(results, folder, point, one["setup"]) for one in senders]
        for point in plan["esn0_db"]
    }
    ways = {point: way for point, way in ways.items() if all(len(own) > 1 for own in way)}
    if not ways:
        return None
    point = max(ways, key=lambda point: (_spread(ways[point]), point))
    figure = Figure(figsize=(8.4, 9.3), layout="constrained")
    strip, *axes = figure.subplots(4, 1, height_ratios=[1.15, 1.25, 2.3, 1.5])
    first = ways[point][0]
    _frames(strip, plan, first, PictureStore(folder / "pictures"))
    _gain_panel(axes[0], first, point)
    for number, (one, way) in enumerate(zip(senders, ways[point], strict=True)):
        metres = [stop.metres for stop in way]
        look: dict[str, Any] = look_of(number)
        axes[1].plot(metres, [stop.quality for stop in way], label=one["label"], **look)
        axes[2].plot(metres, [stop.lost for stop in way], **look)
    reference = next((one for one in plan["transmitters"] if one["label"] == REFERENCE), None)
    if reference is not None:
        known = stops(results, folder, None, reference["setup"])
        if known and all(stop.quality is not None for stop in known):
            axes[1].plot(
                [stop.metres for stop in known], [stop.quality for stop in known],
                color=INK, linestyle=(0, (1, 2)), linewidth=1.4, label="original pictures",
            )  # fmt: skip
    axes[1].set_ylabel(f"{_quality(plan)[2]} at the position")
    axes[2].set_ylabel("share of packets lost")
    axes[2].set_ylim(-0.05, 1.05)
    axes[2].set_xlabel("metres driven")
    for axis in axes:
        axis.set_xlim(*_margin([stop.metres for stop in first]))
    figure.align_ylabels(axes)
    axes[1].legend(**{**LEGEND, "ncols": 4, "bbox_to_anchor": (-0.01, 1.03), "fontsize": 10})
    draws = plan["realisations"]
    what = (
        f"{len(first)} positions, each sends its own picture {draws} "
        f"{'time' if draws == 1 else 'times'}; the mean position has Es/N0 {point:g} dB"
    )
    title_above(figure, plan["title"] or "Along the drive", what)
    return figure


def _frames(axis: Axes, plan: Row, way: Sequence[Stop], store: PictureStore) -> None:
    """A few of the pictures sent, with the metres where they were taken."""
    samples = {image["name"]: image["sample"] for image in plan["images"]}
    count = min(_FRAMES, len(way))
    chosen = [way[round(i * (len(way) - 1) / max(1, count - 1))] for i in range(count)]
    axis.set_axis_off()
    width = 1 / count
    for number, stop in enumerate(chosen):
        image, _ = store.sample(samples[stop.name])
        if image is None:
            continue
        inner = axis.inset_axes((number * width + 0.004, 0.0, width - 0.008, 0.88))
        inner.imshow(image, aspect="auto")
        inner.set_axis_off()
        inner.set_title(f"{stop.metres:.0f} m", fontsize=9.5, fontweight="normal", color=INK, pad=3)


def _gain_panel(axis: Axes, way: Sequence[Stop], point: float) -> None:
    metres = [stop.metres for stop in way]
    here = [float("nan") if stop.gain_db is None else point + stop.gain_db for stop in way]
    axis.axhline(point, color=FAINT, linestyle=(0, (5, 3)), linewidth=1.1)
    axis.fill_between(metres, here, point, color=FAINT, alpha=0.15, linewidth=0)
    axis.plot(metres, here, color=INK, marker=".", markersize=7)
    axis.annotate(
        "mean position", (1, point), xycoords=("axes fraction", "data"), xytext=(-2, 3),
        textcoords="offset points", ha="right", fontsize=9, color=FAINT,
    )  # fmt: skip
    axis.set_ylabel("Es/N0 there (dB)")


def _spread(ways: Sequence[Sequence[Stop]]) -> float:
    """Variance of the share of lost packets along the way, mean over transmitters."""
    from statistics import fmean, pvariance

    return fmean(pvariance([stop.lost or 0.0 for stop in way]) for way in ways)


def _margin(metres: Sequence[float]) -> tuple[float, float]:
    extra = 0.02 * (max(metres) - min(metres))
    return min(metres) - extra, max(metres) + extra


def _quality(plan: Row) -> tuple[str, str, str]:
    return next((one for one in _QUALITIES if one[0] in plan["metrics"]), _QUALITIES[-1])


def _counts(results: Results, plan: Row, row: Row, metric: str) -> Any:
    picture = results.receipts[row["receipt"]]["picture"]
    name = measurement_id(row["sample"], picture, plan["scorer"])
    return results.measurements.get(name, {}).get(metric)
