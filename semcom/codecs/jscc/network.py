"""DeepJSCC: encoder, symbols of unit mean power, decoder; and how a shipped one is loaded.

After Bourtsoulatze, Kurka and Gündüz, "Deep joint source-channel coding for wireless image
transmission", 2019, with the attention features of Xu et al., "Wireless image transmission using
deep source channel coding with attention modules", 2022, which tell one network of every SNR, here
of every bandwidth as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom import weights
from semcom.codecs.jscc.config import SIZES, STRIDE, JsccSize
from semcom.codecs.jscc.linear import Spectrum, block_basis, plane_transform, powers
from semcom.codecs.saic.transforms import enlarging, silent
from semcom.layout import for_inference

__all__ = ["JsccNetwork", "Loaded", "load_network"]

#: what both ends are told of Es/N0 is clipped to this range in dB
LOWEST_DB, HIGHEST_DB = -10.0, 30.0
#: of the energy of a picture's symbols
_PILOT_SHARE = 0.02


class _Block(nn.Module):
    """Two convolutions and a skip, without normalisation: brightness must come through."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.act = nn.PReLU(channels, init=0.1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.act(self.conv1(x)))


class _Attention(nn.Module):
    """Attention features: factors per channel from the channels' means and ``told`` [B, 2]."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(channels + 2, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        factors = self.net(torch.cat([x.mean((2, 3)), told], 1))
        return x * (2 * torch.sigmoid(factors))[:, :, None, None]


class _Steps(nn.Module):
    """Layers one after another; attention features hear what the ends are told."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, told) if isinstance(layer, _Attention) else layer(x)
        return x


class JsccNetwork(nn.Module):
    """Pictures to complex symbols and back.

    The network adds to what a linear analog scheme (:mod:`semcom.codecs.jscc.linear`) sends and to
    what it makes of that, so training begins where linear schemes end. N channel uses carry a
    pilot, which tells the receiver how a picture was scaled to mean power 1, and the 2 (N - 1)
    strongest waves, so that any bandwidth up to ``size.most_uses_per_pixel`` is met exactly.
    """

    basis: Tensor
    #: see :class:`Spectrum`
    law: Tensor

    def __init__(self, size: JsccSize) -> None:
        super().__init__()
        self.size = size
        a, b, c = size.widths
        self.register_buffer("basis", block_basis(size.latent), persistent=False)
        self.register_buffer(
            "law", torch.stack([torch.zeros(size.latent), torch.ones(size.latent)])
        )

        def attention(channels: int) -> _Attention:
            return _Attention(channels, size.hidden)

        self.encoder = _Steps(
            nn.Conv2d(3, a, 4, 4),
            _Block(a),
            attention(a),
            nn.Conv2d(a, b, 3, 2, 1),
            _Block(b),
            attention(b),
            nn.Conv2d(b, c, 3, 2, 1),
            _Block(c),
            attention(c),
            silent(nn.Conv2d(c, size.latent, 1)),
        )
        last = enlarging(a, 3, 4, kernel=3)
        silent(last[0])  # type: ignore[arg-type]
        self.decoder = _Steps(
            nn.Conv2d(size.latent, c, 3, 1, 1),
            _Block(c),
            attention(c),
            enlarging(c, b, 2),
            _Block(b),
            attention(b),
            enlarging(b, a, 2),
            _Block(a),
            _Block(a),
            attention(a),
            last,
        )

    def transmit(self, x: Tensor, uses: int, noise: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] in [-1, 1], sides multiples of 16, to symbols [B, uses] complex64.

        ``noise`` [B] is the variance per symbol that the transmitter believes in. The mean power of
        a picture's symbols is 1. Raises ValueError where there are fewer waves than the channel
        uses could carry.
        """
        planes = F.conv2d(x, self.basis, stride=STRIDE)
        planes = planes + self.encoder(x, _told(noise, uses, x.shape[2] * x.shape[3]))
        spectrum = self._spectrum((planes.shape[2], planes.shape[3]), uses)
        waves = plane_transform(planes).flatten(1)[:, spectrum.places]
        deviation = spectrum.deviation.to(waves)
        power = powers(deviation, noise).to(waves)
        values = waves / deviation * (power / 2).sqrt()
        symbols = torch.view_as_complex(values.unflatten(1, (uses - 1, 2)).contiguous())
        pilot = torch.full_like(symbols[:, :1], _pilot(uses))
        symbols = torch.cat([pilot, symbols], 1)
        return symbols * symbols.abs().square().mean(1, keepdim=True).clamp(min=1e-12).rsqrt()

    def reconstruct(
        self, symbols: Tensor, noise: Tensor, shape: tuple[int, int], design_noise: Tensor
    ) -> Tensor:
        """Received symbols [B, uses] to pictures [B, 3, H, W] of ``shape``, not clipped.

        ``noise`` [B, uses] is the variance of every symbol, which the receiver knows; so is
        ``design_noise`` [B], that the transmitter believed in.
        """
        uses, cells = symbols.shape[1], (shape[0] // STRIDE, shape[1] // STRIDE)
        spectrum = self._spectrum(cells, uses)
        deviation = spectrum.deviation.to(noise)
        scale = (symbols[:, :1].real / _pilot(uses)).clamp(0.4, 2.5)
        power = powers(deviation, design_noise).to(noise)
        values = torch.view_as_real(symbols[:, 1:]).flatten(1) / scale
        disturbed = noise[:, 1:].repeat_interleave(2, 1) / scale.square()
        # the best linear estimate of each wave
        waves = values * deviation * (2 * power).sqrt() / (power + disturbed)
        planes = waves.new_zeros(len(waves), self.size.latent * cells[0] * cells[1])
        planes = planes.index_copy(1, spectrum.places.to(waves.device), waves)
        y = plane_transform(planes.unflatten(1, (self.size.latent, *cells)), inverse=True)
        error = (noise / (1 + noise)).mean(1).clamp(1e-9, 1 - 1e-6)
        told = _told(error / (1 - error), uses, shape[0] * shape[1])
        return F.conv_transpose2d(y, self.basis, stride=STRIDE) + self.decoder(y, told)

    def _spectrum(self, cells: tuple[int, int], uses: int) -> Spectrum:
        most = self.size.latent * cells[0] * cells[1] // 2
        if not 2 <= uses <= most:
            raise ValueError(
                f"{uses} channel uses: the network fills 2 to {most} at this size of picture"
            )
        return Spectrum(self.law, cells, 2 * (uses - 1))


def _pilot(uses: int) -> float:
    """Amplitude of the pilot before scaling: a small share of the energy of all symbols."""
    return math.sqrt(_PILOT_SHARE * uses)


def _told(noise: Tensor, uses: int, pixels: int) -> Tensor:
    """Es/N0 of ``noise`` [B] and bandwidth [B, 2], both of the order of 1."""
    esn0_db = -10 * noise.clamp(min=1e-12).log10()
    snr = (esn0_db.clamp(LOWEST_DB, HIGHEST_DB) - 10) / 10
    bandwidth = math.log(uses / pixels / 0.03)
    return torch.stack([snr, torch.full_like(snr, bandwidth)], 1)


@dataclass(frozen=True)
class Loaded:
    """A network ready to transmit, and the digest of its weights."""

    network: JsccNetwork
    digest: str


@cache
def load_network(name: str, size: str = "compact") -> Loaded:
    """A network by the name (or file) of its weights; see :func:`semcom.weights.path`.

    Raises FileNotFoundError, or ValueError where the file holds another network.
    """
    network = JsccNetwork(SIZES[size])
    weights.load_into(network, name, f"DeepJSCC of size {size!r}")
    for_inference(network)
    return Loaded(network, weights.digest(name))
