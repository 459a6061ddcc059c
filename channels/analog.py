"""Symbols over the channel models, of transmitters that need no code and no modulation.

What is sent meets the same fades, noise, pilots and estimation as the coded bits of a digital link.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from channels.link import drive_identity
from channels.parts import path_of
from channels.settings import LinkSettings

__all__ = ["AnalogLink", "ReceivedSymbols"]

# Raised whenever the same settings give different answers than before.
_REVISION = 1
# What of a link's settings symbols meet.
_CHANNEL = ("channel", "rician_k_db", "ofdm", "drive", "position")


@dataclass(frozen=True, eq=False)
class ReceivedSymbols:
    """What the equaliser hands on of one payload.

    ``symbols`` complex64 [S] are those that were sent and noise of mean 0, whose variance, known to
    the receiver, is ``noise_variance`` float32 [S].
    """

    symbols: np.ndarray
    noise_variance: np.ndarray


class AnalogLink:
    """The channel of ``settings`` alone; their code, rate and modulation do not matter.

    Raises ValueError for settings that only a digital link can have.

    >>> link = AnalogLink(LinkSettings(channel="rayleigh"))
    >>> got, = link.transmit([np.ones(300, np.complex64)], esn0_db=20.0, seeds=[1])
    >>> link.channel_uses(300), got.symbols.shape, bool((got.noise_variance > 0).all())
    (300, (300,), True)
    """

    def __init__(self, settings: LinkSettings) -> None:
        check(settings)
        kept = {name: getattr(settings, name) for name in _CHANNEL}
        self.settings = LinkSettings(**kept, device=settings.device)

    def identity(self) -> dict[str, Any]:
        """Everything that changes what symbols meet, JSON-able."""
        settings = self.settings.model_dump(mode="json", include=set(_CHANNEL), exclude_none=True)
        own = {"analog": _REVISION, "sionna": version("sionna")}
        return own | settings | drive_identity(self.settings)

    def channel_uses(self, count: int) -> int:
        """Complex channel uses of ``count`` symbols, pilots and cyclic prefixes included."""
        return self.settings.channel_uses(count * self.settings.bits_per_symbol)

    def transmit(
        self,
        symbols: Sequence[np.ndarray],
        esn0_db: Sequence[float] | float,
        seeds: Sequence[int],
        positions: Sequence[str] | None = None,
    ) -> list[ReceivedSymbols]:
        """Send the ``symbols`` complex [S] of each payload, of mean power 1, with its own seed.

        ``esn0_db`` is one for all or one each; ``positions`` are those along a drive. What happens
        to a payload depends on nothing but its own arguments and the settings. Raises ValueError
        where the numbers of arguments differ, or a payload holds no symbols.
        """
        import torch

        count = len(symbols)
        snr = [float(esn0_db)] * count if np.isscalar(esn0_db) else list(esn0_db)  # type: ignore[arg-type]
        seeds = [operator.index(seed) for seed in seeds]
        if not (len(snr) == len(seeds) == count) or len(positions or snr) != count:
            raise ValueError(
                f"{count} payloads need as many values of esn0_db, seeds and positions"
            )
        if not all(math.isfinite(value) for value in snr):
            raise ValueError("esn0_db must be finite")
        path, device = path_of(self.settings), self.settings.device
        found = []
        for number, own in enumerate(symbols):  # one at a time: lengths may differ
            if own.ndim != 1 or not own.size:
                raise ValueError(f"payload {number} must be symbols [S], not of shape {own.shape}")
            sent = torch.as_tensor(own.astype(np.complex64), device=device)[None]
            where = {} if positions is None else {"positions": [positions[number]]}
            ratio = torch.tensor([snr[number]], dtype=torch.float64, device=device)
            got, variance = _carrying(path).carry(sent, ratio, [seeds[number]], 0, **where)
            noise = variance.expand_as(got)[0].cpu().numpy()
            found.append(ReceivedSymbols(got[0].cpu().numpy(), np.ascontiguousarray(noise)))
        return found


class _Carries(Protocol):
    def carry(self, *occasion: Any, **where: Any) -> tuple[Any, Any]: ...


def _carrying(path: Any) -> _Carries:
    if not hasattr(path, "carry"):
        raise ValueError(f"a channel model of {type(path).__name__} carries bits only, no symbols")
    return path


def check(settings: LinkSettings) -> None:
    """Raise ValueError where symbols without bits cannot cross a link of ``settings``."""
    if settings.channel in ("bsc", "bec"):
        raise ValueError(
            f"channel {settings.channel!r} carries bits and no symbols: choose another channel"
        )
    if settings.receive_antennas != 1:
        raise ValueError(
            "symbols without bits are sent with one antenna on each side: leave out "
            "transmit_antennas and receive_antennas"
        )
    if settings.attempts != 1:
        raise ValueError(
            "symbols without bits have no CRC to ask for another attempt: leave out attempts"
        )
    if settings.block_errors is not None:
        raise ValueError("symbols without bits have no block errors: leave out block_errors")
