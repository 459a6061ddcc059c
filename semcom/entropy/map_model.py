"""Adaptive model of a label map: runs where all is one class, contexts of neighbours where not."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = ["LabelMapModel"]

#: pixels seen in a long context before its counts are believed
_TRUSTED = 3
#: halves the counts of a context when it has seen this many pixels
_MEMORY = 60


class LabelMapModel:
    """Codes a label map [H, W] without loss, pixel by pixel along rows.

    Where the neighbours to the left, above left, above and above right are of one class, a whole
    run is coded: does it go on as far as the row above does, and if not, where does it end (the run
    mode of JPEG-LS, ITU-T T.87). Elsewhere a pixel is one of its neighbours' classes, tried in
    turn, or another. The context of such a trial is which of the neighbours are alike, whatever
    their class: first of seven neighbours and, until that has been met a few times, of four.

    Probabilities are ratios of small whole numbers, so both ends agree on every machine.

    >>> labels, writer = np.tri(9, 12, dtype=np.uint8), RangeWriter()
    >>> LabelMapModel(2).write(writer, labels)
    >>> bool((LabelMapModel(2).read(RangeReader(writer.getvalue()), (9, 12)) == labels).all())
    True
    """

    def __init__(self, labels: int) -> None:
        self.labels = labels
        self._bits: dict[object, list[int]] = {}
        self._other = [[1] * labels for _ in range(labels)]

    def write(self, writer: RangeWriter, label_map: np.ndarray) -> None:
        """Code ``label_map`` [H, W] int, ids below ``labels``."""
        self._run(_Encoding(writer, label_map), *label_map.shape)

    def read(self, reader: RangeReader, shape: tuple[int, int]) -> np.ndarray:
        """The label map [H, W] uint8; ValueError where the data is certainly damaged."""
        return self._run(_Decoding(reader), *shape)

    def _run(self, code: _Coding, height: int, width: int) -> np.ndarray:
        # two more pixels to the left and to the right: no neighbour is out of the map
        above = before = [0] * (width + 4)
        rows = []
        for y in range(height):
            here = [above[2]] * 2 + [0] * (width + 2)
            i, end = 2, width + 2
            while i < end:
                n = above[i]
                if here[i - 1] == n == above[i - 1] == above[i + 1]:
                    stop = i + 1
                    while stop < end and above[stop + 1] == n:
                        stop += 1
                    at = self._run_end(code, y, i, stop, n)
                    here[i:at] = [n] * (at - i)
                    if at < stop:
                        here[at] = self._other_label(code, y, at, n, (n,))
                    i = at + 1 if at < stop else at
                else:
                    here[i] = self._pixel(code, y, i, here, above, before)
                    i += 1
            here[end:] = [here[end - 1]] * 2
            rows.append(here[2:end])
            above, before = here, above
        return np.array(rows, np.uint8).reshape(height, width)

    def _run_end(self, code: _Coding, y: int, i: int, stop: int, label: int) -> int:
        """First pixel of ``i`` .. ``stop`` that is not ``label``, ``stop`` if all are."""
        length = stop - i
        at = code.first_other(y, i, stop, label)
        counts = self._counts(("run", length.bit_length()))
        broken = code.bit(counts[1] / (counts[0] + counts[1]), int(at < stop))
        _learn(counts, broken)
        return i + code.uniform(length, at - i) if broken else stop

    def _pixel(
        self, code: _Coding, y: int, i: int, here: list[int], above: list[int], before: list[int]
    ) -> int:
        west, n = here[i - 1], above[i]
        near = (west, n, above[i - 1], above[i + 1])
        known = list(dict.fromkeys(near))
        short = tuple(known.index(label) for label in near[1:])
        far = (here[i - 2], before[i], before[i + 1])
        long = short + tuple(known.index(label) if label in known else -1 for label in far)
        wanted = code.label(y, i)
        for trial, label in enumerate(known):
            some, more = self._counts((trial, short)), self._counts((trial, long))
            used = more if more[0] + more[1] > 2 * _TRUSTED else some
            hit = code.bit(used[1] / (used[0] + used[1]), int(label == wanted))
            _learn(some, hit)
            _learn(more, hit)
            if hit:
                return label
        return self._other_label(code, y, i, n, tuple(known))

    def _other_label(
        self, code: _Coding, y: int, i: int, beside: int, known: tuple[int, ...]
    ) -> int:
        """A label that is none of ``known``, under counts of what is met beside ``beside``."""
        left = [label for label in range(self.labels) if label not in known]
        if not left:
            raise ValueError("range-coded label map is damaged")
        counts = self._other[beside]
        wanted = code.label(y, i)
        position = left.index(wanted) if wanted in left else 0
        label = left[code.symbol(np.array([counts[one] for one in left]), position)]
        counts[label] += 2
        return label

    def _counts(self, context: object) -> list[int]:
        return self._bits.setdefault(context, [1, 1])


def _learn(counts: list[int], bit: int) -> None:
    counts[bit] += 2
    if counts[0] + counts[1] > 2 * _MEMORY:
        counts[0], counts[1] = (counts[0] + 1) // 2, (counts[1] + 1) // 2


class _Coding(Protocol):
    """One end: the encoder knows what comes and codes it, the decoder is told."""

    def label(self, y: int, i: int) -> int: ...
    def first_other(self, y: int, i: int, stop: int, label: int) -> int: ...
    def bit(self, p_one: float, bit: int) -> int: ...
    def uniform(self, count: int, value: int) -> int: ...
    def symbol(self, frequencies: np.ndarray, value: int) -> int: ...


class _Encoding:
    def __init__(self, writer: RangeWriter, label_map: np.ndarray) -> None:
        self._writer = writer
        self._rows = [[0, 0, *row] for row in label_map.tolist()]

    def label(self, y: int, i: int) -> int:
        return self._rows[y][i]

    def first_other(self, y: int, i: int, stop: int, label: int) -> int:
        row = self._rows[y]
        while i < stop and row[i] == label:
            i += 1
        return i

    def bit(self, p_one: float, bit: int) -> int:
        self._writer.write_bit(bit, p_one)
        return bit

    def uniform(self, count: int, value: int) -> int:
        return self.symbol(np.ones(count, int), value)

    def symbol(self, frequencies: np.ndarray, value: int) -> int:
        if len(frequencies) > 1:
            self._writer.write_symbol(value, frequencies)
        return value


class _Decoding:
    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader

    def label(self, y: int, i: int) -> int:
        return -1

    def first_other(self, y: int, i: int, stop: int, label: int) -> int:
        return stop

    def bit(self, p_one: float, bit: int) -> int:
        return self._reader.read_bit(p_one)

    def uniform(self, count: int, value: int) -> int:
        return self.symbol(np.ones(count, int), value)

    def symbol(self, frequencies: np.ndarray, value: int) -> int:
        return self._reader.read_symbol(frequencies) if len(frequencies) > 1 else 0
