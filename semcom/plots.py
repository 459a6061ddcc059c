"""Figures of a run, as PNG to look at and PDF to print; here, quality against channel quality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcom.cliff import Cliff, find_cliff
from semcom.comparable import comparable
from semcom.figure_style import (
    FAINT,
    LEGEND,
    MARKERS,
    OKABE_ITO,
    QUALITIES,
    STYLE,
    colour_of,
    draw_originals,
    look_of,
    rows_by,
    title_above,
)
from semcom.summary import read_summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MARKERS", "OKABE_ITO", "STYLE", "draw_all", "draw_quality"]

Rows = Sequence[dict[str, Any]]

_CHANNELS = {"awgn": "white noise", "rayleigh": "Rayleigh fading"}


def draw_all(folder: Path) -> list[Path]:
    """Draw every figure that the results in ``folder`` allow; returns the PNG files.

    Raises FileNotFoundError if there are no results.
    """
    import matplotlib

    from semcom.along_drive import draw_along_drive
    from semcom.budget import sends_frames
    from semcom.budget.figures import draw_budgets
    from semcom.contact_sheet import draw_contact_sheets
    from semcom.rate_figures import draw_rate, draw_rates
    from semcom.results import Results

    rows = read_summary(folder / "summary.csv")
    results = Results.read(folder)
    plan = results.run["plan"] if results.run else {}
    title = plan.get("title", "")
    written = []
    with matplotlib.rc_context(STYLE):
        figures: list[tuple[str, Figure | None]] = [
            *(draw_budgets(rows, title) if sends_frames(plan.get("link")) else [])
        ] or [
            ("quality_against_snr", draw_quality(rows, title)),
            ("miou_against_snr", draw_quality(rows, title, ["miou"])),
            ("miou_against_rate", draw_rate(rows, title)),
            ("quality_against_rate", draw_rates(rows, title)),
            ("along_the_drive", draw_along_drive(results, folder)),
        ]
        for name, figure in figures:
            if figure is not None:
                written.append(_save(figure, folder / "figures" / name, ("pdf", "svg", "png")))
        for name, sheet in draw_contact_sheets(results, folder):
            written.append(_save(sheet, folder / "figures" / name, ("pdf", "png")))
    return written


def draw_quality(
    rows: Rows, title: str = "", columns: Sequence[str] | None = None
) -> Figure | None:
    """Quality and losses against Es/N0, the error-free ceiling dashed.

    ``columns`` picks a few qualities (all that were measured if None). None without a link, or
    without any of the columns asked for.
    """
    from matplotlib.figure import Figure

    rows, reasons = comparable(rows)
    on_air = [row for row in rows if row["esn0_db"] is not None]
    panels = [
        quality
        for quality in QUALITIES
        if (columns is None or quality[0] in columns)
        and any(row.get(quality[0]) is not None for row in on_air)
    ]
    if not on_air or (columns is not None and not panels):
        return None
    heights = [3.0 if len(panels) > 1 else 3.8] * len(panels) + [1.7]
    figure = Figure(figsize=(8.4, sum(heights) + 1.5), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    # links that differ have cliffs of their own
    one_link = len({row["link"] for row in on_air}) == 1
    cliffs = [find_cliff(of_one) for _, of_one in _by_label(on_air)] if one_link else []
    for axis, (column, name, better) in zip(axes, panels, strict=False):
        _quality_panel(axis, rows, column)
        axis.set_ylabel(name)
        if column in reasons:
            axis.set_xlabel(reasons[column], fontsize=7.5, color=FAINT, loc="right")
        axis.annotate(
            better, (1, 1.015), xycoords="axes fraction", ha="right", fontsize=9, color=FAINT
        )
    _loss_panel(axes[-1], on_air)
    for axis in axes:
        _mark_cliffs(axis, cliffs)
    _say_cliff(axes[0], cliffs)
    axes[-1].set_xlabel("Es/N0 per complex symbol (dB)")
    _legend(axes[0], rows)
    what = f"{max(row['images'] for row in on_air)} pictures; {_links_in_words(on_air)}"
    title_above(figure, title or "Quality against channel quality", what)
    return figure


def _links_in_words(rows: Rows) -> str:
    """The link that all ``rows`` share, or how much of it where a budget gave each its own."""
    if len({row["link"] for row in rows}) == 1:
        return _link_in_words(rows[0]["link"])
    channel = rows[0]["link"].rsplit(" ", 1)[-1]
    if any(len({row["link"] for row in of_one}) > 1 for _, of_one in _by_label(rows)):
        uses = max(row["channel_uses_per_pixel"] for row in rows)
        return f"{_CHANNELS.get(channel, channel)}, {uses:.3g} channel uses per pixel"
    return f"{_CHANNELS.get(channel, channel)}, a link for each curve"


def _link_in_words(link: str | None) -> str:
    """``"ldpc 0.5 qpsk awgn"`` as a reader would say it.

    >>> _link_in_words("ldpc 0.5 qpsk awgn")
    'LDPC of rate 0.5, QPSK, white noise'
    """
    if not link:
        return ""
    if link.startswith("analog "):
        channel = link.removeprefix("analog ")
        return f"symbols without code, {_CHANNELS.get(channel, channel)}"
    code, rate, modulation, channel = link.split(" ", 3)
    return f"{code.upper()} of rate {rate}, {modulation.upper()}, {_CHANNELS.get(channel, channel)}"


def _quality_panel(axis: Axes, rows: Rows, column: str) -> None:
    for number, (_, of_one) in enumerate(_by_label(rows)):
        colour = colour_of(number)
        sent = [r for r in of_one if r["esn0_db"] is not None and r.get(column) is not None]
        x, y = [r["esn0_db"] for r in sent], [r[column] for r in sent]
        for ideal in of_one:
            if ideal["codec"] == "original" and not sent:
                draw_originals(axis, ideal, column, left=True)
            elif ideal["esn0_db"] is None and ideal.get(column) is not None:
                axis.axhline(
                    ideal[column], color=colour, linestyle=(0, (5, 3)), linewidth=1.1, alpha=0.8
                )
        axis.plot(x, y, **look_of(number), zorder=3)
        if column == "miou" and all(r["miou_low"] is not None for r in sent):
            axis.fill_between(
                x,
                [r["miou_low"] for r in sent],
                [r["miou_high"] for r in sent],
                color=colour,
                alpha=0.12,
                linewidth=0,
            )


def _loss_panel(axis: Axes, rows: Rows) -> None:
    """BLER on a logarithmic axis; where no error was seen, the upper bound as an open triangle."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    for number, (_, of_one) in enumerate(_by_label(rows)):
        colour = colour_of(number)
        seen = [r for r in of_one if r["bler"]]
        none = [r for r in of_one if r["bler"] == 0]
        axis.plot([r["esn0_db"] for r in seen], [r["bler"] for r in seen], **look_of(number))
        axis.plot(
            [r["esn0_db"] for r in none],
            [r["bler_high"] for r in none],
            linestyle="",
            marker="v",
            markersize=5,
            markerfacecolor="white",
            markeredgecolor=colour,
        )
    axis.set_yscale("log")
    known = [row["bler"] or row["bler_high"] for row in rows if row["bler"] is not None]
    lowest = min(known, default=1.0)
    axis.set_ylim(min(0.03, lowest / 2), 1.8)
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_ylabel("BLER")
    axis.annotate(
        "open triangle: no loss seen, upper bound (95 %)",
        (1, 1.03), xycoords="axes fraction", ha="right", fontsize=9, color=FAINT,
    )  # fmt: skip


def _mark_cliffs(axis: Axes, cliffs: Sequence[Cliff | None]) -> None:
    known = [cliff for cliff in cliffs if cliff is not None]
    if known:
        low, high = min(c.low for c in known), max(c.high for c in known)
        axis.axvspan(low, high, color="#000000", alpha=0.055, linewidth=0, zorder=0)


def _say_cliff(axis: Axes, cliffs: Sequence[Cliff | None]) -> None:
    known = [cliff for cliff in cliffs if cliff is not None]
    if not known:
        return
    middle = (min(c.low for c in known) + max(c.high for c in known)) / 2
    axis.annotate(
        "lost  \u25c2  cliff  \u25b8  intact",
        (middle, 1.015),
        xycoords=("data", "axes fraction"),
        ha="center",
        fontsize=9,
        color="#555555",
    )


def _legend(axis: Axes, rows: Rows) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for number, (label, of_one) in enumerate(_by_label(rows)):
        if all(row["esn0_db"] is None for row in of_one):
            continue
        rate = of_one[0]["bits_per_pixel"]
        text = label if rate is None else f"{label}  ({rate:.3f} bit/pixel)"
        if len({row["link"] for row in of_one if row["link"]}) > 1:
            text = label  # a budget chose another rate at every point
        handles.append(Line2D([], [], **look_of(number), label=text))
    kinds = [{row["esn0_db"] is None for row in of_one} for _, of_one in _by_label(rows)]
    if {True, False} in kinds:
        dashed: dict[str, Any] = {"color": FAINT, "linestyle": (0, (5, 3)), "linewidth": 1.1}
        handles.append(Line2D([], [], **dashed, label="no channel errors"))
    axis.legend(handles=handles, **LEGEND)


def _by_label(rows: Rows) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    return rows_by(rows, "label")


def _save(figure: Figure, stem: Path, suffixes: Sequence[str]) -> Path:
    """Write ``stem`` with each of ``suffixes``, ``png`` among them; returns the PNG."""
    import io

    from semcom.files import write_atomically

    # no dates inside: the same results give the same files
    dates: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    for suffix in suffixes:
        content = io.BytesIO()
        figure.savefig(content, format=suffix, metadata=dates.get(suffix, {}))
        write_atomically(stem.with_name(f"{stem.name}.{suffix}"), content.getvalue())
    return stem.with_name(f"{stem.name}.png")
