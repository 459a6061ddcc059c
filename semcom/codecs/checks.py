"""What an encoder is handed, checked before any work: pictures and label maps."""

from __future__ import annotations

import numpy as np

__all__ = ["checked_label_map", "checked_picture"]


def checked_picture(
    image: np.ndarray, codec: str, agreed: tuple[int, int] | None = None, least_side: int = 1
) -> np.ndarray:
    """``image`` as an array [H, W, 3] uint8 of the ``agreed`` (H, W), if one was.

    Raises ValueError, in the name of ``codec``, for any other shape or type.

    >>> checked_picture(np.zeros((4, 8), np.uint8), "SAIC")
    Traceback (most recent call last):
    ValueError: SAIC codes uint8 RGB pictures [H, W, 3], not uint8 (4, 8); convert grey or \
transparent pictures to RGB first
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"{codec} codes uint8 RGB pictures [H, W, 3], not {image.dtype} {image.shape}; "
            "convert grey or transparent pictures to RGB first"
        )
    height, width = image.shape[:2]
    if min(height, width) < least_side:
        raise ValueError(
            f"a picture of {height} x {width} is too small: {least_side} x {least_side} is the "
            "least"
        )
    if agreed is not None and (height, width) != tuple(agreed):
        raise ValueError(
            f"this picture is {height} x {width}, "
            f"but {agreed[0]} x {agreed[1]} was agreed with the receiver"
        )
    return image


def checked_label_map(
    label_map: np.ndarray | None, codec: str, size: tuple[int, int], classes: int
) -> np.ndarray:
    """``label_map`` as an array [H, W] uint8 of a picture of ``size`` (H, W).

    Ids are 0 to ``classes`` - 1; ``classes`` and 255 are void. Raises ValueError, in the name of
    ``codec``, for a missing map and for any other shape, type or id.

    >>> checked_label_map(np.full((4, 8), 12, np.uint8), "SQ-GAN", (4, 8), 11)
    Traceback (most recent call last):
    ValueError: the label map holds the class id 12, but this network knows the ids 0 to 10, and \
11 or 255 for void
    """
    if label_map is None:
        raise ValueError(f"{codec} needs a label map: segment the picture first")
    label_map = np.asarray(label_map)
    if label_map.shape != tuple(size) or label_map.dtype != np.uint8:
        raise ValueError(
            f"the label map is {label_map.dtype} {label_map.shape}, "
            f"the picture needs uint8 {tuple(size)}"
        )
    unknown = label_map[(label_map > classes) & (label_map != 255)]
    if unknown.size:
        raise ValueError(
            f"the label map holds the class id {unknown[0]}, but this network knows the ids "
            f"0 to {classes - 1}, and {classes} or 255 for void"
        )
    return label_map
