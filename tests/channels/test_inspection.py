"""Looking into a transmission: the same as the transmission, with its inside."""

from __future__ import annotations

import numpy as np
import pytest

from channels import Link, LinkSettings
from channels.inspection import inspect_payload

PAYLOAD = bytes(range(200))

LINKS = [
    {"rate": 0.5},
    {"rate": 0.5, "modulation": "16qam", "channel": "rayleigh"},
    {"rate": 0.5, "channel": "rician", "rician_k_db": 6.0, "attempts": 3, "combining": "ir"},
    {"rate": 0.5, "channel": "tdl-c"},
    {"rate": 0.5, "modulation": "bpsk", "channel": "bsc"},
    {"rate": 0.5, "channel": "rayleigh", "transmit_antennas": 2, "receive_antennas": 2},
    {"code": "uncoded", "rate": 1.0},
]


@pytest.mark.parametrize("settings", LINKS, ids=lambda one: "-".join(map(str, one.values())))
def test_what_is_looked_into_is_what_is_sent(settings: dict[str, object]) -> None:
    checked = LinkSettings.model_validate(settings)
    for esn0_db in (-3.0, 2.0, 9.0):
        for seed in (3, 2**62 + 1):
            whole = Link(checked).transmit([PAYLOAD], esn0_db, [seed])
            seen = inspect_payload(checked, PAYLOAD, esn0_db, seed)
            assert seen.received == whole.payloads[0]
            assert seen.report == whole.reports[0]
            assert len(seen.attempts) == seen.report.attempts
            last = seen.attempts[-1]
            assert np.count_nonzero(last.wrong.any(axis=1)) == seen.report.block_errors
            assert sum(one.iterations.sum() for one in seen.attempts) == seen.report.iterations


def test_a_payload_along_a_drive_is_looked_into_at_its_position() -> None:
    from channels.drives import load_drive

    settings, drive = LinkSettings(rate=0.5, channel="ray_traced"), load_drive("street")
    near, far = (drive.names[int(i)] for i in (drive.gains_db.argmax(), drive.gains_db.argmin()))
    medians = []
    for position in (near, far):
        whole = Link(settings).transmit([PAYLOAD], 12.0, [5], [position])
        seen = inspect_payload(settings, PAYLOAD, 12.0, 5, position)
        assert (seen.received, seen.report) == (whole.payloads[0], whole.reports[0])
        assert seen.attempts[0].esn0_db is not None
        medians.append(np.median(seen.attempts[0].esn0_db))
    assert medians[0] > medians[1] + 10


def test_a_fade_is_what_lies_between_the_mean_and_the_payloads_own_snr() -> None:
    from channels.models import flat_fading

    settings = LinkSettings(rate=0.5, channel="rayleigh")
    for seed in range(5):
        (one,) = inspect_payload(settings, PAYLOAD, 7.0, seed).attempts
        gain = abs(flat_fading([seed])[0])
        assert one.esn0_db == pytest.approx(7.0 + 20 * np.log10(gain), abs=1e-3)


def test_received_symbols_scatter_around_those_sent_as_their_variance_says() -> None:
    for settings in ({"rate": 0.5}, {"rate": 0.5, "channel": "tdl-a"}):
        (one,) = inspect_payload(LinkSettings.model_validate(settings), PAYLOAD, 4.0, 1).attempts
        assert one.sent is not None
        assert one.received is not None
        assert one.noise_variance is not None
        assert len(one.sent) == len(one.received) == len(one.noise_variance)
        assert np.allclose(abs(one.sent), 1)
        power = np.mean(abs(one.received - one.sent) ** 2 / one.noise_variance)
        assert 0.85 < power < 1.15


def test_bits_on_the_wrong_side_are_as_many_as_theory_says() -> None:
    from channels.limits import bit_error_rate

    (one,) = inspect_payload(LinkSettings(rate=0.5), PAYLOAD * 4, 0.0, 1).attempts
    expected = bit_error_rate("qpsk", 0.0)
    assert one.flipped.mean() == pytest.approx(expected, rel=0.15)


def test_channels_that_know_bits_only_have_no_constellation() -> None:
    settings = LinkSettings(rate=0.5, modulation="bpsk", channel="bec")
    (one,) = inspect_payload(settings, PAYLOAD, 3.0, 1).attempts
    assert one.sent is None
    assert one.received is None
    assert one.esn0_db is None


def test_only_what_can_be_sent_is_looked_into() -> None:
    with pytest.raises(ValueError, match="finite"):
        inspect_payload(LinkSettings(), b"x", float("nan"), 1)
    with pytest.raises(ValueError, match="met nothing to look at"):
        inspect_payload(LinkSettings(block_errors="table.json"), b"x", 1.0, 1)
