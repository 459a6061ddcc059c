"""RGB pictures to 4:2:0 planes and back: BT.601, full range, as JPEG, BPG and AVIF use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["from_planes", "planes_of_frame", "to_planes"]


def to_planes(image: np.ndarray) -> list[np.ndarray]:
    """Split ``image`` [H, W, 3] uint8, H and W even, into Y [H, W], Cb and Cr [H/2, W/2] uint8.

    >>> [plane.shape for plane in to_planes(np.zeros((4, 6, 3), np.uint8))]
    [(4, 6), (2, 3), (2, 3)]
    """
    luma, *chroma = Image.fromarray(image).convert("YCbCr").split()
    half = (image.shape[1] // 2, image.shape[0] // 2)
    return [np.asarray(luma)] + [
        np.asarray(plane.resize(half, Image.Resampling.BOX)) for plane in chroma
    ]


def from_planes(planes: Sequence[np.ndarray]) -> np.ndarray:
    """Join Y [H, W] and chroma of about half that size to [H, W, 3] uint8 RGB."""
    luma = Image.fromarray(planes[0])
    chroma = [
        Image.fromarray(plane).resize(luma.size, Image.Resampling.BICUBIC) for plane in planes[1:]
    ]
    return np.asarray(Image.merge("YCbCr", [luma, *chroma]).convert("RGB"))


def planes_of_frame(frame: Any) -> list[np.ndarray]:
    """Copy the three 8-bit planes of a decoded ``av.VideoFrame`` in 4:2:0, row padding removed."""
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        raise ValueError(f"the stream holds {frame.format.name} samples and not 8-bit 4:2:0")
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        planes.append(np.ascontiguousarray(rows[: plane.height, : plane.width]))
    return planes
