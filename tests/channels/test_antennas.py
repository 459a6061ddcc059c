"""Several antennas: diversity, array gain and stream separation as theory has them."""

import itertools
from math import comb

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from channels import Link, LinkSettings
from channels.antennas import FlatAntennas
from channels.detection import KBest, Lmmse, lmmse
from channels.models import noise
from channels.modulation import Modulation
from channels.multipath import Multipath
from channels.ofdm import OfdmChannel
from channels.settings import PILOT_SYMBOLS


def _diversity_error_rate(branches: int, esn0_db: float) -> float:
    """BPSK over independent Rayleigh branches with maximum-ratio combining.

    Proakis, "Digital Communications", 4th edition, equation 14.4-15.
    """
    snr = 10 ** (esn0_db / 10)
    mu = np.sqrt(snr / (1 + snr))
    terms = (comb(branches - 1 + k, k) * ((1 + mu) / 2) ** k for k in range(branches))
    return float(((1 - mu) / 2) ** branches * sum(terms))


@pytest.mark.parametrize("branches", [1, 2, 4])
def test_receive_antennas_give_the_diversity_of_theory(branches: int) -> None:
    link = Link(
        LinkSettings(
            code="uncoded", modulation="bpsk", channel="rayleigh", receive_antennas=branches
        )
    )
    count = 3000
    for snr_db in (0.0, 5.0):
        reports = link.transmit([b"semantic"] * count, snr_db, range(count)).reports
        rates = np.array([report.bit_errors / report.information_bits for report in reports])
        expected = _diversity_error_rate(branches, snr_db)
        # bits of a payload share their fading: payloads are the independent draws
        assert rates.mean() == pytest.approx(expected, abs=4 * rates.std() / np.sqrt(count))
        assert expected > 4 * rates.std() / np.sqrt(count)


def _channel(
    streams: int, antennas: int, snr_db: float, count: int, name: str = "16qam"
) -> tuple[Modulation, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Modulation, bits [N, T m], symbols [N, T], received [N, R], gain [N, R, T], variance [N]."""
    rng = torch.Generator().manual_seed(streams * 100 + antennas)
    modulation = Modulation(name)
    width = streams * modulation.bits_per_symbol
    bits = torch.randint(0, 2, (count, width), generator=rng, dtype=torch.uint8)
    sent = modulation.map(bits)
    gain = torch.randn(count, antennas, streams, dtype=torch.complex64, generator=rng)
    variance = torch.full((count,), 10 ** (-snr_db / 10))
    noise = torch.randn(count, antennas, dtype=torch.complex64, generator=rng)
    received = (gain @ sent[..., None])[..., 0] + noise * variance[:, None].sqrt()
    return modulation, bits, sent, received, gain, variance


@pytest.mark.parametrize(("streams", "antennas"), [(1, 2), (2, 2), (2, 4), (4, 4)])
@pytest.mark.parametrize("snr_db", [-5.0, 10.0, 80.0])
def test_lmmse_reaches_its_closed_form_sinr(streams: int, antennas: int, snr_db: float) -> None:
    """SINR = 1 / [(I + H^H H / N0)^-1]_kk - 1, and the estimate is as wrong as it says."""
    _, _, sent, received, gain, variance = _channel(streams, antennas, snr_db, 4000)
    symbols, disturbance = lmmse(received, gain, variance)
    gram = gain.mH.to(torch.complex128) @ gain.to(torch.complex128) * 10 ** (snr_db / 10)
    inverse = np.linalg.inv(np.eye(streams) + gram.numpy())
    sinr = 1 / inverse.diagonal(axis1=1, axis2=2).real - 1
    np.testing.assert_allclose(1 / disturbance.numpy(), sinr, rtol=1e-3)
    if snr_db < 50:  # beyond, single precision of what was received shows
        normalised = ((symbols - sent).abs().square() / disturbance).mean()
        assert float(normalised) == pytest.approx(1, abs=0.06)


def test_one_stream_gets_maximum_ratio_combining() -> None:
    _, _, _, received, gain, variance = _channel(1, 3, 4.0, 200)
    symbols, disturbance = lmmse(received, gain, variance)
    power = gain.abs().square().sum((1, 2))
    torch.testing.assert_close(symbols[:, 0], (gain[..., 0].conj() * received).sum(1) / power)
    torch.testing.assert_close(disturbance[:, 0], variance / power)


@pytest.mark.parametrize("name", ["bpsk", "qpsk"])
def test_k_best_with_all_paths_is_exhaustive_max_log(name: str) -> None:
    modulation, _, _, received, gain, variance = _channel(2, 2, 3.0, 300, name)
    m = modulation.bits_per_symbol
    words = torch.tensor(list(itertools.product([0, 1], repeat=2 * m)), dtype=torch.uint8)
    candidates = gain @ modulation.map(words).T
    metric = -(received[..., None] - candidates).abs().square().sum(1) / variance[:, None]
    exact = torch.stack(
        [
            metric[:, words[:, b] == 1].amax(1) - metric[:, words[:, b] == 0].amax(1)
            for b in range(2 * m)
        ],
        dim=1,
    )
    soft = KBest(modulation, 2, 256, "cpu")(received, gain, variance)
    inside = exact.abs() < 19  # the search clips its soft bits
    assert inside.float().mean() > 0.5
    torch.testing.assert_close(soft[inside], exact[inside], atol=1e-3, rtol=1e-3)
    assert torch.equal(soft > 0, exact > 0)


def test_k_best_is_wrong_less_often_than_lmmse() -> None:
    modulation, bits, _, received, gain, variance = _channel(4, 4, 18.0, 1500)
    detectors = {"lmmse": Lmmse(modulation), "k-best": KBest(modulation, 4, 16, "cpu")}
    wrong = {
        name: int(((detect(received, gain, variance) > 0) != bits.bool()).sum())
        for name, detect in detectors.items()
    }
    assert 0 < wrong["k-best"] < 0.6 * wrong["lmmse"]


def test_the_direct_path_is_common_and_the_scattered_ones_are_not() -> None:
    path = FlatAntennas(
        LinkSettings(channel="rician", rician_k_db=3, receive_antennas=2, transmit_antennas=2)
    )
    gain = path.matrices(range(4000)).reshape(-1, 4).numpy()
    ratio = 10**0.3
    mean, power = gain.mean(0), np.mean(np.abs(gain) ** 2, axis=0)
    np.testing.assert_allclose(mean, np.sqrt(ratio / (1 + ratio)), atol=0.05)
    np.testing.assert_allclose(power, 1, atol=0.06)
    covariance = np.cov(gain.T)
    np.testing.assert_allclose(covariance, np.eye(4) / (1 + ratio), atol=0.03)


ANTENNAS = [(1, 2, None), (2, 2, "lmmse"), (3, 4, "lmmse"), (4, 4, "lmmse"), (2, 2, "k-best")]


@pytest.mark.parametrize(("sent", "received", "detector"), ANTENNAS)
@pytest.mark.parametrize("modulation", ["bpsk", "64qam"])
def test_payloads_of_any_size_cross_between_antennas(
    sent: int, received: int, detector: str | None, modulation: str
) -> None:
    link = Link(
        LinkSettings(
            channel="rayleigh", modulation=modulation, detector=detector,
            transmit_antennas=sent, receive_antennas=received,
        )
    )  # fmt: skip
    payloads = [np.random.default_rng(size).bytes(size) for size in (0, 1, 63, 200)]
    assert link.transmit(payloads, 60.0, range(4)).payloads == payloads
    assert link.transmit(payloads, -25.0, range(4)).payloads == [None] * 4


@pytest.mark.parametrize("detector", ["lmmse", "k-best"])
def test_results_depend_on_neither_batch_nor_order(detector: str) -> None:
    link = Link(
        LinkSettings(
            channel="rayleigh", modulation="16qam", transmit_antennas=2, receive_antennas=2,
            detector=detector, attempts=2,
        )
    )  # fmt: skip
    payloads = [np.random.default_rng(i).bytes(40 + i % 2) for i in range(8)]
    snr = [8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    together = link.transmit(payloads, snr, range(8))
    assert 0 < sum(together.reports).attempts - 8 < 8
    backwards = link.transmit(payloads[::-1], snr[::-1], range(7, -1, -1))
    assert backwards.payloads == together.payloads[::-1]
    assert backwards.reports == together.reports[::-1]
    for i in (0, 5):
        alone = link.transmit([payloads[i]], snr[i], [i])
        assert (alone.payloads[0], alone.reports[0]) == (together.payloads[i], together.reports[i])


def test_streams_share_channel_uses_and_energy() -> None:
    one = Link(LinkSettings(channel="rayleigh"))
    four = Link(LinkSettings(channel="rayleigh", transmit_antennas=4, receive_antennas=4))
    assert four.channel_uses(100) == one.channel_uses(100) / 4
    assert four.ebn0_db(10, 100) == pytest.approx(one.ebn0_db(10, 100) - 10 * np.log10(4))


def test_one_antenna_keeps_the_identity_it_had() -> None:
    one = Link(LinkSettings(channel="rayleigh")).identity()
    assert not {"transmit_antennas", "receive_antennas", "detector"} & set(one)
    two = Link(LinkSettings(channel="rayleigh", receive_antennas=2)).identity()
    assert two["receive_antennas"] == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"receive_antennas": 2}, "channel 'awgn' has one antenna on each side"),
        ({"channel": "bec", "receive_antennas": 2}, "channel 'bec' has one antenna"),
        (
            {"channel": "rayleigh", "transmit_antennas": 2},
            "1 receive_antennas cannot separate the streams of 2 transmit_antennas",
        ),
        ({"channel": "rayleigh", "receive_antennas": 5}, "less than or equal to 4"),
        (
            {"channel": "rayleigh", "receive_antennas": 2, "detector": "k-best"},
            "a single stream has nothing to separate",
        ),
        (
            {
                "channel": "tdl-a", "receive_antennas": 2, "transmit_antennas": 2,
                "ofdm": {"estimation": "ls"},
            },
            "needs a pilot on every subcarrier, which 2 transmit_antennas share",
        ),
        (
            {
                "channel": "rayleigh", "receive_antennas": 2, "transmit_antennas": 2,
                "detector_paths": 4,
            },
            "detector_paths does not concern detector 'lmmse'",
        ),
    ],
)  # fmt: skip
def test_antennas_that_cannot_work_are_refused_by_name(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        LinkSettings(**wrong)


@pytest.mark.parametrize("channel", ["tdl-d", "cdl-a", "umi"])
def test_every_pair_of_antennas_has_a_channel_of_energy_one(channel: str) -> None:
    model = Multipath(
        LinkSettings(
            channel=channel, transmit_antennas=2, receive_antennas=3,
            ofdm={"size": 12, "speed": 0},
        )
    )  # fmt: skip
    response = model.frequency_response(range(250), slots=1)
    assert response.shape == (250, 3, 2, 1, 14, 12)
    energy = response.abs().square().mean((3, 4, 5)).numpy()
    spread = energy.std(0) / np.sqrt(len(energy))
    assert (np.abs(energy.mean(0) - 1) < 4.5 * spread).all()
    assert len(np.unique(response[0, :, :, 0, 0, 0])) == 6


@pytest.mark.parametrize("streams", [1, 2, 4])
def test_each_stream_is_estimated_from_pilots_of_its_own(streams: int) -> None:
    """The Wiener estimate of every pair is as wrong as predicted, so no pilots collide."""
    settings = LinkSettings(
        channel="tdl-a", transmit_antennas=streams, receive_antennas=4, ofdm={"size": 24}
    )
    path, seeds, snr_db = OfdmChannel(settings), range(60), 15.0
    gain = path.multipath.frequency_response(seeds, slots=1)
    sent = torch.zeros(streams, 1, 14, 24, dtype=torch.complex64)
    for t in range(streams):
        sent[t, :, PILOT_SYMBOLS, t::streams] = path.pilots[:, t::streams]
    received = (gain * sent).sum(2)
    disturbance = torch.from_numpy(noise(seeds, received[0].numel())).view(received.shape)
    snr = torch.full((len(seeds),), snr_db, dtype=torch.float64)
    estimate, predicted = path._estimate(received + disturbance * 10 ** (-snr_db / 20), gain, snr)
    data = [t for t in range(14) if t not in PILOT_SYMBOLS]
    wrong = (estimate - gain[:, :, :, :, data]).abs().square().mean((0, 1, 3, 4, 5))
    expected = predicted.mean((0, 2, 3, 4))
    np.testing.assert_allclose(wrong.numpy(), expected.numpy(), rtol=0.2)


@pytest.mark.parametrize(
    ("channel", "sent", "detector"),
    [("tdl-a", 1, None), ("tdl-c", 4, "lmmse"), ("cdl-c", 2, "lmmse"), ("tdl-a", 2, "k-best")],
)
def test_payloads_cross_between_antennas_over_ofdm(
    channel: str, sent: int, detector: str | None
) -> None:
    link = Link(
        LinkSettings(
            channel=channel, transmit_antennas=sent, receive_antennas=4, detector=detector,
            modulation="16qam", ofdm={"size": 24, "delay_spread_ns": 50},
        )
    )  # fmt: skip
    payloads = [np.random.default_rng(size).bytes(size) for size in (0, 50, 200)]
    together = link.transmit(payloads, 30.0, range(3))
    assert together.payloads == payloads
    uncertain = link.transmit(payloads, 6.0, range(3))
    for i in (2, 1):
        alone = link.transmit([payloads[i]], 6.0, [i])
        assert alone.reports[0] == uncertain.reports[i]
    assert link.channel_uses(200) == link.settings.ofdm.channel_uses(
        -(-link.settings.coded_bits(1632) // (4 * sent * 24 * 12))
    )


def test_more_receive_antennas_lose_fewer_payloads_over_ofdm() -> None:
    payloads = [np.random.default_rng(i).bytes(90) for i in range(60)]
    lost = [
        sum(
            Link(LinkSettings(channel="tdl-a", receive_antennas=antennas))
            .transmit(payloads, 4.0, range(60))
            .reports
        ).payloads_lost
        for antennas in (1, 2)
    ]
    assert lost[0] > 10
    assert lost[1] < 0.4 * lost[0]


def test_an_estimate_loses_more_payloads_than_the_known_channel_between_antennas() -> None:
    payloads = [np.random.default_rng(i).bytes(60) for i in range(100)]
    lost = {}
    for estimation in ("perfect", "wiener"):
        link = Link(
            LinkSettings(
                channel="tdl-a", transmit_antennas=2, receive_antennas=2,
                ofdm={"estimation": estimation},
            )
        )  # fmt: skip
        lost[estimation] = sum(link.transmit(payloads, 8.0, range(100)).reports).payloads_lost
    assert 5 < lost["perfect"] <= lost["wiener"]
    assert lost["wiener"] < lost["perfect"] + 20
