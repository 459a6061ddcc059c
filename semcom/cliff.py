"""The digital cliff: where a link turns from losing everything to losing nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Cliff", "find_cliff"]


@dataclass(frozen=True)
class Cliff:
    """Es/N0 in dB at which a tenth of the payloads arrive, half of them, and nine tenths."""

    low: float
    half: float
    high: float


def find_cliff(rows: Sequence[dict[str, Any]]) -> Cliff | None:
    """The cliff in one transmitter's summary rows, or None if its points do not straddle one.

    BLER is interpolated linearly between points; the last crossing counts.

    >>> rows = [{"esn0_db": x, "bler": y} for x, y in ((0, 1.0), (1, 0.75), (2, 0.25), (3, 0.0))]
    >>> find_cliff(rows).half
    1.5
    """
    points = sorted((row["esn0_db"], row["bler"]) for row in rows if row["bler"] is not None)
    crossings = [_last_crossing(points, level) for level in (0.9, 0.5, 0.1)]
    low, half, high = crossings
    if low is None or half is None or high is None:
        return None
    return Cliff(low, half, high)


def _last_crossing(points: Sequence[tuple[float, float]], level: float) -> float | None:
    """Where the values fall to ``level`` for the last time, if they stay below it after that."""
    if not points or points[-1][1] > level:
        return None
    for (x0, y0), (x1, y1) in reversed(list(itertools.pairwise(points))):
        if y0 > level >= y1:
            return x0 + (x1 - x0) * (y0 - level) / (y0 - y1)
    return None
