"""Noise and fading have the statistics they claim, and depend on the seed alone."""

import numpy as np
import pytest
from scipy import stats

from channels.models import complex_normal, flat_fading, generator, noise


def test_noise_is_white_circular_and_of_variance_one() -> None:
    samples = noise(list(range(50)), 8000).ravel()
    count = samples.size
    power = np.abs(samples.astype(np.complex128)) ** 2
    assert power.mean() == pytest.approx(1, abs=4 / np.sqrt(count))
    for part in (samples.real, samples.imag):
        assert part.mean() == pytest.approx(0, abs=4 * np.sqrt(0.5 / count))
        assert part.var() == pytest.approx(0.5, abs=4 * np.sqrt(0.5 / count))
    correlation = np.corrcoef(samples.real, samples.imag)[0, 1]
    assert abs(correlation) < 4 / np.sqrt(count)
    lag_one = np.corrcoef(samples.real[1:], samples.real[:-1])[0, 1]
    assert abs(lag_one) < 4 / np.sqrt(count)
    assert stats.kstest(samples.real, "norm", args=(0, np.sqrt(0.5))).pvalue > 1e-4


def test_rayleigh_power_is_exponential() -> None:
    gain = flat_fading(range(4000))
    assert stats.kstest(np.abs(gain) ** 2, "expon").pvalue > 1e-4
    assert stats.kstest(np.angle(gain), "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-4


def test_payloads_share_neither_noise_nor_fading() -> None:
    rows = noise([0, 1, 2], 1000)
    assert len(np.unique(rows)) == rows.size
    assert len(np.unique(flat_fading([0, 1, 2]))) == 3
    assert flat_fading([7])[0] != noise([7], 1)[0, 0]


def test_noise_is_the_same_on_every_machine() -> None:
    golden = [-0.135649 - 0.579385j, 0.234525 + 0.427482j]
    np.testing.assert_allclose(complex_normal(generator(1234567890123, 1), 2), golden, atol=1e-5)
