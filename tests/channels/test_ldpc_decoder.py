"""The decoder decides as Sionna's flooding sum-product decoder does, in any batch."""

import numpy as np
import pytest
import torch

from channels.ldpc import LdpcCode
from channels.models import noise

CASES = [
    # k, n, base graph, bits per symbol, Es/N0 in dB over BPSK near the waterfall
    (100, 400, "bg2", 2, -5.0),
    (1024, 2048, "bg2", 2, -2.0),
    (640, 960, "bg2", 4, 0.0),
    (2000, 3000, "bg1", 6, 0.0),
    (500, 560, "bg1", 1, 3.2),
    (4224, 8448, "bg1", 2, -2.1),
]


def _received(code: LdpcCode, words: int, snr_db: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Random code words over BPSK and white noise: information bits and LLRs."""
    bits = np.random.default_rng(code.n).integers(0, 2, (words, code.k)).astype(np.uint8)
    information = torch.from_numpy(bits)
    sent = 2.0 * code.encode(information) - 1.0
    deviation = (0.5 * 10 ** (-snr_db / 10)) ** 0.5
    disturbance = torch.from_numpy(noise(list(range(words)), code.n).real.copy()) * 2**0.5
    return information, 2 * (sent + deviation * disturbance) / deviation**2


@pytest.mark.parametrize(("k", "n", "graph", "order", "snr_db"), CASES)
def test_encoding_equals_sionna(k: int, n: int, graph: str, order: int, snr_db: float) -> None:
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    code = LdpcCode(k, n, graph, order)
    information, _ = _received(code, 5, snr_db)
    encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=order, bg=graph, device="cpu")
    assert torch.equal(code.encode(information), encoder(information.float()).to(torch.uint8))


@pytest.mark.parametrize(("k", "n", "graph", "order", "snr_db"), CASES)
def test_decisions_equal_sionna(k: int, n: int, graph: str, order: int, snr_db: float) -> None:
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

    code = LdpcCode(k, n, graph, order, iterations=20)
    information, llr = _received(code, 24, snr_db)
    encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=order, bg=graph, device="cpu")
    decoder = LDPC5GDecoder(encoder, cn_update="boxplus", num_iter=20, device="cpu")
    expected = decoder(llr).to(torch.uint8)
    decided, iterations = code.decode(llr)
    right = (expected == information).all(1)
    # the SNR is chosen so that some words fail: otherwise nothing much would be compared
    assert 0 < int(right.sum()) < 24
    assert torch.equal(decided, expected)
    assert bool((iterations[~right] == 20).all())
    assert bool((iterations[right] <= 20).all())


def test_decisions_do_not_depend_on_the_batch() -> None:
    code = LdpcCode(1024, 2048, "bg2", 2)
    _, llr = _received(code, 100, -2.0)
    together, iterations = code.decode(llr)
    for rows in ([0], [5, 99], list(range(13, 46)), list(range(99, -1, -1))):
        apart, spent = code.decode(llr[rows])
        assert torch.equal(apart, together[rows])
        assert torch.equal(spent, iterations[rows])


def test_stopping_early_changes_no_decision_of_a_converged_word() -> None:
    code = LdpcCode(300, 600, "bg2", 2, iterations=60)
    information, llr = _received(code, 64, 0.0)
    decided, iterations = code.decode(llr)
    assert float(iterations.float().mean()) < 20
    assert torch.equal(decided, information)


def test_low_rates_repeat_through_the_circular_buffer() -> None:
    """TS 38.212, 5.4.2.1: what lies past the end of the buffer starts over."""
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    k, graph = 600, "bg1"
    code = LdpcCode(k, 5 * k, graph)
    information, llr = _received(code, 8, -4.5)
    sent = code.encode(information)
    mother = LDPC5GEncoder(k, 3 * k, bg=graph, device="cpu")
    length = mother.n_cb_comp
    assert torch.equal(sent[:, : 3 * k], mother(information.float()).to(torch.uint8))
    assert torch.equal(sent[:, length:], sent[:, : 5 * k - length])
    assert torch.equal(code.decode(llr)[0], information)


def test_extreme_values_do_no_harm() -> None:
    code = LdpcCode(100, 200, "bg2")
    information = torch.ones(2, 100, dtype=torch.uint8)
    llr = (2.0 * code.encode(information) - 1.0) * torch.tensor([[1e30], [1e-30]])
    decided, _ = code.decode(llr)
    assert torch.equal(decided[0], information[0])
    nothing, iterations = code.decode(torch.zeros(1, 200))
    assert nothing.shape == (1, 100)
    assert int(iterations) >= 1


def test_an_empty_batch_is_an_empty_answer() -> None:
    decided, iterations = LdpcCode(100, 200, "bg2").decode(torch.zeros(0, 200))
    assert decided.shape == (0, 100)
    assert iterations.shape == (0,)
