"""Rare objects of one picture pasted into the others of its batch.

SQ-GAN (arXiv 2502.09520, rare-class augmentation): small things that matter are a small share of
the pixels, so every picture of a batch lends its own to the others.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from semcom.data.components import components

__all__ = ["paste_rare"]


def paste_rare(
    image: Tensor,
    label_map: Tensor,
    rare: Collection[int],
    probability: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Paste components of the classes ``rare`` between the pictures of a batch.

    ``image`` [B, 3, H, W], ``label_map`` [B, H, W]; new tensors are returned. With ``probability``
    a picture gets n more objects, n uniform in 1 .. floor(M / 2) + 1 for M components in the whole
    batch, the largest first, each at the coordinates that it came from and only where it meets no
    rare object. Objects come from the pictures as they were given.

    >>> label_map = torch.zeros(2, 4, 4, dtype=torch.long)
    >>> label_map[0, 1, 1] = 6
    >>> image = label_map[:, None].expand(-1, 3, -1, -1).float()
    >>> _, pasted = paste_rare(image, label_map, (6,), 1.0, torch.Generator().manual_seed(0))
    >>> pasted[:, 1, 1].tolist()
    [6, 6]
    """
    taken = np.isin(label_map.cpu().numpy(), list(rare))
    objects = components(taken)
    #: the picture that each pixel of the new batch comes from
    source = np.broadcast_to(np.arange(len(taken))[:, None, None], taken.shape).copy()
    for picture in range(len(taken)):
        hit, draw = torch.rand(2, generator=generator).tolist()
        left = 1 + int(draw * (len(objects) // 2 + 1)) if hit < probability else 0
        for thing in objects:
            if left == 0:
                break
            if not (taken[picture][thing.place] & thing.mask).any():  # its own meet themselves
                taken[picture][thing.place] |= thing.mask
                source[picture][thing.place][thing.mask] = thing.picture
                left -= 1
    pick = torch.from_numpy(source).to(image.device)
    return image.gather(0, pick[:, None].expand_as(image)), label_map.gather(0, pick)
