"""A run as it goes: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcom.events import Event

__all__ = ["show_events", "show_live", "show_plain"]


def show_events(events: Iterator[Event]) -> None:
    """Print a run as it goes: a live bar in a terminal, plain lines elsewhere."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if console.is_terminal:
        show_live(events, console)
    else:
        show_plain(events)


def show_live(events: Iterator[Event], console: Any) -> None:
    """A bar that moves, under the lines of the points."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from semcom import events as kinds
    from semcom.table import duration

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        job = bar.add_task("starting", total=None, left="")
        for event in events:
            if isinstance(event, kinds.Progress):
                bar.update(
                    job,
                    description=_stage(event),
                    completed=event.done,
                    total=event.total,
                    left=f"{duration(event.seconds_left)} left",
                )
            else:
                for line in _lines(event):
                    bar.console.print(line, markup=False)


def show_plain(events: Iterator[Event]) -> None:
    """Lines alone, with a sign of life every ten seconds."""
    from semcom import events as kinds
    from semcom.table import duration

    last = time.monotonic()
    for event in events:
        if isinstance(event, kinds.Progress):
            # a log needs a sign of life, not every step
            if event.done == 0 or time.monotonic() - last < 10:
                continue
            last = time.monotonic()
            left = duration(event.seconds_left)
            print(f"  {_stage(event)} {event.done} of {event.total}, {left} left", flush=True)
        else:
            for line in _lines(event):
                print(line, flush=True)


def _stage(event: Any) -> str:
    where = "without a channel" if event.esn0_db is None else f"at {event.esn0_db:g} dB"
    if event.stage == "grid":
        return "look for the cliffs"
    return "encode" if event.stage == "encode" else f"{event.stage} {where}"


def _lines(event: Any) -> list[str]:
    from semcom import events as kinds
    from semcom import table

    if isinstance(event, kinds.Started):
        left_out = [f"left out: {reason}" for reason in event.skipped]
        return [*left_out, table.opening(event), *event.allocation, *table.head()]
    if isinstance(event, kinds.Point):
        return table.point_lines(event)
    if event.computed == 0:
        return [f"complete already: nothing to compute ({table.duration(event.seconds)})"]
    return [f"done in {table.duration(event.seconds)}"]
