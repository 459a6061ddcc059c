"""Figures of quality against rate, of runs without a channel or of their error-free part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from semcom.comparable import comparable
from semcom.figure_style import (
    FAINT,
    LEGEND,
    QUALITIES,
    draw_originals,
    look_of,
    rows_by,
    title_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_rate", "draw_rates"]

Rows = Sequence[dict[str, Any]]
#: what is good where it is low
_LOW = {column for column, _, better in QUALITIES if better.startswith("lower")}


def draw_rate(rows: Rows, title: str = "") -> Figure | None:
    """mIoU (or else the first quality there is) without channel errors against bits per pixel."""
    from matplotlib.figure import Figure

    ideal, _ = comparable([row for row in rows if row["esn0_db"] is None])
    measured = _measured(ideal)
    if not measured or not _coded(ideal):
        return None
    column, name = measured[0]
    figure = Figure(figsize=(8.4, 5.2), layout="constrained")
    axis = figure.subplots()
    _rate_panel(axis, ideal, column)
    axis.set_ylabel(name.replace("\n", " "))
    axis.set_xlabel("bits per pixel, everything sent counted")
    axis.legend(**LEGEND)
    what = f"{max(row['images'] for row in ideal)} pictures; no channel errors"
    title_above(figure, title or "Quality against rate", what)
    return figure


def draw_rates(rows: Rows, title: str = "") -> Figure | None:
    """Every quality without channel errors against bits per pixel, a panel each.

    None with fewer than two qualities, or where no transmitter has two rates.
    """
    from matplotlib.figure import Figure

    ideal, reasons = comparable([row for row in rows if row["esn0_db"] is None])
    measured = _measured(ideal)
    curves = dict(rows_by(_coded(ideal), "group"))
    if len(measured) < 2 or all(len(points) < 2 for points in curves.values()):
        return None
    lines = (len(measured) + 1) // 2
    figure = Figure(figsize=(10.4, 3.1 * lines + 1.3), layout="constrained")
    axes = figure.subplots(lines, 2, sharex=True, squeeze=False).flatten()
    for axis, (column, name) in zip(axes, measured, strict=False):
        _rate_panel(axis, ideal, column)
        axis.set_ylabel(name)
        better = "lower is better" if column in _LOW else "higher is better"
        axis.annotate(
            better, (1, 1.015), xycoords="axes fraction", ha="right", fontsize=9, color=FAINT
        )
        if column in reasons:
            axis.set_title(reasons[column], fontsize=7, color=FAINT, fontweight="normal")
    for axis in axes[len(measured) :]:
        axis.remove()
    for axis in axes[max(0, len(measured) - 2) : len(measured)]:
        axis.set_xlabel("bits per pixel, everything sent counted")
        axis.tick_params(labelbottom=True)
    what = f"{max(row['images'] for row in ideal)} pictures; no channel errors"
    title_above(figure, title or "Quality against rate", what)
    _legend_above(figure, axes[0])
    return figure


def _legend_above(figure: Figure, axis: Axes) -> None:
    """One legend for all panels, below the title; panels keep their width."""
    height = figure.get_figheight()
    handles, labels = axis.get_legend_handles_labels()
    columns = min(len(labels), 8 if max(map(len, labels)) < 12 else 4)
    lines = -(-len(labels) // columns)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, 0, 1, 1 - (0.76 + 0.25 * lines) / height))
    legend = figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0.005, 1 - 0.62 / height),
        ncols=columns,
        columnspacing=1.6,
        borderaxespad=0.2,
    )
    legend.set_in_layout(False)


def _measured(ideal: Rows) -> list[tuple[str, str]]:
    """Columns and names of the qualities of coded pictures."""
    coded = _coded(ideal)
    return [(c, name) for c, name, _ in QUALITIES if any(r.get(c) is not None for r in coded)]


def _coded(ideal: Rows) -> list[dict[str, Any]]:
    return [r for r in ideal if r["codec"] != "original" and r["bits_per_pixel"] is not None]


def _rate_panel(axis: Axes, ideal: Rows, column: str) -> None:
    """Curves of all groups, 95 % intervals as bars, original pictures as dotted lines."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    for number, (group, of_one) in enumerate(rows_by(_coded(ideal), "group")):
        points = sorted(
            (row for row in of_one if row.get(column) is not None),
            key=lambda row: row["bits_per_pixel"],
        )
        look = look_of(number)
        x, y = [r["bits_per_pixel"] for r in points], [r[column] for r in points]
        axis.plot(x, y, label=group, zorder=3, **look)
        low, high = f"{column}_low", f"{column}_high"
        if all(r.get(low) is not None for r in points):
            lows, highs = [r[low] for r in points], [r[high] for r in points]
            axis.vlines(x, lows, highs, color=look["color"], linewidth=1.2, alpha=0.7)
    for row in ideal:
        if row["codec"] == "original":
            draw_originals(axis, row, column)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
