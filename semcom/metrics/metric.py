"""What every metric promises: counts for each picture, ratios from added-up counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample

__all__ = ["Counts", "Metric", "check_same_shape", "column_mean"]

#: what :meth:`Metric.measure` found in one picture, JSON-able
Counts = dict[str, Any]


class Metric(Protocol):
    """One figure of merit (or several that share their counts)."""

    name: str
    #: names of the values that :meth:`summarise` returns
    columns: tuple[str, ...]
    #: whether :meth:`measure` needs the scoring segmenter's map of the received picture
    needs_prediction: bool

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Counts of one picture; ``predicted`` [H, W] uint8 is its map by the scoring segmenter."""
        ...

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        """Values of the columns over many pictures; None where they are not defined."""
        ...


def check_same_shape(sample: Sample, received: Reconstruction) -> None:
    """Raise ValueError unless the received picture has the shape of the original."""
    if sample.image.shape != received.image.shape:
        raise ValueError(
            f"a picture of shape {received.image.shape} cannot be compared with one of "
            f"{sample.image.shape}"
        )


def column_mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Mean of ``key`` over ``rows``, None without rows.

    >>> column_mean([{"a": 1.0}, {"a": 2.0}], "a")
    1.5
    """
    return sum(float(row[key]) for row in rows) / len(rows) if rows else None
