"""The network that names the object in a crop: 47,000 weights, trained on originals alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom import weights
from semcom.classification.crops import OBJECTS, Crop, cut
from semcom.layout import for_inference
from semcom.segmentation.backbone import normalise

__all__ = ["CLASSIFIERS", "WEIGHTS", "Classifier", "ClassifierNet", "load_classifier"]

#: name of the shipped weights
WEIGHTS = "crop_classifier"
#: channels at 1/1, 1/2, 1/4 and 1/8 of a crop: ``compact`` scores, ``wide`` may lend a loss
CLASSIFIERS: dict[str, tuple[int, ...]] = {"compact": (16, 32, 48, 64), "wide": (32, 64, 96, 128)}


class ClassifierNet(nn.Module):
    """Plain convolutions: [B, 3, 32, 32] in [-1, 1] -> logits [B, 8].

    >>> ClassifierNet().eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 8])
    """

    def __init__(self, widths: Sequence[int] = CLASSIFIERS["compact"]) -> None:
        super().__init__()
        sides = zip((3, *widths), widths, strict=False)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(below, width, 3, 1, 1, bias=False) for below, width in sides
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(widths[-1], len(OBJECTS))

    def forward(self, x: Tensor) -> Tensor:
        return self.decide(self.features(x))

    def features(self, x: Tensor) -> list[Tensor]:
        """[B, 3, 32, 32] in [-1, 1] -> one map per scale, finest first."""
        maps: list[Tensor] = []
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.relu(norm(convolution(F.max_pool2d(x, 2) if maps else x)))
            maps.append(x)
        return maps

    def decide(self, features: Sequence[Tensor]) -> Tensor:
        """Maps of :meth:`features` -> logits [B, 8]."""
        out: Tensor = self.head(self.dropout(features[-1].mean((2, 3))))
        return out


class Classifier:
    """A trained network as a function: a picture and its crops to places in OBJECTS."""

    def __init__(self, net: ClassifierNet, digest: str = "untrained") -> None:
        self.net = for_inference(net)
        self.digest = digest

    def __call__(self, image: np.ndarray, crops: Sequence[Crop]) -> np.ndarray:
        """``image`` [H, W, 3] uint8 -> [N] int64, what is seen in the middle of every crop."""
        if not crops:
            return np.zeros(0, np.int64)
        with torch.inference_mode():
            logits = self.net(normalise(torch.from_numpy(cut(image, crops))))
        return np.asarray(logits.argmax(1).numpy())


@cache
def load_classifier() -> Classifier:
    """The shipped classifier."""
    net = ClassifierNet()
    net.load_state_dict(weights.load(WEIGHTS), strict=False)
    return Classifier(net, weights.digest(WEIGHTS))
