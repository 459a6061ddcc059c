"""Random training batches: a step's batch is a function of the seed and the step alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from semcom.data.classes import CAMVID_CLASSES
from semcom.data.sample import Dataset
from semcom.training.paste import paste_rare
from semcom.training.recipe import Recipe

__all__ = ["Batch", "TrainingSet", "load_training_set", "step_generator"]


class Batch(NamedTuple):
    """``image`` [B, 3, h, w] in [-1, 1], ``label_map`` [B, h, w] int64, void = classes."""

    image: Tensor
    label_map: Tensor


def step_generator(seed: int, step: int) -> torch.Generator:
    """The generator of one training step, the same after a resume.

    >>> a, b = step_generator(1, 7), step_generator(1, 7)
    >>> torch.equal(torch.rand(3, generator=a), torch.rand(3, generator=b))
    True
    """
    word = np.random.SeedSequence((seed, step)).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(word[0]) << 31 ^ int(word[1]))


class TrainingSet:
    """All pictures in memory as bytes: ``images`` [N, H, W, 3], ``label_maps`` [N, H, W].

    A position in ``classes`` is a class id; their number stands for void.
    """

    def __init__(
        self, images: Tensor, label_maps: Tensor, classes: tuple[str, ...] = CAMVID_CLASSES
    ) -> None:
        self.images, self.label_maps, self.classes = images, label_maps, classes

    def to(self, device: torch.device) -> TrainingSet:
        """The same set in the memory of ``device``, where crops are then cut."""
        return TrainingSet(self.images.to(device), self.label_maps.to(device), self.classes)

    def class_ids(self, names: Iterable[str]) -> list[int]:
        """Ids of classes by name; raises ValueError for a name that no class has."""
        for name in names:
            if name not in self.classes:
                raise ValueError(
                    f"paste_rare names {name!r}; classes are {', '.join(self.classes)}"
                )
        return [self.classes.index(name) for name in names]

    def batch(self, recipe: Recipe, step: int, device: torch.device) -> Batch:
        """Crop, zoom, flip and jitter; the whole batch of ``step``."""
        g = step_generator(recipe.seed, step)
        pick = torch.randint(len(self.images), (recipe.batch,), generator=g)
        crops = [self._crop(int(i), recipe, g) for i in pick]
        image, label_map = torch.stack([c[0] for c in crops]), torch.stack([c[1] for c in crops])
        if recipe.paste_rare is not None:
            rare = self.class_ids(recipe.paste_rare.classes)
            image, label_map = paste_rare(image, label_map, rare, recipe.paste_rare.probability, g)
        image, label_map = image.to(device), label_map.to(device).long()
        b = len(crops)
        # brightness, contrast and saturation of a camera that meters differently
        gain = 1 + 0.15 * (2 * torch.rand((b, 1, 1, 1), generator=g) - 1).to(device)
        offset = 0.08 * (2 * torch.rand((b, 1, 1, 1), generator=g) - 1).to(device)
        saturation = 1 + 0.25 * (2 * torch.rand((b, 1, 1, 1), generator=g) - 1).to(device)
        grey = image.mean(1, keepdim=True)
        image = (grey + (image - grey) * saturation) * gain + offset
        image = image.clamp(-1, 1).contiguous(memory_format=torch.channels_last)
        return Batch(image, label_map)

    def _crop(self, i: int, recipe: Recipe, g: torch.Generator) -> tuple[Tensor, Tensor]:
        image, label_map = self.images[i], self.label_maps[i]
        low, high = recipe.scales
        scale = low + (high - low) * float(torch.rand((), generator=g))
        height, width = (
            min(full, round(want / scale))
            for want, full in zip(recipe.crop, label_map.shape, strict=True)
        )
        top = int(torch.randint(label_map.shape[0] - height + 1, (), generator=g))
        left = int(torch.randint(label_map.shape[1] - width + 1, (), generator=g))
        flip = bool(torch.rand((), generator=g) < 0.5)
        image = image[top : top + height, left : left + width]
        label_map = label_map[top : top + height, left : left + width]
        if flip:
            image, label_map = image.flip(1), label_map.flip(1)
        x = image.permute(2, 0, 1).float() / 127.5 - 1
        if (height, width) != recipe.crop:
            x = F.interpolate(
                x[None], recipe.crop, mode="bilinear", antialias=True, align_corners=False
            )[0]
            label_map = F.interpolate(label_map[None, None], recipe.crop, mode="nearest-exact")[
                0, 0
            ]
        return x, label_map


def load_training_set(recipe: Recipe) -> TrainingSet:
    """Decode every picture of the recipe's data sets once, on all cores.

    Raises ValueError where the sets have different classes, or a picture has no label map.
    """
    from semcom import data
    from semcom.segmentation import load_segmenter

    images: list[Tensor] = []
    label_maps: list[Tensor] = []
    classes: tuple[str, ...] = ()
    for part in recipe.data:
        dataset = data.load(
            part.name, split=part.split, count=part.count, size=recipe.size, root=part.root
        )
        if classes and dataset.classes != classes:
            raise ValueError(f"recipe {recipe.name}: its data sets do not have the same classes")
        classes = dataset.classes
        wanted = [i for i, name in enumerate(dataset.names) if name.startswith(part.only)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for image, label_map in pool.map(partial(_tensors, dataset), wanted):
                images.append(image)
                label_maps.append(label_map)
        if part.label_map == "segmenter":
            seen = load_segmenter("transmitter")(torch.stack(images[-len(wanted) :]).numpy())
            label_maps[-len(wanted) :] = torch.from_numpy(seen)
    if not images:
        raise ValueError(f"recipe {recipe.name}: its data sets hold no picture")
    return TrainingSet(torch.stack(images), torch.stack(label_maps), classes)


def _tensors(dataset: Dataset, index: int) -> tuple[Tensor, Tensor]:
    sample = dataset[index]
    if sample.label_map is None:
        raise ValueError(f"{dataset.name}: {sample.name} has no label map to train on")
    label_map = torch.from_numpy(np.ascontiguousarray(sample.label_map))
    if dataset.void_id is not None:
        label_map = label_map.masked_fill(label_map == dataset.void_id, len(dataset.classes))
    return torch.from_numpy(np.ascontiguousarray(sample.image)), label_map
