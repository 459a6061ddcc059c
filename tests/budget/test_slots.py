"""Budgets over OFDM: frames in whole slots, losses as predicted, one channel for all blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from semcom.budget.allocator import Allocator
from semcom.budget.frame import Frame, TransportBlock
from semcom.budget.link import BudgetLink
from semcom.budget.settings import Allocation, BudgetLinkSettings, Modulation
from semcom.budget.slots import interleaver
from semcom.budget.states import STATES, channel_states
from tests.budget.conftest import semantic_curve

#: two slots of the default grid, and a few uses that are left
USES = 2200


def link(channel: str = "tdl-c", uses: int = USES, **ofdm: Any) -> BudgetLinkSettings:
    own = {"ofdm": ofdm} if ofdm else {}
    return BudgetLinkSettings.model_validate(
        {"channel": channel, "budget": {"channel_uses": uses}, **own}
    )


def frame_of(
    settings: BudgetLinkSettings, sizes: list[int], modulation: Modulation | None
) -> Frame:
    symbols, count = settings.symbols(USES), len(sizes)
    blocks = tuple(
        TransportBlock(
            path="image", num_bytes=size, channel_uses=symbols // count, modulation=modulation
        )
        for size in sizes
    )
    code = "normal" if modulation is None else "ldpc"
    return Frame(channel_uses=settings.spent(USES), code=code, blocks=blocks)


def lost(settings: BudgetLinkSettings, frame: Frame, esn0_db: float, count: int) -> np.ndarray:
    """Which blocks of ``count`` frames were lost, [count, blocks]."""
    blocks = len(frame.blocks)
    sent = BudgetLink(settings).transmit_frames(
        [frame] * count, [[b"picture"] * blocks] * count, esn0_db,
        [[blocks * n + b for b in range(blocks)] for n in range(count)],
        [10_000 + n for n in range(count)],
    )  # fmt: skip
    for one in sent:
        assert {got for got in one.payloads if got is not None} <= {b"picture"}
        assert sum(report.channel_uses for report in one.reports) == frame.channel_uses
    return np.array([[got is None for got in one.payloads] for one in sent])


@given(st.integers(1, 5000))
def test_every_symbol_of_a_frame_has_a_place_of_its_own(count: int) -> None:
    assert sorted(interleaver(count).tolist()) == list(range(count))


def test_a_short_block_meets_every_part_of_the_frame() -> None:
    subcarriers, symbols = 72, 24
    places = interleaver(subcarriers * symbols)
    for start in (0, 500, 1400):
        own = places[start : start + 4 * subcarriers]
        assert np.bincount(own % subcarriers, minlength=subcarriers).tolist() == [4] * subcarriers
        in_time = np.bincount(own // subcarriers, minlength=symbols)
        assert in_time.min() >= 10  # of 12
        assert in_time.max() <= 14


def test_a_frame_takes_whole_slots_and_its_blocks_all_their_data_symbols() -> None:
    settings = link()
    one = Allocator(semantic_curve(), ("label_map", "image"), settings, Allocation(), USES)
    frame = one.choose(8.0).frame
    assert sum(block.channel_uses for block in frame.blocks) == 2 * 72 * 12
    assert frame.channel_uses == 2 * 14 * (72 + 5)


def test_a_budget_below_one_slot_is_refused_with_the_least_that_works() -> None:
    settings = link(uses=900)
    one = Allocator(semantic_curve(), ("label_map", "image"), settings, Allocation(), 900)
    with pytest.raises(ValueError, match="the least that works is 1078 channel uses"):
        one.choose(20.0)


@pytest.mark.parametrize(
    ("channel", "ofdm", "modulation", "num_bytes", "esn0_db"),
    [
        ("tdl-c", {}, "16qam", 220, 10.0),
        ("tdl-c", {"speed": 30.0}, "qpsk", 120, 6.0),
        ("tdl-d", {"estimation": "perfect"}, "64qam", 330, 13.0),
        ("tdl-c", {}, None, 220, 6.0),
    ],
)
def test_as_much_is_lost_as_was_predicted(
    channel: str,
    ofdm: dict[str, Any],
    modulation: Modulation | None,
    num_bytes: int,
    esn0_db: float,
) -> None:
    settings = link(channel, **ofdm)
    frame = frame_of(settings, [num_bytes, num_bytes], modulation)
    one = Allocator(
        semantic_curve(), ("label_map", "image"), settings,
        Allocation(code="link" if modulation else "normal"), USES,
    )  # fmt: skip
    states = channel_states(settings, Allocation(), esn0_db, USES)
    uses = frame.blocks[0].channel_uses
    rates = one.prospect(states).loss(num_bytes, uses, modulation)
    assert rates is not None
    predicted = float(rates.mean())
    fates = lost(settings, frame, esn0_db, 40)
    assert 0.1 < predicted < 0.9, "a case that says something"
    assert fates.mean() == pytest.approx(predicted, abs=0.2)
    # the interleaver shows every block the same channel
    assert np.mean(fates[:, 0] == fates[:, 1]) >= 0.8


def test_states_come_worst_first_and_multipath_fades_less_deeply_than_a_flat_channel() -> None:
    multipath, flat = (
        channel_states(link(channel), Allocation(), 10.0, USES).effective_esn0_db("qpsk")
        for channel in ("tdl-a", "rayleigh")
    )
    assert len(multipath) == len(flat) == STATES
    assert np.corrcoef(multipath, np.arange(STATES))[0, 1] > 0.9
    assert multipath[:10].mean() > flat[:10].mean() + 3


def test_the_tail_weight_buys_the_worst_realisations_with_the_mean() -> None:
    def choice(tail_weight: float) -> Any:
        settings = BudgetLinkSettings.model_validate(
            {"channel": "tdl-c", "budget": {"channel_uses": 1100, "tail_weight": tail_weight}}
        )
        packets = ("label_map", "image")
        return Allocator(semantic_curve(), packets, settings, Allocation(), 1100).choose(6.0)

    mean, tail = choice(0.0), choice(1.0)
    assert tail.tail > mean.tail
    assert tail.expected <= mean.expected + 1e-9


def test_what_a_replay_looks_into_is_what_was_sent() -> None:
    settings = link()
    frame = frame_of(settings, [220, 220], "16qam")
    own = BudgetLink(settings)
    for fading in range(4):
        occasion = [b"one", b"two"], 9.0, [1, 2], fading
        seen = own.inspect_frame(frame, *occasion)
        payloads, snr, seeds, _ = occasion
        (sent,) = own.transmit_frames([frame], [payloads], snr, [seeds], [fading])
        assert [one is None or one.received is None for one in seen] == [
            got is None for got in sent.payloads
        ]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"channel": "ray_traced"}, "the distribution of the channel"),
        ({"channel": "tdl-c", "receive_antennas": 2}, "one antenna on each side"),
        ({"channel": "bec"}, "over awgn, rayleigh, rician and OFDM channels"),
    ],
)
def test_what_a_budget_cannot_be_allocated_over_is_one_sentence(
    settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        BudgetLinkSettings.model_validate({"budget": {"channel_uses": 2000}, **settings})
