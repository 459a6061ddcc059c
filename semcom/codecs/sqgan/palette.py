"""The palette: the mean chroma of every class of the label map in every cell of 128 x 128 pixels.

Tokens of a few hundred bits a picture have no room for colour, and a generator that must guess it
guesses grey. A colour belongs to a thing, though, and the label map already says where things are:
the chroma of each class of a coarse cell is enough. The receiver shifts the chroma of the
generator's picture until these means lie in the intervals that were sent; light, and what varies
within a class and a cell, stays the generator's. No part of the paper; a relative of the color
layout descriptor of MPEG-7 (ISO/IEC 15938-3), guided by the map.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["CELL", "LEAST", "LEVELS", "Palette", "palette_of", "with_colours"]

#: pixels a side of a palette's cell
CELL = 128
#: pixels of a class in a cell for it to have a colour there
LEAST = 192
#: levels of Cb and of Cr, so many 255ths of full scale apart; grey is in the middle
LEVELS = 25
_STEP = 5.0
#: BT.601, full range
_TO_CHROMA = ((-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((0.0, 1.402), (-0.344136, -0.714136), (1.772, 0.0))


class Palette(NamedTuple):
    """``levels`` [B, C, 2, h, w] int64 of Cb and Cr, ``known`` [B, C, h, w] bool."""

    levels: Tensor
    known: Tensor


def palette_of(image: Tensor, one_hot: Tensor) -> Palette:
    """``image`` [B, 3, H, W] in [-1, 1] and ``one_hot`` [B, C, H, W] to its palette.

    >>> red = torch.tensor([1.0, -1, -1]).reshape(1, 3, 1, 1).expand(1, 3, 128, 256)
    >>> palette = palette_of(red, torch.ones(1, 1, 128, 256))
    >>> palette.levels[0, 0, :, 0, 0].tolist(), palette.known.shape
    ([3, 24], torch.Size([1, 1, 1, 2]))
    """
    means, pixels = _class_means(image, one_hot)
    known = pixels >= LEAST
    return Palette(_level(means) * known[:, :, None], known)


def _level(chroma: Tensor) -> Tensor:
    return (chroma / _STEP + LEVELS // 2).round().clamp(0, LEVELS - 1).long()


def with_colours(image: Tensor, palette: Palette, one_hot: Tensor) -> Tensor:
    """``image`` [B, 3, H, W] in [-1, 1] in the colours of ``palette``, under ``one_hot``.

    The shift of a class is interpolated between the middles of the cells that know it; where none
    nearby does, the picture stays as it is. Differentiable in ``image``; not clamped.
    """
    means, pixels = _class_means(image, one_hot)
    known = (palette.known & (pixels > 0))[:, :, None]
    wanted = _STEP * (palette.levels - LEVELS // 2)
    nearest = torch.minimum(torch.maximum(means, wanted - _STEP / 2), wanted + _STEP / 2)
    shift = (nearest - means) * known
    summed = _spread(torch.cat([shift, known.to(shift)], 2), one_hot)
    shift = summed[:, :2] / summed[:, 2:].clamp(min=1e-3)
    return image + torch.einsum("kc,bchw->bkhw", shift.new_tensor(_TO_RGB), shift) / 127.5


def _spread(values: Tensor, one_hot: Tensor) -> Tensor:
    """``values`` [B, C, K, h, w] of classes and cells to what every pixel's class has there.

    Bilinear between the middles of the cells; [B, K, H, W]. Rows first, then the pixel's class,
    columns last: a plane of full size for every class would take five times as long.
    """
    b, c, k, h, w = values.shape
    height, width = one_hot.shape[2:]
    rows, columns = _between_cells(h, height).to(values), _between_cells(w, width).to(values)
    lines = torch.einsum("yh,bckhw->bycwk", rows, values).reshape(b, height, c, w * k)
    own = one_hot.permute(0, 2, 3, 1) @ lines  # [B, H, W, w * K]
    cells = zip(own.split(k, 3), columns.T[:, :, None], strict=True)
    return sum(value * share for value, share in cells).permute(0, 3, 1, 2)


def _between_cells(cells: int, pixels: int) -> Tensor:
    """Weights [pixels, cells] of linear interpolation between the middles of cells."""
    planes = torch.eye(cells)[None]
    size = CELL * cells
    return F.interpolate(planes, size, mode="linear", align_corners=False)[0].T[:pixels]


def _class_means(image: Tensor, one_hot: Tensor) -> tuple[Tensor, Tensor]:
    """Mean Cb and Cr [B, C, 2, h, w] of every class and cell, and its pixels [B, C, h, w]."""
    classes = _in_cells(one_hot.permute(0, 2, 3, 1)).mT
    pixels = classes.sum(-1).permute(0, 3, 1, 2)
    sums = classes @ _in_cells(image.permute(0, 2, 3, 1))  # [B, h, w, C, 3]
    chroma = sums @ (127.5 * image.new_tensor(_TO_CHROMA).T)
    return chroma.permute(0, 3, 4, 1, 2) / pixels.clamp(min=1)[:, :, None], pixels


def _in_cells(planes: Tensor) -> Tensor:
    """[B, H, W, C] -> [B, h, w, CELL * CELL, C], zeros beyond the edges."""
    height, width = planes.shape[1:3]
    padded = F.pad(planes, (0, 0, 0, -width % CELL, 0, -height % CELL))
    cells = padded.unflatten(2, (-1, CELL)).unflatten(1, (-1, CELL))
    return cells.transpose(2, 3).flatten(3, 4)
