"""The entropy model as it is trained: differentiable twin of :class:`semcom.entropy.LatentModel`.

Weights are kept in units of the whole numbers that are shipped, so that a shipped file can be
loaded and trained on, and are rounded in the forward pass with straight-through gradients.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.saic.config import TransformSize
from semcom.entropy.integer_conv import ACTIVATION_STEPS, HIGHEST_ACTIVATION, WEIGHT_STEPS
from semcom.entropy.latent_model import (
    HYPER_STRIDE,
    LEVELS,
    MIDDLE_SCALE,
    SCALE_GAIN,
    checkerboard,
)
from semcom.entropy.logistic_tables import FIRST_SCALE, LOG_STEP, SCALES

__all__ = ["LatentPrior", "PriorOutput", "hyper_padding", "logistic_bits", "rounded"]


def rounded(x: Tensor, steps: int = 1) -> Tensor:
    """``x`` to the nearest multiple of ``1 / steps``, halves up; gradients pass unrounded."""
    return x + ((x.detach() * steps + 0.5).floor() / steps - x.detach())


def logistic_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """Bits of ``residual``, rounded with noise, under a logistic variable: both of one shape.

    ``-log2(F((r + 1/2) / b) - F((r - 1/2) / b))``, in a form that does not vanish in the tails.

    >>> logistic_bits(torch.tensor([0.0, 30.0]), torch.tensor([0.03, 1.0])).round().tolist()
    [0.0, 43.0]
    """
    near = (0.5 - residual.abs()) / scale
    far = near - 1 / scale
    nats = near + torch.log(-torch.expm1(-1 / scale)) - F.softplus(near) - F.softplus(far)
    return -nats / math.log(2)


class _IntegerConv(nn.Module):
    """A convolution whose weights are multiples of 1/WEIGHT_STEPS, kept in that unit."""

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float = 1.0) -> None:
        super().__init__()
        spread = gain * WEIGHT_STEPS * (inputs * kernel**2) ** -0.5
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * spread)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        weight = rounded(self.weight.clamp(-127, 127)) / WEIGHT_STEPS
        bias = rounded(self.bias) / WEIGHT_STEPS
        return F.conv2d(x, weight, bias, padding=self.weight.shape[2] // 2)

    def integers(self) -> dict[str, Tensor]:
        weight = self.weight.detach().round().clamp(-127, 127)
        bias = self.bias.detach().round().clamp(-32767, 32767)
        return {"weight": weight.to(torch.int8), "bias": bias.to(torch.int16)}


def _activation(x: Tensor) -> Tensor:
    highest = HIGHEST_ACTIVATION / ACTIVATION_STEPS
    return rounded(F.relu(x).clamp(max=highest), ACTIVATION_STEPS)


def _scale(u: Tensor) -> Tensor:
    index = (MIDDLE_SCALE + SCALE_GAIN * u).clamp(0, SCALES - 1)
    return FIRST_SCALE * torch.exp(LOG_STEP * index)


class PriorOutput(NamedTuple):
    """``latent`` [B, C, h, w], rounded; ``bits`` [B] of latent and side information together."""

    latent: Tensor
    bits: Tensor


class LatentPrior(nn.Module):
    """Scaled latents and side information, not rounded -> rounded latents and their bits."""

    def __init__(self, size: TransformSize) -> None:
        super().__init__()
        hidden = size.hidden
        self.slices = size.slices
        self.hyper_scale = _IntegerConv(1, size.hyper, 1, gain=0.1)
        self.hyper = nn.ModuleList(
            [_IntegerConv(size.hyper + 1, hidden, 3), _IntegerConv(hidden, hidden, 3)]
        )
        done = 0
        into, out = [], []
        for count in size.slices:
            done += count
            into.append(_IntegerConv(hidden + 1 + done, hidden, 3))
            out.append(_IntegerConv(hidden, 2 * count, 1, gain=0.1))
        self.slice_in, self.slice_out = nn.ModuleList(into), nn.ModuleList(out)

    def forward(self, y: Tensor, z: Tensor, level: Tensor, g: torch.Generator) -> PriorOutput:
        """``y`` [B, C, h, w], ``z`` [B, hyper, h / 4, w / 4], ``level`` [B] int, ``g`` for noise.

        Bits are those of values with uniform noise in place of rounding (Ballé et al., 2017);
        the rounded values go on as context and to the synthesis.
        """

        def noise(x: Tensor) -> Tensor:
            return torch.rand(x.shape, generator=g).to(x.device) - 0.5

        told = (level * 64 // LEVELS / ACTIVATION_STEPS)[:, None, None, None].to(y)
        scale = _scale(self.hyper_scale(told)).expand_as(z)
        bits = logistic_bits(z + noise(z), scale).sum((1, 2, 3))
        z = rounded(z)
        h = torch.cat([z, told.expand(-1, 1, *z.shape[2:])], 1)
        h = F.interpolate(_activation(self.hyper[0](h)), scale_factor=2.0, mode="nearest")
        h = F.interpolate(_activation(self.hyper[1](h)), scale_factor=2.0, mode="nearest")
        features = h[:, :, : y.shape[2], : y.shape[3]]

        first = torch.from_numpy(checkerboard((y.shape[2], y.shape[3]))).to(y)[None, None]
        known: list[Tensor] = []
        for values, conv, out in zip(
            y.split(self.slices, dim=1), self.slice_in, self.slice_out, strict=True
        ):
            latent = torch.zeros_like(values)
            for cells, seen in ((first, torch.zeros_like(first)), (1 - first, first)):
                context = torch.cat([*known, latent], 1).clamp(-128, 128)
                h = torch.cat([features, seen.expand(len(y), -1, -1, -1), context], 1)
                mean, u = out(_activation(conv(h))).chunk(2, dim=1)
                mean = rounded(mean, ACTIVATION_STEPS)
                residual = values - mean
                each = logistic_bits(residual + noise(residual), _scale(u))
                bits = bits + (each * cells).sum((1, 2, 3))
                latent = latent + cells * (rounded(residual) + mean)
            known.append(latent)
        return PriorOutput(torch.cat(known, 1), bits)

    def integers(self) -> dict[str, Tensor]:
        """The whole numbers that :class:`semcom.entropy.LatentModel` takes."""
        return {
            f"{name}.{key}": value
            for name, module in self.named_modules()
            if isinstance(module, _IntegerConv)
            for key, value in module.integers().items()
        }


def hyper_padding(shape: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns that a latent of ``shape`` (h, w) lacks to whole cells of its hyperprior."""
    return -shape[0] % HYPER_STRIDE, -shape[1] % HYPER_STRIDE
