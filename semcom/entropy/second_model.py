"""Model of second tokens: in few cells, beside each other, and of codes that are all as likely."""

from __future__ import annotations

import numpy as np

from semcom.entropy.mask_model import MaskModel
from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = ["SecondModel"]

#: half counts of cells without and with a second token to begin with, by how many of the four
#: neighbours already coded have one
_BEGIN = ((40, 2), (12, 3), (8, 4), (6, 5), (4, 6))


class SecondModel:
    """Codes where second tokens are and which of ``codes`` codes they name.

    >>> grid, owned = np.full((2, 3), -1), np.ones((2, 3), bool)
    >>> grid[0, 1], writer = 7, RangeWriter()
    >>> SecondModel(8).write(writer, grid, owned)
    >>> SecondModel(8).read(RangeReader(writer.getvalue()), owned).tolist()
    [[-1, 7, -1], [-1, -1, -1]]
    """

    def __init__(self, codes: int) -> None:
        self.codes = codes
        begin = [_BEGIN[pattern.bit_count()] for pattern in range(16)]
        self._mask = MaskModel(np.array([begin], np.uint8))
        self._alike = np.ones(codes, np.int64)

    def write(self, writer: RangeWriter, grid: np.ndarray, owned: np.ndarray) -> None:
        """Code ``grid`` [h, w], -1 where there is none, at the cells of ``owned`` [h, w] bool."""
        there = (grid >= 0) & owned
        self._mask.write(writer, there, owned)
        writer.write_symbols(grid[there], self._alike)

    def read(self, reader: RangeReader, owned: np.ndarray) -> np.ndarray:
        """The grid [h, w] int64; -1 outside ``owned``."""
        there = self._mask.read(reader, owned)
        grid = np.full(owned.shape, -1, np.int64)
        grid[there] = reader.read_symbols(int(there.sum()), self._alike)
        return grid
