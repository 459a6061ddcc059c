"""Second tokens of the label map: what the first one of a cell left wrong, said in one more.

A token of G_s stands for 16 x 16 pixels, whether they hold a road or a crowd. Few cells hold what
is lost; those get a second code, that of the difference between the map that is sent and the map
as it is received without. No part of the paper: residual quantisation (Lee et al.,
"Autoregressive image generation using residual quantization", CVPR 2022) of some cells only,
under the neighbourhood that the receiver has already. A second token changes its own cell alone.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.sqgan.bitstream import CELL
from semcom.codecs.sqgan.config import ResidualSize
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.codecs.sqgan.quantizer import VectorQuantizer

__all__ = ["OWN", "MapResidual", "SecondTokens", "class_worth", "second_tokens", "windows"]

Plane = TypeVar("Plane", np.ndarray, Tensor)

#: pixels around a cell that are looked at
_AROUND = 8
_WINDOW = CELL + 2 * _AROUND
#: rows or columns of a cell in its window
OWN = slice(_AROUND, _AROUND + CELL)
#: codes that are tried for a cell
_TRIED = 2


class MapResidual(nn.Module):
    """The window of a cell in both maps -> code vector; code and received window -> logits.

    Windows are class ids [n, 32, 32] int64, ``classes`` (void) beyond the picture's edges.
    """

    def __init__(self, classes: int, size: ResidualSize) -> None:
        super().__init__()
        a, b, c = size.widths
        self.classes = classes
        self.look = nn.ModuleList(
            [
                nn.Conv2d(2 * classes + 2, a, 3, 2, 1),
                nn.Conv2d(a, b, 3, 2, 1),
                nn.Conv2d(b, c, 3, 2, 1),
            ]
        )
        self.embed = nn.Linear(16 * c, size.code_dim)
        self.quantizer = VectorQuantizer(size.codes, size.code_dim)
        self.down = nn.ModuleList(
            [
                nn.Conv2d(classes + 1, a, 3, 2, 1),
                nn.Conv2d(a, b, 3, 2, 1),
                nn.Conv2d(b, c, 3, 2, 1),
            ]
        )
        self.spread = nn.Linear(size.code_dim, 16 * size.code_dim)
        self.fuse = nn.Conv2d(c + size.code_dim, c, 3, 1, 1)
        self.up4 = nn.Conv2d(c + b, b, 3, 1, 1)
        self.up2 = nn.Conv2d(b + a, a, 3)
        self.out = nn.Conv2d(a, 4 * classes, 3)
        self.trust = nn.Parameter(torch.tensor(3.0))  # in what was received already

    def vectors(self, sent: Tensor, received: Tensor) -> Tensor:
        """Windows of the map that is sent and of what is received -> unit vectors [n, D]."""
        x = torch.cat([self._one_hot(sent), self._one_hot(received)], 1)
        for conv in self.look:
            x = F.silu(conv(x))
        return F.normalize(self.embed(x.flatten(1)), dim=1)

    def decode(self, codes: Tensor, received: Tensor) -> Tensor:
        """Code vectors [k n, D], k for each of n windows of what is received, all firsts first.

        Logits [k n, classes, 16, 16].
        """
        levels = [self._one_hot(received)]
        for conv in self.down:
            levels.append(F.silu(conv(levels[-1])))
        kept = self.trust * levels[0][:, : self.classes, OWN, OWN]
        half, quarter, x, kept = (
            one.repeat(len(codes) // len(one), 1, 1, 1) for one in (*levels[1:], kept)
        )
        spread = self.spread(codes).reshape(len(codes), -1, 4, 4)
        x = F.silu(self.fuse(torch.cat([x, spread], 1)))
        x = F.silu(self.up4(torch.cat([F.interpolate(x, scale_factor=2.0), quarter], 1)))
        x = torch.cat([F.interpolate(x, scale_factor=2.0), half], 1)
        x = F.silu(self.up2(x[:, :, 2:-2, 2:-2]))  # from here on the cell, and a margin
        return F.pixel_shuffle(self.out(x), 2) + kept

    def forward(
        self,
        sent: Tensor,
        received: Tensor,
        generator: torch.Generator | None = None,
        quantised: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        """Training pass: logits [n, classes, 16, 16] and the commitment loss."""
        codes, _, commitment = self.quantizer(self.vectors(sent, received), generator, quantised)
        return self.decode(codes, received), commitment

    def improved(self, label_map: Tensor, cells: Tensor, indices: Tensor) -> Tensor:
        """``label_map`` [16 h, 16 w] uint8 with its ``cells`` [k] as their second tokens say."""
        found = label_map.clone()
        if len(cells):
            around = windows(label_map[None].long(), self.classes)[0, cells]
            own = self.decode(self.quantizer.lookup(indices), around).argmax(1)
            columns = label_map.shape[1] // CELL
            _in_cells(found)[cells // columns, cells % columns] = own.to(found)
        return found

    def _one_hot(self, ids: Tensor) -> Tensor:
        return one_hot_map(ids, self.classes + 1)


def windows(label_map: Tensor, classes: int) -> Tensor:
    """Label maps [B, 16 h, 16 w] int64 -> the window of every cell [B, h w, 32, 32].

    >>> windows(torch.zeros(2, 32, 48, dtype=torch.long), 11).shape
    torch.Size([2, 6, 32, 32])
    """
    padded = F.pad(label_map.clamp(max=classes), [_AROUND] * 4, value=classes)
    return padded.unfold(1, _WINDOW, CELL).unfold(2, _WINDOW, CELL).flatten(1, 2)


class SecondTokens(NamedTuple):
    """``cells`` [k] raster positions, those that gain most first, and ``indices`` [k] of codes."""

    cells: np.ndarray
    indices: np.ndarray


def class_worth(label_map: np.ndarray, classes: int) -> np.ndarray:
    """What a pixel of every class is worth in ``label_map``: the rarer, the more; void nothing.

    Between the mean over pixels, which forgets a sign, and the mean over classes, for which its
    outline outweighs a house: the root of the latter. [classes + 1] float32.

    >>> [round(float(w), 2) for w in class_worth(np.array([[0, 0, 0, 1]], np.uint8), 2)]
    [1.15, 1.96, 0.0]
    """
    share = np.bincount(np.minimum(label_map, classes).ravel(), minlength=classes + 1)[:classes]
    worth = 1 / np.sqrt(share / max(1, share.sum()) + 0.01)
    return np.append(worth, 0).astype(np.float32)


def second_tokens(
    network: MapResidual, sent: np.ndarray, received: np.ndarray, worth: np.ndarray, most: int
) -> SecondTokens:
    """The at most ``most`` cells of ``received`` that a second token brings nearest to ``sent``.

    Both maps are [16 h, 16 w] uint8. A wrong pixel costs what the class that is there or the one
    that is not is worth, whichever is more, by ``worth`` [classes + 1]; void is never wrong.
    """
    sent, received = (np.minimum(m, network.classes) for m in (sent, received))
    # 256 prices of single precision add up exactly in double: no gain of mere rounding
    before = _in_cells(_price(sent, received, worth)).sum((2, 3), dtype=np.float64).ravel()
    cells = np.argsort(-before, kind="stable")[: most + CELL]
    cells = cells[before[cells] > 0]
    if not most or not len(cells):
        return SecondTokens(cells[:0], cells[:0])
    with torch.inference_mode():
        around, wanted = (
            windows(torch.tensor(m)[None].long(), network.classes)[0, cells]
            for m in (received, sent)
        )
        distances = network.quantizer.distances(network.vectors(wanted, around))
        tried = distances.topk(min(_TRIED, distances.shape[1]), largest=False).indices
        codes = network.quantizer.lookup(tried.T.flatten())
        shown = network.decode(codes, around).argmax(1)
    truth = wanted[:, OWN, OWN].numpy()
    found = shown.unflatten(0, (-1, len(cells))).numpy()
    after = _price(truth, found, worth).sum((2, 3), dtype=np.float64)
    gain = before[cells] - after.min(0)
    best = np.argsort(-gain, kind="stable")[:most]
    best = best[gain[best] > 0]
    return SecondTokens(cells[best], tried.numpy()[best, after.argmin(0)[best]])


def _price(sent: np.ndarray, shown: np.ndarray, worth: np.ndarray) -> np.ndarray:
    wrong = (sent != shown) & (sent < len(worth) - 1)
    return wrong * np.maximum(worth[sent], worth[shown])


def _in_cells(plane: Plane) -> Plane:
    """A view [h, w, 16, 16] of a plane [16 h, 16 w]."""
    h, w = (side // CELL for side in plane.shape)
    return plane.reshape(h, CELL, w, CELL).swapaxes(1, 2)
