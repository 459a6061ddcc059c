"""Two small segmentation networks on EfficientNet-Lite0, differing in depth, decoder and seed.

``transmitter`` finds the label map that is sent, and may lend a loss to codec training.
``scorer`` judges received pictures and is never seen by any codec, so that no codec is graded by
its own teacher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom import weights
from semcom.data.classes import class_names
from semcom.layout import for_inference
from semcom.segmentation.backbone import CHANNELS, EfficientNetLite0, normalise

__all__ = ["SEGMENTERS", "SegmentationNet", "Segmenter", "SegmenterSize", "load_segmenter"]


@dataclass(frozen=True)
class SegmenterSize:
    """``blocks`` of the backbone (11 ends at 1/16, 16 at 1/32), ``width`` of the decoder."""

    blocks: int
    width: int
    #: index of the finest backbone scale the decoder reads: 0 is 1/2, 1 is 1/4 of the picture
    finest: int
    classes: int = 11


SEGMENTERS: dict[str, SegmenterSize] = {
    "transmitter": SegmenterSize(blocks=11, width=64, finest=1),
    "scorer": SegmenterSize(blocks=16, width=64, finest=1),
    "tiny": SegmenterSize(blocks=5, width=16, finest=1),
}


def _separable(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


class SegmentationNet(nn.Module):
    """Backbone and top-down decoder: [B, 3, H, W] in [-1, 1] -> logits [B, classes, H, W].

    The decoder is a feature pyramid (Lin et al., 2017) with separable convolutions and a global
    context vector added at its top.
    """

    def __init__(self, size: SegmenterSize, pretrained: bool = False) -> None:
        super().__init__()
        self.size = size
        self.backbone = EfficientNetLite0(size.blocks, pretrained)
        scales = {16: 5, 11: 4, 5: 3}[size.blocks]
        channels = CHANNELS[size.finest : scales]
        self.lateral = nn.ModuleList(nn.Conv2d(c, size.width, 1) for c in channels)
        self.context = nn.Conv2d(channels[-1], size.width, 1)
        self.fuse = nn.ModuleList(_separable(size.width) for _ in channels)
        self.head = nn.Sequential(
            nn.Conv2d(size.width, size.width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(size.width),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.1),
            nn.Conv2d(size.width, size.classes, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits = self.decode(self.features(x))
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)

    def features(self, x: Tensor) -> list[Tensor]:
        """[B, 3, H, W] in [-1, 1] -> the feature maps that the decoder reads, finest first."""
        return self.backbone(x)[1 + self.size.finest :]

    def decode(self, features: list[Tensor]) -> Tensor:
        """Feature maps -> logits [B, classes, h, w] at the resolution of the finest one."""
        h: Tensor = self.context(features[-1].mean((2, 3), keepdim=True))
        for f, lateral, fuse in zip(
            features[::-1], list(self.lateral)[::-1], self.fuse, strict=True
        ):
            h = F.interpolate(h, size=f.shape[2:], mode="nearest")
            h = fuse(h + lateral(f))
        return self.head(h)


class Segmenter:
    """A trained network as a function: uint8 pictures to uint8 label maps.

    >>> segmenter = Segmenter("tiny", SegmentationNet(SEGMENTERS["tiny"]))
    >>> segmenter(np.zeros((1, 64, 96, 3), np.uint8)).shape
    (1, 64, 96)
    """

    def __init__(self, name: str, net: SegmentationNet, digest: str = "untrained") -> None:
        self.name, self.digest = name, digest
        self.net = for_inference(net)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes by id."""
        return class_names(self.net.size.classes)

    def logits(self, images: np.ndarray) -> Tensor:
        """``images`` [B, H, W, 3] uint8 -> [B, classes, H, W] float."""
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(
                f"a segmenter takes uint8 pictures [B, H, W, 3], not {images.dtype} {images.shape}"
            )
        with torch.inference_mode():
            return self.net(normalise(torch.tensor(images)))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """One picture at a time inside, so that a map does not depend on its batch."""
        maps = [self.logits(image[None]).argmax(1).to(torch.uint8) for image in images]
        return torch.cat(maps).numpy()


def load_segmenter(name: str) -> Segmenter:
    """A shipped segmenter: ``transmitter`` or ``scorer``; raises ValueError for another name."""
    known = [n for n in SEGMENTERS if n != "tiny"]
    if name not in known:
        raise ValueError(f"there is no segmenter {name!r}; shipped are {', '.join(known)}")
    state: Mapping[str, Tensor] = weights.load(f"segmenter_{name}")
    net = SegmentationNet(SEGMENTERS[name])
    net.load_state_dict(dict(state))
    return Segmenter(name, net, weights.digest(f"segmenter_{name}"))
