"""Two small segmentation networks on EfficientNet-Lite0, differing in depth, decoder and seed.

``transmitter`` finds the label map that is sent, and may lend a loss to codec training; it looks at
a picture as it is, mirrored and enlarged, and believes the mean. ``scorer`` judges received
pictures and is never seen by any codec, so that no codec is graded by its own teacher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

#: how often a picture is seen enlarged, and whether mirrored
View = tuple[float, bool]
_AS_IT_IS: tuple[View, ...] = ((1.0, False),)
_VIEWS = {"transmitter": ((1.0, False), (1.0, True), (1.5, False), (1.5, True))}


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

    With more than one of ``views``, (scale, mirrored), the class of a pixel is that of the highest
    mean probability (test-time augmentation; Chen et al., DeepLab, 2018).

    >>> segmenter = Segmenter("tiny", SegmentationNet(SEGMENTERS["tiny"]))
    >>> segmenter(np.zeros((1, 64, 96, 3), np.uint8)).shape
    (1, 64, 96)
    """

    def __init__(
        self,
        name: str,
        net: SegmentationNet,
        digest: str = "untrained",
        views: Sequence[View] = _AS_IT_IS,
    ) -> None:
        self.name, self.digest, self.views = name, digest, tuple(views)
        self.net = for_inference(net)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes by id."""
        return class_names(self.net.size.classes)

    def logits(self, images: np.ndarray, scale: float = 1.0) -> Tensor:
        """``images`` [B, H, W, 3] uint8, enlarged by ``scale`` -> [B, classes, h, w] float."""
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(
                f"a segmenter takes uint8 pictures [B, H, W, 3], not {images.dtype} {images.shape}"
            )
        with torch.inference_mode():
            x = normalise(torch.tensor(np.ascontiguousarray(images)))
            if scale != 1:
                size = [round(scale * side) for side in images.shape[1:3]]
                x = F.interpolate(x, size, mode="bicubic", align_corners=False).clamp(-1, 1)
            return self.net(x)

    def probabilities(self, images: np.ndarray) -> Tensor:
        """``images`` [B, H, W, 3] uint8 -> [B, classes, H, W] float, the mean of all views."""
        size = images.shape[1:3]
        seen = []
        for scale, mirrored in self.views:
            view = images[:, :, ::-1] if mirrored else images
            found = self.logits(view, scale).softmax(1)
            found = F.interpolate(found, size, mode="bilinear", align_corners=False)
            seen.append(found.flip(3) if mirrored else found)
        return torch.stack(seen).mean(0)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """One picture at a time inside, so that a map does not depend on its batch."""
        # one view needs no mean: probabilities would only round
        likely = self.logits if self.views == _AS_IT_IS else self.probabilities
        maps = [likely(image[None]).argmax(1).to(torch.uint8) for image in images]
        return torch.cat(maps).numpy()


def load_segmenter(name: str) -> Segmenter:
    """A shipped segmenter: ``transmitter`` or ``scorer``; raises ValueError for another name."""
    known = [n for n in SEGMENTERS if n != "tiny"]
    if name not in known:
        raise ValueError(f"there is no segmenter {name!r}; shipped are {', '.join(known)}")
    state: Mapping[str, Tensor] = weights.load(f"segmenter_{name}")
    net = SegmentationNet(SEGMENTERS[name])
    net.load_state_dict(dict(state))
    views, digest = _VIEWS.get(name, _AS_IT_IS), weights.digest(f"segmenter_{name}")
    if views != _AS_IT_IS:
        digest += "".join(f" {scale:g}{'m' * mirrored}" for scale, mirrored in views)
    return Segmenter(name, net, digest, views)
