"""``semcom merge``: join the results of several machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["merge"]


def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="folders of runs")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="new folder for all of them")],
) -> None:
    """Join runs of several machines, or the shards of one run, into a new folder."""
    from semcom.merge import merge as join

    print(f"results     {join(folders, out)}")
