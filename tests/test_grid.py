"""Points around a cliff: where it is, how many, the same each time."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom import cli
from semcom.cliff import find_cliff
from semcom.events import Finished
from semcom.grid import Edges, find_edges, first_guess, spread_points
from semcom.merge import merge
from semcom.plan import Shard
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run


def waterfall(middle: float, width: float):  # type: ignore[no-untyped-def]
    """A fall from 0.95 to 0.05 over ``width`` dB, and what was asked of it."""
    asked: list[float] = []

    def loss(snr: float) -> float:
        asked.append(snr)
        return 1 / (1 + math.exp(min(700.0, 2 * math.log(19) * (snr - middle) / width)))

    return loss, asked


@given(st.floats(-20, 30), st.floats(0.05, 25), st.floats(-12, 12))
def test_the_edges_lie_around_the_fall_and_cost_few_looks(
    middle: float, width: float, off: float
) -> None:
    loss, asked = waterfall(middle, width)
    edges = find_edges(loss, middle + off)
    slack = 0.125 + (width + abs(off)) / 4
    assert edges.lost <= middle - width / 2 <= edges.lost + slack
    assert edges.intact - slack <= middle + width / 2 <= edges.intact
    assert len(asked) == len(set(asked)) <= 24


@given(st.floats(-20, 30), st.floats(0.05, 25))
def test_about_ten_points_show_the_whole_fall(middle: float, width: float) -> None:
    loss, _ = waterfall(middle, width)
    points = spread_points(find_edges(loss, middle - 0.3))
    assert 6 <= len(points) <= 10
    assert all(point == round(8 * point) / 8 for point in points)
    assert all(left < right for left, right in pairwise(points))
    cliff = find_cliff([{"esn0_db": point, "bler": loss(point)} for point in points])
    assert cliff is not None
    assert cliff.half == pytest.approx(middle, abs=0.07 + width / 8)
    step = 0.125  # points lie on a grid, so the outermost may miss the cliff by a step
    inside = [point for point in points if cliff.low - step <= point <= cliff.high + step]
    assert len(inside) >= min(4, math.floor((cliff.high - cliff.low) / step))


def test_a_step_has_points_on_both_sides_of_it() -> None:
    edges = find_edges(lambda snr: float(snr < 1.3), 0.0)
    assert edges == Edges(1.25, 1.375)
    assert spread_points(edges) == (-0.5, 1.0, 1.25, 1.375, 1.625, 3.125)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_without_a_fall_the_user_is_asked_for_points(share: float) -> None:
    with pytest.raises(ValueError, match=r"of the packets are lost at -?\d+ dB.*esn0_db"):
        find_edges(lambda snr: share, 0.0)


@pytest.mark.parametrize(
    ("modulation", "rate", "cliff_db"),
    [("qpsk", 0.5, 1.0), ("16qam", 0.5, 6.2), ("64qam", 0.75, 14.6), ("qpsk", 1.0, 12.0)],
)
def test_the_first_guess_is_near_the_cliff_of_white_noise(
    modulation: str, rate: float, cliff_db: float
) -> None:
    from channels import LinkSettings

    code = "uncoded" if rate == 1 else "ldpc"
    settings = LinkSettings(code=code, rate=rate, modulation=modulation)
    assert abs(first_guess(settings) - cliff_db) < 1.5


@pytest.fixture
def auto_text(simple_parts: None, scenario_text: str) -> str:
    return scenario_text.replace("{start: -6, stop: 6, step: 3}", "auto")


def complete(text: str, folder: Path, **options: Any) -> Finished:
    *_, last = run(Scenario.from_text(text), folder, text=text, **options)
    assert isinstance(last, Finished)
    return last


def grids(folder: Path) -> dict[str, list[float]]:
    return {row["transmitter"]: row["esn0_db"] for row in Results.read(folder).grids.values()}


def test_each_transmitter_is_simulated_around_its_own_cliff(auto_text: str, tmp_path: Path) -> None:
    complete(auto_text, tmp_path)
    rows = read_summary(tmp_path / "summary.csv")
    for label, points in grids(tmp_path).items():
        own = [row for row in rows if row["label"] == label]
        assert [row["esn0_db"] for row in own] == [None, *points]
        # the link of the tests loses everything up to -5 dB and nothing from 5 dB on
        assert points[0] < -4 < 4 < points[-1]
        assert find_cliff(own[1:]) is not None
        assert (own[1]["bler"], own[-1]["bler"]) == (1, 0)


def test_points_are_found_once_and_the_same_in_any_order(auto_text: str, tmp_path: Path) -> None:
    import channels

    complete(auto_text, tmp_path / "a")
    calls = channels.Link.calls  # type: ignore[attr-defined]
    assert complete(auto_text, tmp_path / "a").computed == 0
    assert channels.Link.calls == calls  # type: ignore[attr-defined]
    head, one, two = auto_text.split("  - codec")
    two, tail = two.split("link:")
    complete(f"{head}  - codec{two}  - codec{one}link:{tail}", tmp_path / "b")
    assert grids(tmp_path / "a") == grids(tmp_path / "b")


@pytest.mark.parametrize("steps", [1, 3, 5, 8, 20])
def test_a_run_stopped_in_its_search_goes_on(auto_text: str, tmp_path: Path, steps: int) -> None:
    begun = run(Scenario.from_text(auto_text), tmp_path / "stopped")
    for _, _ in zip(range(steps), begun, strict=False):
        pass
    begun.close()
    complete(auto_text, tmp_path / "stopped")
    complete(auto_text, tmp_path / "whole")
    summaries = [read_summary(tmp_path / name / "summary.csv") for name in ("stopped", "whole")]
    timeless = [
        [{k: v for k, v in row.items() if not k.endswith("_ms")} for row in rows]
        for rows in summaries
    ]
    assert timeless[0] == timeless[1]


def test_points_of_an_earlier_scenario_are_left_out(
    auto_text: str, scenario_text: str, tmp_path: Path
) -> None:
    complete(scenario_text.replace("step: 3", "step: 0.125"), tmp_path)
    complete(auto_text, tmp_path)
    found = grids(tmp_path)
    rows = read_summary(tmp_path / "summary.csv")
    assert len(rows) == sum(1 + len(points) for points in found.values())


def test_shards_find_the_same_points_and_merge(auto_text: str, tmp_path: Path) -> None:
    complete(auto_text, tmp_path / "whole")
    for number in (1, 2):
        complete(auto_text, tmp_path / f"part{number}", shard=Shard(number, 2))
        assert grids(tmp_path / f"part{number}") == grids(tmp_path / "whole")
    merged = merge([tmp_path / "part1", tmp_path / "part2"], tmp_path / "merged")
    assert [(r["label"], r["esn0_db"], r["bler"], r["mse"]) for r in read_summary(merged)] == [
        (r["label"], r["esn0_db"], r["bler"], r["mse"])
        for r in read_summary(tmp_path / "whole" / "summary.csv")
    ]
    assert complete(auto_text, tmp_path / "merged").computed == 0


def test_found_and_given_points_do_not_merge(
    auto_text: str, scenario_text: str, tmp_path: Path
) -> None:
    complete(auto_text, tmp_path / "found")
    complete(scenario_text, tmp_path / "given")
    with pytest.raises(ValueError, match=r"found and .*given do not merge: one run found its own"):
        merge([tmp_path / "found", tmp_path / "given"], tmp_path / "merged")


def test_the_scenario_keeps_the_word_and_refuses_others(auto_text: str) -> None:
    scenario = Scenario.from_text(auto_text)
    assert Scenario.from_text(scenario.to_yaml()).sweep == scenario.sweep
    with pytest.raises(ValueError, match="'automatic' is not a number; auto looks for the points"):
        Scenario.from_text(auto_text.replace("auto", "automatic"))


def test_check_explains_and_the_schema_knows_it(
    auto_text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from semcom.scenario_schema import json_schema

    (tmp_path / "auto.yaml").write_text(auto_text)
    monkeypatch.setattr(sys, "argv", ["semcom", "check", str(tmp_path / "auto.yaml")])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert not stopped.value.code
    said = capsys.readouterr().out
    assert "about 10 points around the cliff of each transmitter" in said
    assert "from 0.7 dB on" in said
    assert {"const": "auto"} in json_schema()["$defs"]["Sweep"]["properties"]["esn0_db"]["anyOf"]


def test_a_budget_is_not_searched() -> None:
    text = """\
data: {name: street, count: 2}
transmitters: [{codec: sqgan, allocation: {protection: equal}}]
link: {channel: awgn, budget: {channel_uses_per_pixel: 0.02}}
sweep: {esn0_db: auto}
metrics: [miou]
"""
    with pytest.raises(ValueError, match="a budget decides at each point what is sent"):
        Scenario.from_text(text)
