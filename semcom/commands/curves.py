"""``semcom curves``: measure how good pictures are by the bytes that arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.progress import show_events
from semcom.commands.terminal import Backend, ScenarioFile, Workers

__all__ = ["curves"]


def curves(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for the counts")],
    table: Annotated[Path, typer.Option(metavar="FILE", help="table of quality to write")],
    workers: Workers = 1,
    backend: Backend = None,
) -> None:
    """Run SCENARIO, which has no link, and make the table that budgets are allocated with."""
    from semcom import sweep
    from semcom.budget.measure import measure_losses, table_of
    from semcom.scenario import Scenario
    from semcom.yaml_source import YamlSource

    source = YamlSource.read(scenario)
    checked = Scenario.from_source(source)
    if checked.link is not None:
        raise ValueError(f"{scenario}: quality is measured without a link: write `link: none`")
    if "miou" not in checked.metrics:
        raise ValueError(f"{scenario}: a table of quality needs the metric miou: add it to metrics")
    show_events(sweep.run(checked, out, text=source.text, workers=workers, backend=backend))
    print("with whole paths lost")
    show_events(measure_losses(checked, out, workers=workers, backend=backend))
    made = table_of(checked, out)
    made.save(table)
    for curve in made.curves:
        print(
            f"{curve.codec}: {curve.confusion[..., 0, 0].size} cells of {curve.images} pictures, "
            + ", ".join(
                f"{path} {least} to {most} bytes"
                for path, least, most in zip(curve.paths, curve.least, curve.most, strict=True)
            )
        )
    print(f"table       {table}")
