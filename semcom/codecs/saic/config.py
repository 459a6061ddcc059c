"""Sizes of the transform codec's network."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SIZES", "STRIDE", "TransformSize"]

#: pixels of a picture per cell of its latent, each way
STRIDE = 16


@dataclass(frozen=True)
class TransformSize:
    """``widths``: channels at 1/4, 1/8 and 1/16 of the picture's size."""

    widths: tuple[int, int, int]
    #: channels of the latent, coarse to fine, in the slices in which they are coded
    slices: tuple[int, ...] = (16, 32, 48)
    #: channels of the side information
    hyper: int = 16
    #: width of the entropy model's hidden layers
    hidden: int = 64

    @property
    def latent(self) -> int:
        """Channels of the latent."""
        return sum(self.slices)


SIZES: dict[str, TransformSize] = {
    "compact": TransformSize(widths=(48, 80, 112)),
    "tiny": TransformSize(widths=(8, 8, 8), slices=(4, 4), hyper=4, hidden=8),
}
