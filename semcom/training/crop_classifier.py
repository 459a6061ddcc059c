"""Training of the crop classifier: cross entropy on crops of original pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.classification import CLASSIFIERS, OBJECTS, ClassifierNet, Crop, cut, object_crops
from semcom.segmentation.backbone import normalise
from semcom.training.batches import Batch, TrainingSet
from semcom.training.checkpoint import shipped_state
from semcom.training.recipe import Recipe

__all__ = ["CropClassifierObjective"]

#: by how much the side of a crop, and its place in parts of the side, may differ in training
_ZOOM, _SHIFT = 0.2, 0.12


class CropClassifierObjective:
    """Every crop is drawn with a chance of one over the root of its class's number.

    Crops are moved, zoomed and mirrored, and metered by another camera.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.network = ClassifierNet(CLASSIFIERS[recipe.network]).to(device)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "network": torch.optim.AdamW(
                self.network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
            )
        }
        self.images: list[np.ndarray] = []
        self.crops: list[tuple[int, Crop]] = []
        self.chances = torch.zeros(0)

    def prepare(self, samples: TrainingSet) -> None:
        """Find the objects of every picture; ValueError where there are none."""
        self.images = list(samples.images.cpu().numpy())
        label_maps = samples.label_maps.cpu().numpy()
        for number, label_map in enumerate(label_maps):
            self.crops += [(number, crop) for crop in object_crops(label_map, samples.classes)]
        if not self.crops:
            raise ValueError(f"recipe {self.recipe.name}: its data sets show no object")
        objects = torch.tensor([crop.object for _, crop in self.crops])
        self.chances = objects.bincount(minlength=len(OBJECTS))[objects].float().rsqrt()

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        """Half precision."""
        return shipped_state(network)

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Nothing to show: no pictures are made."""
        return []

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        chosen = torch.multinomial(self.chances, self.recipe.batch, replacement=True, generator=g)
        pictures = np.concatenate([self._picture(int(i), g) for i in chosen])
        objects = torch.tensor([self.crops[int(i)][1].object for i in chosen]).to(self.device)
        x = normalise(torch.from_numpy(pictures)).to(self.device)
        gain = 1 + 0.25 * (2 * torch.rand((len(x), 1, 1, 1), generator=g) - 1).to(self.device)
        offset = 0.15 * (2 * torch.rand((len(x), 1, 1, 1), generator=g) - 1).to(self.device)
        logits = self.network((gain * x + offset).clamp(-1, 1))
        loss = F.cross_entropy(logits, objects, label_smoothing=0.05)
        loss.backward()
        self.optimizers["network"].step()
        self.optimizers["network"].zero_grad(set_to_none=True)
        right = (logits.argmax(1) == objects).float().mean().item()
        return {"loss": loss.item(), "accuracy": right}

    def _picture(self, index: int, g: torch.Generator) -> np.ndarray:
        """One crop [1, 32, 32, 3] uint8, moved, zoomed and perhaps mirrored."""
        number, crop = self.crops[index]
        image = self.images[number]
        zoom, down, across, flip = (2 * torch.rand(4, generator=g) - 1).tolist()
        side = min(round(crop.side * (1 + _ZOOM * zoom)), *image.shape[:2])
        top, left = (
            min(max(round(at + (crop.side - side) / 2 + _SHIFT * side * move), 0), full - side)
            for at, move, full in (
                (crop.top, down, image.shape[0]),
                (crop.left, across, image.shape[1]),
            )
        )
        pixels = cut(image, [Crop(crop.object, top, left, side)])
        return pixels[:, :, ::-1] if flip > 0 else pixels
