"""Several received antennas back to the soft bits of the streams that were sent.

All streams of one channel use are seen at once: y = H x + n with white noise n and independent
symbols x of energy 1.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from channels.modulation import Modulation, build_modulation

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["KBest", "Lmmse", "build_detector", "lmmse"]

# Channel uses searched at a time; bounds the memory of the search.
_USES_AT_ONCE = 1 << 12


def lmmse(
    received: torch.Tensor, gain: torch.Tensor, noise_variance: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unbiased linear estimate with the least mean squared error.

    ``received`` complex64 [N, R], ``gain`` complex64 [N, R, T] or one for all [1, R, T],
    ``noise_variance`` float32 [N] or [1] of the complex noise of each antenna. Returns the symbols
    complex64 [N, T] and the variance of what disturbs them, noise and other streams, float32
    [N, T] or [1, T]; its inverse is the SINR. A single stream gets maximum-ratio combining.

    Source: Tse and Viswanath, "Fundamentals of Wireless Communication", 2005, section 8.3.3.

    >>> twice = torch.ones(1, 2, 1, dtype=torch.complex64)
    >>> symbols, variance = lmmse(twice[..., 0] * 0.5, twice, torch.tensor([0.1]))
    >>> round(symbols.item().real, 4), round(variance.item(), 4)
    (0.5, 0.05)
    """
    # in double precision: without much noise the matrix below is badly conditioned
    channel = gain.to(torch.complex128)
    inverse_variance = 1 / noise_variance.double()[:, None, None]
    identity = torch.eye(channel.shape[-1], dtype=channel.dtype, device=channel.device)
    error = torch.linalg.inv(channel.mH @ channel * inverse_variance + identity)
    filtered = error @ channel.mH * inverse_variance @ received.to(channel.dtype)[..., None]
    # mean squared error of each symbol: what its biased estimate lacks of the symbol itself
    lacking = error.diagonal(dim1=-2, dim2=-1).real.clamp(max=1 - 1e-9)
    symbols = filtered[..., 0] / (1 - lacking)
    return symbols.to(received.dtype), (lacking / (1 - lacking)).float()


class Lmmse:
    """LMMSE filter, then every stream by itself."""

    def __init__(self, modulation: Modulation) -> None:
        self._modulation = modulation

    def __call__(
        self, received: torch.Tensor, gain: torch.Tensor, noise_variance: torch.Tensor
    ) -> torch.Tensor:
        """Arguments of :func:`lmmse` to soft bits log p(1)/p(0) float32 [N, T bits per symbol]."""
        return self._modulation.demap(*lmmse(received, gain, noise_variance))


class KBest:
    """Breadth-first tree search that keeps ``paths`` candidates per layer, max-log soft bits.

    Source: Fertl, Jalden, Matz, "Performance assessment of MIMO-BICM demodulators based on mutual
    information", IEEE Trans. Signal Process. 60(3), 2012, section III; the search is Sionna's.
    """

    def __init__(self, modulation: Modulation, streams: int, paths: int, device: str) -> None:
        from sionna.phy.mimo import KBestDetector

        bits = modulation.bits_per_symbol
        with warnings.catch_warnings():
            # fewer candidates than paths exist where both are few: then all of them are kept
            warnings.simplefilter("ignore", UserWarning)
            self._search = KBestDetector(
                "bit", streams, paths, "pam" if bits == 1 else "qam", bits, device=device
            )

    def __call__(
        self, received: torch.Tensor, gain: torch.Tensor, noise_variance: torch.Tensor
    ) -> torch.Tensor:
        """As :meth:`Lmmse.__call__`."""
        antennas = torch.eye(received.shape[-1], dtype=gain.dtype, device=gain.device)
        gain = gain.expand(len(received), -1, -1)
        noise_variance = noise_variance.expand(len(received))
        parts = zip(
            *(x.split(_USES_AT_ONCE) for x in (received, gain, noise_variance)), strict=True
        )
        soft = [self._search(y, h, v[:, None, None] * antennas) for y, h, v in parts]
        return torch.cat(soft).flatten(1)


def build_detector(settings: LinkSettings) -> Lmmse | KBest:
    """The detector that ``settings`` name."""
    modulation = build_modulation(settings.modulation, settings.device)
    if settings.detector_paths is None:
        return Lmmse(modulation)
    return KBest(modulation, settings.transmit_antennas, settings.detector_paths, settings.device)
