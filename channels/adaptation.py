"""Link adaptation: which modulation and code rate an SNR carries.

The tables are those of TS 38.214, clause 5.1.3.1. A scheme is chosen by predicting its block error
rate from the normal approximation at the effective SNR less an implementation margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from channels.link import Link
from channels.settings import BITS_PER_SYMBOL, LinkSettings

__all__ = ["MCS_TABLES", "Scheme", "adapt", "effective_esn0_db", "predicted_block_error_rate"]

_MODULATIONS = {2: "qpsk", 4: "16qam", 6: "64qam", 8: "256qam"}


@dataclass(frozen=True)
class Scheme:
    """A row of a table: modulation and code rate."""

    modulation: str
    rate: float

    @property
    def bits_per_symbol(self) -> float:
        """Information bits per symbol."""
        bits = next(m for m, name in _MODULATIONS.items() if name == self.modulation)
        return bits * self.rate


def _table(rows: dict[int, str]) -> tuple[Scheme, ...]:
    return tuple(
        Scheme(_MODULATIONS[bits], float(rate) / 1024)
        for bits, rates in rows.items()
        for rate in rates.split()
    )


#: modulation and coding schemes by table and index, rates as written in the standard over 1024
MCS_TABLES: dict[str, tuple[Scheme, ...]] = {
    # table 5.1.3.1-1
    "64qam": _table(
        {
            2: "120 157 193 251 308 379 449 526 602 679",
            4: "340 378 434 490 553 616 658",
            6: "438 466 517 567 616 666 719 772 822 873 910 948",
        }
    ),
    # table 5.1.3.1-2
    "256qam": _table(
        {
            2: "120 193 308 449 602",
            4: "378 434 490 553 616 658",
            6: "466 517 567 616 666 719 772 822 873",
            8: "682.5 711 754 797 841 885 916.5 948",
        }
    ),
    # table 5.1.3.1-3, for low error rates
    "low_rate": _table(
        {
            2: "30 40 50 64 78 99 120 157 193 251 308 379 449 526 602",
            4: "340 378 434 490 553 616",
            6: "438 466 517 567 616 666 719 772",
        }
    ),
}


@lru_cache
def _capacities(modulation: str) -> tuple[np.ndarray, np.ndarray]:
    """Es/N0 in dB and the mutual information there, up to where it is all that there is."""
    from channels.limits import constrained_capacity

    snrs = np.arange(-40.0, 60.0, 0.25)
    capacities = np.array([constrained_capacity(modulation, snr) for snr in snrs.tolist()])
    rising = capacities < BITS_PER_SYMBOL[modulation] - 1e-6
    return snrs[rising], capacities[rising]


def effective_esn0_db(modulation: str, esn0_db: float | np.ndarray) -> float:
    """Es/N0 in dB of white noise that lets as much through as symbols of various ``esn0_db`` [S].

    The mutual information of ``modulation`` is averaged over the symbols (Wan, Tsai, Almgren, "A
    fading-insensitive performance metric for a unified link quality model", IEEE WCNC 2006).

    >>> round(effective_esn0_db("qpsk", np.array([3.0, 3.0])), 2)
    3.0
    >>> round(effective_esn0_db("qpsk", np.array([-30.0, 30.0])), 1)
    0.2
    """
    snrs, capacities = _capacities(modulation)
    let_through = np.interp(np.asarray(esn0_db, dtype=float), snrs, capacities).mean()
    return float(np.interp(let_through, capacities, snrs))


def predicted_block_error_rate(
    settings: LinkSettings, esn0_db: float | np.ndarray, num_bytes: int, margin_db: float = 1.0
) -> float:
    """Share of payloads of ``num_bytes`` expected to be lost at ``esn0_db``.

    That is one value, or those of the symbols of a payload [S], which count with their effective
    SNR. The share is the normal approximation ``margin_db`` to the left, for all code blocks
    together.

    >>> predicted_block_error_rate(LinkSettings(), 4.0, 100) < 1e-6
    True
    """
    from channels.limits import normal_approximation

    frame = Link(settings).frame(num_bytes)
    uses = -(-settings.coded_bits(frame.block_bits) // settings.bits_per_symbol)
    if isinstance(esn0_db, np.ndarray):
        esn0_db = effective_esn0_db(settings.modulation, esn0_db)
    snr = float(esn0_db) - margin_db
    one = normal_approximation(settings.modulation, snr, frame.block_bits, uses)
    return 1 - (1 - one) ** frame.num_blocks


def adapt(
    settings: LinkSettings,
    esn0_db: float | np.ndarray,
    num_bytes: int,
    *,
    target: float = 0.1,
    table: str = "256qam",
    margin_db: float = 1.0,
) -> LinkSettings:
    """``settings`` with the scheme of ``table`` that takes the fewest channel uses.

    Of all schemes whose predicted block error rate at ``esn0_db`` is at most ``target``, the most
    efficient is taken; where none is, the most robust. Over a channel that fades ``esn0_db`` [S] is
    best that of the symbols as :func:`channels.inspection.inspect_payload` shows it. Schemes of a
    rate that the code does not have are passed over. ``margin_db`` is what the code loses against
    theory, about 1 dB with 20 iterations of the LDPC decoder.

    >>> adapt(LinkSettings(), 12.0, 500).modulation
    '64qam'
    """
    if table not in MCS_TABLES:
        raise ValueError(f"unknown MCS table {table!r}: choose one of {', '.join(MCS_TABLES)}")
    if not 0 < target < 1:
        raise ValueError(f"the target block error rate is between 0 and 1, not {target:g}")
    candidates = []
    for scheme in MCS_TABLES[table]:
        changes = {"modulation": scheme.modulation, "rate": scheme.rate}
        try:
            candidates.append(LinkSettings.model_validate(settings.model_dump() | changes))
        except ValueError:
            continue
    if not candidates:
        raise ValueError(
            f"code {settings.code!r} has none of the rates of MCS table {table!r}: "
            "choose code 'ldpc' or 'polar'"
        )
    candidates.sort(key=lambda one: one.rate * one.bits_per_symbol)
    chosen = candidates[0]
    for candidate in candidates:
        if predicted_block_error_rate(candidate, esn0_db, num_bytes, margin_db) <= target:
            chosen = candidate
    return chosen
