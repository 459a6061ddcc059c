"""Which channel codes there are, which rates they have and how long their code words become.

No signal processing happens here, so that planning a link costs no heavy import; the codes
themselves are in :mod:`channels.coding`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["CODES", "CODE_FAMILIES", "CodeFamily"]


@dataclass(frozen=True)
class CodeFamily:
    """What must be known of a channel code before anything is sent.

    ``max_block_bits(rate)`` is the longest code block, CRCs included. ``coded_bits(k, rate,
    bits_per_symbol)`` is the length of the code word of ``k`` bits.
    """

    description: str
    #: either the lowest and highest rate, or every possible rate
    rates: tuple[float, ...]
    any_rate_between: bool
    max_block_bits: Callable[[float], int]
    coded_bits: Callable[[int, float, int], int]
    #: whether several transmissions can be combined by incremental redundancy
    incremental_redundancy: bool = False

    def check_rate(self, name: str, rate: float) -> None:
        """Raise ``ValueError`` where the code ``name`` does not have this ``rate``."""
        if self.any_rate_between:
            low, high = self.rates
            if not low <= rate <= high:
                raise ValueError(
                    f"rate {rate:g} is outside what code {name!r} reaches: "
                    f"choose a rate from {low:g} to {high:g}"
                )
        elif not any(math.isclose(rate, known, rel_tol=1e-3) for known in self.rates):
            raise ValueError(
                f"code {name!r} does not have rate {rate:g}: "
                f"choose one of {', '.join(f'{known:.4g}' for known in self.rates)}"
            )


def _rate_matched(k: int, rate: float, bits_per_symbol: int) -> int:
    # the tiny subtraction keeps 1000 bits at rate 0.1 from taking 10001 by a rounding error
    return bits_per_symbol * math.ceil(k / (rate * bits_per_symbol) - 1e-9)


def _terminated(memory: int) -> Callable[[int, float, int], int]:
    return lambda k, rate, bits_per_symbol: (k + memory) * round(1 / rate)


#: turbo code: the termination of both encoders costs 12 coded bits at rate 1/3, 8 at rate 1/2
def _turbo(k: int, rate: float, bits_per_symbol: int) -> int:
    return 3 * k + 12 if rate < 0.4 else 2 * k + 8


CODE_FAMILIES: dict[str, CodeFamily] = {
    "uncoded": CodeFamily(
        "no channel code: CRCs only, rate 1",
        rates=(1.0,),
        any_rate_between=False,
        max_block_bits=lambda rate: 8448,
        coded_bits=lambda k, rate, bits_per_symbol: k,
    ),
    "repetition": CodeFamily(
        "every bit sent several times, rate 1/2 to 1/10",
        rates=tuple(1 / times for times in range(2, 11)),
        any_rate_between=False,
        max_block_bits=lambda rate: 8448,
        coded_bits=lambda k, rate, bits_per_symbol: k * round(1 / rate),
    ),
    "convolutional": CodeFamily(
        "convolutional code of constraint length 7, terminated, Viterbi decoder, rate 1/2 or 1/3",
        rates=(1 / 2, 1 / 3),
        any_rate_between=False,
        max_block_bits=lambda rate: 8448,
        coded_bits=_terminated(6),
    ),
    "turbo": CodeFamily(
        "LTE turbo code (TS 36.212, 5.1.3), terminated, BCJR decoders, rate 1/2 or 1/3",
        rates=(1 / 2, 1 / 3),
        any_rate_between=False,
        max_block_bits=lambda rate: 6144,
        coded_bits=_turbo,
    ),
    "polar": CodeFamily(
        "5G NR polar code with its CRC (TS 38.212, 5.3.1), successive cancellation (list) decoder",
        rates=(0.1, 0.8),
        any_rate_between=True,
        # code words of at most 1088 bits and 1013 information bits, in whole bytes
        max_block_bits=lambda rate: min(1013, math.floor(1088 * rate)) // 8 * 8,
        coded_bits=lambda k, rate, bits_per_symbol: math.ceil(k / rate - 1e-9),
    ),
    "ldpc": CodeFamily(
        "5G NR LDPC, base graphs 1 and 2 (TS 38.212, 5.3.2), flooding sum-product decoder",
        # below the mother codes' 1/3 and 1/5 the rate matching repeats bits
        rates=(0.1, 0.93),
        any_rate_between=True,
        # at rates up to 1/4 only base graph 2 is used
        max_block_bits=lambda rate: 3840 if rate <= 0.25 else 8448,
        coded_bits=_rate_matched,
        incremental_redundancy=True,
    ),
}

#: channel codes, one line each
CODES: dict[str, str] = {name: family.description for name, family in CODE_FAMILIES.items()}
