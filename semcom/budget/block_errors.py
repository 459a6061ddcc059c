"""How often a transport block is lost at an Es/N0.

Real codes are predicted by the normal approximation of their code blocks, to the right by what the
code was measured to lose (:mod:`semcom.budget.gaps`) and by a margin on top. Ideal codes have a
Gaussian alphabet and no code blocks: the normal approximation (Polyanskiy, Poor, Verdu, IEEE Trans.
Inf. Theory 56(5), 2010, equation 291 for the complex Gaussian channel) or capacity itself (Shannon
1948).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from channels.framing import CRC_BITS
from channels.limits import constrained_capacity, dispersion
from semcom.budget.frame import coded_blocks
from semcom.budget.gaps import gap_db

__all__ = ["block_error_rate", "ideal_block_error_rate"]

_GRID_DB = np.arange(-40.0, 80.01, 0.25)


@lru_cache(maxsize=8)
def _information(modulation: str) -> tuple[np.ndarray, np.ndarray]:
    """Mutual information and dispersion of ``modulation`` on the grid of Es/N0."""
    pairs = [
        (constrained_capacity(modulation, snr), dispersion(modulation, snr)) for snr in _GRID_DB
    ]
    mean, variance = np.array(pairs).T
    return mean, variance


def block_error_rate(
    code: str,
    modulation: str,
    num_bytes: int,
    channel_uses: int,
    esn0_db: np.ndarray,
    margin_db: float = 0.0,
) -> np.ndarray | None:
    """Share of transport blocks lost at ``esn0_db`` [S]; None where they cannot be sent at all.

    >>> block_error_rate("ldpc", "qpsk", 100, 832, np.array([-3.0, 6.0])).round(3).tolist()
    [1.0, 0.0]
    """
    blocks = coded_blocks(code, modulation, num_bytes, channel_uses)
    if blocks is None:
        return None
    lost_db = margin_db + gap_db(code, modulation, blocks.rate, blocks.information_bits)
    snr = np.clip(esn0_db - lost_db, _GRID_DB[0], _GRID_DB[-1])
    mean, variance = (np.interp(snr, _GRID_DB, values) for values in _information(modulation))
    one = _normal(mean, variance, blocks.information_bits, blocks.channel_uses)
    return np.asarray(1 - (1 - one) ** blocks.count)


def ideal_block_error_rate(
    code: str, num_bytes: int, channel_uses: int, esn0_db: np.ndarray
) -> np.ndarray:
    """Share of transport blocks that an ideal code loses at ``esn0_db`` [S].

    ``code`` is ``normal`` or ``capacity``; a block carries its bytes and one CRC.

    >>> ideal_block_error_rate("capacity", 97, 800, np.array([-0.01, 0.01])).tolist()
    [1.0, 0.0]
    """
    bits = 8 * num_bytes + CRC_BITS
    ratio = 10 ** (esn0_db / 10)
    mean = np.log2(1 + ratio)
    if code == "capacity":
        return np.where(bits > channel_uses * mean, 1.0, 0.0)
    variance = (1 - 1 / (1 + ratio) ** 2) * math.log2(math.e) ** 2
    return _normal(mean, variance, bits, channel_uses)


def _normal(mean: np.ndarray, variance: np.ndarray, bits: int, uses: int) -> np.ndarray:
    surplus = uses * mean - bits + 0.5 * np.log2(uses)
    return np.asarray(ndtr(-surplus / np.sqrt(np.maximum(uses * variance, 1e-12))))
