"""A run as it goes, in Jupyter: a bar and a table that grow in place.

The table is plain HTML, so that a saved notebook still shows the finished run without a kernel.

>>> from semcom.events import Started
>>> page = Progressing()
>>> page.take(Started(images=2, transmitters=1, points=3, tasks=8, done=0))
True
>>> print(page)
2 images x 1 transmitters x 3 points and one without a channel: 8 tasks
"""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from typing import Any

from semcom.events import Event, Finished, Point, Progress, Started
from semcom.summary import read_summary
from semcom.table import duration, head, opening, point_lines

__all__ = ["Progressing", "watch"]

#: seconds between two updates of the bar
EVERY = 0.25

_STYLE = """<style>
.semcom-run {font-size: 13px; max-width: 62em}
.semcom-run .bar {background: #e4e4e4; height: 6px; border-radius: 3px; margin: 5px 0}
.semcom-run .bar div {background: #0072B2; height: 6px; border-radius: 3px}
.semcom-run table {border-collapse: collapse; margin: 0}
.semcom-run th, .semcom-run td {padding: 2px 12px; text-align: right}
.semcom-run thead tr:last-child {border-bottom: 1px solid #999}
</style>"""


def watch(events: Iterator[Event]) -> list[dict[str, Any]]:
    """Show the run of which :func:`semcom.sweep.run` yields the events; returns its summary.

    Made for the last line of a cell: ``rows = watch(sweep.run(scenario, folder))``. Raises
    ImportError where IPython is not installed.
    """
    try:
        from IPython.display import display
    except ImportError:
        raise ImportError(
            'a run is watched in a notebook: pip install "semcom[notebooks]"'
        ) from None
    page = Progressing()
    shown = display(page, display_id=True)
    rows: list[dict[str, Any]] = []
    last = time.monotonic()
    for event in events:
        matters = page.take(event)
        if isinstance(event, Finished):
            rows = read_summary(event.folder / "summary.csv")
        if shown is not None and (matters or time.monotonic() - last > EVERY):
            shown.update(page)
            last = time.monotonic()
    return rows


class Progressing:
    """What is known of a run so far, for a notebook (HTML) or as text."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._now: Progress | None = None
        self._points: list[Point] = []
        self._finished: Finished | None = None

    def take(self, event: Event) -> bool:
        """Take up an event; says whether it is worth showing at once."""
        if isinstance(event, Progress):
            self._now = event
            return False
        if isinstance(event, Started):
            self._started = event
        elif isinstance(event, Point):
            self._points.append(event)
        else:
            self._finished, self._now = event, None
        return True

    def __repr__(self) -> str:
        lines = [] if self._started is None else [opening(self._started)]
        if self._points:
            lines += head()
            lines += [line for point in self._points for line in point_lines(point)]
        return "\n".join([*lines, self._state()]).strip()

    def _repr_html_(self) -> str:
        title = "" if self._started is None else html.escape(opening(self._started))
        parts = [_STYLE, f'<div class="semcom-run"><div>{title}</div>']
        if self._finished is None:
            done, total = (self._now.done, self._now.total) if self._now else (0, 1)
            width = f"width: {100 * done / max(1, total):.0f}%"
            parts.append(f'<div class="bar"><div style="{width}"></div></div>')
        parts += [f"<div>{html.escape(self._state())}</div>", self._table(), "</div>"]
        return "".join(parts)

    def _state(self) -> str:
        if self._finished is not None:
            if not self._finished.computed:
                return "complete already: nothing to compute"
            return f"done in {duration(self._finished.seconds)}"
        if self._now is None:
            return ""
        at = "" if self._now.stage == "encode" else " without a channel"
        if self._now.esn0_db is not None:
            at = f" at {self._now.esn0_db:g} dB"
        left = duration(self._now.seconds_left)
        text = f"{self._now.stage}{at}: {self._now.done} of {self._now.total}, {left} left"
        if self._points and self._points[-1].seconds_left is not None:
            text += f"; all points: {duration(self._points[-1].seconds_left)}"
        return text

    def _table(self) -> str:
        """Points down, transmitters across: share of payloads lost, and mIoU if it is measured."""
        rows = {(row["label"], point.esn0_db): row for point in self._points for row in point.rows}
        if not rows:
            return ""
        points = sorted({snr for _, snr in rows if snr is not None})
        on_air = [label for label, snr in rows if snr is not None]
        labels = list(dict.fromkeys(on_air or [label for label, _ in rows]))
        scored = any(row.get("miou") is not None for row in rows.values())
        wide = 2 if scored else 1
        heads = "".join(f'<th colspan="{wide}">{html.escape(label)}</th>' for label in labels)
        under = "<th>lost</th><th>mIoU</th>" if scored else "<th>lost</th>"
        top = f"<tr><th></th>{heads}</tr><tr><th>Es/N0 dB</th>{under * len(labels)}</tr>"
        body = []
        for snr in (*points, None):
            cells = [_cells(rows.get((label, snr)), scored) for label in labels]
            name = "no channel" if snr is None else f"{snr:g}"
            body.append(f"<tr><td>{name}</td>{''.join(cells)}</tr>")
        return f"<table><thead>{top}</thead><tbody>{''.join(body)}</tbody></table>"


def _cells(row: dict[str, Any] | None, scored: bool) -> str:
    if row is None:
        return "<td></td>" * (2 if scored else 1)
    lost = row.get("bler")
    share = "" if lost is None else f"{100 * lost:.0f} %"
    # the more is lost, the redder
    tint = "" if not lost else f' style="background: rgba(213, 94, 0, {0.1 + 0.45 * lost:.2f})"'
    cells = f"<td{tint}>{share}</td>"
    if scored:
        miou = row.get("miou")
        cells += "<td></td>" if miou is None else f"<td>{miou:.3f}</td>"
    return cells
