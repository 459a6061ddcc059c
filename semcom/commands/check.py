"""``semcom check`` and ``semcom schema``: scenarios before they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semcom.commands.terminal import complain, sentence

if TYPE_CHECKING:
    from semcom.plan import Plan
    from semcom.scenario import Scenario

__all__ = ["check", "schema"]


def check(
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO...", help="YAML files")],
) -> None:
    """Check scenarios without running them: settings, data, weights, link."""
    from semcom.plan import Plan
    from semcom.scenario import Scenario
    from semcom.scenario_errors import ScenarioError
    from semcom.scenario_link import build_link, build_own_links
    from semcom.workbench import Workbench
    from semcom.yaml_source import YamlSource

    mistaken = False
    for path in scenarios:
        try:
            scenario = Scenario.from_source(YamlSource.read(path))
        except ScenarioError as error:
            for problem in error.problems:
                complain(problem)
            mistaken = True
            continue
        try:
            build_link(scenario)
            bench = Workbench(scenario, Path())
            build_own_links(scenario, bench.transmitters)
            tasks = Plan.of(bench, None)
        except (ValueError, OSError, ImportError) as error:
            complain(f"{path}: {sentence(error)}")
            mistaken = True
            continue
        total = sum(len(of_point) for of_point in tasks.tasks.values())
        most = "at most " if scenario.sweep is not None and scenario.sweep.stop else ""
        print(f"{path}: good, {_points(scenario, tasks)}{most}{total} tasks")
        for line in bench.allocation_lines():
            print(f"  {line}")
    if mistaken:
        raise typer.Exit(2)


def _points(scenario: Scenario, plan: Plan) -> str:
    """How many points there are, or how they will be found."""
    if scenario.sweep is None or scenario.sweep.esn0_db != "auto":
        return f"{len(plan.points) - 1} points, "
    from semcom.grid import PICTURES, first_guess

    guesses = [
        first_guess(scenario.link_of(one))
        for _, one in scenario.expanded_transmitters()
        if one.codec != "original"
    ] or [first_guess(scenario.link)]
    near = " to ".join(dict.fromkeys(f"{guess:.1f}" for guess in (min(guesses), max(guesses))))
    return (
        f"esn0_db auto: about 10 points around the cliff of each transmitter, looked for with the "
        f"packets of {min(PICTURES, len(plan.description['images']))} pictures from "
        f"{near} dB on; without a channel "
    )


def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    from semcom.scenario_schema import json_schema

    print(json.dumps(json_schema(), indent=2))
