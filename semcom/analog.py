"""Symbols of an analog transmitter over the channel of a scenario, and their form on disk.

A received picture of an analog transmitter is its symbols with the noise of one transmission, which
is drawn from seeds. So symbols are kept as they were sent, and met with the same noise again
wherever the picture is made: by any worker, or in a replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from channels.analog import AnalogLink, ReceivedSymbols
from semcom.codecs.codec import is_analog
from semcom.identity import fading_seed, packet_seeds

if TYPE_CHECKING:
    from channels import LinkReport
    from semcom.scenario import Scenario, Transmitter

__all__ = [
    "AnalogAir",
    "Occasion",
    "build_airs",
    "sends_symbols",
    "symbols_from_bytes",
    "symbols_to_bytes",
]

#: of the fade that a frame of a budget meets, whatever crosses it
_BLOCK_FADING = ("rayleigh", "rician")


@dataclass(frozen=True)
class Occasion:
    """One transmission of a picture, from which its noise and fades are drawn."""

    seed: int
    sample: str
    esn0_db: float
    realisation: int
    #: along a drive
    position: str | None = None


class AnalogAir:
    """The channel of a link's ``settings``; in a frame, with the one fade of all that is in it.

    Raises ValueError for links that symbols without bits cannot cross.
    """

    def __init__(self, settings: Any, in_frame: bool) -> None:
        self.in_frame = in_frame
        self.link = AnalogLink(settings)

    @classmethod
    def of(cls, settings: Any) -> AnalogAir:
        """That of a scenario's link, with a budget or without."""
        return cls(settings, hasattr(settings, "budget"))

    @classmethod
    def from_identity(cls, identity: Mapping[str, Any], folder: Path) -> AnalogAir:
        """That of a run in ``folder``, from what :meth:`identity` said."""
        from semcom.report.content import link_settings

        return cls(link_settings(dict(identity), folder), bool(identity["in_frame"]))

    def identity(self) -> dict[str, Any]:
        """Everything that changes what symbols meet, JSON-able."""
        return {**self.link.identity(), "in_frame": self.in_frame}

    def report(self, symbols: np.ndarray) -> LinkReport:
        """What a transmission of ``symbols`` counts: channel uses and nothing else."""
        from channels import LinkReport

        return LinkReport(channel_uses=self.link.channel_uses(len(symbols)))

    def send(self, symbols: np.ndarray, occasion: Occasion) -> ReceivedSymbols:
        """``symbols`` complex64 [N] behind the equaliser, the same at every call."""
        when = occasion.seed, occasion.sample, occasion.esn0_db, occasion.realisation
        link, esn0_db = self.link, occasion.esn0_db
        if self.in_frame and link.settings.channel in _BLOCK_FADING:
            from semcom.budget.link import frame_esn0_db

            direct = link.settings.rician_k
            (esn0_db,) = frame_esn0_db(esn0_db, [fading_seed(*when)], direct)
            link = AnalogLink(type(link.settings)(channel="awgn"))
        places = None if occasion.position is None else [occasion.position]
        # over OFDM a frame draws its channel and its noise at once
        shared = self.in_frame and link.settings.ofdm is not None
        seeds = [fading_seed(*when)] if shared else packet_seeds(*when, 1)
        (received,) = link.transmit([symbols], esn0_db, seeds, places)
        return received


def build_airs(scenario: Scenario, transmitters: list[Transmitter]) -> dict[int, AnalogAir]:
    """The channels of the analog ones of ``transmitters``, by number; none without a link."""
    from semcom.codecs import CODECS

    return {
        number: AnalogAir.of(scenario.link)
        for number, one in enumerate(transmitters)
        if scenario.link is not None and is_analog(CODECS[one.codec])
    }


def sends_symbols(identity: Mapping[str, Any] | None) -> bool:
    """Whether a link's identity is that of an analog transmitter.

    >>> sends_symbols({"analog": 1}), sends_symbols({"code": "ldpc"}), sends_symbols(None)
    (True, False, False)
    """
    return identity is not None and "analog" in identity


def symbols_to_bytes(symbols: np.ndarray) -> bytes:
    """``symbols`` complex [N] as pairs of little-endian 32-bit floats.

    >>> symbols_from_bytes(symbols_to_bytes(np.array([1 + 2j]))).tolist()
    [(1+2j)]
    """
    return np.ascontiguousarray(symbols, dtype="<c8").tobytes()


def symbols_from_bytes(content: bytes) -> np.ndarray:
    """Inverse of :func:`symbols_to_bytes`; ValueError for what holds no whole number of symbols."""
    if not content or len(content) % 8:
        raise ValueError(f"{len(content)} bytes are no whole number of symbols")
    return np.frombuffer(content, dtype="<c8").astype(np.complex64)
