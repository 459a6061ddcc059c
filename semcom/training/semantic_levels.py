"""Levels of semantic concepts by greedy search: what every class gains from a step of its own.

The score is rate-semantic-perceptual, as in Huang, Gao, Tao, Du and Lu (IEEE JSAC 41(1), 2023),
whose agent learns the choice by reinforcement; here it is greedy. What stands for the three parts
is assumed:

    score = soft mIoU - PERCEPTUAL * distance of ImageNet features - lambda * bits per pixel

The soft mIoU is that of the class probabilities which the transmitter's segmenter finds in the
received picture: without the jumps of a decision, a few pictures tell small changes. ``lambda`` is
what a bit buys in the first two parts with one level for all classes: what is gained is gained
beside a uniform change of the rate.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from semcom.codecs.layered.concepts import HIGHEST, LOWEST, offsets
from semcom.codecs.layered.layers import (
    base_levels,
    coarse_labels,
    generate,
    padded,
    refine,
    residual_levels,
)
from semcom.codecs.layered.network import Loaded
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.data.sample import Sample
from semcom.segmentation import Segmenter
from semcom.segmentation.backbone import normalise
from semcom.training.perceptual import PerceptualLoss

__all__ = ["PERCEPTUAL", "LayeredBench", "Measured", "Step", "greedy_levels"]

#: weight of the feature distance: about as much as the soft mIoU gains from a higher uniform rate
PERCEPTUAL = 1.0
#: rate levels of base and enhancement; picture after picture has the next pair
RATES = ((120, 60), (160, 100), (200, 140))
#: pixels a side of a cell of the label map
_CELL = 8
#: levels by which a class may change at a time
_MOVES = (1, -1, 2, -2)
#: rate levels of the enhancement up and down over which lambda is measured
_AROUND = 25


class Measured(NamedTuple):
    """Means over the pictures, quality higher is better."""

    bits_per_pixel: float
    semantic: float
    perceptual: float

    @property
    def quality(self) -> float:
        """Semantic and perceptual part of the score."""
        return self.semantic + PERCEPTUAL * self.perceptual


class Step(NamedTuple):
    """A change of one class's level that was kept, and what the score gained by it."""

    name: str
    level: int
    gain: float


def greedy_levels(
    score: Callable[[tuple[int, ...]], float], classes: Sequence[str], least: float = 0.0
) -> Iterator[Step]:
    """Steps to the levels of ``classes`` with the best ``score``, each the best that is known.

    Every class may go up or down by one level or two at a time. A gain that was measured before
    others changed is measured again when its turn comes, and waits if another then promises more
    (lazy greedy). Ends where no step is known to gain more than ``least``.

    >>> def score(levels): return -abs(levels[0] - 2) - 3 * abs(levels[1] + 1)
    >>> [(step.name, step.level, step.gain) for step in greedy_levels(score, ("car", "tree"))]
    [('tree', -1, 3), ('car', 2, 2)]
    """
    levels = [0] * len(classes)
    best, steps = score(tuple(levels)), 0
    # negative gain, class, move and how many steps had been taken when it was measured
    waiting: list[tuple[float, int, int, int]] = []

    def measure(k: int, move: int) -> None:
        if LOWEST <= levels[k] + move <= HIGHEST:
            changed = (*levels[:k], levels[k] + move, *levels[k + 1 :])
            heapq.heappush(waiting, (best - score(changed), k, move, steps))

    for k in range(len(classes)):
        for move in _MOVES:
            measure(k, move)
    while waiting and -waiting[0][0] > least:
        loss, k, move, known = heapq.heappop(waiting)
        if known == steps:
            levels[k] += move
            best, steps = best - loss, steps + 1
            yield Step(classes[k], levels[k], -loss)
        measure(k, move)


@dataclass
class _Picture:
    pixels: np.ndarray
    labels: np.ndarray
    truth: Tensor
    features: list[Tensor]
    #: the base's picture and bits, and the rate level of the enhancement
    base: Tensor
    bits: float
    rate: int


class LayeredBench:
    """The layered codec on ``samples``, measured under levels of the classes.

    Label maps by ``segmenter``, in cells of 8 pixels; samples without ground truth are judged by
    the map of their originals.
    """

    def __init__(
        self,
        loaded: Loaded,
        samples: Sequence[Sample],
        segmenter: Segmenter,
        rates: Sequence[tuple[int, int]] = RATES,
    ) -> None:
        self.loaded, self.segmenter = loaded, segmenter
        self.perceptual = PerceptualLoss()
        self.classes = loaded.network.size.classes
        self._pictures = [self._picture(s, rates[n % len(rates)]) for n, s in enumerate(samples)]
        more, less = (self.measured(None, change) for change in (_AROUND, -_AROUND))
        #: quality that a bit per pixel buys with one level for all
        self.worth = (more.quality - less.quality) / (more.bits_per_pixel - less.bits_per_pixel)

    def score(self, levels: tuple[int, ...]) -> float:
        """Rate-semantic-perceptual score under ``levels`` of the classes, without void."""
        found = self.measured((*levels, 0))
        return found.quality - self.worth * found.bits_per_pixel

    def measured(self, levels: tuple[int, ...] | None, change: int = 0) -> Measured:
        """Bits and quality under ``levels`` of classes and void, at a rate level changed by
        ``change``."""
        bits, distance, pixels = 0.0, 0.0, 0
        shared, either = torch.zeros(self.classes), torch.zeros(self.classes)
        for one in self._pictures:
            picture, own = self._received(one, levels, change)
            bits, pixels = bits + own, pixels + picture.shape[2] * picture.shape[3]
            with torch.inference_mode():
                found = self.segmenter.net(picture).softmax(1)[0]
                features = self.perceptual.features(picture)
                distance += self.perceptual(features, one.features).item()
            true = one_hot_map(one.truth[None], self.classes)[0]
            found = found * (one.truth < self.classes)
            shared += (found * true).sum((1, 2))
            either += (found + true - found * true).sum((1, 2))
        present = either > 0
        return Measured(
            bits / pixels,
            float((shared[present] / either[present]).mean()),
            -distance / len(self._pictures),
        )

    def _received(
        self, one: _Picture, levels: tuple[int, ...] | None, change: int
    ) -> tuple[Tensor, float]:
        """The picture [1, 3, H, W] of both layers, and their bits."""
        apart = None if levels is None else offsets(one.labels, levels)
        rate = one.rate + change
        residual = residual_levels(self.loaded, one.pixels, one.base, apart).coded(rate)
        received = refine(self.loaded, one.base, residual.latent, rate, apart)
        return received.clamp(-1, 1), one.bits + residual.bits()

    def _picture(self, sample: Sample, rates: tuple[int, int]) -> _Picture:
        pixels = padded(sample.image)
        seen = self.segmenter(sample.image[None])[0]
        labels = coarse_labels(padded(seen), _CELL, self.classes).repeat(_CELL, 0).repeat(_CELL, 1)
        truth = seen if sample.label_map is None else sample.label_map
        with torch.inference_mode():
            features = self.perceptual.features(normalise(torch.tensor(pixels[None])))
        base = base_levels(self.loaded, pixels).coded(rates[0])
        picture = generate(self.loaded, labels, base.latent, rates[0])
        known = torch.tensor(padded(truth)).long()
        return _Picture(pixels, labels, known, features, picture, base.bits(), rates[1])
