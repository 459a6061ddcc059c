"""Analysis and synthesis: a fixed cosine transform and, beside it, a network that adds to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from semcom.codecs.saic.config import STRIDE, TransformSize

__all__ = [
    "Analysis",
    "HyperAnalysis",
    "ResBlock",
    "Synthesis",
    "dct_basis",
    "enlarging",
    "silent",
]

#: grey and two opponent colours, orthonormal over RGB
_COLOURS = ((3**-0.5,) * 3, (2**-0.5, 0.0, -(2**-0.5)), (6**-0.5, -2 * 6**-0.5, 6**-0.5))
#: of this many channels of the latent, one shows each opponent colour
_COLOUR_SHARE = 8


def dct_basis(slices: tuple[int, ...]) -> Tensor:
    """Orthonormal basis [channels, 3, 16, 16] of a block cosine transform, low frequencies first.

    Every slice takes the lowest frequencies that are left: an eighth of its channels from each
    opponent colour, the others from grey.

    >>> basis = dct_basis((16, 32)).flatten(1)
    >>> bool(torch.allclose(basis @ basis.T, torch.eye(48), atol=1e-5))
    True
    """
    n = STRIDE
    k = torch.arange(n, dtype=torch.float64)
    waves = torch.cos(torch.pi * (2 * k[None] + 1) * k[:, None] / (2 * n)) * (2 / n) ** 0.5
    waves[0] *= 0.5**0.5
    order = sorted(((u, v) for u in range(n) for v in range(n)), key=lambda f: (sum(f), f))
    colours = torch.tensor(_COLOURS, dtype=torch.float64)
    taken, basis = [0, 0, 0], []
    for count in slices:
        share = count // _COLOUR_SHARE
        for colour, number in enumerate((count - 2 * share, share, share)):
            for u, v in order[taken[colour] : taken[colour] + number]:
                plane = waves[u][:, None] * waves[v]
                basis.append(colours[colour][:, None, None] * plane)
            taken[colour] += number
    return torch.stack(basis).float()


class ResBlock(nn.Module):
    """Two convolutions and a skip, without normalisation: brightness must come through."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.act(self.conv1(x)))


def silent(conv: nn.Conv2d) -> nn.Conv2d:
    """A last layer that begins at zero: training begins at the plain cosine transform."""
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def enlarging(inputs: int, outputs: int, factor: int, kernel: int = 1) -> nn.Sequential:
    """A convolution whose channels are spread over ``factor`` x ``factor`` pixels."""
    conv = nn.Conv2d(inputs, outputs * factor**2, kernel, 1, kernel // 2)
    return nn.Sequential(conv, nn.PixelShuffle(factor))


class Analysis(nn.Module):
    """Picture [B, 3, H, W] in [-1, 1] -> latent [B, C, H / 16, W / 16], both sides multiples of 16.

    The cosine transform carries the picture from the first step on; the network adds what a linear
    transform of blocks cannot see.
    """

    basis: Tensor

    def __init__(self, size: TransformSize) -> None:
        super().__init__()
        a, b, c = size.widths
        self.register_buffer("basis", dct_basis(size.slices), persistent=False)
        self.net = nn.Sequential(
            nn.Conv2d(3, a, 4, 4),
            ResBlock(a),
            nn.Conv2d(a, b, 3, 2, 1),
            ResBlock(b),
            nn.Conv2d(b, c, 3, 2, 1),
            nn.LeakyReLU(0.1),
            silent(nn.Conv2d(c, size.latent, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.basis, stride=STRIDE) + self.net(x)


class Synthesis(nn.Module):
    """Inverse of :class:`Analysis`, as far as it can be: latent -> picture, not clipped."""

    basis: Tensor

    def __init__(self, size: TransformSize) -> None:
        super().__init__()
        a, b, c = size.widths
        self.register_buffer("basis", dct_basis(size.slices), persistent=False)
        last = enlarging(a, 3, 4, kernel=3)
        silent(last[0])  # type: ignore[arg-type]
        self.net = nn.Sequential(
            nn.Conv2d(size.latent, c, 3, 1, 1),
            nn.LeakyReLU(0.1),
            enlarging(c, b, 2),
            ResBlock(b),
            ResBlock(b),
            enlarging(b, a, 2),
            ResBlock(a),
            ResBlock(a),
            last,
        )

    def forward(self, y: Tensor) -> Tensor:
        linear = nn.functional.conv_transpose2d(y, self.basis, stride=STRIDE)
        return linear + self.net(y)


class HyperAnalysis(nn.Module):
    """Scaled latent [B, C, h, w] -> side information [B, hyper, h / 4, w / 4], not rounded.

    Runs at the transmitter only and so may be of floating-point numbers.
    """

    def __init__(self, size: TransformSize) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(size.latent, size.hidden, 3, 2, 1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(size.hidden, size.hyper, 3, 2, 1),
        )

    def forward(self, y: Tensor) -> Tensor:
        # companded: a few large coefficients must not drown the others
        return self.net(y.sign() * y.abs().log1p())
