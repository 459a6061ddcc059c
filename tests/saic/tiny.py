"""A tiny transform codec with random weights: right in shape, wrong in looks."""

import torch

from semcom.codecs.saic.codec import SaicCodec, SaicSettings
from semcom.codecs.saic.config import SIZES
from semcom.codecs.saic.network import Loaded, TransformNetwork


def tiny_network(seed: int = 0) -> TransformNetwork:
    torch.manual_seed(seed)
    return TransformNetwork(SIZES["tiny"])


LOADED = Loaded.of(tiny_network(), "5e" * 8)


def tiny_codec(size: tuple[int, int] | None, bits_per_pixel: float = 1.0) -> SaicCodec:
    made = SaicCodec(SaicSettings(bits_per_pixel=bits_per_pixel, network="tiny"), size)
    made.__dict__["_loaded"] = LOADED
    return made
