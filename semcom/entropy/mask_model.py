"""Adaptive model of the keep mask: a cell is kept the likelier the more of its neighbours are."""

from __future__ import annotations

import numpy as np

from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = ["MaskModel"]


class MaskModel:
    """Krichevsky-Trofimov counts in contexts of the four neighbours already coded.

    Only counts of whole numbers enter a probability, so both ends agree on every machine. ``owned``
    marks the cells that belong to the packet: the others are neither coded nor looked at.

    >>> mask, owned, writer = np.eye(4, dtype=bool), np.ones((4, 4), bool), RangeWriter()
    >>> MaskModel().write(writer, mask, owned)
    >>> bool((MaskModel().read(RangeReader(writer.getvalue()), owned) == mask).all())
    True
    """

    def __init__(self) -> None:
        self._counts = np.ones((5, 2))  # contexts x (dropped, kept); half counts, doubled

    def _cells(self, owned: np.ndarray) -> list[tuple[int, int]]:
        return [(int(r), int(c)) for r, c in np.argwhere(owned)]

    def _context(self, mask: np.ndarray, r: int, c: int) -> int:
        # mask is padded by one cell above, left and right
        return int(mask[r + 1, c]) + int(mask[r, c : c + 3].sum())

    def _p_kept(self, context: int) -> float:
        dropped, kept = self._counts[context]
        return float(kept / (dropped + kept))

    def write(self, writer: RangeWriter, mask: np.ndarray, owned: np.ndarray) -> None:
        """Code ``mask`` [h, w] bool at the cells of ``owned`` [h, w] bool."""
        padded = np.zeros((mask.shape[0] + 1, mask.shape[1] + 2), bool)
        for r, c in self._cells(owned):
            context = self._context(padded, r, c)
            writer.write_bit(int(mask[r, c]), self._p_kept(context))
            self._learn(padded, context, r, c, bool(mask[r, c]))

    def read(self, reader: RangeReader, owned: np.ndarray) -> np.ndarray:
        """The mask [h, w] bool; False outside ``owned``."""
        padded = np.zeros((owned.shape[0] + 1, owned.shape[1] + 2), bool)
        for r, c in self._cells(owned):
            context = self._context(padded, r, c)
            self._learn(padded, context, r, c, bool(reader.read_bit(self._p_kept(context))))
        return padded[1:, 1:-1]

    def _learn(self, padded: np.ndarray, context: int, r: int, c: int, kept: bool) -> None:
        padded[r + 1, c + 1] = kept
        self._counts[context, int(kept)] += 2
