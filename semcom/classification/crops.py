"""Objects of a street picture, one square crop each: what the classifier is asked about.

A label map says where objects are: every connected region of a class is one. A crop is a square of
``2 sqrt(area)`` a side, but 24 to 96 pixels, so that things far and near fill it alike, around the
pixel that lies deepest inside the region. What is in its middle is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from semcom.data.components import Component, components

__all__ = ["OBJECTS", "SIDE", "Crop", "cut", "object_crops"]

#: classes whose regions are objects; what is left out is ground and sky
OBJECTS: tuple[str, ...] = (
    "building",
    "pole",
    "tree",
    "sign_symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
#: pixels a side of what the classifier sees
SIDE = 32
#: pixels of the smallest region that counts
LEAST_AREA = 100
_SIDES = (24, 96)


class Crop(NamedTuple):
    """A square of ``side`` pixels from (``top``, ``left``); ``object`` is a place in OBJECTS."""

    object: int
    top: int
    left: int
    side: int


def object_crops(label_map: np.ndarray, classes: Sequence[str]) -> list[Crop]:
    """Crops of all objects in ``label_map`` [H, W], whose ids are positions in ``classes``.

    >>> label_map = np.zeros((64, 96), np.uint8)
    >>> label_map[20:40, 30:60] = 1
    >>> object_crops(label_map, ("road", "car"))
    [Crop(object=5, top=5, left=20, side=49)]
    """
    names = [name for name in OBJECTS if name in classes]
    masks = np.stack([label_map == classes.index(name) for name in names])
    found = []
    for one in components(masks):
        if one.area < LEAST_AREA:
            break
        top, left, side = _square(one, (label_map.shape[0], label_map.shape[1]))
        found.append(Crop(OBJECTS.index(names[one.picture]), top, left, side))
    return found


def _square(one: Component, size: tuple[int, int]) -> tuple[int, int, int]:
    """Top, left and side around the pixel deepest inside, within the picture."""
    depth = ndimage.distance_transform_edt(np.pad(one.mask, 1))[1:-1, 1:-1]
    deepest = np.argwhere(depth == depth.max())
    middle = np.argwhere(one.mask).mean(0)
    row, column = deepest[((deepest - middle) ** 2).sum(1).argmin()]
    side = min(int(np.clip(round(2 * one.area**0.5), *_SIDES)), *size)
    centre = row + one.place[0].start, column + one.place[1].start
    top, left = (
        int(np.clip(at - side // 2, 0, full - side)) for at, full in zip(centre, size, strict=True)
    )
    return top, left, side


def cut(image: np.ndarray, crops: Sequence[Crop]) -> np.ndarray:
    """Crops of ``image`` [H, W, 3] uint8, scaled to the classifier's size: [N, 32, 32, 3] uint8.

    >>> cut(np.zeros((64, 96, 3), np.uint8), [Crop(0, 2, 3, 48)]).shape
    (1, 32, 32, 3)
    """
    whole = Image.fromarray(image)
    out = np.empty((len(crops), SIDE, SIDE, 3), np.uint8)
    for number, (_, top, left, side) in enumerate(crops):
        box = (left, top, left + side, top + side)
        crop = whole.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
        out[number] = np.asarray(crop)
    return out
