"""``semcom train``: train a network from a recipe."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.terminal import complain

__all__ = ["train"]


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="YAML file")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="checkpoints and weights")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="time three steps and keep nothing")
    ] = False,
) -> None:
    """Train a network; go on from the last checkpoint in DIR.

    A recipe with `leg_minutes` stops in time: exit code 75 says that steps are left.
    """
    import contextlib
    import signal
    import tempfile

    from semcom.table import duration
    from semcom.training.recipe import load_recipe

    checked = load_recipe(recipe)
    if dry_run:
        checked = checked.model_copy(update={"leg_minutes": None})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill saves, like Ctrl-C
    from semcom.training.train import train as steps  # heavy: after the recipe is found good

    place = tempfile.TemporaryDirectory() if dry_run else contextlib.nullcontext(str(out))
    with place as folder:
        last, progress = time.monotonic() - 60, None
        try:
            for progress in steps(checked, Path(folder)):
                if dry_run and progress.step == min(3, progress.steps):
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
            complain(f"stopped; every finished step is kept in {out}, the same command goes on")
            raise typer.Exit(130) from None
    if progress is not None and progress.step < progress.steps:
        print(f"leg over at step {progress.step}/{progress.steps}; the same command goes on")
        raise typer.Exit(75)  # EX_TEMPFAIL of sysexits.h
    print(f"trained: {out / f'{checked.name}.safetensors'}")
