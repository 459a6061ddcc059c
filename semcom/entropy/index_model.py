"""Learned probabilities of code indices, in whole numbers so that every machine agrees on them.

The context of a token is its four neighbours already coded (left, above left, above, above right)
and its row. A small network of two integer layers turns it into a logit per code:

``h = relu(sum_n embedding[n, neighbour_n] + row[r])``, ``logit = h @ output + bias``.

All weights are 8-bit integers and every sum stays below 2**24, so that float32 arithmetic is exact
whatever the order of summation; logits are steps of 1/16 nat below the best one and become
frequencies through a table of whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from semcom.entropy.mask_model import MaskModel
from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = ["NEIGHBOURS", "IndexModel"]

#: (row, column) steps to the neighbours a context is made of, the one coded last before the others
NEIGHBOURS = ((0, -1), (-1, -1), (-1, 0), (-1, 1))
#: logits are multiples of 1/LOGIT_STEPS nat
LOGIT_STEPS = 16
#: rows of a picture share this many row vectors
ROW_BANDS = 16

#: matrices here are small: threads of their own would only stand in the way of the network's
_BLAS = ThreadpoolController()

#: tokens whose frequencies are held in memory at a time
_AT_ONCE = 256

#: whole numbers, as single precision holds them exactly
_TABLE = np.maximum(1, np.round(2.0**14 * np.exp(-np.arange(256) / LOGIT_STEPS))).astype(np.float32)


class IndexModel:
    """Codes the indices of one packet in raster order; ``mask`` codes where they are.

    ``weights`` holds int8 arrays: ``embedding`` [4, codes + 1, hidden] (the last entry stands for
    a neighbour that is masked, outside or in another packet), ``row`` [ROW_BANDS, hidden],
    ``output`` [hidden, codes], int16 ``bias`` [codes] and ``shift``: the integer logits are divided
    by ``2 ** shift`` to give steps of 1/LOGIT_STEPS nat.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._embedding = np.asarray(weights["embedding"], np.float32)
        self._row = np.asarray(weights["row"], np.float32)
        self._output = np.ascontiguousarray(np.asarray(weights["output"], np.float32))
        self._bias = np.asarray(weights["bias"], np.float32)
        self._shift = int(np.asarray(weights["shift"]).reshape(()))
        self.mask = MaskModel(weights.get("mask"))
        self.codes = self._output.shape[1]
        hidden = self._output.shape[0]
        if self._embedding.shape != (len(NEIGHBOURS), self.codes + 1, hidden):
            raise ValueError("the index model's embedding does not fit its output layer")

    def steps(self, grid: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """How unlikely every code is at ``rows`` [n] and ``columns`` [n]: float32 [n, codes].

        In whole steps of 1/LOGIT_STEPS nat above the likeliest. ``grid`` [h, w] holds -1 where
        there is no token; only cells before these are looked at.
        """
        with _BLAS.limit(limits=1, user_api="blas"):
            return self._unlikely(self._context(grid, rows, columns, NEIGHBOURS))

    def _context(
        self,
        grid: np.ndarray,
        rows: np.ndarray,
        columns: np.ndarray,
        neighbours: Sequence[tuple[int, int]],
    ) -> np.ndarray:
        h = self._row[rows * ROW_BANDS // grid.shape[0]]
        for dr, dc in neighbours:
            rr, cc = rows + dr, columns + dc
            inside = (cc >= 0) & (cc < grid.shape[1]) & (rr >= 0)
            seen = np.where(inside, grid[np.where(inside, rr, 0), np.where(inside, cc, 0)], -1)
            h = h + self._embedding[NEIGHBOURS.index((dr, dc)), seen]
        return h

    def _unlikely(self, h: np.ndarray) -> np.ndarray:
        logits = np.maximum(h, 0) @ self._output
        logits += self._bias
        steps = np.subtract(logits.max(axis=1, keepdims=True), logits, out=logits)
        steps *= 2.0**-self._shift
        return np.minimum(np.floor(steps, out=steps), len(_TABLE) - 1, out=steps)

    def frequencies(self, grid: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Frequencies [n, codes], whole numbers, of the tokens at ``rows`` and ``columns``."""
        return _TABLE[self.steps(grid, rows, columns).astype(np.uint8)]

    def write(self, writer: RangeWriter, grid: np.ndarray) -> None:
        """Code every index of ``grid`` [h, w] int, -1 where there is none (known to both ends)."""
        rows, columns = np.nonzero(grid >= 0)
        for some in range(0, len(rows), _AT_ONCE):
            r, c = rows[some : some + _AT_ONCE], columns[some : some + _AT_ONCE]
            writer.write_symbols(grid[r, c], self.frequencies(grid, r, c))

    def read(self, reader: RangeReader, mask: np.ndarray) -> np.ndarray:
        """Indices [h, w] at the cells of ``mask`` [h, w] bool, -1 elsewhere."""
        grid = np.full(mask.shape, -1, np.int64)
        with _BLAS.limit(limits=1, user_api="blas"):
            for row in range(len(mask)):
                self._read_row(reader, grid, row, np.flatnonzero(mask[row]))
        return grid

    def _read_row(
        self, reader: RangeReader, grid: np.ndarray, row: int, columns: np.ndarray
    ) -> None:
        above = self._context(grid, np.full(len(columns), row), columns, NEIGHBOURS[1:])
        for h, column in zip(above, columns.tolist(), strict=True):
            left = grid[row, column - 1] if column else -1
            steps = self._unlikely((h + self._embedding[0, left])[None])[0]
            grid[row, column] = reader.read_symbol(_TABLE[steps.astype(np.uint8)])
