"""Binary channels: flips and erasures as often as they should be."""

import numpy as np
import pytest
import torch
from scipy import stats

from channels import Link, LinkSettings
from channels.binary import BinaryChannel, crossover_probability, erasure_probability
from channels.limits import bit_error_rate


def _soft(channel: str, bits: torch.Tensor, snr_db: float) -> torch.Tensor:
    path = BinaryChannel(LinkSettings(channel=channel))
    snr = torch.full((len(bits),), snr_db, dtype=torch.float64)
    return path.send(bits, snr, range(len(bits)), 0)


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 6.0])
def test_bits_flip_as_behind_hard_bpsk_decisions(snr_db: float) -> None:
    bits = torch.ones(50, 4000, dtype=torch.uint8)
    soft = _soft("bsc", bits, snr_db)
    probability = bit_error_rate("bpsk", snr_db)
    assert crossover_probability(snr_db) == pytest.approx(probability)
    assert stats.binomtest(int((soft < 0).sum()), soft.numel(), probability).pvalue > 1e-4
    certainty = np.log((1 - probability) / probability)
    assert float(soft.abs().max()) == pytest.approx(certainty, rel=1e-4)


def test_erased_bits_are_unknown_and_the_others_right() -> None:
    bits = torch.randint(0, 2, (50, 4000), generator=torch.Generator().manual_seed(1))
    bits = bits.to(torch.uint8)
    soft = _soft("bec", bits, -1.0)
    erased = soft == 0
    assert torch.equal((soft > 0)[~erased], bits.bool()[~erased])
    probability = erasure_probability(-1.0)
    assert stats.binomtest(int(erased.sum()), soft.numel(), probability).pvalue > 1e-4


def test_the_code_stays_on_the_right_side_of_erasure_capacity() -> None:
    """A rate 1/2 code fails with more than half of its bits erased and works well below that."""
    link = Link(LinkSettings(channel="bec", rate=0.5, decoder_iterations=50))
    payloads = [np.random.default_rng(i).bytes(100) for i in range(30)]

    def lost(erased: float) -> int:
        snr_db = 10 * np.log10(-np.log(erased))
        return sum(link.transmit(payloads, snr_db, range(30)).reports).payloads_lost

    assert lost(0.52) == 30
    assert lost(0.40) <= 1
