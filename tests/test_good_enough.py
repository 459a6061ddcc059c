"""Retransmissions that end when the picture is good enough: fewer channel uses, nearly its mIoU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels import Link, LinkSettings
from semcom.good_enough import GoodEnough, attempts_given
from semcom.results import Results
from semcom.scenario import Scenario, ScenarioError
from semcom.stopping_link import StoppingLink, with_attempts
from semcom.summary import read_summary
from tests.budget.conftest import semantic_curve
from tests.command_line import semcom

SETTINGS = LinkSettings(rate=0.8, channel="rayleigh", attempts=4)
KINDS = ["label_map", "image", "image"]


def at_least(count: int) -> Any:
    return lambda packets, received: len(received) >= count


fates = st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=1, max_size=6)


@given(fates, st.integers(1, 6))
def test_it_is_decided_by_what_arrived_and_nothing_is_asked_for_once_there_is_enough(
    needed: list[int | None], count: int
) -> None:
    packets = [("image", 9)] * len(needed)
    limits = attempts_given(packets, needed, 4, at_least(count))
    for i, limit in enumerate(limits):
        if (needed[i] or 5) > limit:  # what would have come later is not known
            other = [*needed[:i], None, *needed[i + 1 :]]
            assert attempts_given(packets, other, 4, at_least(count)) == limits
    for number in (1, 2, 3):
        there = {i for i, n in enumerate(needed) if n and n <= min(number, limits[i])}
        if len(there) >= count:
            assert all(limits[i] <= number for i in range(len(limits)) if i not in there)
            break


def test_of_the_missing_packets_the_first_are_asked_for_again_and_no_more_than_are_needed() -> None:
    # none arrives at once: two of four are enough, so the last two are not asked for again
    assert attempts_given([("image", 9)] * 4, [2, 3, 2, 1], 4, at_least(2)) == [4, 1, 1, 4]
    assert attempts_given([("image", 9)] * 4, [None, None, None, None], 4, at_least(2)) == [
        4, 4, 1, 1,
    ]  # fmt: skip
    # one that never arrives costs its attempts, and the others do not step in for it
    assert attempts_given([("image", 9)] * 3, [None, 1, 2], 4, at_least(2)) == [4, 4, 1]


def stopping(share: float, **score: float) -> StoppingLink:
    rule = GoodEnough(share=share, **({"score": score} if score else {}))
    return StoppingLink(SETTINGS, rule, semantic_curve())


def send(link: Any, **more: Any) -> Any:
    """Twelve pictures of three packets each."""
    payloads = [bytes([n]) * size for n in range(12) for size in (60, 80, 80)]
    return link.transmit(payloads, 4.0, list(range(len(payloads))), **more)


def test_what_a_packet_meets_does_not_change_and_less_is_sent() -> None:
    plain = send(Link(SETTINGS))
    own = send(stopping(0.8), pictures=[KINDS] * 12)
    for before, got, whole, report in zip(
        plain.payloads, own.payloads, plain.reports, own.reports, strict=True
    ):
        assert report.attempts <= whole.attempts
        assert report.channel_uses * whole.attempts == whole.channel_uses * report.attempts
        assert got == (before if report.attempts == whole.attempts else None)
    assert sum(r.channel_uses for r in own.reports) < sum(r.channel_uses for r in plain.reports)
    # what was given up is counted as if it had been sent so often and no more
    given = own.reports[next(i for i, r in enumerate(own.reports) if r.attempts == 1)]
    assert given.payloads == 1
    for i, (before, report) in enumerate(zip(plain.reports, own.reports, strict=True)):
        if report.attempts < before.attempts:
            once = Link(with_attempts(SETTINGS, report.attempts)).transmit(
                [bytes([i // 3]) * (60, 80, 80)[i % 3]], 4.0, [i]
            )
            assert once.reports == [report]


def test_every_picture_that_can_be_is_as_good_as_was_asked_for() -> None:
    link, curve = stopping(0.8), semantic_curve()
    plain, own = send(Link(SETTINGS)), send(link, pictures=[KINDS] * 12)

    def score(payloads: list[bytes | None]) -> float:
        sizes = [0 if p is None else len(p) for p in payloads]
        return curve.score([(1.0, (sizes[0], sizes[1] + sizes[2]))], {"miou": 1.0})

    wanted = 0.8 * score([b"x" * 60, b"x" * 80, b"x" * 80])
    reached = 0
    for n in range(0, 36, 3):
        if score(plain.payloads[n : n + 3]) >= wanted and None not in plain.payloads[n : n + 3]:
            assert score(own.payloads[n : n + 3]) >= wanted
            reached += 1
    assert reached >= 6


def test_all_that_is_wanted_is_the_plain_link_and_so_are_packets_of_no_picture() -> None:
    plain = send(Link(SETTINGS))
    assert send(stopping(1.0), pictures=[KINDS] * 12) == plain
    assert send(stopping(0.1)) == plain


def test_a_link_that_stops_is_another_link() -> None:
    names = [str(link.identity()) for link in (stopping(0.8), stopping(0.9), Link(SETTINGS))]
    assert len(set(names)) == 3


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: GoodEnough(share=0.9, score={"fid": -1.0}), "of which there is no share"),
        (lambda: stopping(0.9, ssim=1.0), "'ssim', which was not measured"),
        (
            lambda: StoppingLink(LinkSettings(), GoodEnough(share=0.9), semantic_curve()),
            "link.attempts is 1",
        ),
    ],
)
def test_what_cannot_be_good_enough_is_one_sentence(make: Any, complaint: str) -> None:
    with pytest.raises((ValueError, ValidationError), match=complaint):
        make()


SCENARIO = """\
data: {name: street, split: test, count: 2, size: [64, 128]}
transmitters:
  - codec: sqgan
    label: all
    label_map: segmenter
    settings: &own {keep_fraction: {image: 0.5, label_map: 0.5}}
  - codec: sqgan
    label: enough
    label_map: segmenter
    settings: *own
    link: {good_enough: {share: 0.8}}
link: {code: ldpc, rate: 0.8, modulation: qpsk, channel: awgn, attempts: 3}
sweep: {esn0_db: [0]}
metrics: [miou]
seed: 1
"""


def test_a_run_saves_channel_uses_and_its_transmissions_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "harq.yaml", tmp_path / "out"
    file.write_text(SCENARIO)
    assert semcom(monkeypatch, "run", file, "--out", out) == 0, capsys.readouterr().err
    rows = {r["label"]: r for r in read_summary(out / "summary.csv") if r["esn0_db"] == 0}
    assert rows["enough"]["channel_uses"] < rows["all"]["channel_uses"]
    sent = Results.read(out).transmissions.values()
    own = next(r for r in sent if r["transmitter"] == "enough" and r["esn0_db"] == 0)
    assert semcom(monkeypatch, "replay", out, "--task", own["id"], "--out", tmp_path / "r") == 0
    assert "exactly as in the results" in capsys.readouterr().out


def test_a_scenario_that_cannot_stop_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for change, complaint in (
        ((", attempts: 3", ""), "enough: good_enough stops retransmissions"),
        (("share: 0.8", "share: 0.8, quality: mars"), "no table of quality 'mars'"),
    ):
        file = tmp_path / "harq.yaml"
        file.write_text(SCENARIO.replace(*change))
        assert semcom(monkeypatch, "check", file) == 2
        assert complaint in capsys.readouterr().err
    with pytest.raises(ScenarioError, match="share"):
        Scenario.from_text(SCENARIO.replace("share: 0.8", "share: 2"))
