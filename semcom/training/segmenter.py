"""Training of a segmenter, and the weighted cross entropy that other objectives borrow."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.data.classes import class_names
from semcom.segmentation.segmenter import SEGMENTERS, SegmentationNet
from semcom.training.batches import Batch
from semcom.training.recipe import Recipe
from semcom.training.whole_network import WholeNetwork, adamw, update

__all__ = ["SegmenterObjective", "against_truth", "class_weight_table"]


def class_weight_table(recipe: Recipe, classes: int) -> Tensor:
    """Weight per class id, void last with the default weight (its errors stay out of CE anyway)."""
    names = class_names(classes)
    unknown = set(recipe.class_weights) - set(names)
    if unknown:
        raise ValueError(
            f"recipe {recipe.name}: class_weights names {sorted(unknown)[0]!r}; "
            f"classes are {', '.join(names)}"
        )
    table = [recipe.class_weights.get(n, recipe.default_weight) for n in names]
    return torch.tensor([*table, recipe.default_weight])


def against_truth(logits: Tensor, label_map: Tensor, weights: Tensor) -> tuple[Tensor, float]:
    """Class-weighted cross entropy and pixel accuracy, void left out of both."""
    void, logits = len(weights), logits.float()
    loss = F.cross_entropy(logits, label_map, weight=weights, ignore_index=void)
    inside = label_map < void
    return loss, (logits.argmax(1) == label_map)[inside].float().mean().item()


class SegmenterObjective(WholeNetwork):
    """Class-weighted cross entropy; the backbone starts from ImageNet at a lower rate."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        size = SEGMENTERS[recipe.network]
        self.network = SegmentationNet(size, pretrained=True).to(device)
        backbone = list(self.network.backbone.parameters())
        known = {id(p) for p in backbone}
        rest = [p for p in self.network.parameters() if id(p) not in known]
        self.parameters = backbone + rest
        self.networks = {"network": self.network}
        slow = recipe.backbone_learning_rate or recipe.learning_rate
        self.optimizers = {
            "network": adamw(
                [
                    {"params": backbone, "lr": slow},
                    {"params": rest, "lr": recipe.learning_rate},
                ],
                recipe,
            )
        }
        self.weights = class_weight_table(recipe, size.classes)[:-1].to(device)
        self.classes = size.classes

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        return [batch.image, batch.label_map, network(batch.image).argmax(1)]

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        batch = draw()
        logits = self.network(batch.image)
        loss, right = against_truth(logits, batch.label_map, self.weights)
        loss.backward()
        update(self.optimizers["network"], self.parameters)
        return {"loss": loss.item(), "pixel_accuracy": right}
