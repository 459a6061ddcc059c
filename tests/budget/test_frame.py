"""Frames: every transport block fits its share, and all shares together are the budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels import Link
from semcom.budget.frame import coded_blocks, fill, shares, unfill
from semcom.budget.settings import Budget, BudgetLinkSettings

MODULATIONS = ("bpsk", "qpsk", "16qam", "64qam", "256qam", "1024qam")


@given(
    st.integers(1, 5000),
    st.integers(1, 40_000),
    st.sampled_from(MODULATIONS),
)
def test_a_block_takes_its_share_on_the_real_link(
    num_bytes: int, channel_uses: int, modulation: str
) -> None:
    blocks = coded_blocks("ldpc", modulation, num_bytes, channel_uses)
    if blocks is None:
        return
    settings = BudgetLinkSettings(budget={"channel_uses": channel_uses})
    taken = Link(settings.one_block(modulation, blocks.rate)).channel_uses(num_bytes)
    whole = blocks.count * blocks.channel_uses
    assert whole - blocks.count < taken <= whole <= channel_uses
    if blocks.rate > settings.lowest_rate:
        # code blocks of a transport block are equally long: the rest of the division stays idle
        assert channel_uses - taken < blocks.count


@given(st.integers(1, 2000), st.sampled_from(MODULATIONS))
def test_what_does_not_fit_is_refused_and_one_more_use_at_last_fits(
    num_bytes: int, modulation: str
) -> None:
    fits = [coded_blocks("ldpc", modulation, num_bytes, uses) is not None for uses in (1, 1 << 20)]
    assert fits == [False, True]


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), st.integers(0, 100_000))
def test_shares_are_whole_and_use_everything(weights: list[float], total: int) -> None:
    parts = shares(weights, total)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) <= 1


@given(st.binary(max_size=200), st.integers(1, 100))
def test_a_filled_packet_comes_out_as_it_went_in(payload: bytes, more: int) -> None:
    filled = fill(payload, len(payload) + more)
    assert len(filled) == len(payload) + more
    assert unfill(filled) == payload


def test_a_packet_that_is_too_long_is_refused_and_nothing_is_no_packet() -> None:
    with pytest.raises(ValueError, match="does not fit a transport block of 3"):
        fill(b"abc", 3)
    nothing = fill(b"", 8)  # an end mark and seven zeros
    assert unfill(bytes([nothing[0] ^ 0x80]) + nothing[1:]) is None


def test_a_block_that_is_mostly_filling_looks_like_any_other() -> None:
    filled = np.unpackbits(np.frombuffer(fill(b"ab", 4000), np.uint8))
    assert abs(filled.mean() - 0.5) < 0.02


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({"channel_uses": 4096}, (4096,)),
        ({"channel_uses_per_pixel": 0.03}, (3932,)),
        ({"channel_uses_per_pixel": [0.01, 0.03]}, (1310, 3932)),
        ({"seconds": 0.001, "bandwidth_hz": 5e6}, (5000,)),
        ({"seconds": [0.001, 0.002], "bandwidth_hz": 5e6}, (5000, 10_000)),
    ],
)
def test_a_budget_is_a_number_of_channel_uses(given: Any, sizes: tuple[int, ...]) -> None:
    assert Budget.model_validate(given).sizes(256 * 512) == sizes


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "one of channel_uses, channel_uses_per_pixel and seconds"),
        ({"channel_uses": 10, "seconds": 1.0}, "not channel_uses and seconds"),
        ({"seconds": 1.0}, "give both"),
        ({"channel_uses": 10, "bandwidth_hz": 1e6}, "give both"),
        ({"channel_uses": [10, 10]}, "each of them once"),
        ({"channel_uses": []}, "at least one size"),
        ({"channel_uses": 0}, "greater than or equal to 1"),
        ({"channel_uses": 10, "modulations": []}, "at least 1 item"),
    ],
)
def test_a_budget_that_says_nothing_clear_is_refused(given: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Budget.model_validate(given)


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ({"rate": 0.5}, "rate stands beside a budget"),
        ({"modulation": "qpsk"}, "modulation stands beside a budget"),
        ({"attempts": 2}, "spent once"),
        ({"code": "turbo"}, "choose ldpc"),
        ({"channel": "ray_traced"}, "choose another channel"),
        ({"channel": "rayleigh", "receive_antennas": 2}, "one antenna on each side"),
    ],
)
def test_a_link_with_a_budget_leaves_the_rest_to_it(link: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        BudgetLinkSettings.model_validate({"budget": {"channel_uses": 100}, **link})
