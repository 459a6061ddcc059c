"""Channel models: what happens between the transmitter's symbols and the receiver's.

Every payload brings its own seed, from which its own generators are derived, one per purpose, so
that what a payload meets depends on nothing but its seed.
"""

from __future__ import annotations

import numpy as np

__all__ = ["complex_normal", "fading", "generator"]

# Purposes of random numbers, mixed into the seed.
_NOISE, _FADING = 0, 1


def generator(seed: int, purpose: int) -> np.random.Generator:
    """The generator for one purpose of the payload with ``seed`` (an int >= 0)."""
    # the seed last: it may take several words, and would run into a purpose behind it
    return np.random.default_rng([purpose, seed])


def complex_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """``count`` circularly symmetric complex normal numbers of variance 1, complex64.

    A longer draw from an equal generator starts with the same numbers as a shorter one.

    >>> a, b = (complex_normal(generator(5, 0), n) for n in (10, 1000))
    >>> bool((a == b[:10]).all())
    True
    """
    parts = rng.standard_normal(2 * count, dtype=np.float32)
    return (parts * np.float32(0.5**0.5)).view(np.complex64)


def noise(seeds: list[int], count: int) -> np.ndarray:
    """White noise of variance 1 for each seed, complex64 [len(seeds), count]."""
    return np.stack([complex_normal(generator(seed, _NOISE), count) for seed in seeds])


def fading(channel: str, seeds: list[int]) -> np.ndarray:
    """Coefficient of each payload, complex64 [len(seeds)], mean power 1."""
    if channel == "awgn":
        return np.ones(len(seeds), dtype=np.complex64)
    if channel == "rayleigh":
        return np.concatenate([complex_normal(generator(seed, _FADING), 1) for seed in seeds])
    raise ValueError(f"unknown channel {channel!r}")
