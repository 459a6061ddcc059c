"""``semcom plot``: the figures of a run."""

from __future__ import annotations

from pathlib import Path

from semcom.commands.terminal import ResultsFolder

__all__ = ["draw", "plot"]


def plot(folder: ResultsFolder) -> None:
    """Draw the figures of a run again."""
    draw(folder)


def draw(folder: Path) -> None:
    """Draw every figure of a run and say where it is."""
    from semcom.plots import draw_all

    for path in draw_all(folder):
        print(f"figure      {path}")
