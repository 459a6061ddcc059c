"""One symbol after the other over white noise, with at most one known coefficient per payload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from channels import models
from channels.modulation import build_modulation

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["SingleCarrier"]


class SingleCarrier:
    """AWGN, block Rayleigh or block Rician channel with known channel state."""

    def __init__(self, settings: LinkSettings) -> None:
        self._modulation = build_modulation(settings.modulation, settings.device)
        self._channel = settings.channel
        self._direct = settings.rician_k

    def send(
        self, bits: torch.Tensor, esn0_db: torch.Tensor, seeds: Sequence[int], attempt: int
    ) -> torch.Tensor:
        """``bits`` uint8 [P, n] of P payloads to soft bits [P, n].

        ``esn0_db`` float64 [P] is the mean signal-to-noise ratio of each payload.
        """
        count = bits.shape[1]
        fill = -count % self._modulation.bits_per_symbol
        symbols = self._modulation.map(torch.nn.functional.pad(bits, (0, fill)))
        return self._modulation.demap(*self.carry(symbols, esn0_db, seeds, attempt))[:, :count]

    def carry(
        self, symbols: torch.Tensor, esn0_db: torch.Tensor, seeds: Sequence[int], attempt: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``symbols`` complex64 [P, S] of mean power 1 to what the equaliser hands on.

        Returns the symbols with their noise and its variance, float32 [P, 1].
        """
        noise = torch.as_tensor(
            models.noise(seeds, symbols.shape[1], attempt), device=symbols.device
        )
        variance = 10.0 ** (-esn0_db / 10)
        if self._channel != "awgn":
            fading = models.flat_fading(seeds, self._direct, attempt)
            gain = torch.as_tensor(fading, device=symbols.device)
            # known channel state: what is left after division by the coefficient is white again
            variance = variance / gain.abs().double() ** 2
            noise = noise * (gain.abs() / gain)[:, None]
        variance = variance.float()[:, None]
        return symbols + noise * variance.sqrt(), variance
