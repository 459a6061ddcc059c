"""OFDM channels along a drive: ray-traced paths as frequency responses.

The traced geometry is not known to within a wavelength, so the phases of the paths are drawn anew
for every payload, independently and uniformly (as for the rays of TR 38.901, 7.5, step 10), while
amplitudes, delays and Doppler shifts are those of the position. The mean energy of a position is
then the sum of the powers of its paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from channels import models
from channels.drives import load_drive
from channels.ofdm_settings import OFDM_SYMBOLS

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["RayTraced"]

# Gain in dB of a position that no path reaches: all but nothing, and still a number.
_UNREACHED_DB = -200.0


class RayTraced:
    """Channels of a drive, each of mean energy 1; what a position has more or less is its gain.

    >>> from channels import LinkSettings
    >>> rays = RayTraced(LinkSettings(channel="ray_traced", drive="street"))
    >>> rays.frequency_response([1, 2], slots=1).shape
    torch.Size([2, 1, 1, 1, 14, 72])
    """

    def __init__(self, settings: LinkSettings) -> None:
        if settings.ofdm is None or settings.drive is None:
            raise ValueError("channel 'ray_traced' needs a drive and the settings of its OFDM grid")
        self.grid = settings.ofdm
        self.drive = load_drive(settings.drive)
        self._position = settings.position
        power = np.abs(self.drive.amplitudes.astype(complex)) ** 2
        total = power.sum(1, keepdims=True)
        # an unreached position gets a path of its own, far below the noise
        power[:, 0] = np.where(total[:, 0] > 0, power[:, 0], 1.0)
        self._powers = power / np.where(total > 0, total, 1.0)
        # the receiver is in time with the first path
        first = np.where(power > 0, self.drive.delays, np.inf).min(1, keepdims=True)
        self._delays = np.where(power > 0, self.drive.delays - first, 0.0)
        self._dopplers = self.drive.dopplers * (self.grid.speed / self.drive.speed)
        self._gains_db = self.drive.gains_db.clip(min=_UNREACHED_DB)

    def gains_db(
        self, seeds: Sequence[int], positions: Sequence[str] | None = None
    ) -> torch.Tensor:
        """Mean energy of each payload's position over that of the drive, float64 [P] in dB."""
        return torch.as_tensor(self._gains_db[self._places(seeds, positions)])

    def frequency_response(
        self,
        seeds: Sequence[int],
        slots: int,
        attempt: int = 0,
        positions: Sequence[str] | None = None,
    ) -> torch.Tensor:
        """Coefficient of every resource element, complex64 [P, 1, 1, slots, 14, subcarriers].

        ``positions`` names the position of each payload; without it, that of the settings or one
        that is drawn with the seed.
        """
        moments = np.arange(slots * OFDM_SYMBOLS)
        rows = []
        for seed, place in zip(seeds, self._places(seeds, positions), strict=True):
            own = models.generator(seed, models.MULTIPATH, attempt)
            start = np.exp(2j * np.pi * own.random(self._powers.shape[1]))
            taps = np.sqrt(self._powers[place]) * start
            across, along = self._turns(place, moments)
            rows.append((taps[:, None] * along).T @ across)
        shape = (len(seeds), 1, 1, slots, OFDM_SYMBOLS, self.grid.size)
        return torch.as_tensor(np.stack(rows).astype(np.complex64)).view(shape)

    def covariance(self) -> np.ndarray:
        """Covariance of the elements of a slot, complex128 [14 subcarriers, 14 subcarriers].

        It is the mean over the positions of the drive: the receiver does not know its own.
        """
        across, along = self.grid.size - 1, OFDM_SYMBOLS - 1
        lags = np.zeros((2 * along + 1, 2 * across + 1), dtype=complex)
        for place, powers in enumerate(self._powers / len(self._powers)):
            carriers, moments = self._turns(
                place, np.arange(-along, along + 1), np.arange(-across, across + 1)
            )
            lags += (powers[:, None] * moments).T @ carriers
        symbol, carrier = np.divmod(np.arange(OFDM_SYMBOLS * self.grid.size), self.grid.size)
        return np.asarray(
            lags[
                np.subtract.outer(symbol, symbol) + along,
                np.subtract.outer(carrier, carrier) + across,
            ]
        )

    def _turns(
        self, place: int, moments: np.ndarray, carriers: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rotation of each path over subcarriers [paths, C] and over OFDM symbols [paths, M]."""
        if carriers is None:
            carriers = np.arange(self.grid.size) - self.grid.size // 2
        hertz = 1e3 * self.grid.subcarrier_spacing_khz * carriers
        seconds = self.grid.symbol_seconds * moments
        return (
            np.exp(-2j * np.pi * np.outer(self._delays[place], hertz)),
            np.exp(2j * np.pi * np.outer(self._dopplers[place], seconds)),
        )

    def _places(self, seeds: Sequence[int], positions: Sequence[str] | None) -> list[int]:
        if positions is not None:
            return [self.drive.index(name) for name in positions]
        if self._position is not None:
            return [self.drive.index(self._position)] * len(seeds)
        count = len(self.drive.names)
        return [int(models.generator(seed, models.POSITION).integers(count)) for seed in seeds]
