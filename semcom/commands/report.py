"""``semcom report``: the results of a run as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.terminal import ResultsFolder

__all__ = ["make_report", "report"]

#: pictures that a report shows unless told otherwise
IMAGES = 8


def report(
    folder: ResultsFolder,
    images: Annotated[
        int, typer.Option(min=1, help="at most so many pictures, within 12 MiB in all")
    ] = IMAGES,
) -> None:
    """Write DIR/report.html: curves, bits and pictures in one page that loads nothing."""
    make_report(folder, images)


def make_report(folder: Path, images: int = IMAGES) -> None:
    """Write the page and say where it is."""
    from semcom.report import write_report

    print(f"report      {write_report(folder, images=images)}")
