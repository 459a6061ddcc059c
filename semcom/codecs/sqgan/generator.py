"""Decoders: features to a picture under the decoded label map, and features to a label map."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.sqgan.config import PathSize
from semcom.codecs.sqgan.layers import (
    Attention,
    ResBlock,
    SpadeGroupNorm,
    SpadeResBlock,
    group_norm,
    swish,
)

__all__ = ["ImageGenerator", "MapDecoder"]


def _smooth_upsample(x: Tensor) -> Tensor:
    # resize, then convolve: no checkerboard (Odena et al., Distill 2016), no blocks in the skips
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class ImageGenerator(nn.Module):
    """SPADE decoder: [B, C, h, w] and the map at five sizes -> picture [B, 3, 16 h, 16 w].

    Values are linear, pictures scaled to [-1, 1]. Noise of a learned strength per channel enters
    after every level, so that texture need not be drawn from the code vectors (Karras et al.,
    StyleGAN, 2019); a receiver draws it from a fixed seed: the same bytes give the same picture.
    """

    def __init__(self, classes: int, size: PathSize) -> None:
        super().__init__()
        widths = size.widths[::-1]
        hidden, kernel = size.spade_hidden, size.spade_kernel
        self.start = nn.Conv2d(widths[0], widths[0], 3, 1, 1)
        self.attention = Attention(widths[0])
        self.levels = nn.ModuleList(
            nn.ModuleList(
                SpadeResBlock(width, width, classes, hidden, kernel) for _ in range(size.blocks)
            )
            for width in widths
        )
        self.noise = nn.ParameterList(torch.zeros(width) for width in widths)
        outs = (*widths[1:], size.full)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(widths, outs, strict=True))
        self.full_norm = SpadeGroupNorm(size.full, classes, max(8, hidden // 2), kernel)
        self.full_conv = nn.Conv2d(size.full, size.full, 3, 1, 1)
        self.out = nn.Conv2d(size.full, 3, 3, 1, 1)

    def forward(
        self, x: Tensor, one_hots: Sequence[Tensor], generator: torch.Generator | None = None
    ) -> Tensor:
        """``one_hots``: the map at 1, 1/2, 1/4, 1/8 and 1/16 of the picture's size.

        ``generator`` draws the noise of a training step; without it the receiver's own is used.
        """
        batch = 1 if generator is None else len(x)
        generator = generator or torch.Generator().manual_seed(0)
        x = self.attention(self.start(x))
        for i, (blocks, shrink) in enumerate(zip(self.levels, self.shrink, strict=True)):
            plane = torch.randn((batch, 1, *x.shape[2:]), generator=generator).to(x)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, one_hots[4 - i])
            x = torch.addcmul(x, self.noise[i][:, None, None], plane)
            x = _smooth_upsample(shrink(x))
        x = swish(self.full_conv(swish(self.full_norm(x, one_hots[0]))))
        return self.out(x)


class MapDecoder(nn.Module):
    """[B, C, h, w] -> class logits [B, classes, 16 h, 16 w].

    The last doubling is a pixel shuffle of logits: arg-max hides the pattern a shuffle can leave.
    """

    def __init__(self, classes: int, size: PathSize) -> None:
        super().__init__()
        widths = size.widths[::-1]
        self.start = nn.Conv2d(widths[0], widths[0], 3, 1, 1)
        self.middle = nn.Sequential(
            ResBlock(widths[0], widths[0]), Attention(widths[0]), ResBlock(widths[0], widths[0])
        )
        self.levels = nn.ModuleList(
            nn.Sequential(*(ResBlock(width, width) for _ in range(size.blocks)))
            for width in widths[1:]
        )
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(widths))
        self.norm = group_norm(widths[-1])
        self.out = nn.Conv2d(widths[-1], 4 * classes, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.middle(self.start(x))
        for shrink, level in zip(self.shrink, self.levels, strict=True):
            x = level(F.interpolate(shrink(x), scale_factor=2, mode="nearest"))
        return F.pixel_shuffle(self.out(swish(self.norm(x))), 2)
