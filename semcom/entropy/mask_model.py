"""Adaptive model of the keep mask: kept cells stand together, and where in a picture they stand."""

from __future__ import annotations

import numpy as np

from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = ["MaskModel", "mask_counts"]

#: patterns of the four neighbours already coded: left, above left, above, above right
_PATTERNS = 16


class MaskModel:
    """Counts of dropped and kept cells in contexts of band of rows and coded neighbours.

    ``counts`` [bands, 16, 2] are the half counts to begin with, of :func:`mask_counts`; left out,
    nothing is known beforehand (Krichevsky and Trofimov). They go on counting in every packet. Only
    whole numbers enter a probability, so both ends agree on every machine. ``owned`` marks the
    cells that belong to the packet: the others are neither coded nor looked at.

    >>> mask, owned, writer = np.eye(4, dtype=bool), np.ones((4, 4), bool), RangeWriter()
    >>> MaskModel().write(writer, mask, owned)
    >>> bool((MaskModel().read(RangeReader(writer.getvalue()), owned) == mask).all())
    True
    """

    def __init__(self, counts: np.ndarray | None = None) -> None:
        if counts is None:
            counts = np.ones((1, _PATTERNS, 2), np.uint8)
        if counts.ndim != 3 or counts.shape[1:] != (_PATTERNS, 2) or not counts.all():
            raise ValueError(f"counts of a mask are [bands, {_PATTERNS}, 2] and positive")
        self._begin = counts.astype(np.int64)

    def write(self, writer: RangeWriter, mask: np.ndarray, owned: np.ndarray) -> None:
        """Code ``mask`` [h, w] bool at the cells of ``owned`` [h, w] bool."""
        bits = mask[owned]
        writer.write_bits(bits, self._shares(mask & owned, owned, bits))

    def _shares(self, mask: np.ndarray, owned: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """What :meth:`read` will think of every ``owned`` cell, all at once: [n] in (0, 1)."""
        bands = len(self._begin)
        band = np.arange(len(mask)) * bands // len(mask)
        context = (_PATTERNS * band[:, None] + _patterns(mask))[owned]
        order = np.argsort(context, kind="stable")  # cells of a context in turn
        one, context = bits[order].astype(np.int64), context[order]
        first = np.searchsorted(context, context)
        before = np.cumsum(one) - one
        kept = before - before[first]
        dropped = np.arange(len(one)) - first - kept
        likely = self._begin.reshape(-1, 2)[context] + 2 * np.stack([dropped, kept], 1)
        shares = np.empty(len(one))
        shares[order] = likely[:, 1] / likely.sum(1)
        return shares

    def read(self, reader: RangeReader, owned: np.ndarray) -> np.ndarray:
        """The mask [h, w] bool; False outside ``owned``."""
        rows, columns = owned.shape
        met = self._begin.tolist()  # lists, as cells come one by one
        # a cell more above, left and right: no neighbour is out of the grid
        mask = [[0] * (columns + 2) for _ in range(rows + 1)]
        for r, c in np.argwhere(owned).tolist():
            above, here = mask[r], mask[r + 1]
            pattern = 8 * here[c] + 4 * above[c] + 2 * above[c + 1] + above[c + 2]
            counts = met[r * len(met) // rows][pattern]
            here[c + 1] = bit = reader.read_bit(counts[1] / (counts[0] + counts[1]))
            counts[bit] += 2
        return np.array(mask, bool)[1:, 1:-1]


def _patterns(masks: np.ndarray) -> np.ndarray:
    """The pattern of neighbours [..., h, w] of every cell of ``masks`` [..., h, w] bool."""
    edges = [(0, 0)] * (masks.ndim - 2) + [(1, 0), (1, 1)]
    padded = np.pad(masks.astype(np.int64), edges)
    above, left = padded[..., :-1, :], padded[..., 1:, :-2]
    return 8 * left + 4 * above[..., :-2] + 2 * above[..., 1:-1] + above[..., 2:]


def mask_counts(masks: np.ndarray, bands: int = 8, trust: int = 40) -> np.ndarray:
    """Half counts [bands, 16, 2] uint8 for :class:`MaskModel`, from ``masks`` [n, h, w] bool.

    What was counted weighs as much as ``trust`` cells of the mask to be coded, at most 127.

    >>> counts = mask_counts(np.ones((1, 16, 32), bool))
    >>> counts.shape, counts[7, 15].tolist()
    ((8, 16, 2), [1, 79])
    """
    if not 1 <= trust <= 127:
        raise ValueError(f"trust is 1 to 127 cells, not {trust}")
    band = (np.arange(masks.shape[1]) * bands // masks.shape[1])[:, None]
    context = 2 * (_PATTERNS * band + _patterns(masks)) + masks
    met = np.bincount(context.ravel(), minlength=2 * _PATTERNS * bands)
    likely = met.reshape(bands, _PATTERNS, 2) + 0.5
    share = likely / likely.sum(-1, keepdims=True)
    return (2 * trust * share).round().clip(1, 254).astype(np.uint8)
