"""Multi-scale structural similarity.

Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multi-scale structural similarity for image quality
assessment", Asilomar 2003: Gaussian window of 11 x 11 with sigma 1.5, five scales with 2 x 2
averaging between them, the weights below, K1 = 0.01, K2 = 0.03. Taken of each RGB channel by
itself and averaged, as learned-codec papers do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import correlate1d

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics.metric import Counts, column_mean

__all__ = ["WEIGHTS", "MsSsim", "ms_ssim", "num_scales"]

#: exponents of the five scales, finest first (section 3.2 of the paper)
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ms_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """MS-SSIM of two pictures [H, W, 3] uint8: 1 if they are identical.

    Pictures whose shorter side is below 161 do not hold five scales; they get as many as fit, with
    the weights of those scales scaled up to the same sum.

    :raises ValueError: if the shapes differ or a side is shorter than the window of 11

    >>> grey = np.full((176, 192, 3), 128, np.uint8)
    >>> ms_ssim(grey, grey)
    1.0
    """
    if first.shape != second.shape:
        raise ValueError(f"pictures of {first.shape} and {second.shape} cannot be compared")
    scales = num_scales(min(first.shape[:2]))
    weights = np.array(WEIGHTS[:scales]) * sum(WEIGHTS) / sum(WEIGHTS[:scales])
    # [3, H, W], so that rows are contiguous
    x, y = (np.ascontiguousarray(p.transpose(2, 0, 1), np.float64) for p in (first, second))
    product = np.ones(len(x))
    for scale, weight in enumerate(weights):
        luminance, contrast_structure = _ssim_parts(x, y)
        factor = contrast_structure
        if scale == scales - 1:
            factor = luminance * contrast_structure
        # an anti-correlated scale has no real power; zero is the limit of similarity
        product *= np.maximum(factor.mean(axis=(1, 2)), 0) ** weight
        x, y = _halved(x), _halved(y)
    return float(product.mean())


def num_scales(side: int) -> int:
    """How many of the five scales hold a whole window in a picture of shorter side ``side``.

    >>> [num_scales(side) for side in (11, 21, 160, 161, 2048)]
    [1, 2, 4, 5, 5]
    """
    if side < _WINDOW:
        raise ValueError(f"MS-SSIM needs pictures of at least {_WINDOW} pixels a side, not {side}")
    scales = 1
    while scales < len(WEIGHTS) and (side := (side + 1) // 2) >= _WINDOW:
        scales += 1
    return scales


def _ssim_parts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance term and contrast-structure term at every whole window, [3, h, w] each."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x**2
    variance_y = _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return luminance, (2 * covariance + _C2) / (variance_x + variance_y + _C2)


def _blurred(x: np.ndarray) -> np.ndarray:
    """Gaussian-weighted mean over every window that lies wholly inside the picture."""
    taps = np.exp(-0.5 * ((np.arange(_WINDOW) - _WINDOW // 2) / _SIGMA) ** 2)
    taps /= taps.sum()
    margin = slice(_WINDOW // 2, -(_WINDOW // 2))
    rows = correlate1d(x, taps, axis=1, mode="constant")[:, margin]
    return correlate1d(rows, taps, axis=2, mode="constant")[:, :, margin]


def _halved(x: np.ndarray) -> np.ndarray:
    """Mean of every 2 x 2 block; an odd last row or column is repeated."""
    height, width = x.shape[1:]
    even = np.pad(x, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    rows = even[:, ::2] + even[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4


class MsSsim:
    """``ms_ssim``: mean over pictures, 0..1, higher is better."""

    name = "ms_ssim"
    columns: tuple[str, ...] = ("ms_ssim",)
    needs_prediction = False

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        return {"ms_ssim": ms_ssim(sample.image, received.image)}

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        return {"ms_ssim": column_mean(rows, "ms_ssim")}
