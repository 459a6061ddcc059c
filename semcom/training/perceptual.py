"""Perceptual distance on EfficientNet-Lite0 features: no download, ImageNet knowledge."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.segmentation.backbone import EfficientNetLite0

__all__ = ["PerceptualLoss", "colour_distance"]


def colour_distance(received: Tensor, original: Tensor) -> Tensor:
    """Mean absolute difference of colour between [B, 3, H, W] pictures in [-1, 1], scalar.

    Colour is the mean of 4x4 pixels without its grey value: a texture may be where it likes, but
    not in a colour of its own.

    >>> red, grey = torch.tensor([1.0, -1, -1]).reshape(1, 3, 1, 1), torch.zeros(1, 3, 4, 4)
    >>> round(colour_distance(red.expand(1, 3, 4, 4), grey).item(), 3)
    0.889
    >>> colour_distance(grey - 0.5, grey).item()
    0.0
    """
    difference = F.avg_pool2d(received - original, 4)
    return (difference - difference.mean(1, keepdim=True)).abs().mean()


class PerceptualLoss(nn.Module):
    """Mean absolute difference of the stem's features and those at 1/2 to 1/16, each scaled.

    After Johnson et al., "Perceptual losses for real-time style transfer", 2016, with another
    backbone; it is not LPIPS and is not comparable with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0(11).eval().requires_grad_(False)

    def train(self, mode: bool = True) -> PerceptualLoss:
        return super().train(False)  # the batch norms keep their ImageNet statistics

    def features(self, image: Tensor) -> list[Tensor]:
        """[B, 3, H, W] in [-1, 1] -> stem features and one map per scale, finest first."""
        return self.backbone(image)

    def forward(self, received: list[Tensor], original: list[Tensor]) -> Tensor:
        """Features of both pictures -> scalar."""
        losses = [
            F.l1_loss(f, t) / (t.abs().mean() + 1e-4)
            for f, t in zip(received, original, strict=True)
        ]
        return torch.stack(losses).mean()
