"""Entropy coding: probability models of what packets hold, and the range coder behind them."""

from semcom.entropy.index_model import IndexModel
from semcom.entropy.latent_model import CodedLatent, LatentModel
from semcom.entropy.map_model import LabelMapModel
from semcom.entropy.mask_model import MaskModel, mask_counts
from semcom.entropy.palette_model import Colours, PaletteModel
from semcom.entropy.range_coder import RangeReader, RangeWriter
from semcom.entropy.second_model import SecondModel

__all__ = [
    "CodedLatent",
    "Colours",
    "IndexModel",
    "LabelMapModel",
    "LatentModel",
    "MaskModel",
    "PaletteModel",
    "RangeReader",
    "RangeWriter",
    "SecondModel",
    "mask_counts",
]
