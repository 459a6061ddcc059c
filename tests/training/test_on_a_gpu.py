"""Training on a CUDA device: every objective steps, draws its strips, resumes and ships."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from semcom.training.train import train
from tests.training.test_training import made_set, recipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
]

#: by objective: a loss that no dropout disturbs, and what else the recipe says
RECIPES = {
    "segmenter": (None, {"precision": "bfloat16"}),
    "map_path": ("loss", {"precision": "bfloat16"}),
    "image_path": (
        "pixel",
        {
            "precision": "bfloat16",
            "adversarial_start": 0.0,
            "colour_weight": 8.0,
            "segmentation_weight": 0.1,
            "palette": True,
            "paste_rare": {"classes": ["car"]},
        },
    ),
    "transform_codec": ("loss", {"feature_loss": "semantic"}),
    "layered_codec": ("base_bits_per_pixel", {"crop": (32, 48), "adversarial_start": 0.0}),
    "jscc": ("loss", {"channel_uses_per_pixel": (0.01, 0.03)}),
    "crop_classifier": (None, {"network": "compact"}),
}


@pytest.mark.parametrize("objective", RECIPES)
def test_a_gpu_trains_as_the_cpu_does_and_goes_on_where_it_stopped(
    objective: str, tmp_path: Path
) -> None:
    compared, change = RECIPES[objective]
    own = {"objective": objective, "steps": 2, "picture_steps": 1, **change}
    first, _ = train(recipe(**own, device="cpu"), tmp_path / "cpu", made_set())
    fused = objective == "map_path"
    there = recipe(**own, device="cuda", checkpoint_minutes=0, compile=fused)
    run = train(there, tmp_path / "gpu", made_set())
    begun = next(run).losses
    if compared:
        assert begun[compared] == pytest.approx(first.losses[compared], rel=0.1)
    run.close()
    (second,) = train(there, tmp_path / "gpu", made_set())
    assert second.step == 2
    assert all(map(math.isfinite, second.losses.values()))
    made = load_file(tmp_path / "gpu" / "made.safetensors")
    assert {k: v.shape for k, v in made.items()} == {
        k: v.shape for k, v in load_file(tmp_path / "cpu" / "made.safetensors").items()
    }
    assert (tmp_path / "gpu" / "pictures").exists() == (tmp_path / "cpu" / "pictures").exists()
