"""Gradient-based semantic weights: which features of a picture its task depends on.

After Sun, Guo, Yang, Chen and Xue, "Semantic-assisted image compression" (arXiv 2201.12599). The
paper's formulas could not be read; what is here is a reconstruction from its abstract and from the
same authors' later papers (arXiv 2208.11375: a pixel matters as the task's output changes with it;
arXiv 2302.02287: the same for features, and a distance between features weighted so).

Assumed here: the task is segmentation by :class:`semcom.segmentation.SegmentationNet`; its result
is ``y = mean over the classes it finds of the mean logit of that class over its own pixels``, so
that a traffic sign weighs as much as a road; the features ``A`` are the maps that the network's
decoder reads; the weight of one value is ``|dy / dA|`` on the *original* picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from semcom.segmentation.segmenter import SegmentationNet

__all__ = ["semantic_distance", "semantic_weights", "sizes_of_mean_one"]


def semantic_weights(net: SegmentationNet, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Features of ``image`` [B, 3, H, W] in [-1, 1] and the weights of their values, by scale.

    Weights have the shapes of the features, are not negative, and have mean 1 over each picture
    and scale.

    >>> from semcom.segmentation.segmenter import SEGMENTERS
    >>> net = SegmentationNet(SEGMENTERS["tiny"]).eval()
    >>> features, weights = semantic_weights(net, torch.zeros(1, 3, 32, 64))
    >>> [tuple(w.shape) for w in weights]
    [(1, 24, 8, 16), (1, 40, 4, 8)]
    """
    with torch.no_grad():
        features = net.features(image)
    with torch.enable_grad():
        leaves = [f.clone().requires_grad_() for f in features]
        gradients = torch.autograd.grad(_result(net.decode(leaves)), leaves)
    return features, sizes_of_mean_one(gradients)


def sizes_of_mean_one(gradients: Sequence[Tensor]) -> list[Tensor]:
    """``|gradient|`` of every scale [B, C, h, w], of mean 1 over each picture.

    >>> sizes_of_mean_one([torch.tensor([-3.0, 1.0]).reshape(1, 1, 1, 2)])[0].flatten().tolist()
    [1.5, 0.5]
    """
    sizes = [gradient.abs() for gradient in gradients]
    return [size / (size.mean((1, 2, 3), keepdim=True) + 1e-12) for size in sizes]


def _result(logits: Tensor) -> Tensor:
    """The task's own output as one number, see the module's description; summed over pictures."""
    found = logits.detach().argmax(1)
    own = torch.nn.functional.one_hot(found, logits.shape[1]).permute(0, 3, 1, 2)  # [B, K, h, w]
    pixels = own.sum((2, 3))
    means = (logits * own).sum((2, 3)) / pixels.clamp(min=1)
    return (means.sum(1) / (pixels > 0).sum(1)).sum()


def semantic_distance(
    received: Sequence[Tensor], original: Sequence[Tensor], weights: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """``sum w (A - A')^2`` and ``sum w A^2`` of every scale: two tensors [scales].

    Their ratio is the share of semantic information that is lost.
    """
    lost = [(w * (a - b) ** 2).sum() for a, b, w in zip(original, received, weights, strict=True)]
    whole = [(w * a**2).sum() for a, w in zip(original, weights, strict=True)]
    return torch.stack(lost), torch.stack(whole)
