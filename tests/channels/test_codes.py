"""Every code against what is known about it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from channels import Link, LinkSettings
from channels.codes import CODE_FAMILIES
from channels.coding import RepetitionCode, build_code
from channels.framing import Frame
from channels.limits import bit_error_rate, normal_approximation_esn0
from channels.models import noise


def _code(name: str, k: int, rate: float) -> object:
    n = CODE_FAMILIES[name].coded_bits(k, rate, 2)
    graph = "bg2" if rate < 0.9 else "bg1"
    return build_code(
        name, k, n, base_graph=graph, bits_per_symbol=2, iterations=8, list_size=8,
        versions=(0, 2, 3, 1), device="cpu",
    )  # fmt: skip


def _bits(rows: int, k: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(k).integers(0, 2, (rows, k)).astype(np.uint8))


def _received(coded: torch.Tensor, snr_db: float, attempt: int = 0) -> torch.Tensor:
    """Soft bits of BPSK over white noise."""
    disturbance = torch.from_numpy(noise(range(len(coded)), coded.shape[1], attempt).real.copy())
    variance = 10 ** (-snr_db / 10)
    return 4 * (2.0 * coded - 1.0 + disturbance * variance**0.5) / variance


@pytest.mark.parametrize("name", CODE_FAMILIES)
def test_planned_lengths_are_the_real_ones(name: str) -> None:
    for rate in CODE_FAMILIES[name].rates:
        for k in (48, 96):
            code = _code(name, k, rate)
            coded = code.encode(_bits(3, k))
            assert coded.shape == (3, CODE_FAMILIES[name].coded_bits(k, rate, 2))
            decided, iterations = code.decode(20.0 * coded - 10.0)
            assert torch.equal(decided, _bits(3, k))
            assert bool((iterations >= 1).all())


@pytest.mark.parametrize("name", CODE_FAMILIES)
@settings(max_examples=200, deadline=None)
@given(num_bytes=st.integers(0, 20_000), share=st.floats(0, 1))
def test_every_payload_fits_the_code(name: str, num_bytes: int, share: float) -> None:
    family = CODE_FAMILIES[name]
    low, high = min(family.rates), max(family.rates)
    rate = low + share * (high - low) if family.any_rate_between else high
    frame = Frame.plan(num_bytes, family.max_block_bits(rate))
    assert frame.block_bits <= family.max_block_bits(rate)
    coded = family.coded_bits(frame.block_bits, rate, 4)
    if name == "polar":
        # TS 38.212, 5.3.1: limits of the mother code, with 11 CRC bits of its own
        assert frame.block_bits + 11 <= coded <= 1088
        assert frame.block_bits <= 1013


@pytest.mark.parametrize("name", ["uncoded", "repetition", "convolutional", "polar", "turbo"])
def test_attempts_add_up(name: str) -> None:
    """Chase combining of two equal attempts is worth 3 dB."""
    code = _code(name, 48, 1.0 if name == "uncoded" else 0.5)
    bits = _bits(400, 48)
    coded = code.encode(bits)
    two = code.decode(_received(coded, -2.0), _received(coded, -2.0, attempt=1))[0]
    one = code.decode(_received(coded, 1.0103))[0]
    lost = [int((decided != bits).any(1).sum()) for decided in (two, one)]
    assert stats.fisher_exact([lost, [400 - count for count in lost]]).pvalue > 1e-4


@pytest.mark.parametrize("times", [1, 2, 5])
def test_repetition_collects_energy_and_nothing_else(times: int) -> None:
    code = RepetitionCode(100, 100 * times)
    bits = _bits(1000, 100)
    snr_db = 5.0 - 10 * np.log10(times)
    decided, _ = code.decode(_received(code.encode(bits), snr_db))
    errors = int((decided != bits).sum())
    assert stats.binomtest(errors, bits.numel(), bit_error_rate("bpsk", 5.0)).pvalue > 1e-4


def test_convolutional_code_meets_its_union_bound() -> None:
    """Distance spectrum of (133, 171): 36 information bits at distance 10, 211 at 12, 1404 at 14.

    Conan, "The weight spectra of some short low-rate convolutional codes", 1984.
    """
    from scipy.stats import norm

    code = _code("convolutional", 500, 0.5)
    bits = _bits(400, 500)
    ebn0_db = 3.5
    snr_db = ebn0_db + 10 * np.log10(0.5)
    decided, _ = code.decode(_received(code.encode(bits), snr_db))
    errors = int((decided != bits).sum())
    ebn0 = 10 ** (ebn0_db / 10)
    spectrum = {10: 36, 12: 211, 14: 1404, 16: 11633, 18: 77433}
    bound = sum(w * norm.sf(np.sqrt(2 * d * 0.5 * ebn0)) for d, w in spectrum.items())
    rate = errors / bits.numel()
    # errors come in bursts, so the count is generous; the bound is tight within a factor of 2 here
    assert bound / 4 < rate < 1.5 * bound


@pytest.mark.parametrize(
    ("name", "options", "within_db"),
    [("polar", {"list_size": 8}, 1.5), ("turbo", {}, 1.5), ("convolutional", {}, 3.5)],
)
def test_no_code_beats_the_normal_approximation(name: str, options: dict, within_db: float) -> None:
    link = Link(LinkSettings(code=name, rate=0.5, modulation="qpsk", **options))
    size, count = 20, 200
    budget, uses = link.bit_budget(size), link.channel_uses(size)
    information = sum(budget.values()) - budget["parity"]
    limit_db = normal_approximation_esn0("qpsk", information, uses, 1e-2)
    payloads = [np.random.default_rng(i).bytes(size) for i in range(count)]
    lost = sum(link.transmit(payloads, limit_db, range(count)).reports)
    assert stats.binomtest(lost.block_errors, count, 1e-2, "less").pvalue > 1e-4
    near = sum(link.transmit(payloads, limit_db + within_db, range(count)).reports)
    assert stats.binomtest(near.block_errors, count, 1e-2, "greater").pvalue > 1e-3


def test_longer_lists_lose_fewer_blocks() -> None:
    payloads = [np.random.default_rng(i).bytes(20) for i in range(150)]
    lost = [
        sum(Link(LinkSettings(code="polar", list_size=size)).transmit(
            payloads, 1.0, range(150)).reports).block_errors
        for size in (1, 8)
    ]  # fmt: skip
    assert lost[1] < 0.6 * lost[0]
