"""Block error rates against SNR, measured with intervals, and where the cliff is.

A block error is a payload that did not arrive as it was sent. Payload i of a measurement is the
same at every SNR and meets the same noise there, so neighbouring points differ by the SNR alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from channels.link import Link, LinkReport

__all__ = [
    "Cliff",
    "Point",
    "References",
    "find_cliff",
    "measure",
    "references",
    "send",
    "sweep",
    "wilson",
]


def wilson(errors: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a probability of which ``errors`` in ``trials`` were seen (Wilson 1927).

    95 % unless ``z`` says otherwise. Without any error the lower end is 0 and the upper end a bound
    that shrinks with the trials.

    >>> [round(end, 4) for end in wilson(0, 100)]
    [0.0, 0.037]
    >>> [round(end, 4) for end in wilson(5, 100)]
    [0.0215, 0.1118]
    """
    if not 0 <= errors <= trials or trials < 1:
        raise ValueError(f"{errors} errors in {trials} trials are not a measurement")
    z2 = z**2
    centre = (errors + z2 / 2) / (trials + z2)
    half = z * math.sqrt(errors * (trials - errors) / trials + z2 / 4) / (trials + z2)
    low = 0.0 if errors == 0 else centre - half
    return low, 1.0 if errors == trials else centre + half


@dataclass(frozen=True)
class Point:
    """What was counted at one SNR; the rates are derived from the counts."""

    esn0_db: float
    ebn0_db: float
    report: LinkReport

    @property
    def errors(self) -> int:
        """Payloads that did not arrive as sent."""
        return self.report.payloads_lost + self.report.undetected

    @property
    def block_error_rate(self) -> float:
        """Share of payloads that did not arrive as sent; 0 says only that none was seen."""
        return self.errors / self.report.payloads

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the block error rate."""
        return wilson(self.errors, self.report.payloads)

    @property
    def bit_error_rate(self) -> float:
        """Share of payload bits that the decoder got wrong."""
        return self.report.bit_errors / self.report.information_bits

    def row(self) -> dict[str, Any]:
        """Counts and derived rates of this point, JSON-able, for tables."""
        low, high = self.interval
        return {
            "esn0_db": self.esn0_db,
            "ebn0_db": self.ebn0_db,
            **asdict(self.report),
            "block_error_rate": self.block_error_rate,
            "block_error_rate_low": low,
            "block_error_rate_high": high,
            "bit_error_rate": self.bit_error_rate,
        }


def measure(
    link: Link,
    num_bytes: int,
    esn0_db: float,
    *,
    seed: int = 0,
    max_errors: int = 100,
    max_payloads: int = 10_000,
) -> Point:
    """Send random payloads of ``num_bytes`` until ``max_errors`` failed or all were sent.

    The rule is looked at after 32, 64, 128, ... payloads, so a point may hold more errors.

    >>> point = measure(Link(), 40, -5.0, max_errors=10)
    >>> point.errors, point.report.payloads, point.block_error_rate
    (32, 32, 1.0)
    """
    limits = {"seed": seed, "max_errors": max_errors, "max_payloads": max_payloads}
    report = sum(itertools.chain(*send(link, num_bytes, esn0_db, **limits)), LinkReport())
    return Point(esn0_db, link.ebn0_db(esn0_db, num_bytes), report)


def send(
    link: Link,
    num_bytes: int,
    esn0_db: float,
    *,
    seed: int = 0,
    max_errors: int = 100,
    max_payloads: int = 10_000,
) -> Iterator[list[LinkReport]]:
    """Send payloads by the rule of :func:`measure` and yield the reports of every batch."""
    if num_bytes < 1 or max_errors < 1 or max_payloads < 1:
        raise ValueError("num_bytes, max_errors and max_payloads must be at least 1")
    sent = errors = 0
    while sent < max_payloads and errors < max_errors:
        count = min(max(32, sent), max_payloads - sent)
        draws = [np.random.SeedSequence([seed, i]) for i in range(sent, sent + count)]
        payloads = [np.random.default_rng(draw).bytes(num_bytes) for draw in draws]
        seeds = [int(draw.generate_state(1, np.uint64)[0]) for draw in draws]
        reports = link.transmit(payloads, esn0_db, seeds).reports
        yield reports
        sent += count
        errors += sum(report.payloads_lost + report.undetected for report in reports)


def sweep(link: Link, num_bytes: int, esn0_db: Sequence[float], **limits: int) -> list[Point]:
    """:func:`measure` at every value of ``esn0_db``; ``limits`` are its keyword arguments."""
    return [measure(link, num_bytes, float(snr), **limits) for snr in esn0_db]


@dataclass(frozen=True)
class References:
    """What theory says of an AWGN link, Es/N0 in dB per channel use that carries data.

    Where payloads may be sent again, it is what all attempts together could do.
    """

    #: no code of this rate works below
    shannon_db: float
    #: no code of this rate with this modulation works below
    constrained_db: float
    modulation: str
    information_bits: int
    channel_uses: int
    num_blocks: int

    def block_error_rate(self, esn0_db: float) -> float:
        """Normal approximation for all code blocks of a payload."""
        from channels.limits import normal_approximation

        one = normal_approximation(
            self.modulation, esn0_db, self.information_bits, self.channel_uses
        )
        return 1 - (1 - one) ** self.num_blocks


def references(link: Link, num_bytes: int) -> References | None:
    """Limits of a payload of ``num_bytes``; ``None`` for channels other than AWGN."""
    from channels.limits import esn0_for_capacity, shannon_esn0

    if link.settings.channel != "awgn":
        return None
    frame = link.frame(num_bytes)
    uses = link.settings.channel_uses(link.settings.coded_bits(frame.block_bits))
    uses *= link.settings.attempts
    rate = frame.block_bits / uses
    constrained = math.inf
    if rate < link.settings.bits_per_symbol:
        constrained = esn0_for_capacity(link.settings.modulation, rate)
    return References(
        shannon_esn0(rate), constrained, link.settings.modulation,
        frame.block_bits, uses, frame.num_blocks,
    )  # fmt: skip


@dataclass(frozen=True)
class Cliff:
    """Where the block error rate falls, from the measured ``points`` in rising order of SNR."""

    points: list[Point]
    #: the rates between which the cliff is measured
    high: float
    low: float

    def esn0_db(self, block_error_rate: float = 0.1) -> float:
        """Es/N0 in dB of this rate, between the points around it on a logarithmic scale."""
        for left, right in zip(self.points, self.points[1:], strict=False):
            if left.block_error_rate >= block_error_rate >= right.block_error_rate:
                top, bottom = (_log_rate(point) for point in (left, right))
                if top == bottom:
                    return left.esn0_db
                share = (top - math.log(block_error_rate)) / (top - bottom)
                return left.esn0_db + share * (right.esn0_db - left.esn0_db)
        raise ValueError(
            f"the measured block error rates do not pass {block_error_rate:g}: they go from "
            f"{self.points[0].block_error_rate:g} to {self.points[-1].block_error_rate:g}"
        )

    @property
    def width_db(self) -> float:
        """Distance in dB over which the rate falls from ``high`` to ``low``."""
        return self.esn0_db(self.low) - self.esn0_db(self.high)


def _log_rate(point: Point) -> float:
    # no error seen: half an error is the usual stand-in between none and one
    return math.log(max(point.errors, 0.5) / point.report.payloads)


def find_cliff(
    link: Link,
    num_bytes: int,
    *,
    high: float = 0.9,
    low: float = 0.001,
    resolution_db: float = 0.1,
    start_db: float | None = None,
    seed: int = 0,
    max_errors: int = 100,
    known: Iterable[Point] = (),
    on_point: Callable[[Point], None] | None = None,
) -> Cliff:
    """Find where the block error rate falls from ``high`` to ``low`` and measure it finely there.

    The search starts at ``start_db``, or where theory puts the code, walks outwards in growing
    steps until both rates are passed, and halves the gaps on the slope until they are at most
    ``resolution_db``, or an eighth of the slope where that is wider. Points ``known`` from an
    earlier search by the same rules are not measured again; ``on_point`` is called with each new
    one. Raises ``ValueError`` where no cliff lies between -40 and 80 dB.
    """
    if not 0 < low < high < 1:
        raise ValueError(f"the cliff needs 0 < low < high < 1, not low {low:g} and high {high:g}")
    # enough to tell the low rate from twice of it, while steps near the high rate stop early
    payloads = math.ceil(4 / low)
    points = {point.esn0_db: point for point in known}

    def rate(snr: float) -> float:
        if snr not in points:
            points[snr] = measure(
                link, num_bytes, snr, seed=seed, max_errors=max_errors, max_payloads=payloads
            )
            if on_point is not None:
                on_point(points[snr])
        return points[snr].block_error_rate

    def walk(snr: float, step: float, arrived: Any) -> float:
        while not arrived(rate(snr)):
            snr, step = snr + step, step * 1.5
            if not -40 <= snr <= 80:
                raise ValueError(
                    f"the block error rate does not pass from {high:g} to {low:g} between -40 and "
                    "80 dB: the link fails or succeeds at every SNR"
                )
        return snr

    if start_db is None:
        theory = references(link, num_bytes)
        start_db = 5.0
        if theory is not None:
            limit_db = theory.constrained_db
            start_db = 0.5 + (limit_db if math.isfinite(limit_db) else theory.shannon_db + 8)
    start_db = round(start_db, 2)
    left = walk(start_db, -0.5, lambda value: value >= high)
    right = walk(start_db, 0.5, lambda value: value <= low)
    gap = max(resolution_db, (right - left) / 24)
    while True:
        ordered = sorted(points)
        wide = [
            (a + b) / 2
            for a, b in itertools.pairwise(ordered)
            if b - a > 1.01 * gap and rate(a) > low and rate(b) < high
        ]
        if not wide:
            break
        for snr in wide:
            rate(snr)
    return Cliff([points[snr] for snr in sorted(points)], high, low)
