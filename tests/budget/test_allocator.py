"""The allocator: frames that fit, as good as an exhaustive search, cautious where it must be."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.budget.allocator import Allocator
from semcom.budget.choice import Plan
from semcom.budget.frame import coded_blocks
from semcom.budget.states import channel_states
from tests.budget.conftest import picture_curve, semantic_curve
from tests.budget.conftest import settings as link_settings

MODULATIONS = ("qpsk", "16qam", "64qam", "256qam")


def fits(frame: Any) -> None:
    """All shares together are the budget, and every block fits its own."""
    assert sum(block.channel_uses for block in frame.blocks) == frame.channel_uses
    for block in frame.blocks:
        if block.num_bytes:
            assert coded_blocks(frame.code, block.modulation, block.num_bytes, block.channel_uses)


@given(
    channel_uses=st.integers(60, 6000),
    esn0_db=st.floats(-5, 25),
    channel=st.sampled_from(["awgn", "rayleigh"]),
)
@settings(max_examples=6)
def test_every_frame_uses_its_budget_exactly(
    channel_uses: int, esn0_db: float, channel: str
) -> None:
    from semcom.budget.settings import Allocation

    link = link_settings(channel_uses, channel)
    for curve, packets in (
        (semantic_curve(), ("label_map", "image")),
        (picture_curve(), ["image"]),
    ):
        one = Allocator(curve, packets, link, Allocation(), channel_uses)
        if curve.codec == "bpg" and channel_uses < 150:
            continue
        fits(one.choose(esn0_db).frame)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_every_class_has_its_share_of_the_budget(allocator: Any, classes: int) -> None:
    packets = ("label_map", "image", "image", "image")
    one = allocator(900, "rayleigh", packets, protection="unequal", classes=classes)
    frame = one.choose(8.0).frame
    fits(frame)
    assert [block.protection for block in frame.blocks] == {
        2: [0, 1, 1, 1],
        3: [0, 1, 1, 2],
        4: [0, 1, 2, 3],
    }[classes]


@pytest.mark.parametrize("channel", ["awgn", "rayleigh"])
@pytest.mark.parametrize(("channel_uses", "esn0_db"), [(400, 5.0), (1200, 0.0), (2500, 12.0)])
def test_equal_protection_is_within_two_percent_of_an_exhaustive_search(
    allocator: Any, channel: str, channel_uses: int, esn0_db: float
) -> None:
    one = allocator(channel_uses, channel)
    found = one.choose(esn0_db).expected
    prospect = one.prospect(channel_states(one.settings, one.allocation, esn0_db))
    sizes = [0, 21, 30, 45, 61, 80, 110, 151, 200, 250, 301]
    values = [
        prospect.objective(Plan(num_bytes, (modulation,), (1.0,)))
        for num_bytes in itertools.product(sizes, sizes)
        for modulation in MODULATIONS
        if any(num_bytes)
    ]
    best = max(value for value in values if value is not None)
    assert found >= 0.98 * best


@pytest.mark.parametrize(("channel", "esn0_db"), [("awgn", 3.0), ("rayleigh", 10.0)])
def test_unequal_protection_is_within_two_percent_of_an_exhaustive_search(
    allocator: Any, channel: str, esn0_db: float
) -> None:
    one = allocator(700, channel, protection="unequal")
    found = one.choose(esn0_db).expected
    prospect = one.prospect(channel_states(one.settings, one.allocation, esn0_db))
    sizes = [0, 21, 45, 61, 110, 151, 301]
    values = [
        prospect.objective(Plan(num_bytes, modulations, (share, 1 - share)))
        for num_bytes in itertools.product(sizes, sizes)
        for modulations in itertools.product(MODULATIONS, MODULATIONS)
        for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
        if any(num_bytes)
    ]
    best = max(value for value in values if value is not None)
    assert found >= 0.98 * best


def test_a_better_channel_and_a_larger_budget_never_do_harm(allocator: Any) -> None:
    by_snr = [allocator(600).choose(snr).expected for snr in (-4.0, 0.0, 4.0, 8.0, 16.0)]
    assert by_snr == sorted(by_snr)
    by_size = [allocator(uses).choose(6.0).expected for uses in (200, 400, 800, 1600, 3200)]
    assert by_size == sorted(by_size)


def test_an_ideal_code_bounds_the_normal_approximation_which_bounds_the_link(
    allocator: Any,
) -> None:
    for snr in (0.0, 6.0):
        link, normal, capacity = (
            allocator(500, code=code).choose(snr).expected
            for code in ("link", "normal", "capacity")
        )
        assert link <= normal + 1e-9 <= capacity + 2e-9


def test_over_fading_the_frame_is_more_careful_than_for_its_mean(allocator: Any) -> None:
    careful, bold = allocator(800, "rayleigh"), allocator(800)
    states = channel_states(careful.settings, careful.allocation, 12.0)
    chosen, hoped = careful.choose(12.0), bold.choose(12.0)
    value = careful.prospect(states).objective(hoped.plan)
    assert value is not None
    assert chosen.expected > value
    assert (
        chosen.frame.describe()["classes"][0]["bits_per_use"]
        < (hoped.frame.describe()["classes"][0]["bits_per_use"])
    )


def test_the_tail_weight_buys_the_worst_states_with_the_mean(allocator: Any) -> None:
    mean = allocator(600, "rayleigh").choose(14.0)
    tail = allocator(600, "rayleigh", budget={"tail_weight": 1.0}).choose(14.0)
    assert tail.tail >= mean.tail
    assert tail.expected <= mean.expected + 1e-9


def test_where_the_channel_is_uncertain_unequal_protection_guards_the_label_map(
    allocator: Any,
) -> None:
    equal = allocator(1000, spread_db=4.0).choose(5.0)
    unequal = allocator(1000, spread_db=4.0, protection="unequal").choose(5.0)
    assert unequal.expected > equal.expected
    lost = dict(zip(("map", "picture"), unequal.block_error_rates, strict=True))
    assert lost["map"] < lost["picture"]


def test_what_is_maximised_is_the_score_that_was_asked_for(allocator: Any) -> None:
    choice = allocator(400, budget={"score": {"psnr_db": 1.0}}).choose(4.0)
    assert 10 < choice.expected < 20
    with pytest.raises(ValueError, match="'fid', which was not measured"):
        allocator(400, budget={"score": {"fid": -1.0}}).choose(4.0)


@pytest.mark.parametrize("packets", [("label_map", "image"), ("image",)])
def test_a_budget_too_small_for_anything_is_refused_with_the_least_that_works(
    allocator: Any, packets: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="carries nothing") as caught:
        allocator(8, packets=packets).choose(20.0)
    found = re.search(r"the least that works is (\d+) channel uses", str(caught.value))
    assert found is not None
    least = int(found[1])
    fits(allocator(least, packets=packets).choose(20.0).frame)
    with pytest.raises(ValueError, match=f"the least that works is {least} channel uses"):
        allocator(least - 1, packets=packets).choose(20.0)


def test_expectation_counts_every_set_of_packets(allocator: Any) -> None:
    one = allocator(900, packets=("label_map", "image", "image", "image"))
    plan = Plan((60, 150), ("qpsk",), (1.0,))
    losses = np.array([[0.1], [0.2], [0.2], [0.2]])
    states = channel_states(one.settings, one.allocation, 3.0)
    outcomes = list(one.prospect(states).outcomes(plan, losses))
    assert sum(probability for probability, _ in outcomes) == pytest.approx(1.0)
    assert len(outcomes) == 2 * 4
    mean = sum(probability * received[1] for probability, received in outcomes)
    assert mean == pytest.approx(0.8 * max(received[1] for _, received in outcomes))


def test_a_codec_with_other_packets_than_were_measured_is_refused(allocator: Any) -> None:
    one = allocator(900)
    with pytest.raises(ValueError, match="but quality was measured for label_map, image"):
        replace(one, packets=("image",))
    with pytest.raises(ValueError, match=r"need at least 3 packets of the picture, not 1"):
        allocator(900, protection="unequal", classes=4)


def test_of_two_layers_the_one_that_the_other_needs_is_protected_better() -> None:
    from semcom.budget.fitting import packet_paths
    from semcom.budget.quality import load_table
    from semcom.budget.settings import Allocation

    curve = load_table("street").curve("layered", {})
    link = link_settings(3932, score={"miou": 1, "psnr_db": 0.03})
    known = {"design_esn0_db": 6.0, "spread_db": 3.0}
    equal, unequal = (
        Allocator(curve, packet_paths("layered", {}), link, Allocation(**kind, **known), 3932)
        for kind in ({}, {"protection": "unequal"})
    )
    found = unequal.choose(6.0)
    assert [block.protection for block in found.frame.blocks] == [0, 1]
    fits(found.frame)
    assert found.expected >= equal.choose(6.0).expected - 1e-9
    assert found.block_error_rates[0] < found.block_error_rates[1]
    assert "base" in found.frame.words()
    alone = curve.score([(1.0, (0.0, float(curve.most[1])))], {"miou": 1})
    assert alone == curve.score([(1.0, (0.0, 0.0))], {"miou": 1}), "nothing without its base"
