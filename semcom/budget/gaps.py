"""What real codes lose in dB against the normal approximation, measured once and kept.

The normal approximation gives the shape of a block error rate over SNR; how far to the right of it
a code with its decoder and its bit-wise demapping lies is measured by modulation, code rate and
length, and interpolated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np

from channels import Link, LinkSettings
from channels.curves import measure
from channels.framing import CRC_BITS
from channels.limits import normal_approximation_esn0
from channels.settings import BITS_PER_SYMBOL

__all__ = ["LENGTHS", "RATES", "Gap", "gap_db", "measure_gaps", "to_json"]

_FORMAT = "code gaps 1"
#: code rates and information bits of the measurement
RATES = {"ldpc": (0.15, 0.33, 0.5, 0.75, 0.92)}
LENGTHS = {"ldpc": (408, 3128)}
MODULATIONS = ("qpsk", "16qam", "64qam", "256qam")
#: what the others of these are near to
_STANDS_FOR = {"bpsk": "qpsk", "1024qam": "256qam"}
#: block error rate at which the gap is measured
_LEVEL = 0.2


@dataclass(frozen=True)
class Gap:
    """Es/N0 in dB that one code needs at a block error rate of 20 % beyond the approximation."""

    modulation: str
    rate: float
    information_bits: int
    db: float
    payloads: int


def measure_gaps(code: str, payloads: int = 48, step_db: float = 0.25) -> Iterator[Gap]:
    """Measure every modulation, rate and length of ``code`` over white noise."""
    for modulation in MODULATIONS:
        for rate in RATES[code]:
            for bits in LENGTHS[code]:
                settings = LinkSettings(code=code, rate=rate, modulation=modulation)
                yield _measure(Link(settings), bits, payloads, step_db)


def _measure(link: Link, bits: int, payloads: int, step_db: float) -> Gap:
    settings = link.settings
    num_bytes = (bits - CRC_BITS) // 8
    frame = link.frame(num_bytes)
    uses = frame.block_bits / (settings.rate * BITS_PER_SYMBOL[settings.modulation])
    theory = normal_approximation_esn0(settings.modulation, frame.block_bits, round(uses), _LEVEL)
    above, below, offset = 1.0, 1.0, 0.0
    while below > _LEVEL:
        above = below
        point = measure(
            link, num_bytes, theory + offset, max_errors=payloads, max_payloads=payloads
        )
        below, offset = point.block_error_rate, offset + step_db
    last = offset - step_db
    share = (below - _LEVEL) / (below - above) if below < above else 0.0
    return Gap(
        settings.modulation, settings.rate, frame.block_bits, round(last - share * step_db, 3),
        payloads,
    )  # fmt: skip


def gap_db(code: str, modulation: str, rate: float, information_bits: int) -> float:
    """The gap of a code block, between the measured rates and lengths, at their ends beyond them.

    >>> 0 < gap_db("ldpc", "qpsk", 0.5, 1000) < 2
    True
    """
    rates, lengths, table = _table(code)[_STANDS_FOR.get(modulation, modulation)]
    by_length = [np.interp(rate, rates, column) for column in table.T]
    return float(np.interp(np.log(information_bits), np.log(lengths), by_length))


@lru_cache(maxsize=4)
def _table(code: str) -> dict[str, tuple[Sequence[float], Sequence[float], np.ndarray]]:
    """Rates, lengths and gaps [rates, lengths] of every modulation."""
    file = resources.files("semcom.budget") / "tables" / "code_gaps.json"
    rows = [Gap(**row) for row in json.loads(file.read_text(encoding="utf-8"))["codes"][code]]
    found: dict[str, tuple[Sequence[float], Sequence[float], np.ndarray]] = {}
    for modulation in MODULATIONS:
        own = [row for row in rows if row.modulation == modulation]
        gaps = np.array([row.db for row in own]).reshape(len(RATES[code]), len(LENGTHS[code]))
        found[modulation] = RATES[code], LENGTHS[code], gaps
    return found


def to_json(gaps: dict[str, Sequence[Gap]], versions: dict[str, Any]) -> str:
    """The measured gaps as the file that comes with the package."""
    codes = {code: [vars(gap) for gap in own] for code, own in gaps.items()}
    content = {"format": _FORMAT, "versions": versions, "codes": codes}
    return json.dumps(content).replace('{"modulation"', '\n{"modulation"') + "\n"
