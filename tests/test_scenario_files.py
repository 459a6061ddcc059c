"""The scenarios that come with the project: each says what it shows and passes the checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run

FILES = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))
#: what runs from a fresh clone
CHEAP = [path for path in FILES if "# Needs     nothing" in path.read_text()]


def marked(path: Path) -> object:
    """All but the first scenario take a minute even when they are cut down."""
    marks = [] if path.stem == "quickstart" else [pytest.mark.slow]
    return pytest.param(path, id=path.stem, marks=marks)


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


@pytest.mark.parametrize("path", [marked(path) for path in CHEAP])
def test_a_scenario_that_needs_nothing_runs(path: Path, tmp_path: Path) -> None:
    """With one picture, and the first and the last of its points."""
    whole = Scenario.load(path)
    content = {name: getattr(whole, name) for name in Scenario.model_fields}
    content["data"] = whole.data.model_copy(update={"count": 1})
    points: tuple[float, ...] = ()
    if whole.sweep is not None:
        points = (whole.sweep.points[0], whole.sweep.points[-1])
        content["sweep"] = whole.sweep.model_copy(
            update={"esn0_db": points, "realisations": 1, "stop": None}
        )
    list(run(Scenario(**content), tmp_path))
    rows = read_summary(tmp_path / "summary.csv")
    for point in points:
        here = [row for row in rows if row["esn0_db"] == point]
        assert {row["images"] for row in here} == {1}
        assert all(0 <= row["bler"] <= 1 and 0 <= row["miou"] <= 1 for row in here)
    ideal = [row for row in rows if row["esn0_db"] is None]
    assert len({row["label"] for row in ideal}) >= 2
    assert all(row["miou"] > 0 for row in ideal)
