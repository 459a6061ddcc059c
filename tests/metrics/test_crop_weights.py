"""Semantic weights of crops: how much each feature moves the lead of an object's own class."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from semcom.classification import ClassifierNet, Crop, cut
from semcom.classification.semantic_weights import crop_weights, cut_crops
from semcom.segmentation.backbone import normalise


def test_crops_are_those_that_the_classifier_is_shown() -> None:
    """Within the rounding of 8 bits but at the rim, where Pillow looks beyond the crop."""
    g = np.random.default_rng(0)
    coarse = torch.from_numpy(g.uniform(0, 255, (1, 3, 16, 24)))
    picture = F.interpolate(coarse, (64, 96), mode="bicubic").clamp(0, 255).round().byte()[0]
    image = picture.permute(1, 2, 0).numpy()
    crops = [Crop(0, 0, 0, 24), Crop(1, 7, 30, 57), Crop(2, 40, 60, 24)]
    expected = normalise(torch.from_numpy(cut(image, crops)))
    found = cut_crops(normalise(torch.from_numpy(image[None].copy()))[0], crops)
    difference = (found - expected)[:, :, 1:-1, 1:-1].abs() * 127.5
    assert float(difference.max()) < 2.1


def test_weights_are_the_sensitivity_of_the_lead() -> None:
    torch.manual_seed(0)
    net = ClassifierNet().eval()
    crops = torch.rand(2, 3, 32, 32) * 2 - 1
    objects = torch.tensor([5, 2])
    features, weights = crop_weights(net, crops, objects)
    for map_, w in zip(features, weights, strict=True):
        assert w.shape == map_.shape
        assert float(w.min()) >= 0
        assert w.mean((1, 2, 3)).tolist() == pytest.approx([1, 1], abs=1e-4)

    def lead(last: torch.Tensor) -> float:
        logits = net.decide([last])[1].detach()
        return float(logits[2] - torch.cat([logits[:2], logits[3:]]).max())

    # finite differences of two channels of the coarsest map of the second crop
    own = weights[-1][1, :, 1, 1]
    slopes = []
    for channel in (int(own.argmax()), int(own.argsort()[len(own) // 2])):
        moved = features[-1].clone()
        moved[1, channel, 1, 1] += 0.05
        slopes.append(abs(lead(moved) - lead(features[-1])) / float(own[channel]))
    assert slopes[0] == pytest.approx(slopes[1], rel=0.05)
