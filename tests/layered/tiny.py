"""A tiny layered codec with random weights: right in shape, wrong in looks."""

from typing import Any

import torch

from semcom.codecs.layered.codec import LayeredCodec, LayeredSettings
from semcom.codecs.layered.config import SIZES
from semcom.codecs.layered.network import LayeredNetwork, Loaded


def tiny_network(seed: int = 0) -> LayeredNetwork:
    torch.manual_seed(seed)
    return LayeredNetwork(SIZES["tiny"])


LOADED = Loaded.of(tiny_network(), "5e" * 8)


def tiny_codec(size: tuple[int, int] | None, **settings: Any) -> LayeredCodec:
    values = {"bits_per_pixel": 2.0, "network": "tiny"} | settings
    made = LayeredCodec(LayeredSettings(**values), size)
    made.__dict__["_loaded"] = LOADED
    return made
