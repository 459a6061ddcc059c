"""Gradient-based semantic weights of the objects in a picture, from a classifier of crops.

The same reconstruction as :mod:`semcom.segmentation.semantic_weights`, for the task of the paper
itself, classification. Assumed here: the result of the task is, for every object, the lead of its
own class, ``y = logit of the object's class - largest logit of another``; the features ``A`` are
the maps of all scales of the crop; the weight of one value is ``|dy / dA|`` on the *original* crop.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semcom.classification.classifier import ClassifierNet
from semcom.classification.crops import SIDE, Crop
from semcom.segmentation.semantic_weights import sizes_of_mean_one

__all__ = ["crop_weights", "cut_crops"]


def crop_weights(
    net: ClassifierNet, crops: Tensor, objects: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Features of ``crops`` [N, 3, 32, 32] of ``objects`` [N], and their weights, by scale.

    Weights have the shapes of the features, are not negative, and have mean 1 over each crop and
    scale: an object weighs as much as another.

    >>> features, weights = crop_weights(
    ...     ClassifierNet().eval(), torch.rand(2, 3, 32, 32), torch.tensor([5, 0])
    ... )
    >>> [tuple(w.shape) for w in weights]
    [(2, 16, 32, 32), (2, 32, 16, 16), (2, 48, 8, 8), (2, 64, 4, 4)]
    """
    with torch.enable_grad():
        features = net.features(crops.detach().requires_grad_())
        logits = net.decide(features)
        own = F.one_hot(objects, logits.shape[1]).bool()
        lead = logits[own] - logits.masked_fill(own, -torch.inf).amax(1)
        gradients = torch.autograd.grad(lead.sum(), features)
    return [f.detach() for f in features], sizes_of_mean_one(gradients)


def cut_crops(picture: Tensor, crops: Sequence[Crop]) -> Tensor:
    """Crops [N, 3, 32, 32] of ``picture`` [3, H, W], differentiable.

    They are those of :func:`semcom.classification.cut`, but for a pixel at the rim.

    >>> cut_crops(torch.zeros(3, 64, 96), [Crop(0, 2, 3, 48)]).shape
    torch.Size([1, 3, 32, 32])
    """
    return torch.cat(
        [
            F.interpolate(
                picture[None, :, top : top + side, left : left + side],
                (SIDE, SIDE),
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
            for _, top, left, side in crops
        ]
    )
