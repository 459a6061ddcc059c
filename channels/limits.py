"""What no code can beat: Shannon capacity, constrained capacity and the finite-length limit.

All functions take Es/N0 in dB per complex symbol and count bits per complex channel use. ``points``
levels of Gauss-Hermite quadrature make the integrals exact to about 1e-6 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import erfc, erfcinv, logsumexp

from channels.settings import BITS_PER_SYMBOL

__all__ = [
    "awgn_capacity",
    "bit_error_rate",
    "constrained_capacity",
    "dispersion",
    "esn0_for_capacity",
    "normal_approximation",
    "normal_approximation_esn0",
    "shannon_esn0",
]

_NODES, _WEIGHTS = np.polynomial.hermite.hermgauss(96)


def q_function(x: float | np.ndarray) -> np.ndarray:
    """Probability that a standard normal variable exceeds ``x``."""
    return 0.5 * erfc(np.asarray(x) / np.sqrt(2))


def awgn_capacity(esn0_db: float) -> float:
    """Capacity of the complex AWGN channel in bits per channel use (Shannon 1948).

    >>> awgn_capacity(0.0)
    1.0
    """
    return float(np.log2(1 + 10 ** (esn0_db / 10)))


def shannon_esn0(bits_per_use: float) -> float:
    """Lowest Es/N0 in dB at which ``bits_per_use`` can be sent reliably.

    >>> round(shannon_esn0(1.0), 6)
    0.0
    """
    return float(10 * np.log10(2**bits_per_use - 1))


def _levels(modulation: str) -> tuple[np.ndarray, int]:
    """Amplitudes per used real axis (total energy 1) and the number of axes."""
    bits = BITS_PER_SYMBOL[modulation]
    axes = 1 if bits == 1 else 2
    count = 2 ** (bits // axes)
    levels = np.arange(1 - count, count, 2, dtype=float)
    return levels / np.sqrt(axes * np.mean(levels**2)), axes


@lru_cache(maxsize=4096)
def _information(modulation: str, esn0_db: float) -> tuple[float, float]:
    """Mean and variance of the information density, in bits and bits^2 per channel use."""
    levels, axes = _levels(modulation)
    deviation = np.sqrt(0.5 * 10 ** (-esn0_db / 10))
    sent = levels[:, None]
    received = sent + np.sqrt(2) * deviation * _NODES
    distance = (received[..., None] - levels) ** 2 - (received - sent)[..., None] ** 2
    mean_ratio = logsumexp(-distance / (2 * deviation**2), axis=-1) - np.log(len(levels))
    density = -mean_ratio / np.log(2)
    weights = _WEIGHTS / (np.sqrt(np.pi) * len(levels))
    mean = float((weights * density).sum())
    variance = float((weights * density**2).sum()) - mean**2
    return axes * mean, axes * variance


def constrained_capacity(modulation: str, esn0_db: float) -> float:
    """Mutual information of ``modulation`` with equally likely symbols over AWGN, bits per use.

    >>> round(constrained_capacity("qpsk", 0.187), 3)
    1.0
    """
    return _information(modulation, float(esn0_db))[0]


def dispersion(modulation: str, esn0_db: float) -> float:
    """Variance of the information density of equally likely symbols, in bits^2 per channel use.

    Polyanskiy, Poor, Verdu (2010), equation 25. It vanishes with the noise.

    >>> round(dispersion("qpsk", 0.0), 3), round(dispersion("qpsk", 20.0), 3)
    (1.319, 0.0)
    """
    return _information(modulation, float(esn0_db))[1]


def _solve(function: Callable[[float], float]) -> float:
    return float(brentq(function, -30.0, 60.0, xtol=1e-6))


def esn0_for_capacity(modulation: str, bits_per_use: float) -> float:
    """Es/N0 in dB at which ``modulation`` has the mutual information ``bits_per_use``.

    Raises ``ValueError`` where the constellation carries fewer bits.

    >>> round(esn0_for_capacity("16qam", 2.0), 2)
    5.12
    """
    if not 0 < bits_per_use < BITS_PER_SYMBOL[modulation]:
        raise ValueError(
            f"{modulation} carries between 0 and {BITS_PER_SYMBOL[modulation]} bits per channel "
            f"use, not {bits_per_use:g}"
        )
    return _solve(lambda snr: constrained_capacity(modulation, snr) - bits_per_use)


def normal_approximation(
    modulation: str, esn0_db: float, information_bits: int, channel_uses: int
) -> float:
    """Block error rate of the best code of this length, approximately.

    Polyanskiy, Poor, Verdu, "Channel coding rate in the finite blocklength regime", IEEE Trans.
    Inf. Theory 56(5), 2010, equation 296, with the mutual information and dispersion of equally
    likely symbols.

    >>> 1e-3 < normal_approximation("qpsk", 0.8, 1024, 1024) < 1e-2
    True
    """
    capacity, dispersion = _information(modulation, float(esn0_db))
    surplus = channel_uses * capacity - information_bits + 0.5 * np.log2(channel_uses)
    return float(q_function(surplus / np.sqrt(max(channel_uses * dispersion, 1e-12))))


def normal_approximation_esn0(
    modulation: str, information_bits: int, channel_uses: int, block_error_rate: float
) -> float:
    """Es/N0 in dB at which the normal approximation reaches ``block_error_rate``.

    >>> round(normal_approximation_esn0("qpsk", 1024, 1024, 1e-2), 2)
    0.7
    """
    margin = np.sqrt(2) * erfcinv(2 * block_error_rate)

    def surplus(esn0_db: float) -> float:
        capacity, dispersion = _information(modulation, esn0_db)
        spread = np.sqrt(max(channel_uses * dispersion, 0.0))
        return float(
            channel_uses * capacity
            - spread * margin
            + 0.5 * np.log2(channel_uses)
            - information_bits
        )

    return _solve(surplus)


def bit_error_rate(modulation: str, esn0_db: float) -> float:
    """Uncoded bit error rate with hard decisions over AWGN, exact for Gray-labelled square QAM.

    Cho and Yoon, "On the general BER expression of one- and two-dimensional amplitude
    modulations", IEEE Trans. Commun. 50(7), 2002, equations 9 and 14.

    >>> round(bit_error_rate("bpsk", 9.59), 7)
    1e-05
    """
    bits = BITS_PER_SYMBOL[modulation]
    axes = 1 if bits == 1 else 2
    count = 2 ** (bits // axes)
    snr = 10 ** (esn0_db / 10)
    # half the distance between neighbours over the standard deviation of the noise on one axis
    step = np.sqrt(6 * snr / (axes * (count**2 - 1)))
    total = 0.0
    for k in range(1, bits // axes + 1):
        i = np.arange(int((1 - 2.0**-k) * count))
        turn = np.floor(i * 2.0 ** (k - 1) / count)
        weight = 2.0 ** (k - 1) - np.floor(i * 2.0 ** (k - 1) / count + 0.5)
        total += float((2 / count * (-1) ** turn * weight * q_function((2 * i + 1) * step)).sum())
    return total / (bits // axes)
