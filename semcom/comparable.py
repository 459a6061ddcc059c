"""Which values of a summary may stand beside each other.

A Fréchet distance of two sets of features is too large by an amount that depends on how many
vectors the sets hold. Rows that hold another number of them than the others (more receptions than
pictures without a channel, a merge of unequal parts) would look better or worse for that alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from semcom.scenario import FRECHET

__all__ = ["comparable"]


def comparable(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """``rows`` of a summary without the distances that must not be compared, and why, by column.

    The number of vectors that most rows over a channel have decides; unbiased columns stay.

    >>> rows = [{"esn0_db": x, "fid": 9.0, "fid_vectors": n} for x, n in ((0, 6), (1, 6), (2, 4))]
    >>> kept, why = comparable(rows)
    >>> [row["fid"] for row in kept], list(why)
    ([9.0, 9.0, None], ['fid'])
    """
    kept = [dict(row) for row in rows]
    reasons: dict[str, str] = {}
    for column, unbiased in FRECHET.items():
        measured = [row for row in kept if row.get(column) is not None]
        on_air = [row for row in measured if row["esn0_db"] is not None]
        counts = Counter(row.get(f"{column}_vectors") for row in on_air or measured)
        if not counts:
            continue
        most = max(counts, key=lambda count: (counts[count], count or 0))
        others = [row for row in measured if row.get(f"{column}_vectors") != most]
        for row in others:
            row[column] = None
        if others:
            reasons[column] = (
                f"{len(others)} of {len(measured)} points are left out: their number of vectors is "
                f"not {most}, on which the bias of a Fréchet distance depends ({unbiased} has none)"
            )
    return kept, reasons
