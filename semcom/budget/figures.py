"""Figures of a run with several budgets: mIoU against channel uses, and against Es/N0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from semcom.figure_style import INK, look_of, title_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_budgets"]

Rows = Sequence[dict[str, Any]]

_MOST_PANELS = 4
_USES, _SNR = "channel_uses_per_pixel", "esn0_db"


def draw_budgets(rows: Rows, title: str = "") -> list[tuple[str, Figure]]:
    """``(name, figure)`` of both figures; empty where a transmitter has one budget alone.

    ``rows`` are those of a run with a budget.
    """
    sent = [row for row in rows if row[_SNR] is not None and row.get("miou") is not None]
    labels: dict[str, set[str]] = {}
    for row in sent:
        labels.setdefault(row["group"], set()).add(row["label"])
    if all(len(own) == 1 for own in labels.values()):
        return []
    original = next((r["miou"] for r in rows if r["codec"] == "original"), None)
    return [
        ("miou_against_budget", _panels(sent, original, title, _USES, _SNR)),
        ("miou_against_snr", _panels(sent, original, title, _SNR, _USES)),
    ]


def _panels(rows: Rows, original: float | None, title: str, x: str, by: str) -> Figure:
    """One panel for each of a few values of ``by``, the groups' mIoU against ``x`` in each."""
    from matplotlib.figure import Figure

    values = _spread(sorted({_key(row[by]) for row in rows}))
    groups = list(dict.fromkeys(row["group"] for row in rows))
    across = min(2, len(values))
    down = -(-len(values) // across)
    legend_rows = -(-len(groups) // 3)
    figure = Figure(
        figsize=(4.6 * across + 0.4, 3.2 * down + 1.1 + 0.24 * legend_rows), layout="constrained"
    )
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for number, axis in enumerate(grid.flat):
        if number >= len(values):
            axis.set_axis_off()
            continue
        own = [row for row in rows if _key(row[by]) == values[number]]
        _panel(axis, own, groups, x)
        axis.set_title(_words(by, values[number]), fontsize=10.5)
        if original is not None:
            axis.axhline(original, color=INK, linestyle=(0, (1, 2)), linewidth=1.2)
        axis.set_ylim(
            0, 1.04 * max(original or 0, *(row["miou_high"] or row["miou"] for row in rows))
        )
        if number + across >= len(values):
            axis.tick_params(labelbottom=True)
            axis.set_xlabel("Es/N0 (dB)" if x == _SNR else "complex channel uses per pixel")
        if number % across == 0:
            axis.set_ylabel("mIoU of the received picture")
    handles = {
        label: h for a in grid.flat for h, label in zip(*a.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        [handles[group] for group in groups], groups, loc="outside lower left", ncols=3,
        frameon=False,
    )  # fmt: skip
    what = f"{max(row['images'] for row in rows)} pictures; bands: 95 % intervals"
    if original is not None:
        what += "; dotted: original pictures"
    title_above(figure, title or "mIoU by channel uses", what)
    return figure


def _panel(axis: Axes, rows: Rows, groups: Sequence[str], x: str) -> None:
    for number, group in enumerate(groups):
        own = sorted((row for row in rows if row["group"] == group), key=lambda row: row[x])
        if not own:
            continue
        at = [row[x] for row in own]
        look = look_of(number)
        axis.plot(at, [row["miou"] for row in own], label=group, zorder=3, **look)
        if all(row["miou_low"] is not None for row in own):
            low, high = [row["miou_low"] for row in own], [row["miou_high"] for row in own]
            axis.fill_between(at, low, high, color=look["color"], alpha=0.12, linewidth=0)
    if x == _USES:
        from matplotlib.ticker import NullFormatter, StrMethodFormatter

        axis.set_xscale("log")
        ticks = sorted({_key(row[x]) for row in rows})
        axis.set_xticks(ticks)
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())


def _key(value: float) -> float:
    """A value as a reader would write it: a budget is a whole number of uses of a picture."""
    return float(f"{value:.3g}")


def _spread(values: Sequence[float]) -> list[float]:
    """At most four of ``values``, both ends among them.

    >>> _spread([0, 4, 8, 12, 16, 20])
    [0, 8, 12, 20]
    """
    if len(values) <= _MOST_PANELS:
        return list(values)
    steps = _MOST_PANELS - 1
    return [values[round(n * (len(values) - 1) / steps)] for n in range(_MOST_PANELS)]


def _words(column: str, value: float) -> str:
    return f"Es/N0 {value:g} dB" if column == _SNR else f"{value:g} channel uses per pixel"
