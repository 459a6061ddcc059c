"""Perceptual distance on EfficientNet-Lite0 features: no download, ImageNet knowledge."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.segmentation.backbone import EfficientNetLite0

__all__ = ["PerceptualLoss"]


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
