"""What the objectives of whole networks share: one update, and what is shipped."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from semcom.training.batches import TrainingSet
from semcom.training.checkpoint import shipped_state
from semcom.training.recipe import Recipe

__all__ = ["WholeNetwork", "adamw", "update"]


def adamw(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=recipe.weight_decay)


def update(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> None:
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


class WholeNetwork:
    """Nothing is prepared, and everything shipped in half precision."""

    def prepare(self, samples: TrainingSet) -> None:
        return None

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        return shipped_state(network)
