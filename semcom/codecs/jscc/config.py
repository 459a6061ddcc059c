"""Sizes of the DeepJSCC network."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["SIZES", "STRIDE", "JsccSize", "uses_of"]

#: pixels of a picture per cell of its latent, each way
STRIDE = 16


@dataclass(frozen=True)
class JsccSize:
    """``widths``: channels at 1/4, 1/8 and 1/16 of the picture's size."""

    widths: tuple[int, int, int]
    #: planes of waves, from which those are sent that are strongest
    latent: int = 64
    #: width of the hidden layer of the attention features
    hidden: int = 16

    @property
    def most_uses_per_pixel(self) -> float:
        """Complex channel uses per pixel when every wave is sent."""
        return self.latent / (2 * STRIDE**2)


SIZES: dict[str, JsccSize] = {
    "compact": JsccSize(widths=(32, 48, 64)),
    "tiny": JsccSize(widths=(4, 4, 8), latent=24, hidden=4),
}


def uses_of(uses_per_pixel: float, shape: tuple[int, int]) -> int:
    """Complex channel uses of a picture of ``shape`` (H, W): a whole number, at least 1.

    >>> uses_of(0.03, (256, 512))
    3932
    """
    return max(1, math.floor(uses_per_pixel * shape[0] * shape[1] + 1e-9))
