"""Modulations against their formulas and against Sionna's mapper and demapper."""

import numpy as np
import pytest
import torch

from channels import MODULATIONS
from channels.limits import bit_error_rate
from channels.models import noise
from channels.modulation import Modulation
from channels.settings import BITS_PER_SYMBOL

QAM = [name for name in MODULATIONS if BITS_PER_SYMBOL[name] > 1]


def _random_bits(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(shape).integers(0, 2, shape).astype(np.uint8))


@pytest.mark.parametrize("name", MODULATIONS)
def test_symbols_have_energy_one(name: str) -> None:
    bits = BITS_PER_SYMBOL[name]
    every = (torch.arange(2**bits)[:, None] >> torch.arange(bits - 1, -1, -1)) & 1
    symbols = Modulation(name).map(every.to(torch.uint8))
    assert float(symbols.abs().square().mean()) == pytest.approx(1.0, abs=1e-6)
    assert len(set(symbols.flatten().tolist())) == 2**bits


@pytest.mark.parametrize("name", QAM)
def test_mapping_equals_sionna(name: str) -> None:
    from sionna.phy.mapping import Mapper

    bits = _random_bits(4, 120 * BITS_PER_SYMBOL[name])
    expected = Mapper("qam", BITS_PER_SYMBOL[name], device="cpu")(bits.float())
    torch.testing.assert_close(Modulation(name).map(bits), expected)


@pytest.mark.parametrize("name", QAM)
@pytest.mark.parametrize("snr_db", [0.0, 12.0, 25.0])
def test_soft_bits_equal_sionna(name: str, snr_db: float) -> None:
    from sionna.phy.mapping import Demapper

    modulation = Modulation(name)
    symbols = modulation.map(_random_bits(2, 200 * BITS_PER_SYMBOL[name]))
    variance = torch.tensor(10 ** (-snr_db / 10))
    received = symbols + torch.from_numpy(noise([1, 2], symbols.shape[1])) * variance.sqrt()
    demapper = Demapper("app", "qam", BITS_PER_SYMBOL[name], device="cpu")
    expected = demapper(received, variance)
    torch.testing.assert_close(modulation.demap(received, variance), expected, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("name", MODULATIONS)
@pytest.mark.parametrize("error_rate", [0.1, 0.01])
def test_uncoded_bit_error_rate_follows_its_formula(name: str, error_rate: float) -> None:
    snr_db = next(s for s in np.arange(-10, 40, 0.25) if bit_error_rate(name, s) <= error_rate)
    modulation = Modulation(name)
    bits = _random_bits(100, 2400)
    symbols = modulation.map(bits)
    variance = torch.tensor(10 ** (-snr_db / 10))
    received = symbols + torch.from_numpy(noise(list(range(100)), symbols.shape[1])) * variance**0.5
    decided = modulation.demap(received, variance) > 0
    errors = int((decided != bits.bool()).sum())
    expected = bit_error_rate(name, snr_db) * bits.numel()
    # bits of one symbol share its noise, so the count spreads wider than a binomial one
    spread = np.sqrt(expected * BITS_PER_SYMBOL[name])
    assert abs(errors - expected) < 4 * spread


def test_bpsk_formula_is_the_gaussian_tail() -> None:
    from scipy.stats import norm

    for snr_db in (-5.0, 0.0, 7.0):
        expected = norm.sf(np.sqrt(2 * 10 ** (snr_db / 10)))
        assert bit_error_rate("bpsk", snr_db) == pytest.approx(expected, rel=1e-9)
        # QPSK at 3 dB more has the same energy per bit
        assert bit_error_rate("qpsk", snr_db + 10 * np.log10(2)) == pytest.approx(expected)
