"""The limits agree with each other and with published values."""

import numpy as np
import pytest

from channels.limits import (
    awgn_capacity,
    bit_error_rate,
    constrained_capacity,
    esn0_for_capacity,
    normal_approximation,
    normal_approximation_esn0,
    shannon_esn0,
)
from channels.settings import BITS_PER_SYMBOL


@pytest.mark.parametrize("modulation", BITS_PER_SYMBOL)
def test_constrained_capacity_lies_between_nothing_and_shannon(modulation: str) -> None:
    snrs = np.arange(-20.0, 45.0, 2.5)
    values = [constrained_capacity(modulation, s) for s in snrs]
    assert all(np.diff(values) > -1e-9)
    # the quadrature is good to about 1e-6 bits
    assert all(v <= awgn_capacity(s) + 1e-5 for v, s in zip(values, snrs, strict=True))
    assert values[-1] == pytest.approx(BITS_PER_SYMBOL[modulation], abs=1e-6)


def test_rate_one_half_binary_limit() -> None:
    """0.187 dB per information bit, the well-known limit of rate 1/2 codes over binary AWGN."""
    assert esn0_for_capacity("qpsk", 1.0) == pytest.approx(0.187, abs=0.002)
    assert esn0_for_capacity("bpsk", 0.5) == pytest.approx(0.187 - 3.010, abs=0.002)


def test_shannon_limit_is_the_inverse_of_capacity() -> None:
    for rate in (0.1, 1.0, 5.5):
        assert awgn_capacity(shannon_esn0(rate)) == pytest.approx(rate)


def test_capacity_beyond_the_constellation_is_refused() -> None:
    with pytest.raises(ValueError, match="qpsk carries between 0 and 2 bits"):
        esn0_for_capacity("qpsk", 2.5)


@pytest.mark.parametrize("modulation", ["bpsk", "qpsk", "16qam", "64qam"])
def test_normal_approximation_and_its_inverse_agree(modulation: str) -> None:
    uses = 2000
    bits = int(0.5 * uses * BITS_PER_SYMBOL[modulation])
    for error_rate in (0.5, 1e-2, 1e-5):
        snr = normal_approximation_esn0(modulation, bits, uses, error_rate)
        assert normal_approximation(modulation, snr, bits, uses) == pytest.approx(
            error_rate, rel=1e-3
        )
        assert snr > esn0_for_capacity(modulation, bits / uses) or error_rate == 0.5


def test_longer_codes_come_closer_to_capacity() -> None:
    distance = [
        normal_approximation_esn0("qpsk", n, n, 1e-3) - esn0_for_capacity("qpsk", 1.0)
        for n in (100, 1000, 10_000, 100_000)
    ]
    assert distance == sorted(distance, reverse=True)
    assert distance[-1] < 0.1


def test_bit_error_rate_of_16qam_by_hand() -> None:
    """Three quarters of Q(a), half of Q(3a) and minus a quarter of Q(5a), a^2 = Es/(5 N0)."""
    from scipy.stats import norm

    for snr_db in (0.0, 10.0, 18.0):
        a = np.sqrt(10 ** (snr_db / 10) / 5)
        by_hand = 0.75 * norm.sf(a) + 0.5 * norm.sf(3 * a) - 0.25 * norm.sf(5 * a)
        assert bit_error_rate("16qam", snr_db) == pytest.approx(by_hand, rel=1e-9)
