"""Block error rates out of a table instead of a simulation, for sweeps too large to decode.

A table is measured by the link it stands in for, keeps the counts and answers only where it was
measured: for payloads of the measured frames, between the lowest and the highest measured SNR.
A link whose settings name a table under ``block_errors`` draws from it in place of decoding.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from channels.curves import send
from channels.link import Link, LinkReport
from channels.models import uniform
from channels.settings import LinkSettings

__all__ = ["BlockErrorTable", "Count"]

_FORMAT = "block error table 1"
# Kept apart from the draws of binary channels, which use attempts 0 to 3.
_TABLE_DRAW = 99
_MOST_BYTES = 16 << 20
# Where the rate falls by more than this from one point to the next, nothing is known in between.
_STEEPEST = 30.0


@dataclass(frozen=True)
class Count:
    """How many of ``payloads`` had not arrived as sent at ``esn0_db`` after each attempt."""

    esn0_db: float
    payloads: int
    failed: tuple[int, ...]

    @property
    def errors(self) -> int:
        """Payloads that did not arrive as sent at all."""
        return self.failed[-1]

    def __str__(self) -> str:
        return f"{self.errors} of {self.payloads} lost"

    @property
    def log_rates(self) -> list[float]:
        """Logarithms of the error rates; half an error stands in where none was seen."""
        return [math.log(max(failed, 0.5) / self.payloads) for failed in self.failed]


@dataclass(frozen=True)
class BlockErrorTable:
    """Measured counts of one link by frame: (number of code blocks, bits of each).

    >>> table = BlockErrorTable.measure(Link(), [40], [-2.0, 0.0, 6.0], max_payloads=32)
    >>> round(table.block_error_rate(40, -2.0), 3)
    1.0
    >>> table.draw(40, 6.0, seeds=[1, 2, 3])
    [1, 1, 1]
    """

    settings: LinkSettings
    #: :meth:`Link.identity` of the link at the time of measurement
    identity: dict[str, Any]
    counts: dict[tuple[int, int], tuple[Count, ...]]

    @classmethod
    def empty(cls, settings: LinkSettings) -> BlockErrorTable:
        """A table of the link with these ``settings`` that holds nothing yet."""
        settings = settings.model_copy(update={"block_errors": None})
        return cls(settings, Link(settings).identity(), {})

    @classmethod
    def measure(
        cls, link: Link, num_bytes: Iterable[int], esn0_db: Sequence[float], **limits: int
    ) -> BlockErrorTable:
        """Send payloads of every size of ``num_bytes`` at every ``esn0_db``.

        ``limits`` are those of :func:`channels.curves.measure`: seed, max_errors, max_payloads.
        """
        table = cls.empty(link.settings)
        for size, snr in itertools.product(num_bytes, esn0_db):
            table = table.extended(size, float(snr), **limits)
        return table

    def extended(self, num_bytes: int, esn0_db: float, **limits: int) -> BlockErrorTable:
        """The table with one more frame and SNR measured; itself where it knows them already."""
        if self.holds(num_bytes, esn0_db):
            return self
        link = Link(self.settings)
        failed, payloads = [0] * self.settings.attempts, 0
        for reports in send(link, num_bytes, esn0_db, **limits):
            payloads += len(reports)
            for attempt in range(len(failed)):
                failed[attempt] += sum(_failed(report, attempt + 1) for report in reports)
        key = self.frame(num_bytes)
        counts = (*self.counts.get(key, ()), Count(esn0_db, payloads, tuple(failed)))
        rising = tuple(sorted(counts, key=lambda count: count.esn0_db))
        return replace(self, counts={**self.counts, key: rising})

    def frame(self, num_bytes: int) -> tuple[int, int]:
        """Number of code blocks of a payload of ``num_bytes`` and bits of each."""
        frame = Link(self.settings).frame(num_bytes)
        return frame.num_blocks, frame.block_bits

    def count(self, num_bytes: int, esn0_db: float) -> Count | None:
        """What was counted with payloads of ``num_bytes`` at exactly ``esn0_db``."""
        counts = self.counts.get(self.frame(num_bytes), ())
        return next((count for count in counts if count.esn0_db == esn0_db), None)

    def holds(self, num_bytes: int, esn0_db: float) -> bool:
        """Whether payloads of ``num_bytes`` were measured at exactly ``esn0_db``."""
        return self.count(num_bytes, esn0_db) is not None

    def check(self, settings: LinkSettings) -> None:
        """Raise ``ValueError`` unless the table was measured for a link of these ``settings``."""
        wanted = settings.model_dump(exclude={"device", "block_errors"})
        known = self.settings.model_dump(exclude={"device", "block_errors"})
        differing = [
            f"{name} {known[name]}, not {wanted[name]}"
            for name in wanted
            if wanted[name] != known[name]
        ]
        if differing:
            raise ValueError(
                f"the table was measured for another link ({'; '.join(differing)}): "
                "measure one for this link"
            )

    def check_range(self, esn0_db: Iterable[float]) -> None:
        """Raise ``ValueError`` where no frame at all was measured around an ``esn0_db``."""
        spans = [(counts[0].esn0_db, counts[-1].esn0_db) for counts in self.counts.values()]
        for snr in esn0_db:
            if not any(low <= snr <= high for low, high in spans):
                low, high = min(spans)[0], max(high for _, high in spans)
                raise ValueError(_outside(low, high, snr))

    def check_sizes(self, num_bytes: Iterable[int]) -> None:
        """Raise ``ValueError`` where payloads of some ``num_bytes`` were not measured."""
        missing = sorted(size for size in num_bytes if self.frame(size) not in self.counts)
        if missing:
            few = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
            raise ValueError(
                f"the table was not measured for payloads of {few} bytes: measure it for them"
            )

    def block_error_rate(self, num_bytes: int, esn0_db: float) -> float:
        """Share of payloads of ``num_bytes`` lost at ``esn0_db``, between measured points.

        Raises ``ValueError`` for frames and SNRs that were not measured.
        """
        return self._rates(num_bytes, esn0_db)[-1]

    def _rates(self, num_bytes: int, esn0_db: float) -> list[float]:
        """Share of payloads that have not arrived after each attempt."""
        self.check_sizes([num_bytes])
        counts = self.counts[self.frame(num_bytes)]
        low, high = counts[0].esn0_db, counts[-1].esn0_db
        if not low <= esn0_db <= high:
            raise ValueError(_outside(low, high, esn0_db))
        right = next(i for i, count in enumerate(counts) if count.esn0_db >= esn0_db)
        after = counts[right]
        if after.esn0_db == esn0_db:
            return [math.exp(rate) for rate in after.log_rates]
        before = counts[right - 1]
        if before.log_rates[-1] - after.log_rates[-1] > math.log(_STEEPEST):
            raise ValueError(
                f"from {before.esn0_db:g} to {after.esn0_db:g} dB the measured rate falls too far "
                f"to tell what happens at {esn0_db:g} dB: measure the table there"
            )
        share = (esn0_db - before.esn0_db) / (after.esn0_db - before.esn0_db)
        return [
            math.exp((1 - share) * left + share * right)
            for left, right in zip(before.log_rates, after.log_rates, strict=True)
        ]

    def draw(self, num_bytes: int, esn0_db: float, seeds: Sequence[int]) -> list[int | None]:
        """The attempt with which payloads of ``num_bytes`` arrive, one for each of ``seeds``.

        ``None`` is a payload that is lost. What arrives at one SNR arrives at every SNR of a lower
        error rate, and no later.
        """
        rates = self._rates(num_bytes, esn0_db)
        if not len(seeds):
            return []
        drawn = uniform([int(seed) for seed in seeds], 1, attempt=_TABLE_DRAW)[:, 0]
        attempts = [1 + sum(bool(value < rate) for rate in rates) for value in drawn]
        return [None if attempt > len(rates) else attempt for attempt in attempts]

    @property
    def digest(self) -> str:
        """Digest of all that the table answers by."""
        content = self._content()
        text = json.dumps([content["identity"], content["frames"]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _content(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "settings": self.settings.model_dump(exclude={"block_errors"}),
            "identity": self.identity,
            "frames": [
                {
                    "num_blocks": blocks,
                    "block_bits": bits,
                    "counts": [[c.esn0_db, c.payloads, *c.failed] for c in counts],
                }
                for (blocks, bits), counts in sorted(self.counts.items())
            ],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table as JSON, whole or not at all."""
        target = Path(path)
        temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(self._content(), indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, target)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BlockErrorTable:
        """Read a table.

        Raises ``FileNotFoundError``, or ``ValueError`` where it is none or of another link.
        """
        source = Path(path)
        if not source.is_file():
            raise FileNotFoundError(f"{source}: no such file; `semcom table` measures one")
        if source.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{source}: too large for a block error table")
        try:
            content = json.loads(source.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"unknown format {content['format']!r}")
            settings = LinkSettings.model_validate({**content["settings"], "block_errors": None})
            counts = {
                (int(frame["num_blocks"]), int(frame["block_bits"])): _checked(
                    frame["counts"], settings.attempts
                )
                for frame in content["frames"]
            }
        except (KeyError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{source}: not a block error table ({reason})") from error
        table = cls(settings, content["identity"], counts)
        if table.identity != Link(settings).identity():
            raise ValueError(
                f"{source}: measured by another version of the link, measure the table again"
            )
        return table


def _outside(low: float, high: float, esn0_db: float) -> str:
    return (
        f"the table was measured from {low:g} to {high:g} dB and cannot tell what happens "
        f"at {esn0_db:g} dB: measure it there"
    )


def _failed(report: LinkReport, attempts: int) -> bool:
    """Whether the payload had not arrived as sent after so many ``attempts``."""
    return bool(report.payloads_lost or report.undetected or report.attempts > attempts)


def _checked(rows: list[Any], attempts: int) -> tuple[Count, ...]:
    counts = tuple(
        Count(float(snr), int(payloads), tuple(map(int, failed))) for snr, payloads, *failed in rows
    )
    if not counts or not all(a.esn0_db < b.esn0_db for a, b in itertools.pairwise(counts)):
        raise ValueError("the SNRs of a frame must rise")
    for count in counts:
        if len(count.failed) != attempts:
            raise ValueError(f"a count for each of {attempts} attempts is needed")
        falling = (count.payloads, *count.failed, 0)
        if not count.payloads or any(a < b for a, b in itertools.pairwise(falling)):
            raise ValueError("more errors than payloads, or than after an earlier attempt")
    return counts
