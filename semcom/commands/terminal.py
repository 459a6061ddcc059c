"""What commands share: their usual arguments, and how a mistake is said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Backend", "ResultsFolder", "ScenarioFile", "Workers", "complain", "sentence"]

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="YAML file")]
ResultsFolder = Annotated[Path, typer.Argument(metavar="DIR", help="folder of a run")]
Workers = Annotated[
    int, typer.Option(min=1, help="processes that share the pictures; same numbers for any")
]
Backend = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help="a cluster instead: dask://HOST:PORT or ray://HOST:PORT; dask or ray: one here",
    ),
]


def sentence(error: Exception) -> str:
    """The message of ``error`` in one line."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def complain(text: str) -> None:
    """Say one line on standard error."""
    print(f"semcom: {text}", file=sys.stderr)
