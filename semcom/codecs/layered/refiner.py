"""The enhancement layer's picture: the base picture, the residual that was sent, and a network.

The residual alone would have to take back, bit by bit, every texture that the generator invented.
The refiner sees both pictures and takes back what it can tell for itself.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.layered.config import STRIDE, LayeredSize
from semcom.codecs.saic.transforms import ResBlock, dct_basis, silent

__all__ = ["Refiner"]


class Refiner(nn.Module):
    """Residuals to a latent by a block cosine transform; back by it and a network beside it."""

    basis: Tensor

    def __init__(self, size: LayeredSize) -> None:
        super().__init__()
        fine, coarse = size.refiner
        self.register_buffer("basis", dct_basis(size.enhancement.slices), persistent=False)
        self.start = nn.Conv2d(7, fine, 4, 4)
        self.down = nn.Conv2d(fine, coarse, 3, 2, 1)
        self.coarse = ResBlock(coarse)
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.fine = nn.Sequential(ResBlock(fine), ResBlock(fine))
        self.out = silent(nn.Conv2d(fine, 48, 3, 1, 1))

    def analysis(self, residual: Tensor) -> Tensor:
        """[B, 3, 16 h, 16 w] -> [B, C, h, w]."""
        return F.conv2d(residual, self.basis, stride=STRIDE)

    def forward(self, base: Tensor, latent: Tensor, told: Tensor) -> Tensor:
        """Base picture [B, 3, H, W], latent [B, C, h, w] and rate ``told`` [B] in 0 to 1."""
        sum_ = base + F.conv_transpose2d(latent, self.basis, stride=STRIDE)
        rate = told[:, None, None, None].to(base).expand(-1, 1, *base.shape[2:])
        h = self.start(torch.cat([base, sum_, rate], 1))
        coarse = self.coarse(self.down(F.leaky_relu(h, 0.1)))
        h = self.fine(h + F.pixel_shuffle(self.up(F.leaky_relu(coarse, 0.1)), 2))
        return sum_ + F.pixel_shuffle(self.out(F.leaky_relu(h, 0.1)), 4)
