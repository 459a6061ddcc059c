"""The scenarios that come with the project: each says what it shows and passes the checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcom.scenario import Scenario

FILES = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_opens_with_what_it_shows_needs_and_costs(path: Path) -> None:
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    text = "\n".join(head)
    assert f"semcom run scenarios/{path.name} --out runs/" in text
    for word in ("Shows", "Needs", "Cost"):
        assert f"# {word} " in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_is_good(path: Path) -> None:
    scenario = Scenario.load(path)
    assert scenario.title
    assert "miou" in scenario.metrics
    assert len({one.label for _, one in scenario.expanded_transmitters()}) >= 2


def test_the_first_steps_need_no_data_from_elsewhere() -> None:
    quickstart = Scenario.load(next(path for path in FILES if path.stem == "quickstart"))
    assert quickstart.data.name == "street"
    assert quickstart.data.root is None
