"""Model of a palette: classes stay from cell to cell, and so do their colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = ["Colours", "PaletteModel"]

#: the numbers of presence are shares of this
_WHOLE = 64
#: added to the count of a difference when it is met; they begin at a two-sided geometric series
_LEARNED = 16
_MISMATCH = "the tables of a palette do not belong together"


class Colours(NamedTuple):
    """Of C classes in h x w cells: ``levels`` [C, K, h, w] int of K components, 0 where nothing is
    known, and ``known`` [C, h, w] bool.
    """

    levels: np.ndarray
    known: np.ndarray


class PaletteModel:
    """Codes which classes every cell knows and their colours, as differences from cells before.

    ``presence`` [C, 2, 3] int, 1 to 63: how often of 64 times a class is known, in the upper and
    in the lower half of a picture, by how many of the cells to the left and above know it.
    ``usual`` [C, K] int is its level where it was not met before; ``levels`` is the number of
    levels. Probabilities are ratios of small whole numbers, so both ends agree on every machine.
    Only the cells of ``owned`` are coded, and only they are looked at.

    >>> colours = Colours(np.full((2, 3, 1, 2), 9), np.ones((2, 1, 2), bool))
    >>> model = PaletteModel(np.full((2, 2, 3), 48), np.full((2, 3), 8), 16)
    >>> owned, writer = np.ones((1, 2), bool), RangeWriter()
    >>> model.write(writer, colours, owned)
    >>> back = model.read(RangeReader(writer.getvalue()), owned)
    >>> bool((back.levels == colours.levels).all() and back.known.all())
    True
    """

    def __init__(self, presence: np.ndarray, usual: np.ndarray, levels: int) -> None:
        if presence.shape != (len(usual), 2, 3) or not 2 <= levels <= 64:
            raise ValueError(_MISMATCH)
        if presence.min() < 1 or presence.max() >= _WHOLE or not 0 <= usual.max() < levels:
            raise ValueError(_MISMATCH)
        self.presence, self.usual = presence.astype(int).tolist(), usual.astype(np.int64)
        self.levels = levels

    def write(self, writer: RangeWriter, colours: Colours, owned: np.ndarray) -> None:
        """Code ``colours`` at the cells of ``owned`` [h, w] bool."""

        def bit(at: tuple[int, ...], p_one: float) -> int:
            value = int(colours.known[at])
            writer.write_bit(value, p_one)
            return value

        def level(at: tuple[int, ...], frequencies: np.ndarray) -> int:
            value = int(colours.levels[at])
            writer.write_symbol(value, frequencies)
            return value

        self._run(owned, bit, level)

    def read(self, reader: RangeReader, owned: np.ndarray) -> Colours:
        """The colours at the cells of ``owned`` [h, w] bool, nothing known elsewhere."""
        return self._run(
            owned,
            lambda at, p_one: reader.read_bit(p_one),
            lambda at, frequencies: reader.read_symbol(frequencies),
        )

    def _run(
        self,
        owned: np.ndarray,
        bit: Callable[[tuple[int, ...], float], int],
        level: Callable[[tuple[int, ...], np.ndarray], int],
    ) -> Colours:
        (rows, columns), (classes, components) = owned.shape, self.usual.shape
        known = np.zeros((classes, rows, columns), bool)
        levels = np.zeros((classes, components, rows, columns), np.int64)
        away = np.abs(np.arange(1 - self.levels, self.levels))
        begin = np.maximum(1, 32 >> np.minimum(away, 5))
        differences = [[begin.copy(), begin.copy()] for _ in range(components)]
        last: dict[int, np.ndarray] = {}
        for y, x in np.argwhere(owned).tolist():
            before = [(y, x - 1)] * (x > 0) + [(y - 1, x)] * (y > 0)
            for c in range(classes):
                near = [levels[c, :, v, u] for v, u in before if known[c, v, u]]
                share = self.presence[c][2 * y // rows][len(near)]
                if not bit((c, y, x), share / _WHOLE):
                    continue
                known[c, y, x] = True
                guess = np.sum(near, axis=0) // len(near) if near else last.get(c, self.usual[c])
                for k in range(components):
                    counts, centre = differences[k][c in last], self.levels - 1 - int(guess[k])
                    found = level((c, k, y, x), counts[centre : centre + self.levels])
                    counts[centre + found] += _LEARNED
                    levels[c, k, y, x] = found
                last[c] = levels[c, :, y, x]
        return Colours(levels, known)
