"""A label map guessed from the picture's packets, for pictures whose map is lost.

Three things that arrive with the picture, or are known beforehand, say where which class is: how
often it is met at this height, how often the code of a token stands for it, and whether the palette
knows a colour of it in this cell. Their log-likelihoods are added up; neighbouring tokens vote
together. What the generator makes of the guess is closer to the picture than what it makes of its
own idea of a street. No part of the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from semcom import weights
from semcom.codecs.sqgan.bitstream import CELL, PathTokens
from semcom.codecs.sqgan.palette import CELL as PALETTE_CELL

__all__ = ["LostMap", "class_shares", "load_lost_map"]

#: cells over which tokens vote together, standard deviation
_REACH = 1.2
#: tokens near each other say much the same: votes of n count like those of about its root
_TOGETHER = _REACH * (2 * np.pi) ** 0.5
#: log-odds against a class of which the palette knows no colour in a cell
_UNSEEN = 5.0
#: what a code or a height is taken to have been met with before any count
_BEFORE = 2.0


@dataclass(frozen=True)
class LostMap:
    """``codes`` [N, K]: log P(class | code) / P(class); ``heights`` [R, K]: log P(class | height).

    The heights are R bands of equal height from the top down.
    """

    codes: np.ndarray
    heights: np.ndarray

    @classmethod
    def counted(cls, codes: np.ndarray, heights: np.ndarray) -> LostMap:
        """From how often classes were met with codes [N, K] and at heights [R, K]."""
        usual = (heights.sum(0) + 1e-3) / (heights.sum() + 1e-3 * heights.shape[1])
        seen = (codes + _BEFORE * usual) / (codes.sum(1, keepdims=True) + _BEFORE)
        there = (heights + _BEFORE * usual) / (heights.sum(1, keepdims=True) + _BEFORE)
        return cls(np.log(seen / usual), np.log(there))

    def __call__(self, tokens: PathTokens) -> np.ndarray:
        """Label map [16 h, 16 w] uint8 for the tokens of a picture, grid [h, w]."""
        from scipy.ndimage import gaussian_filter, zoom

        height, width = tokens.grid.shape
        at = np.linspace(0, len(self.heights), height, endpoint=False).astype(int)
        votes = np.where((tokens.grid >= 0)[..., None], self.codes[np.maximum(tokens.grid, 0)], 0.0)
        votes = _TOGETHER * gaussian_filter(votes, (_REACH, _REACH, 0))
        score = votes + self.heights[at][:, None]
        if tokens.colours is not None:
            known = tokens.colours.known
            # a cell that knows no class at all did not arrive
            unseen = (~known & known.any(0)).transpose(1, 2, 0)
            side = PALETTE_CELL // CELL
            unseen = unseen.repeat(side, 0).repeat(side, 1)[:height, :width]
            score = score - _UNSEEN * unseen
        fine = zoom(score, (CELL, CELL, 1), order=1, grid_mode=True, mode="nearest")
        return np.asarray(fine.argmax(-1).astype(np.uint8))


def class_shares(label_map: np.ndarray, classes: int) -> np.ndarray:
    """Share [h, w, K] of every class in every cell of ``label_map`` [16 h, 16 w], without void.

    >>> class_shares(np.zeros((16, 32), np.uint8), 2).tolist()
    [[[1.0, 0.0], [1.0, 0.0]]]
    """
    height, width = (side // CELL for side in label_map.shape)
    one_hot = np.eye(classes + 1)[np.minimum(label_map, classes)]
    cells = one_hot.reshape(height, CELL, width, CELL, classes + 1)
    return np.asarray(cells.mean((1, 3))[..., :classes])


@cache
def load_lost_map(name: str, codes: int, classes: int) -> LostMap:
    """A table by the name (or file) of its weights; see :func:`semcom.weights.path`.

    Raises FileNotFoundError, or ValueError where it is none of ``codes`` and ``classes``.
    """
    state: Mapping[str, object] = weights.load(name)
    tables = [np.asarray(state[key], np.float64) for key in ("codes", "heights") if key in state]
    if len(tables) != 2 or tables[0].shape != (codes, classes) or tables[1].shape[1:] != (classes,):
        raise ValueError(f"weights {name!r} are no table of {codes} codes and {classes} classes")
    return LostMap(*tables)
