"""OFDM over the multipath models of TR 38.901, with channel estimation from pilots.

Slots of 14 OFDM symbols, two of which carry pilots on every subcarrier. The channel acts on each
resource element alone: the cyclic prefix is longer than the channel, and the channel stands still
within one OFDM symbol. Consecutive slots of a payload see one continuously moving channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import j0

from channels import models
from channels.modulation import build_modulation
from channels.settings import OFDM_SYMBOLS, PILOT_SYMBOLS

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["OfdmChannel"]

_DATA_SYMBOLS = [t for t in range(OFDM_SYMBOLS) if t not in PILOT_SYMBOLS]
_SPEED_OF_LIGHT = 299_792_458.0
# Between the direct path of TDL-D and TDL-E and the direction of travel.
_DIRECT_PATH_COSINE = 0.7


class OfdmChannel:
    """Mapping to slots, TDL or CDL channel, LS or Wiener estimation, one-tap LMMSE equalisation."""

    def __init__(self, settings: LinkSettings) -> None:
        if settings.ofdm is None:
            raise ValueError(f"channel {settings.channel!r} needs the settings of its OFDM grid")
        self.grid = settings.ofdm
        self._modulation = build_modulation(settings.modulation, settings.device)
        self._bits_per_symbol = settings.bits_per_symbol
        self._device = settings.device
        self._family, letter = settings.channel.split("-")
        self._letter = letter.upper()
        self._model = self._build_model()
        self._wiener = lru_cache(maxsize=64)(self._wiener_filter)
        quadrant = np.random.default_rng(0).integers(0, 4, (len(PILOT_SYMBOLS), self.grid.size))
        pilots = np.exp(1j * np.pi * (0.25 + 0.5 * quadrant)).astype(np.complex64)
        #: known symbols, complex64 [pilot symbols, subcarriers]
        self.pilots = torch.as_tensor(pilots, device=self._device)

    def send(
        self, bits: torch.Tensor, esn0_db: torch.Tensor, seeds: Sequence[int], attempt: int
    ) -> torch.Tensor:
        """``bits`` uint8 [P, n] of P payloads to soft bits [P, n].

        ``esn0_db`` float64 [P] is the mean ratio per data resource element after the receiver's
        Fourier transform; pilots have the same energy.
        """
        payloads, count = bits.shape
        size, data = self.grid.size, self.grid.size * len(_DATA_SYMBOLS)
        symbols = -(-count // self._bits_per_symbol)
        slots = -(-symbols // data)
        padded = torch.zeros(
            payloads, slots * data * self._bits_per_symbol, dtype=bits.dtype, device=bits.device
        )
        padded[:, :count] = bits
        sent = torch.empty(
            payloads, slots, OFDM_SYMBOLS, size, dtype=torch.complex64, device=bits.device
        )
        sent[:, :, _DATA_SYMBOLS] = self._modulation.map(padded).view(payloads, slots, -1, size)
        sent[:, :, PILOT_SYMBOLS] = self.pilots

        gain = self.frequency_response(seeds, slots, attempt).to(bits.device)
        variance = (10.0 ** (-esn0_db / 10)).float()[:, None, None, None]
        noise = torch.as_tensor(models.noise(seeds, sent[0].numel(), attempt), device=bits.device)
        received = gain * sent + noise.view(sent.shape) * variance.sqrt()

        estimate, error = self._estimate(received, gain, esn0_db)
        # what the estimate misses of the channel acts like noise of its own
        effective = (variance + error) / estimate.abs().square().clamp(min=1e-12)
        equalised = received[:, :, _DATA_SYMBOLS] / estimate
        llr = self._modulation.demap(
            equalised.reshape(payloads, -1), effective.expand(equalised.shape).reshape(payloads, -1)
        )
        return llr[:, :count]

    def frequency_response(
        self, seeds: Sequence[int], slots: int, attempt: int = 0
    ) -> torch.Tensor:
        """Coefficient of every resource element, complex64 [P, slots, 14, subcarriers]."""
        from sionna.phy import config

        spacing = self.grid.subcarrier_spacing_khz * 1e3
        frequency = torch.arange(self.grid.size, dtype=torch.float64) - self.grid.size // 2
        # Sionna's channel models draw from its own generator: lend it each payload's seed
        rng = config.torch_rng("cpu")
        state = rng.get_state()
        rows = []
        try:
            for seed in seeds:
                own = models.generator(seed, models.MULTIPATH, attempt)
                rng.manual_seed(int(own.integers(2**63)))
                taps, delays = self._model(1, slots * OFDM_SYMBOLS, 1 / self.grid.symbol_seconds)
                taps = taps.reshape(-1, taps.shape[-1])
                phase = -2 * np.pi * spacing * delays.reshape(-1, 1).double() * frequency
                rows.append(taps.T @ torch.polar(torch.ones_like(phase), phase).to(taps.dtype))
        finally:
            rng.set_state(state)
        return torch.stack(rows).view(len(seeds), slots, OFDM_SYMBOLS, self.grid.size)

    def _estimate(
        self, received: torch.Tensor, gain: torch.Tensor, esn0_db: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Channel of the data elements [P, slots, data symbols, subcarriers] and error variance."""
        if self.grid.estimation == "perfect":
            return gain[:, :, _DATA_SYMBOLS], torch.zeros((), device=gain.device)
        at_pilots = received[:, :, PILOT_SYMBOLS] / self.pilots
        if self.grid.estimation == "ls":
            first, last = PILOT_SYMBOLS
            share = torch.tensor(_DATA_SYMBOLS, dtype=torch.float32, device=gain.device)
            share = ((share - first) / (last - first))[:, None]
            estimate = (1 - share) * at_pilots[:, :, :1] + share * at_pilots[:, :, 1:]
            variance = (10.0 ** (-esn0_db / 10)).float()[:, None, None, None]
            return estimate, variance * ((1 - share) ** 2 + share**2)
        filters, errors = zip(*(self._wiener(snr) for snr in esn0_db.tolist()), strict=True)
        flat = at_pilots.flatten(2)
        estimate = torch.stack([row @ f.T for row, f in zip(flat, filters, strict=True)])
        shape = (*received.shape[:2], len(_DATA_SYMBOLS), self.grid.size)
        error = torch.stack(errors).view(len(received), 1, *shape[2:])
        return estimate.view(shape), error

    def _wiener_filter(self, esn0_db: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Two-dimensional Wiener filter of one slot (Hoeher, Kaiser, Robertson 1997).

        Returns the matrix complex64 [data elements, pilot elements] and the mean squared error of
        each data element, float32 [data elements].
        """
        element = np.arange(OFDM_SYMBOLS * self.grid.size).reshape(OFDM_SYMBOLS, -1)
        pilot, data = element[PILOT_SYMBOLS].ravel(), element[_DATA_SYMBOLS].ravel()
        covariance = self.covariance()
        at_pilots = covariance[np.ix_(pilot, pilot)] + 10 ** (-esn0_db / 10) * np.eye(len(pilot))
        cross = covariance[np.ix_(data, pilot)]
        matrix = np.linalg.solve(at_pilots.conj().T, cross.conj().T).conj().T
        error = covariance.diagonal()[data].real - (matrix * cross.conj()).sum(1).real
        return (
            torch.as_tensor(matrix.astype(np.complex64), device=self._device),
            torch.as_tensor(error.clip(min=0).astype(np.float32), device=self._device),
        )

    def covariance(self) -> np.ndarray:
        """Covariance of the elements of a slot, complex128 [14 subcarriers, 14 subcarriers].

        The clustered models share the delays and powers of the tapped delay lines of their letter.
        """
        profile = self._tapped_delay_line(self._letter)
        delays = profile.delays.double().numpy()
        scattered = profile.mean_powers.double().numpy().copy()
        doppler = self.grid.speed * self.grid.carrier_ghz * 1e9 / _SPEED_OF_LIGHT
        turn = doppler * self.grid.symbol_seconds * _differences(OFDM_SYMBOLS)
        step = 1e3 * self.grid.subcarrier_spacing_khz * _differences(self.grid.size)
        across = np.exp(-2j * np.pi * step[..., None] * delays)
        # scatterers all around in the plane, or a direction of travel anywhere in space
        planar = self._family == "tdl"
        moving = j0(2 * np.pi * turn) if planar else np.sinc(2 * turn)
        result = np.zeros((len(turn) * len(step),) * 2, dtype=complex)
        if profile.los:
            direct = float(profile.mean_power_los)
            scattered[0] -= direct
            ahead = np.exp(2j * np.pi * turn * _DIRECT_PATH_COSINE) if planar else moving
            result += direct * np.kron(ahead, across[..., 0])
        return result + np.kron(moving, across @ scattered)

    def _build_model(self) -> Any:
        """Sionna's generator of channel taps."""
        if self._family == "tdl":
            return self._tapped_delay_line(self._letter)
        from sionna.phy.channel.tr38901 import CDL, Antenna

        carrier = self.grid.carrier_ghz * 1e9
        antenna = Antenna("single", "V", "omni", carrier, device="cpu")
        return CDL(
            self._letter, self.grid.delay_spread_ns * 1e-9, carrier, antenna, antenna, "uplink",
            min_speed=self.grid.speed, max_speed=self.grid.speed, device="cpu",
        )  # fmt: skip

    def _tapped_delay_line(self, letter: str) -> Any:
        from sionna.phy.channel.tr38901 import TDL

        return TDL(
            letter, self.grid.delay_spread_ns * 1e-9, self.grid.carrier_ghz * 1e9,
            los_angle_of_arrival=float(np.arccos(_DIRECT_PATH_COSINE)),
            min_speed=self.grid.speed, max_speed=self.grid.speed, device="cpu",
        )  # fmt: skip


def _differences(count: int) -> np.ndarray:
    return np.subtract.outer(np.arange(count), np.arange(count))
