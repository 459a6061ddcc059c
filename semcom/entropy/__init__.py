"""Entropy coding: probability models of masks and indices, and the range coder behind them."""

from semcom.entropy.index_model import IndexModel
from semcom.entropy.latent_model import CodedLatent, LatentModel
from semcom.entropy.map_model import LabelMapModel
from semcom.entropy.mask_model import MaskModel
from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = [
    "CodedLatent",
    "IndexModel",
    "LabelMapModel",
    "LatentModel",
    "MaskModel",
    "RangeReader",
    "RangeWriter",
]
