"""Links lose as many payloads as they did when their reference points were counted."""

import csv
import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from channels import Link, LinkSettings
from channels.settings import CHANNELS, CODES, MODULATIONS
from tests.channels.reference_points import LINKS, PATH

with PATH.open(newline="", encoding="utf-8") as file:
    POINTS = list(csv.DictReader(file))

#: how often all of these tests together cry wolf
LEVEL = 1e-3
_SEEDS = range(1 << 20, (1 << 20) + 160)


def _cases() -> list[Any]:
    """All points, of which some take longer than the rest together."""
    slow = ('"uma"', '"rma"', '"tdl-b"')
    return [
        pytest.param(
            point,
            id=point["settings"],
            marks=[pytest.mark.slow] if any(name in point["settings"] for name in slow) else [],
        )
        for point in POINTS
    ]


@pytest.mark.parametrize("point", _cases())
def test_as_many_payloads_are_lost_as_ever(point: dict[str, str]) -> None:
    """Fisher's exact test of two counts, its level shared among the points."""
    link = Link(LinkSettings(**json.loads(point["settings"])))
    num_bytes = int(point["payload_bytes"])
    assert link.frame(num_bytes).block_bits == int(point["k"])
    payloads = [np.random.default_rng(seed).bytes(num_bytes) for seed in _SEEDS]
    report = sum(link.transmit(payloads, float(point["esn0_db"]), _SEEDS).reports)
    lost = report.payloads_lost + report.undetected
    errors, sent = int(point["errors"]), int(point["payloads"])
    test = stats.fisher_exact([[errors, sent - errors], [lost, len(payloads) - lost]])
    assert test.pvalue > LEVEL / len(POINTS), f"{lost} of {len(payloads)}, was {errors} of {sent}"


def test_the_judgement_notices_a_quarter_of_a_decibel() -> None:
    """The first link, stronger by 0.25 dB than it was, does not pass."""
    point = POINTS[0]
    link = Link(LinkSettings(**json.loads(point["settings"])))
    payloads = [np.random.default_rng(seed).bytes(int(point["payload_bytes"])) for seed in _SEEDS]
    snr = float(point["esn0_db"]) + 0.25
    lost = sum(link.transmit(payloads, snr, _SEEDS).reports).payloads_lost
    errors, sent = int(point["errors"]), int(point["payloads"])
    test = stats.fisher_exact([[errors, sent - errors], [lost, len(payloads) - lost]])
    assert test.pvalue < LEVEL / len(POINTS)


def test_every_kind_of_link_has_a_point_worth_comparing() -> None:
    assert [json.loads(point["settings"]) for point in POINTS] == [link for _, link in LINKS]
    settings = [LinkSettings(**json.loads(point["settings"])) for point in POINTS]
    assert {one.code for one in settings} == set(CODES)
    assert {one.modulation for one in settings} == set(MODULATIONS)
    assert {one.channel.partition("-")[0] for one in settings} == {
        channel.partition("-")[0] for channel in CHANNELS
    }
    assert {one.detector for one in settings} == {None, "lmmse", "k-best"}
    for point in POINTS:
        assert 0.02 < int(point["errors"]) / int(point["payloads"]) < 0.6
