"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics.metric import Counts, check_same_shape

__all__ = ["HIGHEST_PSNR_DB", "Psnr", "psnr_db"]

_PEAK = 255
#: variance of the rounding to 8 bits that every picture went through before it was sent
_ROUNDING = 1 / 12
#: PSNR of identical pictures, 58.9 dB: nothing in 8 bits can be closer to the scene than that
HIGHEST_PSNR_DB = 10 * math.log10(_PEAK**2 / _ROUNDING)


def psnr_db(squared_error: int | float, samples: int) -> float:
    """PSNR in dB from the squared error summed over ``samples`` samples of all three colours.

    >>> round(psnr_db(100, 100), 2)
    48.13
    >>> round(psnr_db(0, 100), 2)
    58.92
    """
    return 10 * math.log10(_PEAK**2 / max(squared_error / samples, _ROUNDING))


class Psnr:
    """``psnr_db``: mean over pictures of each picture's PSNR on RGB samples, peak 255.

    The mean of decibels is what the literature reports; it is not the PSNR of the mean error. An
    exact picture counts as :data:`HIGHEST_PSNR_DB`, so that the mean stays finite.
    """

    name = "psnr"
    columns: tuple[str, ...] = ("psnr_db",)
    needs_prediction = False

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Sum of squared errors and number of samples of one picture."""
        check_same_shape(sample, received)
        difference = sample.image.astype(np.int64) - received.image
        return {"squared_error": int(np.sum(difference**2)), "samples": int(difference.size)}

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        values = [psnr_db(row["squared_error"], row["samples"]) for row in rows]
        return {"psnr_db": sum(values) / len(values) if values else None}
