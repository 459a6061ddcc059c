"""Propagation paths along a drive: what a ray tracer found at each position, kept in a small file.

The file is safetensors: arrays over [positions, paths], zeros where a position has fewer paths, and
the names of the positions and what they were traced with as metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["DRIVES", "Drive", "load_drive"]

#: drives that come with the package
DRIVES = {"street": Path(__file__).parent / "street_drive.safetensors"}

_FORMAT = "drive 1"
_MOST_BYTES = 64 << 20
_SHAPES = {"amplitudes": 3, "delays": 2, "dopplers": 2, "positions": 2, "metres": 1}


@dataclass(frozen=True, eq=False)
class Drive:
    """Paths from one transmitter to every position of a receiver on its way.

    A path is a complex amplitude (over that of the transmitter, at the carrier), a delay and a
    Doppler shift.
    """

    #: names of the positions, those of the camera frames where there is a camera
    names: tuple[str, ...]
    #: distance driven, float64 [F] in metres
    metres: np.ndarray
    #: float64 [F, 3] in metres
    positions: np.ndarray
    #: complex64 [F, P], 0 where a position has fewer paths
    amplitudes: np.ndarray
    #: float64 [F, P] in seconds
    delays: np.ndarray
    #: float64 [F, P] in Hz
    dopplers: np.ndarray
    #: of the receiver in m/s, for which the Doppler shifts hold
    speed: float
    carrier_hz: float
    #: what it was traced with: scene, transmitter, rays, version
    source: dict[str, Any] = field(default_factory=dict)

    @property
    def gains_db(self) -> np.ndarray:
        """Received power of each position over the mean of the drive in dB [F]; -inf if unreached.

        The mean is that of the powers, not of their decibels.
        """
        power = (np.abs(self.amplitudes.astype(complex)) ** 2).sum(1)
        with np.errstate(divide="ignore"):
            return np.asarray(10 * np.log10(power / power.mean()))

    @property
    def last_echo_seconds(self) -> float:
        """Longest time between the first and the last path of a position."""
        there = self.amplitudes != 0
        first = np.where(there, self.delays, np.inf).min(1)
        last = np.where(there, self.delays, -np.inf).max(1)
        return float(np.max(last - first, initial=0.0, where=there.any(1)))

    def index(self, name: str) -> int:
        """Place of the position ``name``; ``ValueError`` where the drive does not pass it."""
        if name not in self.names:
            raise ValueError(
                f"the drive does not pass {name!r}: it goes from {self.names[0]!r} to "
                f"{self.names[-1]!r} by {len(self.names)} positions"
            )
        return self.names.index(name)

    def digest(self) -> str:
        """SHA-256 over all that changes a channel, as 32 hexadecimal digits."""
        state = hashlib.sha256(json.dumps([*self.names, self.speed, self.carrier_hz]).encode())
        for array in (self.amplitudes, self.delays, self.dopplers):
            state.update(np.ascontiguousarray(array).tobytes())
        return state.hexdigest()[:32]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the drive, whole or not at all."""
        from safetensors.numpy import save

        parts = np.stack([self.amplitudes.real, self.amplitudes.imag], axis=-1)
        arrays = {
            "amplitudes": parts.astype(np.float32),
            **{name: getattr(self, name) for name in _SHAPES if name != "amplitudes"},
        }
        # a view of something larger would be written as what lies around it
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        about = {
            "format": _FORMAT,
            "names": json.dumps(self.names),
            "carrier_hz": repr(self.carrier_hz),
            "speed": repr(self.speed),
            "source": json.dumps(self.source, sort_keys=True),
        }
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
        temporary.write_bytes(save(arrays, metadata=about))
        os.replace(temporary, target)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Drive:
        """Read a drive; raises ``ValueError`` where the file is none."""
        from safetensors import SafetensorError, safe_open

        source = Path(path)
        if not source.is_file():
            raise FileNotFoundError(f"{source}: no such file; `semcom data drive` makes one")
        if source.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{source}: too large for a drive")
        try:
            with safe_open(source, "np") as file:
                about = file.metadata() or {}
                if about.get("format") != _FORMAT:
                    raise ValueError(f"unknown format {about.get('format')!r}")
                arrays = {name: file.get_tensor(name) for name in _SHAPES}
            names = tuple(str(name) for name in json.loads(about["names"]))
            _check(names, arrays)
            speed, carrier_hz = float(about["speed"]), float(about["carrier_hz"])
            if not (0 < speed < np.inf and 0 < carrier_hz < np.inf):
                raise ValueError("its speed and carrier must be above 0")
            parts = arrays["amplitudes"].astype(np.float32)
            return cls(
                names, arrays["metres"], arrays["positions"],
                parts[..., 0] + np.complex64(1j) * parts[..., 1],
                arrays["delays"].astype(float), arrays["dopplers"].astype(float),
                speed, carrier_hz, dict(json.loads(about["source"])),
            )  # fmt: skip
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{source}: not a drive ({reason})") from error


def _check(names: tuple[str, ...], arrays: dict[str, np.ndarray]) -> None:
    count = len(names)
    if not count or len(set(names)) != count:
        raise ValueError("its positions need names of their own")
    paths = arrays["delays"].shape[-1:]
    for name, dimensions in _SHAPES.items():
        array = arrays[name]
        if array.ndim != dimensions or len(array) != count or not np.isfinite(array).all():
            raise ValueError(f"{name} do not fit {count} positions")
        if name in ("amplitudes", "dopplers") and array.shape[1:2] != paths:
            raise ValueError(f"{name} and delays have different numbers of paths")
    if arrays["amplitudes"].shape[2] != 2 or not arrays["amplitudes"].any():
        raise ValueError("none of its positions is reached")


@lru_cache(maxsize=4)
def load_drive(name: str) -> Drive:
    """One of :data:`DRIVES` by name, or the drive in the file ``name``.

    Raises FileNotFoundError or ValueError in one sentence.
    """
    return Drive.load(DRIVES.get(name, Path(name)))
