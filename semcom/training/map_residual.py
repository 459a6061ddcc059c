"""Training of the label map's second tokens, :class:`semcom.codecs.sqgan.residual.MapResidual`."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.sqgan.bitstream import CELL
from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.codecs.sqgan.model import MapPath
from semcom.codecs.sqgan.residual import OWN, MapResidual, windows
from semcom.training.batches import Batch
from semcom.training.masked_paths import SHOWN_KEEP_FRACTION, draw_keep_fraction, quantised_share
from semcom.training.recipe import Recipe
from semcom.training.segmenter import class_weight_table
from semcom.training.whole_network import WholeNetwork, adamw, update

__all__ = ["MapResidualObjective"]

#: cells of a batch that are trained on, for each of its pictures: the most, of a small crop all
_CELLS = 32
#: how often what a second token made is what another one is to improve: rarer things are left
_AGAIN = 0.3


class MapResidualObjective(WholeNetwork):
    """Weighted cross entropy in the cells that G_s gets wrong, and commitment; G_s stays as it is.

    Cells are drawn by what is wrong in them, weighted by class.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        size = SIZES[recipe.network]
        if recipe.start_from is None:
            raise ValueError(
                f"recipe {recipe.name}: second tokens need first ones: give start_from, weights of "
                "a label-map path"
            )
        self.recipe, self.classes = recipe, size.classes
        self.network = MapPath(size, residual=True).to(device).requires_grad_(False)
        residual = self.network.residual
        assert residual is not None
        self.residual = residual.requires_grad_(True)
        self.networks = {"network": self.network}
        self.parameters = list(self.residual.parameters())
        self.optimizers = {
            "network": adamw([{"params": self.parameters, "lr": recipe.learning_rate}], recipe)
        }
        self.weights = class_weight_table(recipe, size.classes).to(device)
        self.weights[-1] = 0

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        one_hot = one_hot_map(batch.label_map, self.classes)
        received = network(one_hot, SHOWN_KEEP_FRACTION).output.argmax(1)
        sent, around = (windows(m, self.classes).flatten(0, 1) for m in (batch.label_map, received))
        cells = _improved(network.get_submodule("residual"), sent, around)
        b, rows, columns = (n // k for n, k in zip(received.shape, (1, CELL, CELL), strict=True))
        improved = cells.reshape(b, rows, columns, CELL, CELL).transpose(2, 3)
        return [batch.image, batch.label_map, received, improved.reshape(received.shape)]

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        batch = draw()
        self.network.eval()  # only what is trained moves
        self.residual.train()
        sent, received = self._cells(batch.label_map, g)
        again = torch.rand(len(sent), generator=g).to(sent.device) < _AGAIN
        if done > 0.2 and bool(again.any()):
            around = received[again]
            around[:, OWN, OWN] = _improved(self.residual, sent[again], around)
            received[again] = around
        logits, commitment = self.residual(
            sent, received, g, quantised=quantised_share(self.recipe, done)
        )
        truth, before = sent[:, OWN, OWN], received[:, OWN, OWN]
        weight = self.weights[truth]
        wrong = F.cross_entropy(logits, truth.clamp(max=self.classes - 1), reduction="none")
        loss = (wrong * weight).mean()
        (loss + self.recipe.commitment_weight * commitment).backward()
        update(self.optimizers["network"], self.parameters)
        left = (weight * (logits.argmax(1) != truth)).sum()
        return {
            "loss": loss.item(),
            "left_wrong": (left / (weight * (before != truth)).sum().clamp_min(1)).item(),
            "commitment": commitment.item(),
            "codes_used": self.residual.quantizer.perplexity(),
        }

    @torch.no_grad()
    def _cells(self, label_map: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
        """Windows [n, 32, 32] of the sent and of the received map."""
        keep = draw_keep_fraction(self.recipe.keep_fractions, g)
        one_hot = one_hot_map(label_map, self.classes)
        decoded = self.network(one_hot, keep).output.argmax(1)
        sent, received = (windows(m, self.classes).flatten(0, 1) for m in (label_map, decoded))
        a, b = sent[:, OWN, OWN], received[:, OWN, OWN]
        price = torch.maximum(self.weights[a], self.weights[b]) * (a != b) * (a < self.classes)
        # what is wholly wrong is rare and hard; it may not rule
        chance = price.sum((1, 2)).clamp(max=CELL * CELL / 2).cpu() + 1e-3
        count = min(_CELLS * len(label_map), len(chance))
        pick = torch.multinomial(chance, count, generator=g).to(sent.device)
        return sent[pick], received[pick]


@torch.no_grad()
def _improved(residual: nn.Module, sent: Tensor, received: Tensor) -> Tensor:
    """The cells [n, 16, 16] of windows [n, 32, 32] as a second token leaves them."""
    assert isinstance(residual, MapResidual)
    index = residual.quantizer.indices(residual.vectors(sent, received))
    return residual.decode(residual.quantizer.lookup(index), received).argmax(1)
