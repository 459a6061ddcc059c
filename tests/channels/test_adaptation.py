"""Link adaptation: the standard's tables, and schemes that keep their promise."""

import numpy as np
import pytest

from channels import Link, LinkSettings
from channels.adaptation import (
    MCS_TABLES,
    adapt,
    effective_esn0_db,
    predicted_block_error_rate,
)
from channels.inspection import inspect_payload
from channels.limits import constrained_capacity
from channels.settings import BITS_PER_SYMBOL


@pytest.mark.parametrize(("number", "table"), list(enumerate(MCS_TABLES, start=1)))
def test_tables_equal_sionna(number: int, table: str) -> None:
    from sionna.phy.nr.utils import decode_mcs_index

    for index, scheme in enumerate(MCS_TABLES[table]):
        order, rate = decode_mcs_index(index, number, is_pusch=False)
        assert BITS_PER_SYMBOL[scheme.modulation] == int(order)
        assert scheme.rate == pytest.approx(float(rate), abs=1e-6)


def test_better_channels_carry_more() -> None:
    snrs = np.arange(-6.0, 32.0, 2.0)
    chosen = [adapt(LinkSettings(), float(snr), 200) for snr in snrs]
    efficiency = [settings.rate * settings.bits_per_symbol for settings in chosen]
    assert efficiency == sorted(efficiency)
    assert len(set(efficiency)) > 10
    assert chosen[0].rate == pytest.approx(120 / 1024)
    assert (chosen[-1].modulation, chosen[-1].rate) == ("256qam", 948 / 1024)
    for snr, settings in zip(snrs[4:], chosen[4:], strict=True):
        assert predicted_block_error_rate(settings, float(snr), 200) <= 0.1


@pytest.mark.parametrize("snr_db", [-4.0, 3.0, 11.0, 19.0])
def test_the_chosen_scheme_meets_the_target(snr_db: float) -> None:
    settings = adapt(LinkSettings(), snr_db, 100, target=0.1)
    payloads = [np.random.default_rng(i).bytes(100) for i in range(64)]
    lost = sum(Link(settings).transmit(payloads, snr_db, range(64)).reports).payloads_lost
    # 64 payloads at a rate of 0.1: more than 14 losses happen once in a thousand
    assert lost <= 14


@pytest.mark.parametrize("modulation", ["bpsk", "16qam", "256qam"])
def test_symbols_of_various_snrs_let_through_what_their_effective_snr_does(modulation: str) -> None:
    snrs = np.random.default_rng(1).normal(8.0, 6.0, 50)
    effective = effective_esn0_db(modulation, snrs)
    mean = np.mean([constrained_capacity(modulation, float(snr)) for snr in snrs])
    assert constrained_capacity(modulation, effective) == pytest.approx(mean, abs=2e-3)
    # fading harms more than its mean energy says
    assert effective < 10 * np.log10(np.mean(10 ** (snrs / 10)))
    assert effective_esn0_db(modulation, np.array([4.2])) == pytest.approx(4.2, abs=0.01)


def test_a_scheme_for_the_channel_of_the_payload_meets_the_target_where_the_mean_does_not() -> None:
    sounding = LinkSettings(channel="tdl-a", ofdm={"estimation": "perfect"})
    payloads = [np.random.default_rng(i).bytes(100) for i in range(32)]
    lost = dict.fromkeys(("own", "mean"), 0)
    for seed, payload in enumerate(payloads):
        seen = inspect_payload(sounding, payload, 12.0, seed).attempts[0].esn0_db
        for known, snr in (("own", seen), ("mean", 12.0)):
            link = Link(adapt(sounding, snr, 100, target=0.1, table="64qam"))
            lost[known] += link.transmit([payload], 12.0, [seed]).reports[0].payloads_lost
    # at a rate of 0.1 more than 9 losses of 32 happen once in a thousand
    assert lost["own"] <= 9 < lost["mean"]


def test_everything_else_stays_as_it_was() -> None:
    base = LinkSettings(channel="rayleigh", attempts=2, decoder_iterations=7)
    adapted = adapt(base, 10.0, 100)
    kept = {"code", "channel", "attempts", "combining", "decoder_iterations"}
    assert adapted.model_dump(include=kept) == base.model_dump(include=kept)


def test_what_cannot_be_adapted_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown MCS table '8psk'"):
        adapt(LinkSettings(), 5.0, 100, table="8psk")
    with pytest.raises(ValueError, match="target block error rate"):
        adapt(LinkSettings(), 5.0, 100, target=1.5)
    with pytest.raises(ValueError, match="code 'turbo' has none of the rates"):
        adapt(LinkSettings(code="turbo"), 5.0, 100)
