"""Semantic-conditioned adaptive mask module (SAMM): which cells are worth sending."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.sqgan.layers import SpadeGroupNorm

__all__ = ["SAMM", "Selection", "kept_cells"]


class Selection(NamedTuple):
    """What SAMM decides.

    ``scores`` [B, N] in (0, 1), ``kept`` [B, k] cells in raster order, ``vectors`` [B, k, D] and
    ``order`` [B, N], all cells from the most relevant to the least.
    """

    scores: Tensor
    kept: Tensor
    vectors: Tensor
    order: Tensor


def kept_cells(keep_fraction: float, cells: int) -> int:
    """Number of cells kept, ``floor(m N)`` and at least one (SQ-GAN, Sec. III).

    >>> kept_cells(0.2, 512)
    102
    """
    if not 0 < keep_fraction <= 1:
        raise ValueError(f"keep_fraction must lie in (0, 1], not {keep_fraction}")
    return max(1, int(keep_fraction * cells + 1e-9))


class SAMM(nn.Module):
    """Scores every cell under the label map, keeps the best, projects them to code vectors.

    Score: SPADE-GN, conv 3x3, ReLU, SPADE-GN, conv 1x1, sigmoid. Kept vector: ``a_i W LN(z_i)``.
    The product with the score is the only way a gradient reaches the score network; there is no
    straight-through mask and no budget loss (SQ-GAN, arXiv 2502.09520; MQ-VAE, CVPR 2023). Unlike
    there, ``W LN(z_i)`` is scaled to unit length first, so that vectors cannot run away from
    their codebook (Yu et al., ViT-VQGAN, 2022).
    """

    def __init__(self, channels: int, code_dim: int, classes: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = SpadeGroupNorm(channels, classes, hidden)
        self.conv = nn.Conv2d(channels, channels, 3, 1, 1)
        self.norm2 = SpadeGroupNorm(channels, classes, hidden)
        self.score = nn.Conv2d(channels, 1, 1)
        self.project = nn.Linear(channels, code_dim, bias=False)

    def forward(
        self, z: Tensor, one_hot: Tensor, keep_fraction: float, class_weights: Tensor | None = None
    ) -> Selection:
        """``z`` [B, C, h, w] and the map at its size [B, classes, h, w].

        ``class_weights`` [classes] multiply the scores where cells are ranked, not the vectors.
        """
        h = F.relu(self.conv(self.norm1(z, one_hot)))
        scores = torch.sigmoid(self.score(self.norm2(h, one_hot)).float()).flatten(1)  # [B, N]
        k = kept_cells(keep_fraction, scores.shape[1])
        rank = scores.detach()
        if class_weights is not None:
            rank = rank * (one_hot * class_weights[:, None, None]).sum(1).flatten(1)
        # ties are broken by position, so that every machine keeps the same cells
        order = torch.argsort(rank, dim=1, descending=True, stable=True)
        kept = order[:, :k].sort(dim=1).values
        u = F.layer_norm(z.flatten(2).transpose(1, 2), (z.shape[1],))  # [B, N, C]
        u = u.gather(1, kept[..., None].expand(-1, -1, u.shape[2]))
        v = F.normalize(self.project(u), dim=2) * scores.gather(1, kept)[..., None]
        return Selection(scores, kept, v, order)
