"""Predicted block errors beside theory, and the channel states of a frame."""

from __future__ import annotations

import numpy as np
import pytest

from channels.limits import awgn_capacity
from semcom.budget.block_errors import block_error_rate, ideal_block_error_rate
from semcom.budget.settings import Allocation, BudgetLinkSettings
from semcom.budget.states import STATES, channel_states


def link(channel: str = "awgn", **more: float) -> BudgetLinkSettings:
    return BudgetLinkSettings.model_validate(
        {"channel": channel, "budget": {"channel_uses": 1000}, **more}
    )


def test_without_fading_there_is_one_state_the_one_the_transmitter_believes_in() -> None:
    assert channel_states(link(), Allocation(), 7.0).effective_esn0_db(None).tolist() == [7.0]
    assert channel_states(link(), Allocation(design_esn0_db=4.0), 7.0).effective_esn0_db(
        None
    ).tolist() == [4.0]


def test_rayleigh_states_have_the_mean_and_the_outage_of_theory() -> None:
    states = channel_states(link("rayleigh"), Allocation(), 10.0).effective_esn0_db("qpsk")
    power = 10 ** ((states - 10) / 10)
    assert len(states) == STATES
    assert power.mean() == pytest.approx(1.0, abs=0.01)
    # P(|h|^2 < x) = 1 - exp(-x)
    assert np.mean(power < 0.1) == pytest.approx(1 - np.exp(-0.1), abs=1 / STATES)
    assert (np.diff(states) >= 0).all()


def test_a_direct_path_and_a_sure_channel_make_the_states_narrower() -> None:
    spread = [
        float(np.ptp(channel_states(settings, Allocation(), 10.0).effective_esn0_db(None)))
        for settings in (link("rayleigh"), link("rician", rician_k_db=10.0))
    ]
    assert spread[1] < spread[0]
    shadowed = channel_states(link(), Allocation(spread_db=3.0), 10.0).effective_esn0_db(None)
    assert float(shadowed.std()) == pytest.approx(3.0, abs=0.05)


def test_an_ideal_code_of_any_length_turns_at_capacity() -> None:
    esn0_db = np.array([5.0])
    bits = 1000 * awgn_capacity(5.0)
    below, above = int(bits - 24) // 8, int(bits - 24) // 8 + 1
    assert ideal_block_error_rate("capacity", below, 1000, esn0_db).item() == 0.0
    assert ideal_block_error_rate("capacity", above, 1000, esn0_db).item() == 1.0
    # a finite block loses a few there, and the more the shorter it is
    near = ideal_block_error_rate("normal", int(0.9 * bits) // 8 - 3, 1000, esn0_db).item()
    short = ideal_block_error_rate("normal", int(0.09 * bits) // 8 - 3, 100, esn0_db).item()
    assert 0 < near < short < 0.5


@pytest.mark.parametrize("modulation", ["qpsk", "16qam", "256qam"])
def test_block_errors_fall_with_snr_and_rise_with_bytes(modulation: str) -> None:
    snr = np.linspace(-10, 30, 81)
    short, long = (block_error_rate("ldpc", modulation, size, 2000, snr) for size in (100, 300))
    assert short is not None
    assert long is not None
    assert (np.diff(short) <= 1e-12).all()
    assert (long >= short).all()
    assert short[0] == pytest.approx(1.0)
    assert short[-1] < 1e-9
