"""The whole network: analysis, gain, entropy model, synthesis; and how a shipped one is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom import weights
from semcom.codecs.saic.config import SIZES, TransformSize
from semcom.codecs.saic.prior import LatentPrior, hyper_padding
from semcom.codecs.saic.transforms import Analysis, HyperAnalysis, Synthesis
from semcom.entropy import LatentModel
from semcom.entropy.latent_model import LEVELS
from semcom.layout import for_inference

__all__ = ["Coded", "GainedLatent", "Loaded", "TransformNetwork", "load_network"]

#: logarithms of the gain at the lowest and the highest rate, before training
_LOWEST_GAIN, _HIGHEST_GAIN = -0.5, 1.8


class Coded(NamedTuple):
    """``picture`` [B, 3, H, W] as it will be received, and its ``bits`` [B]."""

    picture: Tensor
    bits: Tensor


class GainedLatent(nn.Module):
    """A latent at 256 rates: a gain before rounding, its inverse after it, and its entropy model.

    Rates are levels 0 to 255. Each channel of the latent is multiplied by a gain before rounding
    and by another after it, both exponential in the level (gain units: Cui et al., "Asymmetric
    gained deep image compression with continuous rate adaptation", 2021).
    """

    def __init__(self, size: TransformSize) -> None:
        super().__init__()
        self.hyper_analysis, self.prior = HyperAnalysis(size), LatentPrior(size)
        spread = torch.full((size.latent,), _HIGHEST_GAIN - _LOWEST_GAIN)
        begin = torch.full((size.latent,), _LOWEST_GAIN)
        self.log_gain = nn.Parameter(torch.stack([begin, spread]))
        self.log_inverse_gain = nn.Parameter(-torch.stack([begin, spread]))

    def gain(self, level: Tensor) -> Tensor:
        """``level`` [B] -> factors [B, C, 1, 1] before rounding; [B, h, w] -> [B, C, h, w]."""
        return _factors(self.log_gain, level)

    def inverse_gain(self, level: Tensor) -> Tensor:
        """The same after rounding."""
        return _factors(self.log_inverse_gain, level)

    def side_information(self, y: Tensor) -> Tensor:
        """Scaled latent [B, C, h, w] of any size -> side information, not rounded."""
        below, right = hyper_padding((y.shape[2], y.shape[3]))
        return self.hyper_analysis(F.pad(y, (0, right, 0, below), mode="replicate"))

    def received(self, y: Tensor, level: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
        """``y`` [B, C, h, w] at ``level`` [B] each, as it is received, and its bits [B]."""
        y = y * self.gain(level)
        latent, bits = self.prior(y, self.side_information(y), level, g)
        return latent * self.inverse_gain(level), bits


class TransformNetwork(GainedLatent):
    """A transform codec of variable rate."""

    def __init__(self, size: TransformSize) -> None:
        super().__init__(size)
        self.size = size
        self.analysis, self.synthesis = Analysis(size), Synthesis(size)

    def forward(self, x: Tensor, level: Tensor, g: torch.Generator) -> Coded:
        """Pictures [B, 3, H, W] in [-1, 1], sides multiples of 16, at ``level`` [B] each."""
        latent, bits = self.received(self.analysis(x), level, g)
        return Coded(self.synthesis(latent), bits)


def _factors(log: Tensor, level: Tensor) -> Tensor:
    t = level.to(log) / (LEVELS - 1)
    t = t.reshape(len(t), 1, *(t.shape[1:] or (1, 1)))
    return torch.exp(log[0][:, None, None] + t * log[1][:, None, None])


@dataclass(frozen=True)
class Loaded:
    """A network ready to code: the float transforms and the whole-number entropy model."""

    network: TransformNetwork
    model: LatentModel
    digest: str

    @classmethod
    def of(cls, network: TransformNetwork, digest: str) -> Loaded:
        """Freeze ``network``; ``digest`` names its weights."""
        for_inference(network)
        integers = {key: value.numpy() for key, value in network.prior.integers().items()}
        return cls(network, LatentModel(integers), digest)

    @property
    def tag(self) -> int:
        """The byte that packets carry to name their network."""
        return int(self.digest[:2], 16)


@cache
def load_network(name: str, size: str = "compact") -> Loaded:
    """A network by the name (or file) of its weights; see :func:`semcom.weights.path`.

    Raises FileNotFoundError, or ValueError where the file holds another network.
    """
    network = TransformNetwork(SIZES[size])
    weights.load_into(network, name, f"the transform codec of size {size!r}")
    return Loaded.of(network, weights.digest(name))
