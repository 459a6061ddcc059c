"""Convolutional building blocks shared by the encoders, the de-masking module and the decoders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Attention", "ResBlock", "SpadeGroupNorm", "SpadeResBlock", "group_norm", "swish"]


def swish(x: Tensor) -> Tensor:
    """``x * sigmoid(x)`` of a tensor nobody needs again: in place unless a gradient will."""
    return F.silu(x, inplace=not torch.is_grad_enabled())


def group_norm(channels: int, *, affine: bool = True) -> nn.GroupNorm:
    """Group normalisation with groups of at least 8 channels, at most 32 groups."""
    return nn.GroupNorm(max(1, min(32, channels // 8)), channels, eps=1e-6, affine=affine)


class ResBlock(nn.Module):
    """GN, swish, conv 3x3, twice, plus a skip; ``stride`` 2 halves the grid.

    Input [B, in_channels, H, W], output [B, out_channels, H / stride, W / stride].
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.norm2 = group_norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        same = in_channels == out_channels and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(swish(self.norm1(x)))
        h = self.conv2(swish(self.norm2(h)))
        if self.stride != 1:
            x = F.avg_pool2d(x, self.stride)
        h += self.skip(x)
        return h


class SpadeGroupNorm(nn.Module):
    """SPADE-GN: group normalisation whose scale and shift are drawn from the label map.

    ``GN(x) * (1 + gamma(s)) + beta(s)`` with ``gamma``, ``beta`` from one hidden convolution of the
    one-hot map. Park et al., "Semantic image synthesis with spatially-adaptive normalization",
    2019; GN in place of batch norm as in SQ-GAN (Pezone et al., arXiv 2502.09520).
    """

    def __init__(self, channels: int, classes: int, hidden: int, kernel: int = 3) -> None:
        super().__init__()
        self.norm = group_norm(channels, affine=False)
        self.shared = nn.Conv2d(classes, hidden, 3, 1, 1)
        self.modulation = nn.Conv2d(hidden, 2 * channels, kernel, 1, kernel // 2)

    def forward(self, x: Tensor, one_hot: Tensor) -> Tensor:
        hidden = F.relu_(self.shared(one_hot))
        # two convolutions rather than one cut in half: halves of a channels-last result are not
        # dense, and elementwise arithmetic on them is ten times slower
        weight, bias, padding = *self.modulation.parameters(), self.modulation.padding
        (w_gamma, w_beta), (b_gamma, b_beta) = weight.chunk(2), bias.chunk(2)
        scale = F.conv2d(hidden, w_gamma, 1 + b_gamma, padding=padding)
        shift = F.conv2d(hidden, w_beta, b_beta, padding=padding)
        return shift.addcmul_(self.norm(x), scale)


class SpadeResBlock(nn.Module):
    """A residual block with both norms conditioned on the label map at its own resolution."""

    def __init__(
        self, in_channels: int, out_channels: int, classes: int, hidden: int, kernel: int = 3
    ) -> None:
        super().__init__()
        self.norm1 = SpadeGroupNorm(in_channels, classes, hidden, kernel)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, 1, 1)
        self.norm2 = SpadeGroupNorm(out_channels, classes, hidden, kernel)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        same = in_channels == out_channels
        self.skip = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, one_hot: Tensor) -> Tensor:
        h = self.conv1(swish(self.norm1(x, one_hot)))
        h = self.conv2(swish(self.norm2(h, one_hot)))
        h += self.skip(x)
        return h


class Attention(nn.Module):
    """Single-head self-attention over the cells of a grid, with weights on the keys.

    ``key_weight`` [B, N] multiplies the attention after the softmax, without renormalising: a cell
    of weight 0.02 is nearly unheard (MQ-VAE de-masking, Huang et al., CVPR 2023).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, key_weight: Tensor | None = None) -> Tensor:
        b, c, h, w = x.shape
        cells = self.qkv(self.norm(x)).permute(0, 2, 3, 1).reshape(b, h * w, 3 * c)
        q, k, v = cells.split(c, dim=2)  # [B, N, C] each
        if key_weight is not None:
            v = v * key_weight[:, :, None].to(v)  # (A diag(w)) v = A (diag(w) v)
        # with an axis of heads, though of one: only so is the blockwise kernel chosen
        heard = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])
        return x + self.out(heard.reshape(b, h, w, c).permute(0, 3, 1, 2))
