"""Counting what a label map is guessed from where it is lost: see :class:`LostMap`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.lost_map import LostMap, class_shares
from semcom.codecs.sqgan.maps import map_pyramid, one_hot_map
from semcom.codecs.sqgan.model import ImagePath
from semcom.layout import for_inference
from semcom.training.batches import Batch, TrainingSet
from semcom.training.recipe import Recipe

__all__ = ["LostMapObjective"]

#: bands of equal height
_HEIGHTS = 16


class LostMapObjective:
    """Nothing is optimised: every step counts classes by code and by height in its pictures.

    The loss that is shown is how far the guess is from the true map: the share of wrong cells.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        from semcom import weights

        if recipe.image_weights is None:
            raise ValueError(f"recipe {recipe.name}: counting needs image_weights")
        size = SIZES[recipe.network]
        self.device, self.classes = device, size.classes
        self.path = ImagePath(size)
        self.path.load_state_dict(weights.load(recipe.image_weights), strict=False)
        for_inference(self.path).to(device)
        if recipe.ema != 0:
            raise ValueError(f"recipe {recipe.name}: counts are no averages, say ema: 0")
        self.network = nn.ParameterDict(
            {
                name: nn.Parameter(torch.zeros(rows, size.classes), requires_grad=False)
                for name, rows in (("codes", size.image.codes), ("heights", _HEIGHTS))
            }
        ).to(device)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}

    def prepare(self, samples: TrainingSet) -> None:
        """Nothing to do."""

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        """The logarithms, in half precision."""
        found = _table(network)
        return {
            "codes": torch.from_numpy(found.codes).half(),
            "heights": torch.from_numpy(found.heights).half(),
        }

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Nothing to see."""
        return []

    @torch.no_grad()
    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        batch = draw()
        pyramid = map_pyramid(one_hot_map(batch.label_map, self.classes))
        z = self.path.encode(batch.image, pyramid)
        chosen = self.path.samm(z, pyramid[4], 1.0)
        codes, heights = self.network["codes"], self.network["heights"]
        maps = batch.label_map.cpu().numpy().clip(0, self.classes)
        wrong = []
        for kept, vectors, label_map in zip(chosen.kept, chosen.vectors, maps, strict=True):
            shares = class_shares(label_map, self.classes)
            rows = len(shares)
            flat = torch.from_numpy(shares).float().flatten(0, 1).to(self.device)
            index = self.path.quantizer.indices(vectors)
            table = _table(self.network)
            heights_of = table.heights[np.arange(rows) * _HEIGHTS // rows]
            beside = heights_of.repeat(shares.shape[1], 0)[kept.cpu().numpy()]
            guess = (beside + table.codes[index.cpu().numpy()]).argmax(1)
            wrong.append(float(np.mean(guess != flat[kept].argmax(1).cpu().numpy())))
            codes.index_add_(0, index, flat[kept])
            band = torch.arange(rows, device=self.device) * _HEIGHTS // rows
            heights.index_add_(0, band, torch.from_numpy(shares).float().sum(1).to(self.device))
        return {"loss": sum(wrong) / len(wrong)}


def _table(network: nn.Module) -> LostMap:
    codes, heights = (network.get_parameter(name).cpu().numpy() for name in ("codes", "heights"))
    return LostMap.counted(codes, heights)
