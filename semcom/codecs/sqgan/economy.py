"""Codes that cost few bits in place of nearest ones, where the two lie close together.

Rate-distortion optimised quantisation of vector-quantised tokens: the code of a token minimises
``distance + rate_weight * bits``, with the bits that the index model asks for it beside its
neighbours (entropy-constrained vector quantisation: Chou, Lookabaugh, Gray, 1989). No part of the
paper, and nothing that the receiver has to know.
"""

from __future__ import annotations

import math

import numpy as np

from semcom.codecs.sqgan.bitstream import owned_cells
from semcom.entropy import IndexModel
from semcom.entropy.index_model import LOGIT_STEPS

__all__ = ["ROUNDS", "economical"]

#: choices change the neighbours' contexts; after so many rounds few change any more
ROUNDS = 3
_BITS_PER_STEP = 1 / (LOGIT_STEPS * math.log(2))


def economical(
    grid: np.ndarray,
    distances: np.ndarray,
    model: IndexModel,
    rate_weight: float,
    packets: int = 1,
) -> np.ndarray:
    """``grid`` [h, w] of nearest codes, -1 where masked, with better ones for its rate.

    ``distances`` [k, codes] are the squared distances of the k tokens, in raster order, to every
    code; ``rate_weight`` is what a bit is worth in mean distances to the nearest code. Tokens of
    one packet know only each other.
    """
    kept = grid >= 0
    if not rate_weight or not kept.any():
        return grid
    relative = distances / max(float(distances.min(1).mean()), 1e-12)
    found = grid.copy()
    for number in range(packets):
        mine = kept & owned_cells(grid.shape, number, packets)
        rows, columns = np.nonzero(mine)
        if not len(rows):
            continue
        own, alone = relative[mine[kept]], np.where(mine, grid, -1)
        for _ in range(ROUNDS):
            cost = model.steps(alone, rows, columns)
            cost *= rate_weight * _BITS_PER_STEP
            cost += own
            alone[mine] = cost.argmin(1)
        found[mine] = alone[mine]
    return found
