"""The multipath models of TR 38.901 as frequency responses of OFDM slots.

Tapped and clustered delay lines have one profile of delays and powers; of the urban and rural
models every payload draws a place in the cell, and with it a profile, of its own. Path loss and
shadowing are left out: the mean energy is 1 between any two antennas, so that Es/N0 is set by the
link alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import j0

from channels import models
from channels.ofdm_settings import OFDM_SYMBOLS

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["Multipath"]

_SPEED_OF_LIGHT = 299_792_458.0
# Between the direct path of TDL-D and TDL-E and the direction of travel.
_DIRECT_PATH_COSINE = 0.7
# Places whose mean profile stands for an urban or rural model.
_PLACES = 400


class Multipath:
    """Random channels of one model, and the statistics that an estimator may know of them."""

    def __init__(self, settings: LinkSettings) -> None:
        if settings.ofdm is None:
            raise ValueError(f"channel {settings.channel!r} needs the settings of its OFDM grid")
        self.grid = settings.ofdm
        self._antennas = settings.receive_antennas, settings.transmit_antennas
        self._family, _, letter = settings.channel.partition("-")
        self._letter = letter.upper()
        self._carrier = self.grid.carrier_ghz * 1e9
        self._model = self._build()

    def frequency_response(
        self, seeds: Sequence[int], slots: int, attempt: int = 0
    ) -> torch.Tensor:
        """Coefficient of every resource element between every pair of antennas.

        Complex64 [P, receive antennas, transmit antennas, slots, 14, subcarriers].
        """
        spacing = self.grid.subcarrier_spacing_khz * 1e3
        frequency = torch.arange(self.grid.size, dtype=torch.float64) - self.grid.size // 2
        rows = []
        for seed in seeds:
            own = models.generator(seed, models.MULTIPATH, attempt)
            with _lent_seed(int(own.integers(2**63))):
                taps, delays = self._draw(1, slots * OFDM_SYMBOLS)
            phase = -2 * np.pi * spacing * delays.reshape(-1, 1).double() * frequency
            turn = torch.polar(torch.ones_like(phase), phase).to(taps.dtype)
            pairs = taps.reshape(-1, *taps.shape[-2:])
            rows.append(torch.stack([pair.T @ turn for pair in pairs]))
        shape = (len(seeds), *self._antennas, slots, OFDM_SYMBOLS, self.grid.size)
        return torch.stack(rows).view(shape)

    def covariance(self) -> np.ndarray:
        """Covariance of the elements of a slot, complex128 [14 subcarriers, 14 subcarriers].

        It is that of any one pair of antennas. The clustered models share the delays and powers of
        the tapped delay lines of their letter; the urban and rural ones have the mean over places.
        """
        doppler = self.grid.speed * self._carrier / _SPEED_OF_LIGHT
        turn = doppler * self.grid.symbol_seconds * _differences(OFDM_SYMBOLS)
        spacing = 1e3 * self.grid.subcarrier_spacing_khz
        # scatterers all around in the plane, or a direction of travel anywhere in space
        planar = self._family != "cdl"
        moving = j0(2 * np.pi * turn) if planar else np.sinc(2 * turn)
        if not self._letter:
            lags = np.arange(self.grid.size)
            across = self._mean_correlation(spacing * lags)
            full = np.concatenate([across[:0:-1].conj(), across])
            return np.kron(moving, full[_differences(self.grid.size) + self.grid.size - 1])
        profile = self._tapped_delay_line(1, 1)
        delays = profile.delays.double().numpy()
        scattered = profile.mean_powers.double().numpy().copy()
        across = np.exp(-2j * np.pi * spacing * _differences(self.grid.size)[..., None] * delays)
        result = np.zeros((len(turn) * self.grid.size,) * 2, dtype=complex)
        if profile.los:
            direct = float(profile.mean_power_los)
            scattered[0] -= direct
            ahead = np.exp(2j * np.pi * turn * _DIRECT_PATH_COSINE) if planar else moving
            result += direct * np.kron(ahead, across[..., 0])
        return result + np.kron(moving, across @ scattered)

    def _mean_correlation(self, shift_hz: np.ndarray) -> np.ndarray:
        """Correlation of two subcarriers ``shift_hz`` apart, mean over places, complex128."""
        with _lent_seed(0):
            taps, delays = self._draw(_PLACES, 1)
        powers = taps[:, 0, 0, 0, 0, :, 0].abs().double().square().numpy()
        there = powers > 0
        seconds = delays[:, 0, 0].double().numpy()[there]
        weights = powers[there] / powers.sum()
        return np.array([weights @ np.exp(-2j * np.pi * shift * seconds) for shift in shift_hz])

    def _draw(self, count: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Taps [count, 1, R, 1, T, paths, steps] and delays in s of ``count`` channels."""
        rate = 1 / self.grid.symbol_seconds
        if self._letter:
            taps, delays = self._model(count, steps, rate)
            return taps, delays
        from sionna.phy.channel import gen_single_sector_topology

        places, station, turned, facing, velocities, indoors = gen_single_sector_topology(
            count, 1, self._family, device="cpu",
            min_ut_velocity=self.grid.speed, max_ut_velocity=self.grid.speed,
        )  # fmt: skip
        self._model.reset_topology()
        # both ends upright: a tilted antenna would lose the energy of the other polarisation
        self._model.set_topology(
            places, station, torch.zeros_like(turned), torch.zeros_like(facing), velocities, indoors
        )
        taps, delays = self._model(steps, rate)
        return taps, delays

    def _build(self) -> Any:
        """Sionna's generator of channel taps."""
        if self._family == "tdl":
            return self._tapped_delay_line(*self._antennas)
        from sionna.phy.channel.tr38901 import CDL, AntennaArray, RMa, UMa, UMi

        # columns of vertical dipoles half a wavelength apart
        receiver, transmitter = (
            AntennaArray(1, count, "single", "V", "omni", self._carrier, device="cpu")
            for count in self._antennas
        )
        if self._family == "cdl":
            return CDL(
                self._letter, (self.grid.delay_spread_ns or 0.0) * 1e-9, self._carrier,
                transmitter, receiver, "uplink",
                min_speed=self.grid.speed, max_speed=self.grid.speed, device="cpu",
            )  # fmt: skip
        without_loss = {"enable_pathloss": False, "enable_shadow_fading": False, "device": "cpu"}
        if self._family == "rma":
            return RMa(self._carrier, transmitter, receiver, "uplink", **without_loss)
        model = UMi if self._family == "umi" else UMa
        return model(self._carrier, "low", transmitter, receiver, "uplink", **without_loss)

    def _tapped_delay_line(self, receive_antennas: int, transmit_antennas: int) -> Any:
        from sionna.phy.channel.tr38901 import TDL

        return TDL(
            self._letter, (self.grid.delay_spread_ns or 0.0) * 1e-9, self._carrier,
            los_angle_of_arrival=float(np.arccos(_DIRECT_PATH_COSINE)),
            min_speed=self.grid.speed, max_speed=self.grid.speed, device="cpu",
            num_rx_ant=receive_antennas, num_tx_ant=transmit_antennas,
        )  # fmt: skip


@contextmanager
def _lent_seed(seed: int) -> Iterator[None]:
    """Sionna's channel models draw from its own generator: lend it a seed."""
    from sionna.phy import config

    rng = config.torch_rng("cpu")
    state = rng.get_state()
    try:
        rng.manual_seed(seed)
        yield
    finally:
        rng.set_state(state)


def _differences(count: int) -> np.ndarray:
    return np.subtract.outer(np.arange(count), np.arange(count))
