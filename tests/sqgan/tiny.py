"""A tiny SQ-GAN with random weights: right in shape, wrong in looks."""

import numpy as np
import torch

from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.model import ImagePath, MapPath
from semcom.codecs.sqgan.networks import Networks
from semcom.codecs.sqgan.palette import LEVELS
from semcom.codecs.sqgan.residual import MapResidual
from semcom.entropy import IndexModel, PaletteModel
from semcom.training.index_prior import IndexPrior


def tiny_residual(seed: int = 0) -> MapResidual:
    """Random second tokens that do not trust what was received: some of them help by chance."""
    torch.manual_seed(seed)
    residual = MapResidual(SIZES["tiny"].classes, SIZES["tiny"].residual).eval()
    with torch.no_grad():
        residual.quantizer.codebook.normal_()
        residual.spread.weight.mul_(10)
        residual.trust.zero_()
    return residual.requires_grad_(False)


def tiny_networks(seed: int = 0, residual: bool = False) -> Networks:
    """With ``residual`` the label map has second tokens; all else is as without."""
    torch.manual_seed(seed)
    size = SIZES["tiny"]
    image, label_map = ImagePath(size).eval(), MapPath(size).eval()
    with torch.no_grad():
        for path in (image, label_map):
            path.quantizer.codebook.normal_()
    prior = IndexPrior(64).eval()
    model = IndexModel({k: v.numpy() for k, v in prior.integers().items()})
    palette = PaletteModel(np.full((size.classes, 2, 3), 40), np.full((size.classes, 2), 8), LEVELS)
    models = {"image": model, "label_map": model}
    label_map.residual = tiny_residual(seed) if residual else None
    return Networks(image, label_map, models, "5e" * 8, palette)
