"""Semantic concepts: every class of the label map has a quantisation level of its own.

After Huang, Gao, Tao, Du and Lu, "Toward semantic communications: deep learning-based image
semantic coding" (IEEE JSAC 41(1), 2023), whose agent picks a level for each concept by what it
gains in a rate-semantic-perceptual score. Here a class's level moves the rate level of the
enhancement's cells that it covers, up (finer) or down; in the base, whose meaning is its label map,
nothing was found to be gained. The receiver has that map, so that all it must be told is the levels
of the classes in it, :data:`BITS` bits each. :mod:`semcom.training.semantic_levels` finds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import numpy as np
import yaml

from semcom.codecs.layered.config import STRIDE

__all__ = [
    "APART",
    "BITS",
    "HIGHEST",
    "LOWEST",
    "class_levels",
    "offsets",
    "read_levels",
    "write_levels",
]

#: bits of a level; levels from LOWEST to HIGHEST
BITS = 3
LOWEST, HIGHEST = -4, 3
#: rate levels of the network, of 256, between two levels of a class
APART = 32


@cache
def _found() -> dict[str, int]:
    text = resources.files("semcom.codecs.layered").joinpath("levels.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def class_levels(
    quantisation: str | Mapping[str, int], classes: Sequence[str]
) -> tuple[int, ...] | None:
    """Levels of ``classes`` and void: none with ``uniform``, those of the package with
    ``semantic``, or those of a table of one's own, in which a class left out has level 0.

    >>> class_levels({"car": 2}, ("road", "car"))
    (0, 2, 0)
    >>> class_levels("uniform", ("road", "car"))

    Raises ValueError for an unknown name or class, and for a level that is no whole number from
    -4 to 3.
    """
    if quantisation == "uniform":
        return None
    if isinstance(quantisation, str):
        if quantisation != "semantic":
            raise ValueError(
                f"no quantisation {quantisation!r}: choose uniform, semantic or levels by class"
            )
        quantisation = _found()
    for name, level in quantisation.items():
        if name not in classes:
            raise ValueError(f"level of {name!r}: classes are {', '.join(classes)}")
        if not LOWEST <= level <= HIGHEST:
            raise ValueError(f"level of {name!r} must be {LOWEST} to {HIGHEST}, not {level}")
    return (*(int(quantisation.get(name, 0)) for name in classes), 0)


def offsets(labels: np.ndarray, levels: Sequence[int]) -> np.ndarray:
    """Rate levels by which cells [h, w] differ, of ``labels`` [16 h, 16 w], the mean over pixels.

    >>> labels = np.repeat(np.array([[0, 1]], np.uint8), 16, 0).repeat([16, 16], 1)
    >>> labels[:, 8:16] = 1
    >>> offsets(labels, (0, 2)).tolist()
    [[32.0, 64.0]]
    """
    shift = APART * np.array(levels, np.float32)[labels]
    rows, columns = labels.shape[0] // STRIDE, labels.shape[1] // STRIDE
    found: np.ndarray = shift.reshape(rows, STRIDE, columns, STRIDE).mean((1, 3))
    return found


def write_levels(levels: Sequence[int], labels: np.ndarray) -> bytes:
    """Levels of the classes in ``labels``, in their order and :data:`BITS` bits each.

    >>> write_levels((0, 2, -4), np.array([[2, 1]], np.uint8)).hex()
    'c0'
    """
    text = "".join(f"{levels[k] - LOWEST:0{BITS}b}" for k in np.unique(labels))
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def read_levels(data: bytes, labels: np.ndarray, classes: int) -> tuple[tuple[int, ...], int]:
    """Inverse of :func:`write_levels`: levels of ``classes`` and void (0 for those that are not
    in ``labels``), and how many bytes of ``data`` they took.

    >>> read_levels(bytes.fromhex("c0ff"), np.array([[2, 1]], np.uint8), 2)
    ((0, 2, -4), 1)

    Raises ValueError where ``data`` is too short, or its last bits are not zero.
    """
    present = np.unique(labels)
    used = -(-BITS * len(present) // 8)
    text = "".join(f"{byte:08b}" for byte in data[:used])
    if len(data) < used or "1" in text[BITS * len(present) :]:
        raise ValueError("the levels of this enhancement are cut short or damaged")
    levels = [0] * (classes + 1)
    for number, k in enumerate(present):
        levels[k] = int(text[BITS * number : BITS * (number + 1)], 2) + LOWEST
    return tuple(levels), used
