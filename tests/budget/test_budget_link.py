"""Frames over the link: what is lost follows the prediction, one fade for a whole frame."""

from __future__ import annotations

import numpy as np
import pytest

from semcom.budget.block_errors import block_error_rate, ideal_block_error_rate
from semcom.budget.frame import Frame, TransportBlock
from semcom.budget.link import BudgetLink
from semcom.budget.settings import BudgetLinkSettings, Modulation


def frame_of(
    sizes: list[int], uses: list[int], modulation: Modulation | None = "qpsk", code: str = "ldpc"
) -> Frame:
    blocks = tuple(
        TransportBlock(path="image", num_bytes=size, channel_uses=own, modulation=modulation)
        for size, own in zip(sizes, uses, strict=True)
    )
    return Frame(channel_uses=sum(uses), code=code, blocks=blocks)


def link(channel: str = "awgn") -> BudgetLink:
    return BudgetLink(
        BudgetLinkSettings.model_validate({"channel": channel, "budget": {"channel_uses": 1000}})
    )


def send(own: BudgetLink, frame: Frame, esn0_db: float, count: int) -> list[list[bytes | None]]:
    payloads = [[b"picture"[: max(0, b.num_bytes - 1)] for b in frame.blocks]] * count
    seeds = [[1000 * n + b for b in range(len(frame.blocks))] for n in range(count)]
    sent = own.transmit_frames([frame] * count, payloads, esn0_db, seeds, list(range(count)))
    for one in sent:
        assert sum(r.channel_uses for r in one.reports) == frame.channel_uses
        assert all(r.undetected == 0 for r in one.reports)
    return [one.payloads for one in sent]


def test_everything_arrives_well_above_the_cliff_and_nothing_below() -> None:
    frame = frame_of([60, 60], [500, 500])
    assert send(link(), frame, 6.0, 4) == [[b"picture"] * 2] * 4
    assert send(link(), frame, -8.0, 4) == [[None] * 2] * 4


def test_a_path_that_is_not_sent_is_not_lost() -> None:
    frame = frame_of([60, 0], [500, 0])
    assert send(link(), frame, 6.0, 1) == [[b"picture", b""]]


@pytest.mark.parametrize(("modulation", "num_bytes"), [("qpsk", 100), ("16qam", 220)])
def test_the_prediction_is_on_the_safe_side_and_not_far_from_the_link(
    modulation: Modulation, num_bytes: int
) -> None:
    frame = frame_of([num_bytes], [900], modulation)
    grid = np.arange(-4.0, 12.0, 0.05)
    predicted = block_error_rate("ldpc", modulation, num_bytes, 900, grid, 0.5)
    assert predicted is not None
    at_one_in_ten = float(grid[np.argmax(predicted < 0.1)])
    lost = sum(got == [None] for got in send(link(), frame, at_one_in_ten, 48))
    assert lost <= 12
    # one decibel further down the real code has its cliff, too
    assert sum(got == [None] for got in send(link(), frame, at_one_in_ten - 1.7, 16)) >= 12


def test_over_block_fading_all_blocks_of_a_frame_meet_the_same_channel() -> None:
    frame = frame_of([50, 50, 50], [300, 300, 300])
    fates = [{got is not None for got in row} for row in send(link("rayleigh"), frame, 4.0, 24)]
    assert {True} in fates
    assert {False} in fates
    assert sum(len(fate) == 1 for fate in fates) >= 20


@pytest.mark.parametrize("code", ["normal", "capacity"])
def test_an_ideal_code_loses_as_often_as_theory_says(code: str) -> None:
    frame = frame_of([200], [800], None, code)
    esn0_db = 5.4
    rate = ideal_block_error_rate(code, 200, 800, np.array([esn0_db])).item()
    lost = np.mean([got == [None] for got in send(link(), frame, esn0_db, 400)])
    assert lost == pytest.approx(rate, abs=0.08)


def test_the_same_seeds_give_the_same_losses() -> None:
    frame = frame_of([60], [300])
    first, second = (send(link("rayleigh"), frame, 3.0, 12) for _ in range(2))
    assert first == second
