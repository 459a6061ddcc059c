"""Figures of links: error rates against SNR with what theory allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from channels.curves import Point, References

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "MARKERS", "plot_block_error_rates", "plot_error_rates"]

#: colours that people with defective colour vision tell apart (Okabe, Ito 2008), darker yellow last
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#000000", "#8C8C00")
#: one for each colour, so that curves differ in print, too
MARKERS = "osD^vPX*"
#: curves fall from the upper left to the lower right, and theory stands on the left
LEGEND: dict[str, Any] = {
    "loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "fontsize": "small", "frameon": False,
}  # fmt: skip


def plot_block_error_rates(
    curves: Mapping[str, Sequence[Point]],
    *,
    limits: References | None = None,
    against: str = "esn0_db",
    title: str = "",
) -> Figure:
    """Block error rates of named ``curves`` with 95 % intervals, ``against`` esn0_db or ebn0_db.

    Where a curve has come down to points without any error, the first of them is drawn as what it
    is, an upper bound: a triangle at the end of its interval.
    ``limits`` adds the Shannon limit, the limit of the modulation and the normal approximation.
    """
    from matplotlib.figure import Figure

    if against not in ("esn0_db", "ebn0_db"):
        raise ValueError(f"error rates are drawn against esn0_db or ebn0_db, not {against!r}")
    figure = Figure(figsize=(7.6, 4.4), layout="constrained")
    axes = figure.subplots()
    lowest = 1.0
    for number, (name, points) in enumerate(curves.items()):
        lowest = min(lowest, _draw_curve(axes, name, points, against, number))
    if any(not point.errors for points in curves.values() for point in points):
        axes.plot([], [], "v", color="0.4", markerfacecolor="none", label="no error: 95 % bound")
    if limits is not None:
        some = next(point for points in curves.values() for point in points)
        offset = 0.0 if against == "esn0_db" else some.ebn0_db - some.esn0_db
        _draw_limits(axes, limits, offset, lowest)
    axes.set_yscale("log")
    axes.set_ylim(lowest / 2, 1.3)
    axes.set_xlabel("Es/N0 in dB" if against == "esn0_db" else "Eb/N0 in dB")
    axes.set_ylabel("block error rate")
    axes.grid(which="major", alpha=0.4)
    axes.grid(which="minor", alpha=0.12)
    axes.set_title(title)
    axes.legend(**LEGEND)
    return figure


def plot_error_rates(
    points: Sequence[Point], *, limits: References | None = None, title: str = ""
) -> Figure:
    """Block and bit error rates of one link against Es/N0 below and Eb/N0 above.

    Bit errors come in bursts, so that the count of them tells no interval; none is drawn.
    """
    figure = plot_block_error_rates({"block error rate": points}, limits=limits, title=title)
    axes = figure.axes[0]
    axes.set_ylabel("error rate")
    wrong = sorted(
        (point.esn0_db, point.bit_error_rate) for point in points if point.bit_error_rate
    )
    if wrong:
        axes.plot(
            *zip(*wrong, strict=True), MARKERS[1] + "-", color=COLOURS[1], markersize=3,
            linewidth=1.5, label="bit error rate",
        )  # fmt: skip
        axes.set_ylim(bottom=min(axes.get_ylim()[0], wrong[-1][1] / 2))
    shift = points[0].ebn0_db - points[0].esn0_db
    above = axes.secondary_xaxis("top", functions=_shifted_by(shift))
    above.set_xlabel("Eb/N0 in dB")
    axes.legend(**LEGEND)
    return figure


def _shifted_by(shift: float) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    return (lambda x: x + shift, lambda x: x - shift)


def _draw_curve(axes: Axes, name: str, points: Sequence[Point], against: str, number: int) -> float:
    """Draw one curve and return the lowest rate on it."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    ordered = sorted(points, key=lambda point: point.esn0_db)
    seen = [point for point in ordered if point.errors]
    if seen:
        x = [getattr(point, against) for point in seen]
        rates = np.array([point.block_error_rate for point in seen])
        ends = np.array([point.interval for point in seen])
        spread = np.abs(ends.T - rates)
        axes.errorbar(
            x, rates, spread, color=colour, marker=marker, markersize=3.5, linewidth=1.5,
            elinewidth=1, capsize=2, label=name,
        )  # fmt: skip
    last = seen[-1].esn0_db if seen else -np.inf
    bounds = [point for point in ordered if point.esn0_db > last]
    # one bound tells where the curve went; those behind it would only repeat it
    for point in bounds[:1]:
        axes.plot(
            getattr(point, against), point.interval[1], "v", color=colour, markerfacecolor="none"
        )
    return min(point.block_error_rate or point.interval[1] for point in ordered)


def _draw_limits(axes: Axes, limits: References, offset: float, lowest: float) -> None:
    left, right = axes.get_xlim()
    axes.axvline(limits.shannon_db + offset, color="0.2", linestyle=":", label="Shannon limit")
    if np.isfinite(limits.constrained_db):
        axes.axvline(
            limits.constrained_db + offset, color="0.2", linestyle="--",
            label=f"limit of {limits.modulation}",
        )  # fmt: skip
        snr = np.linspace(limits.constrained_db - 1, right - offset, 200)
        rates = np.array([limits.block_error_rate(value) for value in snr])
        shown = rates > lowest / 2
        axes.plot(
            snr[shown] + offset, rates[shown], color="0.45", linewidth=1,
            label="normal approximation",
        )  # fmt: skip
    axes.set_xlim(min(left, limits.shannon_db + offset - 0.2), right)
