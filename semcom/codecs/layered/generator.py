"""The base layer's picture: generated from features under the label map, by SPADE layers.

Park et al., "Semantic image synthesis with spatially-adaptive normalization", 2019. What is
normalised here are the channels of each pixel (Mentzer et al., "High-fidelity generative image
compression", 2020): nothing depends on the size of a picture or on what is far away in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.layered.config import STRIDE, LayeredSize
from semcom.codecs.saic.transforms import dct_basis, silent

__all__ = ["Generator", "label_pyramid"]


def label_pyramid(one_hot: Tensor) -> list[Tensor]:
    """One-hot map [B, classes, H, W] at 1/16, 1/8, 1/4 and 1/2 of its size, shares of the area."""
    pyramid = [one_hot]
    for _ in range(4):
        pyramid.append(F.avg_pool2d(pyramid[-1], 2))
    return pyramid[:0:-1]


class _Spade(nn.Module):
    """Normalise the channels of every pixel, then scale and shift them by its label's features."""

    def __init__(self, channels: int, spade: int) -> None:
        super().__init__()
        self.scale = nn.Conv2d(spade, channels, 1)
        self.shift = nn.Conv2d(spade, channels, 1)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        x = F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],)).permute(0, 3, 1, 2)
        return torch.addcmul(self.shift(label), x, 1 + self.scale(label))


class _SpadeResBlock(nn.Module):
    def __init__(self, channels: int, spade: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _Spade(channels, spade), _Spade(channels, spade)
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x, label)))
        return x + self.conv2(F.silu(self.norm2(h, label)))


class _Level(nn.Module):
    """All that happens at one resolution: label features, blocks, and the step to the next."""

    def __init__(self, channels: int, following: int | None, blocks: int, size: LayeredSize):
        super().__init__()
        self.label = nn.Conv2d(size.classes, size.spade, 3, 1, 1)
        self.blocks = nn.ModuleList(_SpadeResBlock(channels, size.spade) for _ in range(blocks))
        self.enlarge = None if following is None else nn.Conv2d(channels, 4 * following, 1)

    def forward(self, x: Tensor, one_hot: Tensor) -> Tensor:
        label = F.relu(self.label(one_hot))
        for block in self.blocks:
            x = block(x, label)
        return x if self.enlarge is None else F.pixel_shuffle(self.enlarge(x), 2)


class Generator(nn.Module):
    """Latent [B, C, h, w] and label map to picture [B, 3, 16 h, 16 w], in [-1, 1], not clipped.

    A few low frequencies of a block cosine transform, the latent's linear part, carry brightness
    and colour from the first step of training on; the network adds to them.
    """

    basis: Tensor

    def __init__(self, size: LayeredSize) -> None:
        super().__init__()
        widths = size.generator
        self.register_buffer("basis", dct_basis(size.base.slices), persistent=False)
        self.start = nn.Conv2d(size.base.latent, widths[0], 3, 1, 1)
        self.levels = nn.ModuleList(
            _Level(width, following, blocks, size)
            for width, following, blocks in zip(
                widths, (*widths[1:], None), (1, 2, 2, 1), strict=True
            )
        )
        self.linear = nn.Conv2d(3, widths[2], 4, 4)
        self.out = silent(nn.Conv2d(widths[3], 12, 3, 1, 1))

    def forward(self, latent: Tensor, pyramid: Sequence[Tensor]) -> Tensor:
        """``pyramid``: see :func:`label_pyramid`."""
        linear = F.conv_transpose2d(latent, self.basis, stride=STRIDE)
        h = self.start(latent)
        for number, (level, one_hot) in enumerate(zip(self.levels, pyramid, strict=True)):
            if number == 2:
                h = h + self.linear(linear)
            h = level(h, one_hot)
        return linear + F.pixel_shuffle(self.out(F.silu(h)), 2)
