"""One picture on its way through the two layers: what the transmitter and the receiver compute."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from semcom.codecs.layered.config import STRIDE
from semcom.codecs.layered.generator import label_pyramid
from semcom.codecs.layered.network import Loaded
from semcom.codecs.saic.network import GainedLatent
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.entropy import CodedLatent, LatentModel
from semcom.entropy.latent_model import LEVELS
from semcom.segmentation.backbone import normalise

__all__ = [
    "Fitted",
    "Levels",
    "base_levels",
    "cell_levels",
    "coarse_labels",
    "fit_level",
    "generate",
    "padded",
    "refine",
    "residual_levels",
    "shown",
]

#: a level that uses this share of its bytes is good enough
_WELL_USED = 0.985


class Fitted(NamedTuple):
    """A rate ``level``, what it rounds to, and its stream."""

    level: int
    coded: CodedLatent
    data: bytes

    def parts(self) -> dict[str, int]:
        """Bits of the parts of the stream."""
        return self.coded.parts(len(self.data))


def cell_levels(level: int, offsets: np.ndarray | None) -> Tensor:
    """Rate levels [1] of all cells, or [1, h, w] of each; offsets end where the network does."""
    if offsets is None:
        return torch.tensor([level])
    return torch.tensor(np.clip(level + offsets, 0, LEVELS - 1))[None]


class Levels:
    """A latent [1, C, h, w] at every rate, its cells ``offsets`` [h, w] rate levels apart."""

    def __init__(
        self,
        y: Tensor,
        latent: GainedLatent,
        model: LatentModel,
        offsets: np.ndarray | None = None,
    ) -> None:
        self._y, self._latent, self.model, self._offsets = y, latent, model, offsets
        self._coded: dict[int, CodedLatent] = {}

    def coded(self, level: int) -> CodedLatent:
        """Symbols at ``level``."""
        if level not in self._coded:
            with torch.inference_mode():
                y = self._y * self._latent.gain(cell_levels(level, self._offsets))
                z = self._latent.side_information(y).round()
            self._coded[level] = self.model.quantise(y[0].numpy(), z[0].numpy(), level)
        return self._coded[level]


def fit_level(levels: Levels, num_bytes: int) -> Fitted | None:
    """A level whose stream takes at most ``num_bytes``, close below it; None if none does.

    The logarithm of the information grows about evenly with the level: guesses by interpolation,
    every third one by bisection.
    """
    wanted = float(8 * num_bytes)

    def bits(level: int) -> float:
        return levels.coded(level).bits()

    low, high = 0, LEVELS - 1
    if bits(0) > wanted:
        return None
    guesses = 0
    if bits(high) <= wanted:
        low = high
    while high - low > 1 and bits(low) < _WELL_USED * wanted:
        least, most = np.log([bits(low) + 1, bits(high) + 1])
        share = (np.log(0.995 * wanted + 1) - least) / max(most - least, 1e-9)
        guesses += 1
        step = round((high - low) * (share if guesses % 3 else 0.5))
        middle = min(max(low + step, low + 1), high - 1)
        low, high = (middle, high) if bits(middle) <= wanted else (low, middle)
    for level in range(low, -1, -1):  # the last word may not fit
        data = levels.model.write(levels.coded(level))
        if len(data) <= num_bytes:
            return Fitted(level, levels.coded(level), data)
    return None


def padded(pixels: np.ndarray) -> np.ndarray:
    """``pixels`` [H, W, ...] to whole cells of the latent, its last row and column repeated."""
    sides = [(0, -side % STRIDE) for side in pixels.shape[:2]]
    return np.pad(pixels, [*sides, *[(0, 0)] * (pixels.ndim - 2)], mode="edge")


def coarse_labels(label_map: np.ndarray, cell: int, classes: int) -> np.ndarray:
    """The label that most pixels have, of ``cell`` x ``cell`` each; ids from ``classes`` are void.

    >>> coarse_labels(np.array([[3, 3, 0, 255], [3, 1, 255, 255]], np.uint8), 2, 11).tolist()
    [[3, 11]]
    """
    labels = np.minimum(label_map, classes)
    rows, columns = labels.shape[0] // cell, labels.shape[1] // cell
    one_hot = labels[..., None] == np.arange(classes + 1, dtype=np.uint8)
    votes = one_hot.reshape(rows, cell, columns, cell, classes + 1).sum((1, 3))
    return votes.argmax(-1).astype(np.uint8)


def generate(loaded: Loaded, labels: np.ndarray, latent: np.ndarray, level: int) -> Tensor:
    """Base picture [1, 3, H, W] from ``labels`` [H, W] uint8 and ``latent`` [C, h, w]."""
    network = loaded.network
    with torch.inference_mode():
        one_hot = one_hot_map(torch.tensor(labels)[None], network.size.classes)
        y = _batch(latent) * network.base_latent.inverse_gain(torch.tensor([level]))
        return network.generator(y, label_pyramid(one_hot)).clamp(-1, 1)


def refine(
    loaded: Loaded,
    base: Tensor,
    latent: np.ndarray,
    level: int,
    offsets: np.ndarray | None = None,
) -> Tensor:
    """Refined picture [1, 3, H, W]."""
    network = loaded.network
    with torch.inference_mode():
        y = _batch(latent) * network.residual_latent.inverse_gain(cell_levels(level, offsets))
        return network.refiner(base, y, torch.tensor([level]) / (LEVELS - 1))


def base_levels(loaded: Loaded, image: np.ndarray) -> Levels:
    """Features of ``image`` [H, W, 3] uint8, sides multiples of 16."""
    with torch.inference_mode():
        y = loaded.network.analysis(normalise(torch.tensor(image[None])))
    return Levels(y, loaded.network.base_latent, loaded.base)


def residual_levels(
    loaded: Loaded, image: np.ndarray, base: Tensor, offsets: np.ndarray | None = None
) -> Levels:
    """What ``base`` [1, 3, H, W] lacks to ``image`` [H, W, 3] uint8."""
    with torch.inference_mode():
        y = loaded.network.refiner.analysis(normalise(torch.tensor(image[None])) - base)
    return Levels(y, loaded.network.residual_latent, loaded.residual, offsets)


def shown(x: Tensor, size: tuple[int, int]) -> np.ndarray:
    """[1, 3, h, w] in [-1, 1] as pixels [H, W, 3] uint8."""
    pixels = ((x[0] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(pixels.permute(1, 2, 0)[: size[0], : size[1]].numpy())


def _batch(latent: np.ndarray) -> Tensor:
    return torch.tensor(latent)[None].contiguous(memory_format=torch.channels_last)
