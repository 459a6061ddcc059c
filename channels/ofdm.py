"""OFDM over multipath (TR 38.901 or ray-traced), with channel estimation from pilots.

Slots of 14 OFDM symbols, two of which carry pilots on every subcarrier. The channel acts on each
resource element alone: the cyclic prefix is longer than the channel, and the channel stands still
within one OFDM symbol. Consecutive slots of a payload see one continuously moving channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from channels import models
from channels.detection import build_detector
from channels.modulation import build_modulation
from channels.multipath import Multipath
from channels.ofdm_settings import OFDM_SYMBOLS, PILOT_SYMBOLS
from channels.rays import RayTraced

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["OfdmChannel"]

_DATA_SYMBOLS = [t for t in range(OFDM_SYMBOLS) if t not in PILOT_SYMBOLS]


class OfdmChannel:
    """Mapping to slots, multipath, LS or Wiener estimation, detection.

    Each transmit antenna sends a stream of its own. Of the pilots of a slot, antenna t has every
    T-th subcarrier from t on, where the others are silent.
    """

    def __init__(self, settings: LinkSettings) -> None:
        traced = settings.channel == "ray_traced"
        self.multipath = RayTraced(settings) if traced else Multipath(settings)
        self.grid = self.multipath.grid
        self._modulation = build_modulation(settings.modulation, settings.device)
        self._detect = build_detector(settings)
        self._bits_per_symbol = settings.bits_per_symbol
        self._antennas = settings.receive_antennas
        self._streams = settings.transmit_antennas
        self._device = settings.device
        self._wiener = lru_cache(maxsize=64)(self._wiener_filter)
        quadrant = np.random.default_rng(0).integers(0, 4, (len(PILOT_SYMBOLS), self.grid.size))
        pilots = np.exp(1j * np.pi * (0.25 + 0.5 * quadrant)).astype(np.complex64)
        #: known symbols, complex64 [pilot symbols, subcarriers]
        self.pilots = torch.as_tensor(pilots, device=self._device)

    def send(
        self,
        bits: torch.Tensor,
        esn0_db: torch.Tensor,
        seeds: Sequence[int],
        attempt: int,
        positions: Sequence[str] | None = None,
    ) -> torch.Tensor:
        """``bits`` uint8 [P, n] of P payloads to soft bits [P, n].

        ``esn0_db`` float64 [P] is the mean ratio per data resource element and receive antenna, all
        streams together, after the receiver's Fourier transform; pilots have the same energy. Along
        a drive it is the mean over all positions; ``positions`` are those of the payloads.
        """
        count = bits.shape[1]
        per_slot = self.grid.data_per_slot * self._streams * self._bits_per_symbol
        padded = torch.nn.functional.pad(bits, (0, -count % per_slot))
        received = self._received(self._modulation.map(padded), esn0_db, seeds, attempt, positions)
        if self._antennas == 1:
            soft = self._modulation.demap(*_equalised(*received))
        else:
            soft = self._detected(*received)
        return soft[:, :count]

    def carry(
        self,
        symbols: torch.Tensor,
        esn0_db: torch.Tensor,
        seeds: Sequence[int],
        attempt: int,
        positions: Sequence[str] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``symbols`` complex64 [P, S] of mean power 1 to what the equaliser hands on.

        Returns the symbols with their noise and its variance, float32 [P, S]; one antenna on each
        side. What is left of the last slot is empty.
        """
        count = symbols.shape[1]
        padded = torch.nn.functional.pad(symbols, (0, -count % self.grid.data_per_slot))
        received = self._received(padded, esn0_db, seeds, attempt, positions)
        equalised, variance = _equalised(*received)
        return equalised[:, :count], variance[:, :count]

    def _received(
        self,
        symbols: torch.Tensor,
        esn0_db: torch.Tensor,
        seeds: Sequence[int],
        attempt: int,
        positions: Sequence[str] | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The data elements of whole slots of ``symbols`` [P, S] behind the channel.

        Returns what is received [P, R, slots, data symbols, subcarriers], the estimated channel
        [P, R, T, slots, data symbols, subcarriers] and the variance of noise and estimate, which
        broadcasts against [P, slots, data symbols, subcarriers].
        """
        payloads, device = len(symbols), symbols.device
        size, streams = self.grid.size, self._streams
        slots = symbols.shape[1] // (self.grid.data_per_slot * streams)
        grid = (slots, OFDM_SYMBOLS, size)
        sent = torch.zeros(payloads, streams, *grid, dtype=torch.complex64, device=device)
        symbols = symbols.reshape(payloads, slots, -1, size, streams)
        sent[:, :, :, _DATA_SYMBOLS] = symbols.movedim(-1, 1) / streams**0.5
        for t in range(streams):
            sent[:, t, :, PILOT_SYMBOLS, t::streams] = self.pilots[:, t::streams]

        if isinstance(self.multipath, RayTraced):
            # the receiver levels what it gets, so a position's gain is one of its signal over noise
            esn0_db = esn0_db + self.multipath.gains_db(seeds, positions).to(esn0_db.device)
            gain = self.multipath.frequency_response(seeds, slots, attempt, positions)
        else:
            gain = self.multipath.frequency_response(seeds, slots, attempt)
        gain = gain.to(device)
        variance = (10.0 ** (-esn0_db / 10)).float()
        noise = models.noise(seeds, self._antennas * slots * OFDM_SYMBOLS * size, attempt)
        disturbance = torch.as_tensor(noise, device=device).view(payloads, -1, *grid)
        received = (gain * sent[:, None]).sum(2)
        received = received + disturbance * variance[:, None, None, None, None].sqrt()

        estimate, error = self._estimate(received, gain, esn0_db)
        # what the estimate misses of the channel acts like noise of its own
        effective = variance[:, None, None, None] + error.mean(1)
        return received[:, :, :, _DATA_SYMBOLS], estimate, effective

    def _detected(
        self, received: torch.Tensor, gain: torch.Tensor, variance: torch.Tensor
    ) -> torch.Tensor:
        """Soft bits [P, n] of the data elements of several antennas, see :meth:`_received`."""
        payloads = len(received)
        variance = variance.expand(payloads, *received.shape[2:]).reshape(payloads, -1)
        received = received.flatten(2).mT
        gain = gain.flatten(3).movedim(3, 1) / self._streams**0.5
        # one payload at a time: what happens to it must not depend on who else is sent
        parts = zip(received, gain, variance, strict=True)
        return torch.stack([self._detect(y, h, v).reshape(-1) for y, h, v in parts])

    def _estimate(
        self, received: torch.Tensor, gain: torch.Tensor, esn0_db: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Channel of the data elements and the variance of its error.

        ``received`` [P, R, slots, 14, subcarriers] and ``gain`` [P, R, T, slots, 14, subcarriers]
        to [P, R, T, slots, data symbols, subcarriers] and a variance for every receive antenna,
        which broadcasts against [P, T, slots, data symbols, subcarriers].
        """
        if self.grid.estimation == "perfect":
            return gain[:, :, :, :, _DATA_SYMBOLS], torch.zeros(1, 1, 1, 1, 1, device=gain.device)
        at_pilots = received[:, :, :, PILOT_SYMBOLS] / self.pilots
        if self.grid.estimation == "ls":
            first, last = PILOT_SYMBOLS
            share = torch.tensor(_DATA_SYMBOLS, dtype=torch.float32, device=gain.device)
            share = ((share - first) / (last - first))[:, None]
            estimate = (1 - share) * at_pilots[:, :, :, :1] + share * at_pilots[:, :, :, 1:]
            variance = (10.0 ** (-esn0_db / 10)).float()[:, None, None, None, None]
            return estimate[:, :, None], variance * ((1 - share) ** 2 + share**2)
        estimates, errors = [], []
        for snr, observed in zip(esn0_db.tolist(), at_pilots, strict=True):
            for t in range(self._streams):
                matrix, error = self._wiener(snr, t)
                estimates.append(observed[..., t :: self._streams].flatten(2) @ matrix.T)
                errors.append(error)
        slot = (len(_DATA_SYMBOLS), self.grid.size)
        pairs = (len(received), self._streams)
        estimate = torch.stack(estimates).view(*pairs, *received.shape[1:3], *slot)
        return estimate.movedim(1, 2), torch.stack(errors).view(*pairs, 1, *slot)

    def _wiener_filter(self, esn0_db: float, antenna: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Two-dimensional Wiener filter of one slot (Hoeher, Kaiser, Robertson 1997).

        It has the pilots of one transmit ``antenna``. Returns the matrix complex64 [data elements,
        pilot elements] and the mean squared error of each data element, float32 [data elements].
        """
        element = np.arange(OFDM_SYMBOLS * self.grid.size).reshape(OFDM_SYMBOLS, -1)
        pilot = element[PILOT_SYMBOLS, antenna :: self._streams].ravel()
        data = element[_DATA_SYMBOLS].ravel()
        covariance = self.multipath.covariance()
        at_pilots = covariance[np.ix_(pilot, pilot)] + 10 ** (-esn0_db / 10) * np.eye(len(pilot))
        cross = covariance[np.ix_(data, pilot)]
        matrix = np.linalg.solve(at_pilots.conj().T, cross.conj().T).conj().T
        error = covariance.diagonal()[data].real - (matrix * cross.conj()).sum(1).real
        return (
            torch.as_tensor(matrix.astype(np.complex64), device=self._device),
            torch.as_tensor(error.clip(min=0).astype(np.float32), device=self._device),
        )


def _equalised(
    received: torch.Tensor, gain: torch.Tensor, variance: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Symbols [P, S] of one antenna and the variance of their noise, see ``_received``."""
    received, gain = received[:, 0], gain[:, 0, 0]
    variance = variance / gain.abs().square().clamp(min=1e-12)
    return (received / gain).flatten(1), variance.flatten(1)
