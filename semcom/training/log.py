"""The losses of a training run as CSV: ``step,loss,value``, a line each."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from semcom.files import write_atomically

__all__ = ["append", "cut"]

_HEAD = ["step", "loss", "value"]


def append(path: Path, step: int, losses: Mapping[str, float]) -> None:
    """Add the ``losses`` of ``step``."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(_HEAD)
        writer.writerows([step, name, f"{value:.6g}"] for name, value in losses.items())


def cut(path: Path, step: int) -> None:
    """Leave out what was logged after ``step``: those steps run again, or a kill tore the line."""
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    kept = [
        line
        for number, line in enumerate(lines)
        if number == 0 or (line.endswith("\n") and int(line.split(",")[0]) <= step)
    ]
    if kept != lines:
        write_atomically(path, "".join(kept))
