"""Connected components of a mask: the objects of a label map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

__all__ = ["Component", "components"]


class Component(NamedTuple):
    """One connected object: the picture it is in, and its cells as ``mask`` at ``place``."""

    picture: int
    place: tuple[slice, slice]
    mask: np.ndarray

    @property
    def area(self) -> int:
        return int(self.mask.sum())


def components(masks: np.ndarray) -> list[Component]:
    """Four-connected components of ``masks`` [B, H, W] bool, the largest first.

    >>> masks = np.zeros((2, 4, 4), bool)
    >>> masks[0, 0, 0] = masks[1, 1:3, 1:3] = masks[1, 3, 3] = True
    >>> [(c.picture, c.area) for c in components(masks)]
    [(1, 4), (0, 1), (1, 1)]
    """
    found = []
    for picture, mask in enumerate(masks):
        numbered, _ = ndimage.label(mask)
        for number, place in enumerate(ndimage.find_objects(numbered), 1):
            found.append(Component(picture, place, numbered[place] == number))
    return sorted(found, key=lambda component: -component.area)
