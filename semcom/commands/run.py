"""``semcom run``: run a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.plot import draw
from semcom.commands.progress import show_events
from semcom.commands.report import make_report
from semcom.commands.terminal import Backend, ScenarioFile, Workers, complain

__all__ = ["run"]


def run(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for the results")],
    workers: Workers = 1,
    backend: Backend = None,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="do the I-th of N parts; `semcom merge` joins them")
    ] = "1/1",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="leave unreadable pictures out, as data.skip_bad")
    ] = False,
    plot: Annotated[bool, typer.Option(help="draw the figures at the end")] = True,
) -> None:
    """Run SCENARIO; go on where an earlier run into the same folder stopped."""
    from semcom import sweep
    from semcom.plan import Shard
    from semcom.scenario import Scenario
    from semcom.yaml_source import YamlSource

    source = YamlSource.read(scenario)
    checked = Scenario.from_source(source)
    if skip_bad:
        data = checked.data.model_copy(update={"skip_bad": True})
        checked = checked.model_copy(update={"data": data})
    try:
        events = sweep.run(
            checked,
            out,
            text=source.text,
            workers=workers,
            backend=backend,
            shard=Shard.parse(shard),
        )
        show_events(events)
    except KeyboardInterrupt:
        complain(f"stopped; what is done is kept in {out}, the same command goes on from there")
        raise typer.Exit(130) from None
    print(f"results     {out / 'summary.csv'}")
    if _text(scenario) not in (None, source.text):
        complain(
            f"{scenario} was edited during the run: these results are of the file as it was, kept "
            f"as {out / 'scenario.yaml'}; run again for the new one"
        )
    if plot:
        draw(out)
        make_report(out)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
