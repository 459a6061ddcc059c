"""Label maps as networks see them: a plane for every class, at several sizes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["map_pyramid", "one_hot_map"]


def one_hot_map(label_map: Tensor, classes: int) -> Tensor:
    """Label map [B, H, W] -> [B, classes, H, W] float; ids from ``classes`` up (void) are all zero.

    >>> one_hot_map(torch.tensor([[[1, 2]]]), 2)[0, :, 0].tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    ids = torch.arange(classes, device=label_map.device)
    return (label_map[..., None] == ids).float().permute(0, 3, 1, 2)  # channels last in memory


def map_pyramid(one_hot: Tensor) -> list[Tensor]:
    """The map at 1, 1/2, 1/4, 1/8, 1/16 of its size, averaged: thin objects fade, none vanishes."""
    levels = [one_hot]
    for _ in range(4):
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels
