"""The linear analog scheme around which the network learns: waves, their powers, their estimates.

A block cosine transform turns a picture into planes of cells, a cosine transform of each plane into
waves; the strongest waves are sent with the powers that are best for linear schemes, and estimated
with least mean squared error (Lee and Petersen, "Optimal linear coding for vector channels", 1976;
as a picture transmission: Jakubczak and Katabi, "A cross-layer design for scalable mobile video",
2011).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from semcom.codecs.jscc.config import STRIDE
from semcom.codecs.saic.transforms import dct_basis

__all__ = ["Spectrum", "block_basis", "fit_spectrum", "plane_transform", "powers"]

#: how much less the two opponent colours matter than grey
_COLOUR_ORDER = (1, 2, 3)
#: frequencies, in cycles per cell: of the pole of the spectrum, and where its level is told
_POLE, _MIDDLE = 0.02, 0.25
#: steps of the search for the powers
_STEPS = 40


def block_basis(count: int) -> Tensor:
    """Basis [count, 3, 16, 16] of the block cosine transform, the most important wave first."""
    basis, share = dct_basis((count,)), count // 8
    keys = [
        ((1 + math.isqrt(8 * k + 1)) // 2) * weight
        for weight, number in zip(_COLOUR_ORDER, (count - 2 * share, share, share), strict=True)
        for k in range(number)
    ]
    return basis[torch.argsort(torch.tensor(keys), stable=True)]


@lru_cache(maxsize=64)
def _cosines(n: int) -> Tensor:
    k = torch.arange(n, dtype=torch.float64)
    waves = torch.cos(torch.pi * (2 * k[None] + 1) * k[:, None] / (2 * n)) * (2 / n) ** 0.5
    waves[0] *= 0.5**0.5
    return waves.float()


def plane_transform(planes: Tensor, inverse: bool = False) -> Tensor:
    """Orthonormal cosine transform over the last two dimensions [..., h, w].

    >>> x = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))
    >>> bool(torch.allclose(plane_transform(plane_transform(x), inverse=True), x, atol=1e-5))
    True
    """
    down, across = (_cosines(side).to(planes) for side in planes.shape[-2:])
    if inverse:
        return down.T @ planes @ across
    return down @ planes @ across.T


@lru_cache(maxsize=64)
def _log_frequency(shape: tuple[int, int]) -> Tensor:
    """Logarithm [h, w] of the frequency of every wave over the middle one, the pole added."""
    down, across = (torch.arange(side, dtype=torch.float64) / (2 * side) for side in shape)
    radius = (down[:, None] ** 2 + across**2).sqrt()
    return ((radius + _POLE) / (_MIDDLE + _POLE)).log()


class Spectrum:
    """Which waves of planes [C, h, w] are sent, and their standard deviations.

    ``law`` [2, C] holds, for every plane, the logarithm of the deviation at the middle frequency
    and the exponent by which it falls.
    """

    def __init__(self, law: Tensor, shape: tuple[int, int], count: int) -> None:
        log = law[0].double().cpu()[:, None, None] - law[1].double().cpu()[:, None, None] * (
            _log_frequency(shape)
        )
        order = torch.argsort(log.flatten(), descending=True, stable=True)[:count]
        g = torch.Generator().manual_seed(count)
        #: positions [count] in the flattened planes; neighbours are far apart in time
        self.places = order[torch.randperm(count, generator=g)]
        #: standard deviations [count]
        self.deviation = log.flatten()[self.places].exp().float()


def powers(deviation: Tensor, noise: Tensor) -> Tensor:
    """Powers [B, N] of mean 1 of waves of ``deviation`` [N] for ``noise`` variances [B].

    ``max(0, k deviation - noise)`` has the least squared error of all; waves that are weak beside
    the noise are not sent.

    >>> powers(torch.tensor([3.0, 1.0]), torch.tensor([1e-9, 10.0])).round(decimals=2).tolist()
    [[1.5, 0.5], [2.0, 0.0]]
    """
    noise = noise[:, None].double()
    sigma = deviation.double()
    low = torch.zeros_like(noise)
    high = (1 + noise) * len(sigma) / sigma.max()
    for _ in range(_STEPS):
        k = (low + high) / 2
        enough = (k * sigma - noise).clamp(min=0).mean(1, keepdim=True) > 1
        low, high = torch.where(enough, low, k), torch.where(enough, k, high)
    found = (high * sigma - noise).clamp(min=0)
    return (found / found.mean(1, keepdim=True)).float()


def fit_spectrum(images: Tensor, basis: Tensor) -> Tensor:
    """The ``law`` of :class:`Spectrum` [2, C] for pictures [N, 3, H, W] in [-1, 1].

    Least squares in the logarithm, in half precision as weights are shipped.
    """
    planes = torch.nn.functional.conv2d(images, basis, stride=STRIDE)
    energy = plane_transform(planes).double().square().mean(0).flatten(1)
    x = _log_frequency((planes.shape[2], planes.shape[3])).flatten().to(energy)
    y = 0.5 * (energy + 1e-9).log()
    mean_x, mean_y = x.mean(), y.mean(1)
    slope = ((x - mean_x) * (y - mean_y[:, None])).mean(1) / (x - mean_x).square().mean()
    return torch.stack([mean_y - slope * mean_x, -slope]).half().float()
