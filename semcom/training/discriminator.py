"""PatchGAN discriminator with spectral norm, shown the picture beside its label map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["PatchDiscriminator", "hinge_loss"]


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


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Discriminator's hinge loss (Lim and Ye, 2017)."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def adversarial_gradient(score: Tensor, received: Tensor) -> Tensor:
    """Gradient of the generator's hinge loss ``-mean(score)`` with respect to the picture."""
    (gradient,) = torch.autograd.grad(-score.mean(), received)
    return gradient
