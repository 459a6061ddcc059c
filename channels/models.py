"""Random numbers of a channel: noise, flat fading, bit errors.

Every payload brings its own seed, from which its own generators are derived, one per purpose and
attempt, so that what a payload meets depends on nothing but its seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = [
    "MULTIPATH",
    "POSITION",
    "complex_normal",
    "flat_fading",
    "generator",
    "noise",
    "uniform",
]

# Purposes of random numbers, mixed into the seed.
_NOISE, _FADING, _BITS = 0, 1, 2
#: purpose of the seeds of multipath models
MULTIPATH = 3
#: purpose of the draw of a position along a drive
POSITION = 4


def generator(seed: int, purpose: int, attempt: int = 0) -> np.random.Generator:
    """The generator for one purpose and attempt of the payload with ``seed`` (an int >= 0)."""
    # the seed last: it may take several words, and would run into what stands behind it
    return np.random.default_rng([purpose, attempt, seed])


def complex_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """``count`` circularly symmetric complex normal numbers of variance 1, complex64.

    A longer draw from an equal generator starts with the same numbers as a shorter one.

    >>> a, b = (complex_normal(generator(5, 0), n) for n in (10, 1000))
    >>> bool((a == b[:10]).all())
    True
    """
    parts = rng.standard_normal(2 * count, dtype=np.float32)
    return (parts * np.float32(0.5**0.5)).view(np.complex64)


def noise(seeds: Sequence[int], count: int, attempt: int = 0) -> np.ndarray:
    """White noise of variance 1 for each seed, complex64 [len(seeds), count]."""
    rows = [complex_normal(generator(seed, _NOISE, attempt), count) for seed in seeds]
    return np.stack(rows)


def uniform(seeds: Sequence[int], count: int, attempt: int = 0) -> np.ndarray:
    """Numbers uniform in [0, 1) for each seed, float32 [len(seeds), count]."""
    rows = [generator(seed, _BITS, attempt).random(count, dtype=np.float32) for seed in seeds]
    return np.stack(rows)


def flat_fading(
    seeds: Sequence[int], direct_over_scattered: float = 0.0, attempt: int = 0, pairs: int = 1
) -> np.ndarray:
    """``pairs`` coefficients per seed, complex64 [len(seeds) * pairs], of mean power 1.

    Rayleigh without a direct path (``direct_over_scattered`` = 0, a power ratio), else Rician. The
    scattered parts of a seed are independent; its direct parts are equal, as between two arrays
    that face each other far apart.
    """
    direct = math.sqrt(direct_over_scattered / (1 + direct_over_scattered))
    scattered = math.sqrt(1 / (1 + direct_over_scattered))
    rows = [complex_normal(generator(seed, _FADING, attempt), pairs) for seed in seeds]
    return np.concatenate(rows) * np.float32(scattered) + np.float32(direct)
