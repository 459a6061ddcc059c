"""What a transmitter sees where its camera is worse than the picture its receiver is judged by.

Sun et al. (arXiv 2201.12599) suggest two uses of a codec trained for meaning besides coding: to
take noise out of a picture, and to show it in a higher resolution than it was taken in. With a
camera of its own a transmitter gets a noisy or small version of every picture, while metrics go on
comparing what is received with the clean original in full size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from semcom.codecs.codec import Reconstruction
from semcom.identity import seed_from

__all__ = ["Camera", "shown_in"]


class Camera(BaseModel):
    """A worse camera. The noise of a picture is drawn from its digest: all codecs meet the same."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    noise_std: Annotated[float, Field(strict=False)] = Field(
        0.0,
        ge=0,
        le=255,
        description="standard deviation of white Gaussian noise in each colour, in steps of 8 bits",
    )
    resolution: Literal["full", "half"] = Field(
        "full",
        description="half: a picture of half the height and width, each pixel a mean of four, is "
        "coded, and the receiver enlarges what it decodes; the codec's own bits_per_pixel counts "
        "the pixels of the small picture",
    )

    def identity(self) -> dict[str, Any]:
        """What differs from a perfect camera; empty for one."""
        return self.model_dump(exclude_defaults=True)

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width that are coded of a picture of ``size``.

        Raises ValueError for an odd size at half resolution.

        >>> Camera(resolution="half").size((256, 512))
        (128, 256)
        """
        if self.resolution == "full":
            return size
        if size[0] % 2 or size[1] % 2:
            raise ValueError(
                f"a camera of half the resolution needs even sizes, not {size[0]} x {size[1]}"
            )
        return size[0] // 2, size[1] // 2

    def picture(self, image: np.ndarray, sample: str) -> np.ndarray:
        """What the camera makes of ``image`` [H, W, 3] uint8; ``sample`` is its digest.

        >>> flat = np.full((2, 4, 3), 128, np.uint8)
        >>> Camera(resolution="half").picture(flat, "a").shape
        (1, 2, 3)
        """
        seen = image
        if self.resolution == "half":
            seen = np.array(Image.fromarray(image).reduce(2))
        if not self.noise_std:
            return seen
        rng = np.random.default_rng(seed_from("camera", sample))
        noisy = seen + self.noise_std * rng.standard_normal(seen.shape)
        return np.asarray(noisy.round().clip(0, 255).astype(np.uint8))

    def label_map(self, label_map: np.ndarray) -> np.ndarray:
        """``label_map`` [H, W] in the camera's resolution."""
        return label_map[::2, ::2] if self.resolution == "half" else label_map


def shown_in(received: Reconstruction, size: tuple[int, int]) -> Reconstruction:
    """``received`` in full ``size`` (H, W): the picture by a Lanczos filter, its map by repeating.

    >>> small = Reconstruction(np.zeros((2, 4, 3), np.uint8), np.zeros((2, 4), np.uint8))
    >>> large = shown_in(small, (4, 8))
    >>> large.image.shape, large.label_map.shape
    ((4, 8, 3), (4, 8))
    """
    if received.image.shape[:2] == size:
        return received
    wide = size[::-1]
    image = np.array(Image.fromarray(received.image).resize(wide, Image.Resampling.LANCZOS))
    label_map = received.label_map
    if label_map is not None:
        label_map = np.array(Image.fromarray(label_map).resize(wide, Image.Resampling.NEAREST))
    return replace(received, image=image, label_map=label_map)
