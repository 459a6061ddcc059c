"""Block error rates out of a table instead of a simulation, for sweeps too large to decode.

A table is measured by the link it stands in for, keeps the counts and answers only where it was
measured: for payloads of the measured frames, between the lowest and the highest measured SNR.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channels.curves import measure
from channels.link import Link
from channels.models import uniform
from channels.settings import LinkSettings

__all__ = ["BlockErrorTable", "Count"]

_FORMAT = "block error table 1"
# Kept apart from the draws of binary channels, which use attempts 0 to 3.
_TABLE_DRAW = 99
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Count:
    """How many of ``payloads`` did not arrive as sent at ``esn0_db``."""

    esn0_db: float
    payloads: int
    errors: int

    @property
    def log_rate(self) -> float:
        """Logarithm of the error rate; half an error stands in where none was seen."""
        return math.log(max(self.errors, 0.5) / self.payloads)


@dataclass(frozen=True)
class BlockErrorTable:
    """Measured counts of one link by frame: (number of code blocks, bits of each).

    >>> table = BlockErrorTable.measure(Link(), [40], [-2.0, 6.0], max_payloads=32)
    >>> round(table.block_error_rate(40, -2.0), 3)
    1.0
    >>> table.draw(40, 6.0, seeds=[1, 2, 3])
    [False, False, False]
    """

    settings: LinkSettings
    #: :meth:`Link.identity` of the link at the time of measurement
    identity: dict[str, Any]
    counts: dict[tuple[int, int], tuple[Count, ...]]

    @classmethod
    def measure(
        cls, link: Link, num_bytes: Sequence[int], esn0_db: Sequence[float], **limits: int
    ) -> BlockErrorTable:
        """Send payloads of every size of ``num_bytes`` at every ``esn0_db``.

        ``limits`` are those of :func:`channels.curves.measure`: seed, max_errors, max_payloads.
        """
        if len(set(esn0_db)) < 2:
            raise ValueError("a table needs at least two different values of esn0_db")
        counts: dict[tuple[int, int], tuple[Count, ...]] = {}
        for size in num_bytes:
            if (key := _key(link, size)) in counts:
                continue
            points = [measure(link, size, float(snr), **limits) for snr in sorted(set(esn0_db))]
            counts[key] = tuple(
                Count(point.esn0_db, point.report.payloads, point.errors) for point in points
            )
        return cls(link.settings, link.identity(), counts)

    def block_error_rate(self, num_bytes: int, esn0_db: float) -> float:
        """Share of payloads of ``num_bytes`` lost at ``esn0_db``, between measured points.

        Raises ``ValueError`` for frames and SNRs that were not measured.
        """
        counts = self.counts.get(_key(Link(self.settings), num_bytes))
        if counts is None:
            raise ValueError(
                f"the table was not measured for payloads of {num_bytes} bytes: measure it for them"
            )
        low, high = counts[0].esn0_db, counts[-1].esn0_db
        if not low <= esn0_db <= high:
            raise ValueError(
                f"the table was measured from {low:g} to {high:g} dB and cannot tell what happens "
                f"at {esn0_db:g} dB: measure it there"
            )
        right = next(i for i, count in enumerate(counts) if count.esn0_db >= esn0_db)
        if counts[right].esn0_db == esn0_db:
            return math.exp(counts[right].log_rate)
        before, after = counts[right - 1], counts[right]
        share = (esn0_db - before.esn0_db) / (after.esn0_db - before.esn0_db)
        return math.exp((1 - share) * before.log_rate + share * after.log_rate)

    def draw(self, num_bytes: int, esn0_db: float, seeds: Sequence[int]) -> list[bool]:
        """Whether payloads of ``num_bytes`` with these ``seeds`` are lost at ``esn0_db``.

        A payload that is lost at one SNR is lost at every SNR of a higher error rate.
        """
        rate = self.block_error_rate(num_bytes, esn0_db)
        if not len(seeds):
            return []
        drawn = uniform([int(seed) for seed in seeds], 1, attempt=_TABLE_DRAW)[:, 0]
        return [bool(value < rate) for value in drawn]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table as JSON, whole or not at all."""
        content = {
            "format": _FORMAT,
            "settings": self.settings.model_dump(),
            "identity": self.identity,
            "frames": [
                {
                    "num_blocks": blocks,
                    "block_bits": bits,
                    "counts": [[c.esn0_db, c.payloads, c.errors] for c in counts],
                }
                for (blocks, bits), counts in self.counts.items()
            ],
        }
        target = Path(path)
        temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, target)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BlockErrorTable:
        """Read a table; raises ``ValueError`` where it is none or another link measured it."""
        source = Path(path)
        if source.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{source}: too large for a block error table")
        try:
            content = json.loads(source.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"unknown format {content['format']!r}")
            settings = LinkSettings.model_validate(content["settings"])
            counts = {
                (int(frame["num_blocks"]), int(frame["block_bits"])): _checked(frame["counts"])
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


def _key(link: Link, num_bytes: int) -> tuple[int, int]:
    frame = link.frame(num_bytes)
    return frame.num_blocks, frame.block_bits


def _checked(rows: list[Any]) -> tuple[Count, ...]:
    counts = tuple(Count(float(snr), int(payloads), int(errors)) for snr, payloads, errors in rows)
    rising = all(a.esn0_db < b.esn0_db for a, b in itertools.pairwise(counts))
    if len(counts) < 2 or not rising:
        raise ValueError("the SNRs of a frame must rise")
    if not all(0 <= count.errors <= count.payloads and count.payloads for count in counts):
        raise ValueError("more errors than payloads")
    return counts
