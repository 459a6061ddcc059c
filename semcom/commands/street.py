"""``semcom data street``: render street scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.terminal import complain

__all__ = ["street"]


def street(
    count: Annotated[int, typer.Option(min=1, help="number of pictures")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder of the data set")],
    split: Annotated[str, typer.Option(help="train, val or test; no two share a scene")] = "train",
    workers: Annotated[int, typer.Option(min=1, help="processes that render")] = 1,
    spp: Annotated[int, typer.Option(min=1, help="paths traced through each pixel")] = 16,
) -> None:
    """Render street scenes with exact label maps; pictures that are there are kept."""
    from semcom.data.street import render_set
    from semcom.table import duration

    def say(done: int, total: int, seconds_left: float) -> None:
        print(f"{done} of {total}, {duration(seconds_left)} left", flush=True)

    try:
        rendered = render_set(count, out, split=split, workers=workers, spp=spp, progress=say)
    except KeyboardInterrupt:
        complain(f"stopped; pictures so far are kept in {out}, the same command goes on")
        raise typer.Exit(130) from None
    print(f"{out}: {count} pictures of {split}, {rendered} of them rendered now")
