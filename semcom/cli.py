"""The command ``semcom``: the only place that prints.

A user's mistake becomes one line on standard error and exit code 2. ``SEMCOM_DEBUG=1`` shows where
an error comes from.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from semcom.events import Event
    from semcom.scenario import Scenario

__all__ = ["app", "main"]

app = typer.Typer(
    name="semcom",
    help="Semantic image communication over real digital links.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

data_app = typer.Typer(no_args_is_help=True, help="Make data sets.")
app.add_typer(data_app, name="data")

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="YAML file")]
ResultsFolder = Annotated[Path, typer.Argument(metavar="DIR", help="folder of a run")]


def main() -> None:
    """Entry point of the console command."""
    sys.exit(_guarded(app))


def _guarded(application: typer.Typer) -> int:
    debug = os.environ.get("SEMCOM_DEBUG") == "1"
    try:
        return application(standalone_mode=False) or 0
    except KeyboardInterrupt:
        _complain("stopped")
        return 130
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Abort:
        _complain("stopped")
        return 130
    except (ValueError, OSError, ImportError) as error:
        if debug:
            raise
        _complain(_sentence(error))
        return 2
    except Exception as error:
        if debug or not hasattr(error, "format_message"):
            raise
        _complain(f"{error.format_message()} (`semcom --help` lists what can be asked)")
        return 2


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _complain(text: str) -> None:
    print(f"semcom: {text}", file=sys.stderr)


@app.command()
def run(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for the results")],
    workers: Annotated[
        int, typer.Option(min=1, help="processes that share the pictures; same numbers for any")
    ] = 1,
    plot: Annotated[bool, typer.Option(help="draw the figures at the end")] = True,
) -> None:
    """Run SCENARIO; go on where an earlier run into the same folder stopped."""
    from semcom import sweep
    from semcom.yaml_source import YamlSource

    source = YamlSource.read(scenario)
    checked = _scenario(source)
    try:
        _show(sweep.run(checked, out, text=source.text, workers=workers))
    except KeyboardInterrupt:
        _complain(f"stopped; what is done is kept in {out}, the same command goes on from there")
        raise typer.Exit(130) from None
    print(f"results     {out / 'summary.csv'}")
    if plot:
        _plot(out)


def _scenario(source: Any) -> Scenario:
    from semcom.scenario import Scenario

    return Scenario.from_source(source)


def _show(events: Iterator[Event]) -> None:
    """Print a run as it goes: a live bar in a terminal, plain lines elsewhere."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if console.is_terminal:
        _show_live(events, console)
    else:
        _show_plain(events)


def _show_live(events: Iterator[Event], console: Any) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from semcom import events as kinds
    from semcom.table import duration

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        job = bar.add_task("starting", total=None, left="")
        for event in events:
            if isinstance(event, kinds.Progress):
                bar.update(
                    job,
                    description=_stage(event),
                    completed=event.done,
                    total=event.total,
                    left=f"{duration(event.seconds_left)} left",
                )
            else:
                for line in _lines(event):
                    bar.console.print(line, markup=False)


def _show_plain(events: Iterator[Event]) -> None:
    from semcom import events as kinds
    from semcom.table import duration

    last = time.monotonic()
    for event in events:
        if isinstance(event, kinds.Progress):
            # a log needs a sign of life, not every step
            if event.done == 0 or time.monotonic() - last < 10:
                continue
            last = time.monotonic()
            left = duration(event.seconds_left)
            print(f"  {_stage(event)} {event.done} of {event.total}, {left} left", flush=True)
        else:
            for line in _lines(event):
                print(line, flush=True)


def _stage(event: Any) -> str:
    where = "without a channel" if event.esn0_db is None else f"at {event.esn0_db:g} dB"
    return "encode" if event.stage == "encode" else f"{event.stage} {where}"


def _lines(event: Any) -> list[str]:
    from semcom import events as kinds
    from semcom import table

    if isinstance(event, kinds.Started):
        return [table.opening(event), *table.head()]
    if isinstance(event, kinds.Point):
        return table.point_lines(event)
    if event.computed == 0:
        return [f"complete already: nothing to compute ({table.duration(event.seconds)})"]
    return [f"done in {table.duration(event.seconds)}"]


@app.command()
def plot(folder: ResultsFolder) -> None:
    """Draw the figures of a run again."""
    _plot(folder)


def _plot(folder: Path) -> None:
    from semcom.plots import draw_all

    for path in draw_all(folder):
        print(f"figure      {path}")


@app.command()
def show(folder: ResultsFolder) -> None:
    """Print the summary of a run."""
    from semcom.summary import read_summary
    from semcom.table import summary_table

    for line in summary_table(read_summary(folder / "summary.csv")):
        print(line)


@app.command()
def check(
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO...", help="YAML files")],
) -> None:
    """Check scenarios without running them: settings, data, weights, link."""
    from semcom.plan import Plan
    from semcom.scenario_errors import ScenarioError
    from semcom.workbench import Workbench
    from semcom.yaml_source import YamlSource

    mistaken = False
    for path in scenarios:
        try:
            scenario = _scenario(YamlSource.read(path))
        except ScenarioError as error:
            for problem in error.problems:
                _complain(problem)
            mistaken = True
            continue
        try:
            tasks = Plan.of(Workbench(scenario, Path()), None)
        except (ValueError, OSError, ImportError) as error:
            _complain(f"{path}: {_sentence(error)}")
            mistaken = True
            continue
        total = sum(len(of_point) for of_point in tasks.tasks.values())
        print(f"{path}: good, {len(tasks.points) - 1} points, {total} tasks")
    if mistaken:
        raise typer.Exit(2)


@app.command()
def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    from semcom.scenario_schema import json_schema

    print(json.dumps(json_schema(), indent=2))


@app.command()
def encode(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="photograph")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="coded picture to write")],
    codec: Annotated[str, typer.Option(help="`semcom codecs` lists them")] = "sqgan",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="a setting, e.g. keep_fraction.image=0.2"),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="HxW", help="the photograph is cropped and scaled to it")
    ] = "256x512",
    label_map: Annotated[
        Path | None, typer.Option(metavar="PNG", help="class ids, instead of the segmenter's")
    ] = None,
) -> None:
    """Code IMAGE into FILE and say where the bits went."""
    from semcom.photo import encode_photo, parse_settings, parse_size
    from semcom.table import bit_budget

    height, width = parse_size(size)
    packets = encode_photo(
        image, file, codec, parse_settings(settings or []), (height, width), label_map
    )
    bits: dict[str, int] = {}
    for packet in packets:
        for part, count in packet.bits.items():
            name = part if len(packets) == 1 else f"{packet.kind} {part}"
            bits[name] = bits.get(name, 0) + count
    parts = f"{len(packets)} packet" + ("s" if len(packets) > 1 else "")
    print(f"{file}: {codec}, {height}x{width} pixels, {parts}, {file.stat().st_size} bytes in all")
    for line in bit_budget(bits, height * width):
        print(line)


@app.command()
def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="coded picture")],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="picture to write, e.g. x.png")],
    label_map: Annotated[
        Path | None, typer.Option(metavar="PNG", help="write the received label map, too")
    ] = None,
) -> None:
    """Rebuild the picture in FILE."""
    from PIL import Image

    from semcom.photo import decode_photo

    coded, received = decode_photo(file)
    if label_map is not None:
        if received.label_map is None:
            raise ValueError(f"{file}: the codec {coded.codec} sends no label map")
        Image.fromarray(received.label_map).save(label_map)
    Image.fromarray(received.image).save(image)
    print(f"{image}: {coded.size[0]}x{coded.size[1]} pixels from {coded.codec}")


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="YAML file")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="checkpoints and weights")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="time three steps and keep nothing")
    ] = False,
) -> None:
    """Train a network; go on from the last checkpoint in DIR."""
    import contextlib
    import signal
    import tempfile

    from semcom.table import duration
    from semcom.training.recipe import load_recipe

    checked = load_recipe(recipe)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill saves, like Ctrl-C
    from semcom.training.train import train as steps  # heavy: after the recipe is found good

    place = tempfile.TemporaryDirectory() if dry_run else contextlib.nullcontext(str(out))
    with place as folder:
        last = time.monotonic() - 60
        try:
            for progress in steps(checked, Path(folder)):
                if dry_run and progress.step == 3:
                    whole = duration(progress.seconds_per_step * progress.steps)
                    print(f"{progress.steps} steps of {progress.seconds_per_step:.2f} s: {whole}")
                    return
                if time.monotonic() - last > 10 or progress.step == progress.steps:
                    last = time.monotonic()
                    losses = "  ".join(f"{k} {v:.4f}" for k, v in progress.losses.items())
                    left = duration(progress.seconds_left)
                    print(
                        f"step {progress.step}/{progress.steps}  {losses}  {left} left", flush=True
                    )
        except KeyboardInterrupt:
            _complain(f"stopped; every finished step is kept in {out}, the same command goes on")
            raise typer.Exit(130) from None
    print(f"trained: {out / f'{checked.name}.safetensors'}")


@data_app.command()
def street(
    count: Annotated[int, typer.Option(min=1, help="number of pictures")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder of the data set")],
    split: Annotated[str, typer.Option(help="train, val or test; no two share a scene")] = "train",
    workers: Annotated[int, typer.Option(min=1, help="processes that render")] = 1,
    spp: Annotated[int, typer.Option(min=1, help="paths traced through each pixel")] = 16,
) -> None:
    """Render street scenes with exact label maps; pictures that are there are kept."""
    from semcom.data.street import render_set
    from semcom.table import duration

    def say(done: int, total: int, seconds_left: float) -> None:
        print(f"{done} of {total}, {duration(seconds_left)} left", flush=True)

    try:
        rendered = render_set(count, out, split=split, workers=workers, spp=spp, progress=say)
    except KeyboardInterrupt:
        _complain(f"stopped; pictures so far are kept in {out}, the same command goes on")
        raise typer.Exit(130) from None
    print(f"{out}: {count} pictures of {split}, {rendered} of them rendered now")


@app.command()
def codecs() -> None:
    """List the codecs and their settings."""
    from semcom.codecs import CODECS

    for name, codec in CODECS.items():
        print(f"{name}: {_first_line(codec)}")
        for setting, field in codec.Settings.model_fields.items():
            default = "required" if field.is_required() else f"default {field.get_default()}"
            print(f"    {setting} ({default}): {field.description}")


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").strip().splitlines()[0]


@app.command()
def channels() -> None:
    """List channel codes, modulations and channel models, and the settings of a link."""
    from channels import CHANNELS, CODES, MODULATIONS, LinkSettings

    for title, options in (
        ("code", CODES),
        ("modulation", MODULATIONS),
        ("channel", CHANNELS),
    ):
        print(title)
        for name, text in options.items():
            print(f"    {name}: {text}")
    print("settings of a link")
    for setting, field in LinkSettings.model_fields.items():
        default = "required" if field.is_required() else f"default {field.get_default()}"
        print(f"    {setting} ({default}): {field.description}")


@app.command()
def version() -> None:
    """Print the versions of what makes the numbers."""
    from semcom.plan import versions

    for name, number in versions().items():
        print(f"{name} {number}")


if __name__ == "__main__":
    main()
