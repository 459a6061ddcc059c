"""The whole network: two coded latents, the generator and the refiner; how it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom import weights
from semcom.codecs.layered.config import SIZES, LayeredSize
from semcom.codecs.layered.generator import Generator, label_pyramid
from semcom.codecs.layered.refiner import Refiner
from semcom.codecs.saic.config import TransformSize
from semcom.codecs.saic.prior import LatentPrior, hyper_padding
from semcom.codecs.saic.transforms import Analysis, HyperAnalysis
from semcom.entropy import LatentModel
from semcom.entropy.latent_model import LEVELS
from semcom.layout import channels_last

__all__ = ["GainedLatent", "LayeredNetwork", "Loaded", "Received", "load_network"]


class Received(NamedTuple):
    """``picture`` [B, 3, H, W] and the ``bits`` [B] that it took."""

    picture: Tensor
    bits: Tensor


class GainedLatent(nn.Module):
    """A latent at 256 rates: a gain before rounding, its inverse after it, and its entropy model.

    Gains are exponential in the level (Cui et al., "Asymmetric gained deep image compression with
    continuous rate adaptation", 2021), from ``exp(lowest)`` to ``exp(highest)`` before training.
    """

    def __init__(self, size: TransformSize, lowest: float, highest: float) -> None:
        super().__init__()
        self.hyper_analysis, self.prior = HyperAnalysis(size), LatentPrior(size)
        begin = torch.full((size.latent,), lowest)
        spread = torch.full((size.latent,), highest - lowest)
        self.log_gain = nn.Parameter(torch.stack([begin, spread]))
        self.log_inverse_gain = nn.Parameter(-torch.stack([begin, spread]))

    def scaled(self, y: Tensor, level: Tensor) -> Tensor:
        """``y`` [B, C, h, w] as it is rounded at ``level`` [B]."""
        return y * _factors(self.log_gain, level)

    def unscaled(self, latent: Tensor, level: Tensor) -> Tensor:
        """Inverse of :meth:`scaled`, of a rounded latent."""
        return latent * _factors(self.log_inverse_gain, level)

    def side_information(self, scaled: Tensor) -> Tensor:
        """[B, C, h, w] of any size -> [B, hyper, h / 4, w / 4], not rounded."""
        below, right = hyper_padding((scaled.shape[2], scaled.shape[3]))
        return self.hyper_analysis(F.pad(scaled, (0, right, 0, below), mode="replicate"))

    def forward(self, y: Tensor, level: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
        """``y`` -> the latent that is received and its bits [B]."""
        scaled = self.scaled(y, level)
        latent, bits = self.prior(scaled, self.side_information(scaled), level, g)
        return self.unscaled(latent, level), bits


def _factors(log: Tensor, level: Tensor) -> Tensor:
    t = (level.to(log) / (LEVELS - 1))[:, None]
    return torch.exp(log[0] + t * log[1])[:, :, None, None]


class LayeredNetwork(nn.Module):
    """Coarse to fine: features and label map make a picture, a coded residual refines it.

    Pictures [B, 3, H, W] in [-1, 1], sides multiples of 16; ``level`` [B], 0 to 255, is a rate.
    """

    def __init__(self, size: LayeredSize) -> None:
        super().__init__()
        self.size = size
        self.analysis, self.generator = Analysis(size.base), Generator(size)
        self.base_latent = GainedLatent(size.base, -1.5, 0.7)
        self.refiner = Refiner(size)
        self.residual_latent = GainedLatent(size.enhancement, -1.2, 1.6)

    def base(self, x: Tensor, one_hot: Tensor, level: Tensor, g: torch.Generator) -> Received:
        """The generated picture; ``one_hot`` [B, classes, H, W] as the receiver will know it."""
        latent, bits = self.base_latent(self.analysis(x), level, g)
        return Received(self.generator(latent, label_pyramid(one_hot)), bits)

    def enhancement(self, x: Tensor, base: Tensor, level: Tensor, g: torch.Generator) -> Received:
        """The refined picture and the bits of the residual."""
        latent, bits = self.residual_latent(self.refiner.analysis(x - base), level, g)
        return Received(self.refiner(base, latent, level / (LEVELS - 1)), bits)


@dataclass(frozen=True)
class Loaded:
    """A network ready to code: float transforms and whole-number entropy models of both layers."""

    network: LayeredNetwork
    base: LatentModel
    residual: LatentModel
    digest: str

    @classmethod
    def of(cls, network: LayeredNetwork, digest: str) -> Loaded:
        """Freeze ``network``; ``digest`` names its weights."""
        channels_last(network.eval().requires_grad_(False))
        models = [
            LatentModel({k: v.numpy() for k, v in latent.prior.integers().items()})
            for latent in (network.base_latent, network.residual_latent)
        ]
        return cls(network, *models, digest)

    @property
    def tag(self) -> int:
        """The byte that packets carry to name their network."""
        return int(self.digest[:2], 16)


@cache
def load_network(name: str, size: str = "compact") -> Loaded:
    """A network by the name (or file) of its weights; see :func:`semcom.weights.path`.

    Raises FileNotFoundError, or ValueError where the file holds another network.
    """
    network = LayeredNetwork(SIZES[size])
    try:
        network.load_state_dict(weights.load(name))
    except RuntimeError as error:
        raise ValueError(
            f"weights {name!r} do not fit the layered codec of size {size!r}"
        ) from error
    return Loaded.of(network, weights.digest(name))
