"""Training of DeepJSCC over simulated channels of every Es/N0, fade and bandwidth."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from semcom.codecs.jscc.config import SIZES, STRIDE, uses_of
from semcom.codecs.jscc.linear import fit_spectrum
from semcom.codecs.jscc.network import JsccNetwork
from semcom.training.batches import Batch, TrainingSet
from semcom.training.checkpoint import shipped_state
from semcom.training.recipe import Recipe

__all__ = ["JsccObjective", "fade"]

#: squared steps of 8 bits below which errors hardly count: flat crops must not lead
_FLOOR = 20.0
#: of a contact strip
_SHOWN_DB = 10.0


def fade(symbols: Tensor, noise: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """What the equaliser hands on of ``symbols`` [B, N], and its noise variance [B, N].

    ``noise`` [B] is the mean variance per symbol. Half of the pictures meet white noise only, a
    third one Rayleigh coefficient, the others a new one at every symbol.
    """
    kind = torch.rand((len(symbols), 1), generator=g)
    block = torch.empty((len(symbols), 1)).exponential_(generator=g)
    single = torch.empty(symbols.shape).exponential_(generator=g)
    power = torch.where(kind < 1 / 2, 1.0, torch.where(kind < 5 / 6, block, single))
    variance = noise[:, None] / power.to(noise).clamp(min=1e-3)
    white = torch.randn((*symbols.shape, 2), generator=g).to(noise) * 0.5**0.5
    return symbols + torch.view_as_complex(white) * variance.sqrt(), variance


class JsccObjective:
    """Mean over pictures of the logarithm of the MSE, so that every channel counts alike.

    Es/N0 is drawn per picture from ``esn0_db``; the bandwidth per step, one of
    ``channel_uses_per_pixel`` three times in four, else anything between them and below.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        self.network = JsccNetwork(SIZES[recipe.network]).to(device)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.parameters = list(self.network.parameters())
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "network": torch.optim.AdamW(
                self.parameters,
                recipe.learning_rate,
                betas=(0.9, 0.99),
                weight_decay=recipe.weight_decay,
            )
        }

    def prepare(self, samples: TrainingSet) -> None:
        """Measure the spectrum of the linear scheme."""
        images = samples.images.permute(0, 3, 1, 2).float() / 127.5 - 1
        height, width = (side - side % STRIDE for side in images.shape[2:])
        self.network.law.copy_(fit_spectrum(images[:, :, :height, :width], self.network.basis))

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        """All of it in half precision."""
        return shipped_state(network)

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Original, and received over white noise with every bandwidth of the recipe."""
        x, shape = batch.image, (batch.image.shape[2], batch.image.shape[3])
        noise = torch.full((len(x),), 10 ** (-_SHOWN_DB / 10), device=x.device)
        g = torch.Generator().manual_seed(0)
        panels = [x]
        for share in self.recipe.channel_uses_per_pixel:
            symbols = network.transmit(x, uses_of(share, shape), noise)  # type: ignore[operator]
            white = torch.randn((*symbols.shape, 2), generator=g).to(noise) * (noise[0] / 2).sqrt()
            got = symbols + torch.view_as_complex(white)
            variance = noise[:, None].expand(got.shape)
            panels.append(network.reconstruct(got, variance, shape, noise))  # type: ignore[operator]
        return panels

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        x = draw().image
        shape = (x.shape[2], x.shape[3])
        uses = uses_of(self._bandwidth(g), shape)
        low, high = self.recipe.esn0_db
        esn0_db = (low + (high - low) * torch.rand(len(x), generator=g)).to(x.device)
        noise = 10 ** (-esn0_db / 10)
        received, variance = fade(self.network.transmit(x, uses, noise), noise, g)
        picture = self.network.reconstruct(received, variance, shape, noise)
        error = 127.5**2 * (picture - x).square().mean((1, 2, 3))
        loss = (error + _FLOOR).log().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizers["network"].step()
        self.optimizers["network"].zero_grad(set_to_none=True)
        psnr = (10 * torch.log10(255**2 / error.detach().clamp(min=1 / 12))).mean().item()
        return {"loss": loss.item(), "psnr_db": psnr, "uses_per_pixel": uses / x[0, 0].numel()}

    def _bandwidth(self, g: torch.Generator) -> float:
        shares = self.recipe.channel_uses_per_pixel
        pick, which, between = torch.rand(3, generator=g).tolist()
        if pick < 3 / 4:
            return shares[int(which * len(shares))]
        low, high = math.log(min(shares) / 2), math.log(max(shares))
        return math.exp(low + (high - low) * between)
