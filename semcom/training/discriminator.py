"""Discriminators that see pixels and the features of an ImageNet backbone, beside the label map."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from semcom.segmentation.backbone import CHANNELS

__all__ = ["Discriminator", "PatchDiscriminator", "adversarial_gradient", "hinge_loss"]


class PatchDiscriminator(nn.Module):
    """Three strided convolutions and a score per patch (Isola et al., 2017).

    Batch norm is left out: at small batches it lets the discriminator tell real from fake by
    statistics; spectral norm (Miyato et al., 2018) keeps it honest.
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, out in enumerate((width, 2 * width, 4 * width)):
            layers += [
                spectral_norm(nn.Conv2d(channels if i == 0 else out // 2, out, 4, 2, 1)),
                nn.LeakyReLU(0.2),
            ]
        self.net = nn.Sequential(*layers, spectral_norm(nn.Conv2d(4 * width, 1, 3, 1, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> scores [B, 1, H / 8, W / 8]."""
        return self.net(x)


def _head(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, width, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, width, 3, 1, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, 1, 3, 1, 1)),
    )


class Discriminator(nn.Module):
    """One score map for the pixels and one for each scale of frozen backbone features.

    Judging in the features of a trained network teaches texture in a fraction of the steps that a
    discriminator of pixels needs (Sauer et al., "Projected GANs converge faster", 2021); the one
    of pixels stays, for what those features do not see. Every judge is shown the label map at its
    own resolution, which makes it semantic-aware: a wall that looks like foliage is told apart.
    """

    def __init__(self, classes: int, width: int = 64) -> None:
        super().__init__()
        self.patch = PatchDiscriminator(3 + classes)
        self.heads = nn.ModuleList(_head(c + classes, width) for c in CHANNELS[:4])

    def forward(
        self,
        image: Tensor,
        features: Sequence[Tensor],
        scales: Sequence[Tensor],
        pyramid: Sequence[Tensor],
    ) -> list[Tensor]:
        """Scores of a picture [B, 3, H, W], a map per judge.

        ``features`` are the backbone's at 1/2 to 1/16, divided by ``scales``; ``pyramid`` is the
        label map at 1 to 1/16 of the picture's size.
        """
        # spectral norms are kept in full precision
        with torch.autocast(image.device.type, enabled=False):
            scores = [self.patch(torch.cat([image, pyramid[0]], 1))]
            for head, feature, scale, one_hot in zip(
                self.heads, features, scales, pyramid[1:], strict=True
            ):
                scores.append(head(torch.cat([feature.float() / scale.float(), one_hot], 1)))
        return scores


def hinge_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Discriminator's hinge loss (Lim and Ye, 2017), summed over the judges."""
    losses = [
        0.5 * (F.relu(1 - r).mean() + F.relu(1 + f).mean()) for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).sum()


def adversarial_gradient(scores: Sequence[Tensor], received: Tensor) -> Tensor:
    """Gradient of the generator's hinge loss ``-mean(score)`` with respect to the picture."""
    loss = torch.stack([-score.mean() for score in scores]).sum()
    (gradient,) = torch.autograd.grad(loss, received)
    return gradient
