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
    """A Gaussian fitted to ``count`` vectors of d channels.

    ``mean`` [d]; ``deviations`` [m, d] with covariance ``deviations.T @ deviations``; float64.
    """

    mean: np.ndarray
    deviations: np.ndarray
    count: int

    @classmethod
    def fit(cls, features: np.ndarray) -> Gaussian:
        """Sample mean and covariance (divisor N - 1) of ``features`` [N, d], N at least 2."""
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"a Gaussian needs two vectors or more, got shape {features.shape}")
        vectors = features.astype(np.float64)
        mean = vectors.mean(axis=0)
        return cls(mean, (vectors - mean) / np.sqrt(len(vectors) - 1), len(vectors))

    @classmethod
    def of(cls, mean: np.ndarray, covariance: np.ndarray, count: int) -> Gaussian:
        """The Gaussian with ``mean`` [d] and ``covariance`` [d, d] of ``count`` vectors."""
        return cls(mean, _symmetric_root(covariance), count)

    @cached_property
    def covariance(self) -> np.ndarray:
        return self.deviations.T @ self.deviations

    @cached_property
    def root(self) -> np.ndarray:
        """R [min(m, d), d] with covariance R^T R."""
        rows, channels = self.deviations.shape
        return self.deviations if rows <= channels else _symmetric_root(self.covariance)

    @property
    def trace(self) -> float:
        return float(np.sum(self.deviations**2))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Squared Fréchet distance |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^1/2.

    With C1 = R^T R the last trace is the sum of the roots of the eigenvalues of R C2 R^T, which is
    symmetric: real and stable also where there are fewer vectors than dimensions and both
    covariances are singular.

    :raises ValueError: if the sets have different sizes or dimensions

    >>> a = Gaussian.of(np.zeros(2), np.diag([1.0, 4.0]), 100)
    >>> b = Gaussian.of(np.array([3.0, 0.0]), np.diag([4.0, 4.0]), 100)
    >>> round(frechet_distance(a, b), 9)
    10.0
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError("features of different networks cannot be compared")
    if first.count != second.count:
        raise ValueError(
            f"the sets hold {first.count} and {second.count} vectors: the distance is biased by an "
            "amount that depends on their number, so only sets of the same size can be compared"
        )
    rows, channels = second.deviations.shape
    if rows <= channels:
        half = first.root @ second.deviations.T
        product = half @ half.T
    else:
        product = first.root @ second.covariance @ first.root.T
    eigenvalues = np.linalg.eigvalsh((product + product.T) / 2)
    cross = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    shift = first.mean - second.mean
    return float(shift @ shift + max(first.trace + second.trace - 2 * cross, 0.0))


def _symmetric_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


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
