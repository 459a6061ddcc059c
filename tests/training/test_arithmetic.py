"""Training in other arithmetic, half precision or compiled blocks, trains the same networks."""

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file

from semcom.training.train import recipe_digest, train
from tests.training.test_training import made_set, recipe


@pytest.mark.parametrize("objective", ["map_path", "image_path", "segmenter"])
def test_half_precision_trains_float32_weights(tmp_path: Path, objective: str) -> None:
    r = recipe(objective=objective, steps=3, precision="bfloat16", adversarial_start=0.0)
    reports = list(train(r, tmp_path, made_set()))
    assert all(math.isfinite(v) for p in reports for v in p.losses.values())
    (full,) = train(recipe(objective=objective, steps=1), tmp_path / "full", made_set())
    for name in ("loss", "pixel"):
        if name in full.losses:
            assert reports[0].losses[name] == pytest.approx(full.losses[name], rel=0.03)
    with safe_open(tmp_path / "checkpoint.safetensors", "pt") as file:
        weights = [file.get_tensor(k) for k in file.keys() if k.startswith("network/")]  # noqa: SIM118
    assert {w.dtype for w in weights if w.is_floating_point()} == {torch.float32}


def test_half_precision_is_refused_where_it_would_not_train() -> None:
    with pytest.raises(ValidationError, match="precision bfloat16 is for"):
        recipe(objective="transform_codec", precision="bfloat16")


@pytest.mark.parametrize("objective", ["map_path", "image_path"])
def test_compiled_blocks_train_as_others_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, objective: str
) -> None:
    """Blocks are traced with their backward pass as ever, and run without a compiler."""
    traced = partial(torch.compile, backend="aot_eager")
    own = {"objective": objective, "steps": 2, "adversarial_start": 0.0}
    plain = list(train(recipe(**own), tmp_path / "plain", made_set()))
    with monkeypatch.context() as m:
        m.setattr(torch, "compile", traced)
        m.setattr("semcom.training.train.require_compiler", lambda name, device: None)
        fused = list(train(recipe(**own, compile=True), tmp_path / "fused", made_set()))
    for one, other in zip(plain, fused, strict=True):
        assert other.losses == pytest.approx(one.losses, rel=1e-3, abs=1e-5)
    shipped = [load_file(tmp_path / run / "made.safetensors") for run in ("plain", "fused")]
    assert shipped[0].keys() == shipped[1].keys()
    assert recipe_digest(recipe(**own, compile=True)) == recipe_digest(recipe(**own))


def test_compiling_is_refused_where_nothing_can(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match="compile is for map_path and image_path"):
        recipe(objective="segmenter", compile=True)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ValueError, match=r"compile needs a C\+\+ compiler"):
        next(train(recipe(compile=True, device="cpu"), tmp_path, made_set()))
