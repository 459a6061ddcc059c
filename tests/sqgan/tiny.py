"""A tiny SQ-GAN with random weights: right in shape, wrong in looks."""

import torch

from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.model import ImagePath, MapPath
from semcom.codecs.sqgan.networks import Networks
from semcom.entropy import IndexModel
from semcom.training.index_prior import IndexPrior


def tiny_networks(seed: int = 0) -> Networks:
    torch.manual_seed(seed)
    size = SIZES["tiny"]
    image, label_map = ImagePath(size).eval(), MapPath(size).eval()
    with torch.no_grad():
        for path in (image, label_map):
            path.quantizer.codebook.normal_()
    prior = IndexPrior(64).eval()
    model = IndexModel({k: v.numpy() for k, v in prior.integers().items()})
    return Networks(image, label_map, {"image": model, "label_map": model}, "5e" * 8)
