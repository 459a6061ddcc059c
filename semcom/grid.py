"""Where to simulate: the points of a sweep around the cliff of each transmitter.

The packets of a few pictures cross the link, and nothing is rebuilt: which of them arrive is
enough to find where a link turns from losing everything to losing nothing. The search walks out
from a first guess until both sides are seen, halves the gaps on a grid of 1/8 dB, and spreads
points over what it found. Packets meet the same noise at every SNR of the search, so it sees one
curve that falls, and it depends on the seed alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from semcom.identity import digest, seed_from

if TYPE_CHECKING:
    from channels import Link, LinkSettings
    from semcom.stopping_link import StoppingLink

__all__ = [
    "PICTURES",
    "Edges",
    "Probe",
    "find_edges",
    "find_points",
    "first_guess",
    "grid_id",
    "spread_points",
]

#: pictures whose packets are sent to find a cliff
PICTURES = 8
#: shares of lost packets that count as nearly all and as nearly none
ALL, NONE = 0.95, 0.05

# Raised whenever the same packets lead to other points than before.
_REVISION = 1
_PER_DB = 8
_LOWEST_DB, _HIGHEST_DB = -40, 60
# Few packets over a fading link meet few fades, so they are sent again, up to this many bits.
_PAYLOADS, _BITS = 64, 1 << 20
_INNER = 6


@dataclass(frozen=True)
class Edges:
    """Es/N0 in dB at which nearly all packets are lost, and at which nearly none is."""

    lost: float
    intact: float


def find_edges(loss: Callable[[float], float], start_db: float) -> Edges:
    """The edges of the cliff of ``loss``, the share of packets lost at an Es/N0 in dB.

    ``loss`` should fall; where it only nearly does, the edges are those of one of its falls.
    Raises ValueError where it does not fall from 0.95 to 0.05 between -40 and 60 dB.

    >>> find_edges(lambda snr: 1 / (1 + math.exp(8 * (snr - 3))), start_db=0.0)
    Edges(lost=2.625, intact=3.375)
    """
    known: dict[int, float] = {}

    def share(step: int) -> float:
        if step not in known:
            known[step] = loss(step / _PER_DB)
        return known[step]

    def walk(step: int, direction: int, arrived: Callable[[float], bool]) -> int:
        """The nearest step known to have ``arrived``, in strides that double."""
        stride = _PER_DB // 2
        while not arrived(share(step)):
            if not _LOWEST_DB < step / _PER_DB < _HIGHEST_DB:
                raise ValueError(
                    f"{share(step):.0%} of the packets are lost at {step / _PER_DB:g} dB, so no "
                    "cliff was found: give esn0_db as numbers"
                )
            step = min(max(step + direction * stride, _LOWEST_DB * _PER_DB), _HIGHEST_DB * _PER_DB)
            stride *= 2
        return step

    def narrow(low: int, high: int, left: Callable[[float], bool]) -> tuple[int, int]:
        """Neighbours between ``low``, where ``left`` holds, and ``high``, where it does not."""
        while high - low > max(1, (right - start) // 16):
            middle = (low + high) // 2
            low, high = (middle, high) if left(share(middle)) else (low, middle)
        return low, high

    first = round(start_db * _PER_DB)
    start = walk(first, -1, lambda value: value >= ALL)
    right = walk(max(first, start), +1, lambda value: value <= NONE)
    lost, _ = narrow(start, right, lambda value: value >= ALL)
    _, intact = narrow(lost, right, lambda value: value > NONE)
    return Edges(lost / _PER_DB, intact / _PER_DB)


def spread_points(edges: Edges) -> tuple[float, ...]:
    """About ten points in dB: six from edge to edge, two on either side.

    Those next to the edges catch the last of the fall, those further out show that it is over.

    >>> spread_points(Edges(2.625, 3.375))
    (0.875, 2.375, 2.625, 2.75, 2.875, 3.125, 3.25, 3.375, 3.625, 5.125)
    """
    width = edges.intact - edges.lost
    near = max(0.25, width / 4)
    inner = [edges.lost + width * number / (_INNER - 1) for number in range(_INNER)]
    outer = [edges.lost - near - 1.5, edges.lost - near, edges.intact + near]
    wanted = [*outer, *inner, edges.intact + near + 1.5]
    return tuple(sorted({round(point * _PER_DB) / _PER_DB for point in wanted}))


def first_guess(settings: LinkSettings) -> float:
    """Es/N0 in dB where theory puts codes of this rate and modulation over white noise.

    Half a decibel above the limit of the modulation; where the rate leaves no redundancy, what
    uncoded packets need.

    >>> from channels import LinkSettings
    >>> round(first_guess(LinkSettings(rate=0.5, modulation="qpsk")), 2)
    0.69
    """
    from channels.limits import esn0_for_capacity, shannon_esn0

    bits = settings.rate * settings.bits_per_symbol
    if settings.rate >= 1:
        return shannon_esn0(bits) + 8
    return 0.5 + esn0_for_capacity(settings.modulation, bits)


def grid_id(setup: Any, samples: Sequence[str], link: dict[str, Any], seed: int) -> str:
    """Id of the points of one transmitter: all that changes where they lie."""
    return digest("grid", _REVISION, setup, list(samples), link, seed)


class Probe:
    """The share of the packets ``payloads`` (of each picture in ``samples``) that a link loses.

    ``positions`` are those of the pictures, where the link is along a drive.
    """

    def __init__(
        self,
        link: Link | StoppingLink,
        samples: Sequence[str],
        payloads: Sequence[Sequence[bytes]],
        seed: int,
        positions: Sequence[str] | None = None,
    ) -> None:
        self.link = link
        one = [
            (payload, (seed, "grid", sample, number))
            for sample, own in zip(samples, payloads, strict=True)
            for number, payload in enumerate(own)
        ]
        bits = 8 * sum(len(payload) for payload, _ in one)
        times = max(1, min(math.ceil(_PAYLOADS / len(one)), _BITS // max(1, bits)))
        self.payloads = [payload for _ in range(times) for payload, _ in one]
        self.seeds = [seed_from(*key, time) for time in range(times) for _, key in one]
        self.along: tuple[list[str], ...] = ()
        if positions is not None:
            pairs = zip(positions, payloads, strict=True)
            self.along = ([place for place, own in pairs for _ in own] * times,)
        #: (Es/N0 in dB, packets lost) in the order in which they were looked at
        self.seen: list[tuple[float, int]] = []

    def __call__(self, esn0_db: float) -> float:
        sent = self.link.transmit(self.payloads, esn0_db, self.seeds, *self.along)
        lost = sum(payload is None for payload in sent.payloads)
        self.seen.append((esn0_db, lost))
        return lost / len(self.payloads)


def find_points(probe: Probe) -> dict[str, Any]:
    """Points around the cliff that ``probe`` sees, how many packets it sent, and which were lost.

    Raises ValueError as :func:`find_edges`.
    """
    edges = find_edges(probe, first_guess(probe.link.settings))
    points = spread_points(edges)
    return {"esn0_db": points, "payloads": len(probe.payloads), "lost": probe.seen}
