"""What one training step does, for each network: the objectives by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from semcom.classification import CLASSIFIERS
from semcom.codecs.jscc.config import SIZES as JSCC_SIZES
from semcom.codecs.layered.config import SIZES as LAYERED_SIZES
from semcom.codecs.saic.config import SIZES as SAIC_SIZES
from semcom.codecs.sqgan.config import SIZES as SQGAN_SIZES
from semcom.scenario_errors import known_name
from semcom.segmentation.segmenter import SEGMENTERS
from semcom.training.batches import Batch, TrainingSet
from semcom.training.crop_classifier import CropClassifierObjective
from semcom.training.index_prior import IndexPriorObjective
from semcom.training.jscc import JsccObjective
from semcom.training.layered_codec import LayeredCodecObjective
from semcom.training.lost_map import LostMapObjective
from semcom.training.map_residual import MapResidualObjective
from semcom.training.masked_paths import ImagePathObjective, MapPathObjective
from semcom.training.recipe import Recipe
from semcom.training.segmenter import SegmenterObjective
from semcom.training.transform_codec import TransformCodecObjective

__all__ = ["OBJECTIVES", "Objective", "objective_of"]


class Objective(Protocol):
    """``network`` is what is shipped; ``networks`` and ``optimizers`` are what is checkpointed."""

    network: nn.Module
    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]

    def prepare(self, samples: TrainingSet) -> None:
        """Called once with all pictures before the first step."""
        ...

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        """Tensors of ``network`` in the form that is shipped."""
        ...

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Columns of a contact strip, label maps [B, H, W] or pictures [B, 3, H, W] in [-1, 1]."""
        ...

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        """One update; ``done`` is the share of the run behind us; returns the losses to show.

        ``draw`` makes the batch of this step.
        """
        ...


OBJECTIVES: dict[str, type] = {
    "segmenter": SegmenterObjective,
    "map_path": MapPathObjective,
    "image_path": ImagePathObjective,
    "index_prior": IndexPriorObjective,
    "transform_codec": TransformCodecObjective,
    "crop_classifier": CropClassifierObjective,
    "layered_codec": LayeredCodecObjective,
    "jscc": JsccObjective,
    "lost_map": LostMapObjective,
    "map_residual": MapResidualObjective,
}

#: the sizes a recipe's ``network`` may name
_SIZES: dict[str, Mapping[str, Any]] = {
    "segmenter": SEGMENTERS,
    "transform_codec": SAIC_SIZES,
    "crop_classifier": CLASSIFIERS,
    "layered_codec": LAYERED_SIZES,
    "jscc": JSCC_SIZES,
}


def objective_of(recipe: Recipe, device: torch.device) -> Objective:
    """What ``recipe`` trains; raises ValueError for a network that its objective does not have."""
    sizes = _SIZES.get(recipe.objective, SQGAN_SIZES)
    known_name(recipe.network, sizes, f"network for the objective {recipe.objective}:")
    objective: Objective = OBJECTIVES[recipe.objective](recipe, device)
    return objective
