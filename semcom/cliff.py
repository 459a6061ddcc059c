"""The digital cliff: where a link turns from losing everything to losing nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Cliff", "find_cliff"]


@dataclass(frozen=True)
class Cliff:
    """Es/N0 in dB: above ``low`` payloads begin to arrive, at ``half`` half do, at ``high`` all."""

    low: float
    half: float
    high: float


def find_cliff(rows: Sequence[dict[str, Any]]) -> Cliff | None:
    """The cliff in one transmitter's summary rows, or None if its points do not straddle one.

    ``low`` is the last point with a BLER of 0.9 or more, ``high`` the first from which on it stays
    at 0.1 or less, ``half`` the crossing of 0.5 by linear interpolation.

    >>> rows = [{"esn0_db": x, "bler": y} for x, y in ((0, 1.0), (1, 0.75), (2, 0.25), (3, 0.0))]
    >>> find_cliff(rows)
    Cliff(low=0, half=1.5, high=3)
    """
    points = sorted((row["esn0_db"], row["bler"]) for row in rows if row["bler"] is not None)
    lost = [x for x, y in points if y >= 0.9]
    leaky = [index for index, (_, y) in enumerate(points) if y > 0.1]
    half = None
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if y0 > 0.5 >= y1:
            half = x0 + (x1 - x0) * (y0 - 0.5) / (y0 - y1)
    if not lost or not leaky or half is None or leaky[-1] + 1 >= len(points):
        return None
    return Cliff(max(lost), half, points[leaky[-1] + 1][0])
