"""Encoders: a picture or a label map to a grid of features 16 times smaller."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.sqgan.config import PathSize
from semcom.codecs.sqgan.layers import ResBlock, group_norm

__all__ = ["Encoder", "SemPE"]


class SemPE(nn.Module):
    """Semantic-aware embedding: one extra plane, drawn from the label map, added to all channels.

    conv 3x3 (classes -> hidden), ReLU, conv 1x1 (hidden -> 1), at the resolution of the first
    features (SQ-GAN, arXiv 2502.09520).
    """

    def __init__(self, classes: int, hidden: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(classes, hidden, 3, 1, 1)
        self.plane = nn.Conv2d(hidden, 1, 1)

    def forward(self, one_hot: Tensor) -> Tensor:
        return self.plane(F.relu(self.conv(one_hot)))


class Encoder(nn.Module):
    """[B, in_channels, 16 h, 16 w] -> [B, C, h, w].

    The first convolution already halves the grid: full-resolution features cost half of all the
    arithmetic and hold nothing that survives 16-fold reduction.
    """

    def __init__(self, in_channels: int, size: PathSize, sempe_classes: int = 0) -> None:
        super().__init__()
        widths = size.widths
        self.stem = nn.Conv2d(in_channels, widths[0], 4, 2, 1)
        self.stem_norm = group_norm(widths[0])
        self.sempe = SemPE(sempe_classes, size.spade_hidden) if sempe_classes else None
        levels: list[nn.Module] = []
        for i, width in enumerate(widths):
            if i:
                levels.append(ResBlock(widths[i - 1], width, 2))
            levels += [ResBlock(width, width) for _ in range(size.blocks)]
        self.levels = nn.Sequential(*levels)
        self.out = nn.Sequential(
            group_norm(widths[3]), nn.SiLU(), nn.Conv2d(widths[3], widths[3], 3, 1, 1)
        )

    def forward(self, x: Tensor, one_hot_half: Tensor | None = None) -> Tensor:
        """``one_hot_half`` [B, classes, 8 h, 8 w] feeds SemPE where the encoder has one."""
        h = self.stem_norm(self.stem(x))
        if self.sempe is not None:
            if one_hot_half is None:
                raise ValueError("this encoder embeds the label map: give one_hot_half")
            h = h + self.sempe(one_hot_half)
        return self.out(self.levels(h))
