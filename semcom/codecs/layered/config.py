"""Sizes of the layered codec's network."""

from __future__ import annotations

from dataclasses import dataclass

from semcom.codecs.saic.config import STRIDE, TransformSize

__all__ = ["SIZES", "STRIDE", "LayeredSize"]


@dataclass(frozen=True)
class LayeredSize:
    """One coded latent per layer, a generator and a refiner."""

    #: latents, side information and analysis of the two layers; both 16 times smaller than pictures
    base: TransformSize
    enhancement: TransformSize
    #: channels of the generator at 1/16, 1/8, 1/4 and 1/2 of the picture's size
    generator: tuple[int, int, int, int]
    #: channels made of the label map for the SPADE layers of a level
    spade: int
    #: channels of the refiner at 1/4 and 1/8
    refiner: tuple[int, int]
    classes: int = 11


SIZES: dict[str, LayeredSize] = {
    "compact": LayeredSize(
        base=TransformSize(widths=(24, 40, 48), slices=(16,)),
        enhancement=TransformSize(widths=(0, 0, 0), slices=(16, 32, 48)),
        generator=(64, 48, 36, 18),
        spade=16,
        refiner=(32, 40),
    ),
    "tiny": LayeredSize(
        base=TransformSize(widths=(8, 8, 8), slices=(4, 4), hyper=4, hidden=8),
        enhancement=TransformSize(widths=(0, 0, 0), slices=(4, 4), hyper=4, hidden=8),
        generator=(8, 8, 8, 8),
        spade=4,
        refiner=(8, 8),
    ),
}
