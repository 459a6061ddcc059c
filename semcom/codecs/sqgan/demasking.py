"""Adaptive de-masking module (ADM): cells that never came are filled from those that did."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from semcom.codecs.sqgan.layers import Attention, ResBlock

__all__ = ["AdaptiveDemasking", "scatter_codes"]


def scatter_codes(
    codes: Tensor, cells: Tensor, mask_token: Tensor, shape: tuple[int, int]
) -> Tensor:
    """Lay ``codes`` [B, k, C] on a grid [B, C, h, w]; every other cell holds ``mask_token`` [C]."""
    b, _, c = codes.shape
    n = shape[0] * shape[1]
    grid = mask_token.to(codes).expand(b, n, c)
    grid = grid.scatter(1, cells[..., None].expand(-1, -1, c), codes)
    return grid.reshape(b, *shape, c).permute(0, 3, 1, 2)  # channels last in memory


class AdaptiveDemasking(nn.Module):
    """Residual blocks and attention in turn; masked cells gain a voice block by block.

    A masked cell's weight as a key starts at 0.02 and is replaced by its square root after every
    block, so information flows first from kept cells to masked ones (MQ-VAE, CVPR 2023; SQ-GAN).
    """

    def __init__(self, code_dim: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.empty(code_dim).uniform_(-1 / code_dim, 1 / code_dim))
        self.inner = nn.Sequential(
            nn.Conv2d(code_dim, channels, 1), nn.Conv2d(channels, channels, 3, 1, 1)
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList([ResBlock(channels, channels), Attention(channels)])
            for _ in range(blocks)
        )
        self.last = ResBlock(channels, channels)

    def forward(self, codes: Tensor, cells: Tensor, shape: tuple[int, int]) -> Tensor:
        """Codes [B, k, D] at raster positions ``cells`` [B, k] -> features [B, C, h, w]."""
        x = self.inner(scatter_codes(codes, cells, self.mask_token, shape))
        weight = codes.new_full((len(codes), shape[0] * shape[1]), 0.02).scatter(1, cells, 1.0)
        for block in self.blocks:
            res, attend = cast(nn.ModuleList, block)
            x = attend(res(x), weight)
            weight = weight.sqrt()
        return self.last(x)
