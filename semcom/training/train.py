"""The training loop: a run that is stopped and started again goes on as if it never stopped.

A checkpoint is written after every step that takes long beside the writing, every so often where
steps are short, and on an interrupt; every random draw is a function of the recipe's seed and the
step. On a GPU sums have no fixed order, so that two runs agree closely and not to the bit.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from semcom.codecs.sqgan.quantizer import TRAINING_ONLY, VectorQuantizer
from semcom.layout import channels_last
from semcom.memory import keep_memory
from semcom.training import log
from semcom.training.batches import TrainingSet, load_training_set, step_generator
from semcom.training.checkpoint import export, load_checkpoint, save_checkpoint
from semcom.training.compiling import compile_blocks, require_compiler
from semcom.training.objectives import Objective, objective_of
from semcom.training.recipe import Recipe
from semcom.training.strip import write_strip

__all__ = ["Progress", "learning_rate_factor", "recipe_digest", "train"]


@dataclass(frozen=True)
class Progress:
    """One step's report. ``seconds_left`` is an estimate from this run's own pace."""

    step: int
    steps: int
    losses: dict[str, float]
    seconds_per_step: float
    seconds_left: float


def recipe_digest(recipe: Recipe) -> str:
    """Identity of a training run: all of the recipe but its length and how it is run."""
    how = {
        *("steps", "cooldown", "threads", "device", "compile"),
        *("checkpoint_minutes", "leg_minutes", "picture_steps"),
    }
    return hashlib.sha256(
        recipe.model_dump_json(exclude=how, exclude_defaults=True).encode()
    ).hexdigest()[:16]


def learning_rate_factor(recipe: Recipe, step: int) -> float:
    """Linear warm-up, constant, then linear to zero over the last ``cooldown`` of the steps.

    A constant middle lets a finished run be extended by raising ``steps``
    (Zhai et al., "Scaling vision transformers", 2022).
    """
    cooldown = max(1, round(recipe.cooldown * recipe.steps))
    return min(1.0, (step + 1) / max(1, recipe.warmup), (recipe.steps - step) / cooldown)


def _device(recipe: Recipe) -> torch.device:
    if recipe.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(recipe.device)
    except RuntimeError as error:
        raise ValueError(
            f"recipe {recipe.name}: unknown device {recipe.device!r}: choose auto, cpu, cuda or "
            "cuda:N"
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"recipe {recipe.name}: device {recipe.device!r} is not available here: choose device "
            "auto or cpu"
        )
    return device


def _start_from(objective: Objective, recipe: Recipe) -> None:
    from semcom import weights

    if recipe.start_from:
        state = weights.load(recipe.start_from)
        try:
            missing, unexpected = objective.network.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise ValueError(f"weights {recipe.start_from} do not fit {recipe.network}") from error
        # second tokens come after first ones, and are trained anew where those are
        kept_out = [k for k in missing if not k.endswith((*TRAINING_ONLY, "tracked"))]
        wrong = [k for k in kept_out + unexpected if not k.startswith("residual.")]
        if wrong:
            raise ValueError(f"weights {recipe.start_from} do not fit {recipe.network}: {wrong[0]}")
        for part in objective.network.modules():
            if isinstance(part, VectorQuantizer) and bool(part.codebook.any()):
                part.ema_count.fill_(1.0)  # moving averages restart at the shipped codebook
                part.ema_sum.copy_(part.codebook)


def _check_classes(recipe: Recipe, objective: Objective, samples: TrainingSet) -> None:
    known = getattr(objective, "classes", None)
    if known is not None and known != len(samples.classes):
        raise ValueError(
            f"recipe {recipe.name}: the network {recipe.network} has {known} classes, its data "
            f"sets {len(samples.classes)}: train it on others"
        )


class _Checkpoints:
    """Writes the state when it is due: every ``minutes``, or at a small share of the time."""

    #: without ``minutes``, so many times the cost of a write pass between two
    SPARE = 20

    def __init__(self, write: Callable[[int], None], minutes: float | None) -> None:
        self._write, self._minutes = write, minutes
        self._saved, self._cost = time.monotonic(), 0.0

    def offer(self, step: int) -> None:
        """Write after ``step`` where a checkpoint is due."""
        minutes = self._minutes
        wait = self.SPARE * self._cost if minutes is None else 60 * minutes
        if time.monotonic() - self._saved >= wait:
            self.save(step)

    def save(self, step: int) -> None:
        """Write after ``step``."""
        begun = time.monotonic()
        self._write(step)
        self._saved = time.monotonic()
        self._cost = self._saved - begun


def train(recipe: Recipe, out: Path, training_set: TrainingSet | None = None) -> Iterator[Progress]:
    """Train (or go on training) into the folder ``out``, one :class:`Progress` per step.

    ``out/checkpoint.safetensors`` holds the whole state, ``out/log.csv`` the losses,
    ``out/pictures/STEP.png`` what the averaged network makes of a few pictures and
    ``out/<recipe name>.safetensors`` that network in half precision. A run with ``leg_minutes``
    ends early, before the step that would not end in time.
    """
    entered = time.monotonic()
    keep_memory()
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)  # initial weights and dropout only
    device = _device(recipe)
    objective = objective_of(recipe, device)
    for network in objective.networks.values():
        channels_last(network)
    _start_from(objective, recipe)
    average = AveragedModel(
        objective.network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=False
    )
    if recipe.compile:  # what is trained: its average only draws pictures
        require_compiler(recipe.name, device)
        compile_blocks(objective.network)
    networks = objective.networks | {"average": average}
    digest, checkpoint = recipe_digest(recipe), out / "checkpoint.safetensors"
    first = 0
    if checkpoint.is_file():
        first = load_checkpoint(checkpoint, networks, objective.optimizers, digest)
    if first >= recipe.steps:
        return
    # all pictures fit the memory of a GPU: crops are cut where they are used
    samples = (training_set or load_training_set(recipe)).to(device)
    _check_classes(recipe, objective, samples)
    objective.prepare(samples)
    base = {n: [g["lr"] for g in o.param_groups] for n, o in objective.optimizers.items()}

    def write(step: int) -> None:
        save_checkpoint(checkpoint, step, networks, objective.optimizers, digest)
        note = {"recipe": recipe.name, "steps": str(step), "digest": digest}
        export(out / f"{recipe.name}.safetensors", objective.shipped(average.module), note)

    out.mkdir(parents=True, exist_ok=True)
    log.cut(out / "log.csv", first)
    checkpoints = _Checkpoints(write, recipe.checkpoint_minutes)
    autocast = torch.autocast(
        device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16", cache_enabled=False
    )
    done, paced, begun = first, first, time.monotonic()
    try:
        for step in range(first, recipe.steps):
            factor = learning_rate_factor(recipe, step)
            for name, optimizer in objective.optimizers.items():
                for group, rate in zip(optimizer.param_groups, base[name], strict=True):
                    group["lr"] = rate * factor
            for network in objective.networks.values():
                network.train()
            torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout of this step
            with autocast:
                losses = objective.step(
                    partial(samples.batch, recipe, step, device),
                    step / recipe.steps,
                    step_generator(~recipe.seed & 0xFFFF, step),
                )
            average.update_parameters(objective.network)
            done = step + 1
            log.append(out / "log.csv", done, losses)
            if recipe.picture_steps and done % recipe.picture_steps == 0:
                write_strip(out, done, objective, average.module, samples)
            checkpoints.offer(done)
            pace = (time.monotonic() - begun) / (done - paced)
            if paced == first:  # the first step prepares: memory, kernels, compiled blocks
                paced, begun = done, time.monotonic()
            yield Progress(done, recipe.steps, losses, pace, pace * (recipe.steps - done))
            if recipe.leg_minutes and time.monotonic() + pace > entered + 60 * recipe.leg_minutes:
                break
    finally:  # an interrupt keeps every finished step
        if done > first:
            checkpoints.save(done)
