"""Kernel distance between two sets of features: squared maximum mean discrepancy.

M. Bińkowski, D. J. Sutherland, M. Arbel, A. Gretton, "Demystifying MMD GANs", ICLR 2018: kernel
(x.y / d + 1)^3. Unbiased, so it can be compared where Fréchet distances cannot. The estimator is
the U-statistic of A. Gretton et al., "A kernel two-sample test", JMLR 2012, equation (4), which
leaves out the pairs (x_i, y_i): a received picture and its own original are not independent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semcom.metrics.feature_distance import FeatureDistance
from semcom.metrics.features import EfficientNetLite0Features, InceptionV3Features

__all__ = ["Kid", "KidEfficientNetLite0", "kernel_distance"]

#: above this many vectors an even selection of them is compared, which keeps the cost bounded
_MOST_VECTORS = 4096
_ROWS = 1024


def kernel_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared MMD of ``first`` and ``second`` [N, d] under the cubic polynomial kernel.

    It may come out slightly negative for sets of one distribution, as an unbiased estimate must.

    :raises ValueError: if the shapes differ or N is below 2
    """
    if first.shape != second.shape or first.ndim != 2 or len(first) < 2:
        raise ValueError(
            f"two sets of the same size, two vectors or more, are needed: {first.shape} and "
            f"{second.shape}"
        )
    count, channels = first.shape
    x, y = first.astype(np.float32), second.astype(np.float32)
    total = 0.0
    for start in range(0, count, _ROWS):
        rows = slice(start, start + _ROWS)
        # k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i), summed over all i != j
        for left, right, sign in ((x, x, 1), (y, y, 1), (x, y, -2)):
            kernel = ((left[rows] @ right.T) / channels + 1).astype(np.float64) ** 3
            total += sign * (kernel.sum() - np.trace(kernel, offset=start))
    return float(total / (count * (count - 1)))


class _KernelDistance(FeatureDistance):
    def distance(self, received: np.ndarray, original: np.ndarray, key: str) -> float | None:
        if len(received) < 2:
            return None
        step = -(-len(received) // _MOST_VECTORS)
        return kernel_distance(received[::step], original[::step])


class KidEfficientNetLite0(_KernelDistance):
    """``kid_efficientnet_lite0``: over 32 x 32 cells of all pictures, 4,096 of them at most."""

    name = "kid_efficientnet_lite0"
    columns: tuple[str, ...] = (name, f"{name}_vectors")

    def __init__(self, store: Path | None = None) -> None:
        super().__init__(EfficientNetLite0Features(), store)


class Kid(_KernelDistance):
    """``kid``: on the standard Inception-v3 features. Optional: needs torch-fidelity."""

    name = "kid"
    columns: tuple[str, ...] = (name, f"{name}_vectors")

    def __init__(self, store: Path | None = None) -> None:
        super().__init__(InceptionV3Features(), store)
