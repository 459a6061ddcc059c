"""Fréchet distance between the Gaussians fitted to two sets of features.

D. C. Dowson, B. V. Landau, "The Fréchet distance between multivariate normal distributions", 1982;
used on Inception features by Heusel et al., NeurIPS 2017 (FID).

The distance is biased upward at a small number of vectors, by an amount that depends on that
number: distances of sets of different sizes must not be compared, and every one states its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from semcom.metrics.feature_distance import FeatureDistance
from semcom.metrics.features import EfficientNetLite0Features, InceptionV3Features

__all__ = ["Fid", "FrechetEfficientNetLite0", "Gaussian", "frechet_distance"]


@dataclass(frozen=True)
class Gaussian:
    """``mean`` [d] and ``covariance`` [d, d] of ``count`` vectors, float64."""

    mean: np.ndarray
    covariance: np.ndarray
    count: int

    @classmethod
    def fit(cls, features: np.ndarray) -> Gaussian:
        """Sample mean and covariance (divisor N - 1) of ``features`` [N, d], N at least 2."""
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"a Gaussian needs two vectors or more, got shape {features.shape}")
        vectors = features.astype(np.float64)
        mean = vectors.mean(axis=0)
        vectors -= mean
        return cls(mean, vectors.T @ vectors / (len(vectors) - 1), len(vectors))

    @cached_property
    def root(self) -> np.ndarray:
        """Symmetric square root [d, d] of the covariance."""
        values, vectors = np.linalg.eigh(self.covariance)
        return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Squared Fréchet distance |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1^1/2 C2 C1^1/2)^1/2.

    The trace is the sum of the roots of the eigenvalues of a symmetric matrix, so it is real and
    stable also where there are fewer vectors than dimensions and both covariances are singular.

    :raises ValueError: if the sets have different sizes or dimensions

    >>> a = Gaussian(np.zeros(2), np.diag([1.0, 4.0]), 100)
    >>> b = Gaussian(np.array([3.0, 0.0]), np.diag([4.0, 4.0]), 100)
    >>> frechet_distance(a, b)
    10.0
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError("features of different networks cannot be compared")
    if first.count != second.count:
        raise ValueError(
            f"the sets hold {first.count} and {second.count} vectors: the distance is biased by an "
            "amount that depends on their number, so only sets of the same size can be compared"
        )
    product = first.root @ second.covariance @ first.root
    eigenvalues = np.linalg.eigvalsh((product + product.T) / 2)
    cross = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    shift = first.mean - second.mean
    spread = np.trace(first.covariance) + np.trace(second.covariance) - 2 * cross
    return float(shift @ shift + max(spread, 0.0))


class _Frechet(FeatureDistance):
    """Fréchet distance of the received pictures' features from the originals'."""

    def distance(self, received: np.ndarray, original: np.ndarray, key: str) -> float | None:
        if len(received) < 2:
            return None
        # the originals come back at every point of a sweep
        if self._reference is None or self._reference[0] != key:
            self._reference = key, Gaussian.fit(original)
        return frechet_distance(self._reference[1], Gaussian.fit(received))

    _reference: tuple[str, Gaussian] | None = None


class FrechetEfficientNetLite0(_Frechet):
    """``frechet_efficientnet_lite0``: over all 32 x 32 cells of all pictures; needs no download.

    Not FID and not comparable with it. ``frechet_efficientnet_lite0_vectors`` states N.
    """

    name = "frechet_efficientnet_lite0"
    columns: tuple[str, ...] = (name, f"{name}_vectors")

    def __init__(self, store: Path | None = None) -> None:
        super().__init__(EfficientNetLite0Features(), store)


class Fid(_Frechet):
    """``fid``: the standard Inception-v3 one (Heusel et al. 2017), one vector per picture.

    Optional: needs torch-fidelity. ``fid_vectors`` states N; below 2,048 pictures the covariance
    is singular and the bias is large.
    """

    name = "fid"
    columns: tuple[str, ...] = (name, f"{name}_vectors")

    def __init__(self, store: Path | None = None) -> None:
        super().__init__(InceptionV3Features(), store)
