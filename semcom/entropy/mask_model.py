"""Adaptive model of the keep mask: a cell is kept the likelier the more of its neighbours are."""

from __future__ import annotations

from collections.abc import Callable

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
        # contexts x (dropped, kept), half counts doubled; lists, as cells come one by one
        self._counts = [[1, 1] for _ in range(5)]

    def write(self, writer: RangeWriter, mask: np.ndarray, owned: np.ndarray) -> None:
        """Code ``mask`` [h, w] bool at the cells of ``owned`` [h, w] bool."""
        bits = iter(mask[owned].astype(int).tolist())

        def code(p_kept: float) -> int:
            bit = next(bits)
            writer.write_bit(bit, p_kept)
            return bit

        self._run(owned, code)

    def read(self, reader: RangeReader, owned: np.ndarray) -> np.ndarray:
        """The mask [h, w] bool; False outside ``owned``."""
        return self._run(owned, reader.read_bit)

    def _run(self, owned: np.ndarray, code: Callable[[float], int]) -> np.ndarray:
        """``code`` every owned cell under its probability of being kept, learning as it goes."""
        rows, columns = owned.shape
        # a cell more above, left and right: no neighbour is out of the grid
        mask = [[0] * (columns + 2) for _ in range(rows + 1)]
        for r, c in np.argwhere(owned).tolist():
            above, here = mask[r], mask[r + 1]
            counts = self._counts[here[c] + above[c] + above[c + 1] + above[c + 2]]
            here[c + 1] = bit = code(counts[1] / (counts[0] + counts[1]))
            counts[bit] += 2
        return np.array(mask, bool)[1:, 1:-1]
