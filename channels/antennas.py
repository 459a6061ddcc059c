"""One symbol vector after the other between several antennas, over block fading and white noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from channels import models
from channels.detection import build_detector
from channels.modulation import build_modulation

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["FlatAntennas"]


class FlatAntennas:
    """Block Rayleigh or Rician fading with one known matrix per payload and attempt."""

    def __init__(self, settings: LinkSettings) -> None:
        self._modulation = build_modulation(settings.modulation, settings.device)
        self._detect = build_detector(settings)
        self._streams = settings.transmit_antennas
        self._antennas = settings.receive_antennas
        self._direct = settings.rician_k

    def send(
        self, bits: torch.Tensor, esn0_db: torch.Tensor, seeds: Sequence[int], attempt: int
    ) -> torch.Tensor:
        """``bits`` uint8 [P, n] of P payloads to soft bits [P, n].

        ``esn0_db`` float64 [P] is the mean signal-to-noise ratio of all streams together at each
        receive antenna. Symbol i of a payload is sent by antenna i modulo their number.
        """
        payloads, count = bits.shape
        fill = -count % (self._modulation.bits_per_symbol * self._streams)
        symbols = self._modulation.map(torch.nn.functional.pad(bits, (0, fill)))
        symbols = symbols.view(payloads, -1, self._streams)
        gain = self.matrices(seeds, attempt).to(bits.device)
        uses = symbols.shape[1]
        noise = torch.as_tensor(
            models.noise(seeds, self._antennas * uses, attempt), device=bits.device
        ).view(payloads, self._antennas, uses)
        variance = (10.0 ** (-esn0_db / 10)).float()
        # one payload at a time: what happens to it must not depend on who else is sent
        rows = []
        for x, h, n, v in zip(symbols, gain, noise, variance, strict=True):
            h = h / self._streams**0.5
            received = x @ h.T + n.T * v.sqrt()
            soft = self._detect(received, h[None], v[None])
            rows.append(soft.reshape(-1)[:count])
        return torch.stack(rows)

    def matrices(self, seeds: Sequence[int], attempt: int = 0) -> torch.Tensor:
        """Coefficients of mean power 1, complex64 [P, receive antennas, transmit antennas]."""
        pairs = self._antennas * self._streams
        fading = models.flat_fading(seeds, self._direct, attempt, pairs)
        return torch.from_numpy(fading).view(len(seeds), self._antennas, self._streams)
