"""Frequencies of rounded logistic variables, one table for each of 64 scales.

The residual of a latent value is rounded to a symbol ``s``; with scale ``b`` it has the
probability ``F((s + 1/2) / b) - F((s - 1/2) / b)``, where ``F`` is the logistic function. Tables
are computed in decimal arithmetic, which is defined to the last digit, and hold whole numbers:
they are the same on every machine.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import numpy as np

__all__ = ["FIRST_SCALE", "HIGHEST_SYMBOL", "LOG_STEP", "SCALES", "information", "tables"]

#: scale k is ``FIRST_SCALE * exp(k * LOG_STEP)``: 0.03 to 30.7
SCALES = 64
FIRST_SCALE = 0.03
LOG_STEP = 0.11
#: symbols run from -HIGHEST_SYMBOL to HIGHEST_SYMBOL
HIGHEST_SYMBOL = 255
_TOTAL = 1 << 20


@cache
def tables() -> np.ndarray:
    """[SCALES, 2 * HIGHEST_SYMBOL + 1] int64, every entry positive.

    >>> tables().shape, bool((tables() == tables()[:, ::-1]).all())
    ((64, 511), True)
    """
    out = np.empty((SCALES, 2 * HIGHEST_SYMBOL + 1), np.int64)
    with localcontext() as context:
        context.prec = 24
        for k in range(SCALES):
            scale = Decimal(str(FIRST_SCALE)) * (k * Decimal(str(LOG_STEP))).exp()
            # the share below -s + 1/2, for s = 0 .. HIGHEST_SYMBOL
            below = [
                1 / (1 + ((s - Decimal("0.5")) / scale).exp()) for s in range(HIGHEST_SYMBOL + 1)
            ]
            for s in range(HIGHEST_SYMBOL + 1):
                last = s == HIGHEST_SYMBOL  # takes the whole tail
                share = below[s] - (0 if last else below[s + 1])
                count = max(1, int(_TOTAL * share + Decimal("0.5")))
                out[k, HIGHEST_SYMBOL + s] = out[k, HIGHEST_SYMBOL - s] = count
    return out


@cache
def _bits() -> np.ndarray:
    frequencies = tables()
    return -np.log2(frequencies / frequencies.sum(axis=1, keepdims=True))


def information(symbols: np.ndarray, scales: np.ndarray) -> float:
    """Bits of ``symbols`` under the tables of index ``scales``, both of one shape.

    >>> information(np.array([0, 0]), np.array([0, 63])) > 6
    True
    """
    return float(_bits()[scales, symbols + HIGHEST_SYMBOL].sum())
