"""The view of a run in Jupyter: the same numbers as the summary, in place, readable when saved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from semcom.events import Point, Progress, Started
from semcom.notebook import Progressing, watch
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run


class Handle:
    """A notebook's output that is written over, every state kept."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def update(self, page: Any) -> None:
        self.states.append(page._repr_html_())


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Handle:
    pytest.importorskip("IPython", reason='notebooks need pip install "semcom[notebooks]"')
    made = Handle()
    monkeypatch.setattr("IPython.display.display", lambda page, display_id: made)
    return made


def test_a_watched_run_returns_its_summary_and_ends_as_a_table_of_it(
    simple_parts: None, scenario_text: str, tmp_path: Path, handle: Handle
) -> None:
    rows = watch(run(Scenario.from_text(scenario_text), tmp_path / "out"))
    assert rows == read_summary(tmp_path / "out" / "summary.csv")
    last = handle.states[-1]
    assert "done in" in last
    assert 'class="bar"' in handle.states[0]
    assert 'class="bar"' not in last
    found = re.findall(r"<tr><td>([^<]*)</td>(.*?)</tr>", last)
    assert [name for name, _ in found] == ["-6", "-3", "0", "3", "6", "no channel"]
    for name, cells in found[:-1]:
        shares = re.findall(r"<td[^>]*>(\d+) %</td>", cells)
        expected = [row["bler"] for row in rows if row["esn0_db"] == float(name)]
        assert shares == [f"{100 * bler:.0f}" for bler in expected]
    # the table grows by a point at a time
    grown = [state.count("<tr><td>") for state in handle.states]
    assert grown == sorted(grown)


def test_a_complete_run_says_so(
    simple_parts: None, scenario_text: str, tmp_path: Path, handle: Handle
) -> None:
    scenario = Scenario.from_text(scenario_text)
    list(run(scenario, tmp_path / "out"))
    assert watch(run(scenario, tmp_path / "out"))
    assert "complete already" in handle.states[-1]


def test_names_stay_text_and_the_bar_follows_the_work() -> None:
    page = Progressing()
    page.take(Started(images=1, transmitters=1, points=1, tasks=2, done=0))
    row = {"label": "<b>x</b>", "esn0_db": 1.0, "bler": 0.25, "miou": 0.5}
    page.take(Point(1.0, [row], 90.0))
    assert not page.take(Progress("receive", 2.0, 3, 4, 8.0))
    shown = page._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;x" in shown
    assert "width: 75%" in shown
    assert "receive at 2 dB: 3 of 4, 8 s left; all points: 1 min 30 s" in shown
    assert "<td>0.500</td>" in shown


def test_without_a_front_end_it_is_text(
    simple_parts: None, scenario_text: str, tmp_path: Path
) -> None:
    page = Progressing()
    for event in run(Scenario.from_text(scenario_text), tmp_path / "out"):
        page.take(event)
    assert repr(page).count("three packets") == 6
    assert repr(page).endswith("s")
