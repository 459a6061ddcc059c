"""The whole network: two coded latents, the generator and the refiner; how it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from semcom import weights
from semcom.codecs.layered.config import SIZES, LayeredSize
from semcom.codecs.layered.generator import Generator, label_pyramid
from semcom.codecs.layered.refiner import Refiner
from semcom.codecs.saic.network import Coded, GainedLatent
from semcom.codecs.saic.transforms import Analysis
from semcom.entropy import LatentModel
from semcom.entropy.latent_model import LEVELS
from semcom.layout import for_inference

__all__ = ["LayeredNetwork", "Loaded", "load_network"]


class LayeredNetwork(nn.Module):
    """Coarse to fine: features and label map make a picture, a coded residual refines it.

    Pictures [B, 3, H, W] in [-1, 1], sides multiples of 16; ``level`` [B], 0 to 255, is a rate.
    """

    def __init__(self, size: LayeredSize) -> None:
        super().__init__()
        self.size = size
        self.analysis, self.generator = Analysis(size.base), Generator(size)
        self.base_latent = GainedLatent(size.base)
        self.refiner = Refiner(size)
        self.residual_latent = GainedLatent(size.enhancement)

    def base(self, x: Tensor, one_hot: Tensor, level: Tensor, g: torch.Generator) -> Coded:
        """The generated picture; ``one_hot`` [B, classes, H, W] as the receiver will know it."""
        latent, bits = self.base_latent.received(self.analysis(x), level, g)
        return Coded(self.generator(latent, label_pyramid(one_hot)), bits)

    def enhancement(self, x: Tensor, base: Tensor, level: Tensor, g: torch.Generator) -> Coded:
        """The refined picture and the bits of the residual."""
        y = self.refiner.analysis(x - base)
        latent, bits = self.residual_latent.received(y, level, g)
        return Coded(self.refiner(base, latent, level / (LEVELS - 1)), bits)


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
        for_inference(network)
        base, residual = (
            LatentModel({k: v.numpy() for k, v in latent.prior.integers().items()})
            for latent in (network.base_latent, network.residual_latent)
        )
        return cls(network, base, residual, digest)

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
    weights.load_into(network, name, f"the layered codec of size {size!r}")
    return Loaded.of(network, weights.digest(name))
