"""OFDM over multipath: right statistics, right estimates, results by seed."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from channels import Link, LinkSettings, OfdmSettings
from channels.models import noise
from channels.ofdm import OfdmChannel
from channels.settings import OFDM_SYMBOLS, PILOT_SYMBOLS

SMALL = {"size": 24}


@pytest.mark.parametrize("channel", ["tdl-a", "tdl-d", "cdl-c", "cdl-e", "umi", "rma"])
def test_the_channel_has_the_covariance_that_the_estimator_assumes(channel: str) -> None:
    path = OfdmChannel(LinkSettings(channel=channel, ofdm=SMALL))
    count = 300
    response = path.multipath.frequency_response(range(count), slots=1).reshape(count, -1).numpy()
    assumed = path.multipath.covariance()
    np.testing.assert_allclose(assumed, assumed.conj().T, atol=1e-9)
    np.testing.assert_allclose(assumed.diagonal(), 1.0, atol=1e-6)
    measured = response.T @ response.conj() / count
    # entries of a sample covariance of 300 draws spread by at most 1 / sqrt(300)
    assert np.abs(measured - assumed).max() < 5 / np.sqrt(count)


def test_the_channel_moves_on_from_slot_to_slot() -> None:
    path = OfdmChannel(LinkSettings(channel="tdl-a", ofdm={**SMALL, "speed": 10.0}))
    response = path.multipath.frequency_response([4], slots=3)[0].reshape(3 * OFDM_SYMBOLS, -1)
    steps = (response[1:] - response[:-1]).abs().mean(1)
    # no jump where one slot ends and the next begins
    assert float(steps.max()) < 3 * float(steps.median())
    assert float((response[0] - response[-1]).abs().mean()) > 5 * float(steps.median())


def test_a_standing_receiver_sees_a_standing_channel() -> None:
    path = OfdmChannel(LinkSettings(channel="tdl-a", ofdm={**SMALL, "speed": 0.0}))
    response = path.multipath.frequency_response([4], slots=2)[0].reshape(2 * OFDM_SYMBOLS, -1)
    torch.testing.assert_close(response, response[:1].expand_as(response))


@pytest.mark.parametrize("snr_db", [0.0, 15.0])
def test_estimation_errors_are_as_large_as_predicted(snr_db: float) -> None:
    errors = {}
    for estimation in ("wiener", "ls"):
        path = OfdmChannel(LinkSettings(channel="tdl-a", ofdm={**SMALL, "estimation": estimation}))
        seeds = range(200)
        gain = path.multipath.frequency_response(seeds, slots=1)
        received = gain.clone()
        received[:, :, :, :, PILOT_SYMBOLS] *= path.pilots
        received = received[:, :, 0]
        disturbance = torch.from_numpy(noise(seeds, received[0].numel())).view(received.shape)
        received = received + disturbance * 10 ** (-snr_db / 20)
        snr = torch.full((len(seeds),), snr_db, dtype=torch.float64)
        estimate, predicted = path._estimate(received, gain, snr)
        data = [t for t in range(OFDM_SYMBOLS) if t not in PILOT_SYMBOLS]
        errors[estimation] = float((estimate - gain[:, :, :, :, data]).abs().square().mean())
        assert errors[estimation] == pytest.approx(float(predicted.mean()), rel=0.15)
    assert errors["wiener"] < 0.5 * errors["ls"]


def test_knowing_more_of_the_channel_loses_fewer_payloads() -> None:
    payloads = [np.random.default_rng(i).bytes(90) for i in range(120)]
    lost = {}
    for estimation in ("perfect", "wiener", "ls"):
        link = Link(LinkSettings(channel="tdl-a", ofdm={"estimation": estimation}))
        lost[estimation] = sum(link.transmit(payloads, 6.0, range(120)).reports).payloads_lost
    assert 0 < lost["perfect"] <= lost["wiener"] + 2
    assert lost["wiener"] < lost["ls"]
    assert lost["wiener"] - lost["perfect"] < 8


def test_results_depend_on_the_seed_alone() -> None:
    from sionna.phy import config

    link = Link(LinkSettings(channel="cdl-c", ofdm=SMALL, modulation="16qam"))
    payloads = [bytes(range(60))] * 5
    snr = [9.0, 8.0, 10.0, 9.5, 7.0]
    before = config.torch_rng("cpu").get_state()
    together = link.transmit(payloads, snr, [5, 6, 7, 8, 9])
    assert torch.equal(config.torch_rng("cpu").get_state(), before)
    for i in (4, 0, 2):
        alone = link.transmit([payloads[i]], [snr[i]], [5 + i])
        assert alone.payloads[0] == together.payloads[i]
        assert alone.reports[0] == together.reports[i]


def test_pilots_and_cyclic_prefixes_are_paid_for() -> None:
    grid = OfdmSettings()
    assert grid.data_per_slot == 72 * 12
    link = Link(LinkSettings(channel="tdl-a", modulation="qpsk"))
    bare = Link(LinkSettings(channel="awgn", modulation="qpsk"))
    slots = -(-bare.channel_uses(300) // grid.data_per_slot)
    assert link.channel_uses(300) == slots * 14 * (72 + 5)
    assert link.ebn0_db(0.0, 300) > bare.ebn0_db(0.0, 300)


@pytest.mark.parametrize("size", [0, 1, 107, 108, 3000])
def test_payloads_of_any_size_cross_whole_slots(size: int) -> None:
    payload = np.random.default_rng(size).bytes(size)
    link = Link(LinkSettings(channel="tdl-d", modulation="64qam", rate=0.75))
    assert link.transmit([payload], 45.0, [1]).payloads == [payload]


@pytest.mark.parametrize("channel", ["umi", "uma", "rma"])
def test_every_payload_draws_a_place_of_its_own(channel: str) -> None:
    model = OfdmChannel(LinkSettings(channel=channel, ofdm=SMALL)).multipath
    response = model.frequency_response(range(200), slots=1).reshape(200, -1)
    energy = response.abs().square().mean(1).numpy()
    assert abs(energy.mean() - 1) < 4.5 * energy.std() / np.sqrt(200)
    again = model.frequency_response([7, 3], slots=1).reshape(2, -1)
    assert torch.equal(again, response[[7, 3]])
    assert not torch.allclose(response[0], response[1])


@pytest.mark.parametrize("estimation", ["perfect", "ls", "wiener"])
def test_places_carry_payloads_with_every_estimator(estimation: str) -> None:
    link = Link(LinkSettings(channel="umi", ofdm={**SMALL, "estimation": estimation}))
    assert link.settings.ofdm.delay_spread_ns is None
    payloads = [bytes(range(60))] * 6
    assert link.transmit(payloads, 40.0, range(6)).payloads == payloads
    assert LinkSettings.model_validate(link.settings.model_dump()) == link.settings


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"delay_spread_ns": 100.0}, "ofdm.delay_spread_ns does not concern channel 'rma'"),
        ({"carrier_ghz": 60.0}, "ofdm.carrier_ghz 60 is outside of channel 'rma'"),
    ],
)
def test_grids_that_a_place_does_not_have_are_refused(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        LinkSettings(channel="rma", ofdm=wrong)


def test_delay_lines_have_a_delay_spread_by_default() -> None:
    for grid in (None, {"size": 24}, OfdmSettings(size=24)):
        assert LinkSettings(channel="tdl-a", ofdm=grid).ofdm.delay_spread_ns == 100.0
