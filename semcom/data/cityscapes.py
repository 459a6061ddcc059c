"""Cityscapes, 19 classes: Cordts et al., CVPR 2016. Read from the official folders.

``leftImg8bit/<split>/<city>/*_leftImg8bit.png`` and ``gtFine/<split>/<city>/*_labelTrainIds.png``;
where only the ``*_labelIds.png`` of the download are there, their ids are mapped to train ids.
"""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from semcom.data.classes import (
    CITYSCAPES_CLASSES,
    CITYSCAPES_PALETTE,
    CITYSCAPES_TRAIN_IDS,
    CITYSCAPES_VOID,
)
from semcom.data.files import locate, read_image, reader
from semcom.data.sample import Dataset, Reader

__all__ = ["SPLITS", "load_cityscapes"]

#: the label maps of ``test`` are not public: its samples have none
SPLITS = ("train", "val", "test")
PUBLISHED = "https://www.cityscapes-dataset.com (leftImg8bit_trainvaltest, gtFine_trainvaltest)"


def load_cityscapes(
    split: str,
    *,
    size: tuple[int, int],
    root: str | os.PathLike[str] | None,
    count: int | None,
    skip_bad: bool,
) -> Dataset:
    """See :func:`semcom.data.load`."""
    if split not in SPLITS:
        raise ValueError(f"cityscapes has the splits {', '.join(SPLITS)}, not {split!r}")
    base = locate(
        "cityscapes", root, ("cityscapes", "Cityscapes"), (f"leftImg8bit/{split}",), PUBLISHED
    )
    entries = {}
    for image in sorted((base / "leftImg8bit" / split).glob("*/*_leftImg8bit.png")):
        stem = image.name.removesuffix("_leftImg8bit.png")
        labels = base / "gtFine" / split / image.parent.name
        entries[stem] = _reader(image, labels / f"{stem}_gtFine", needed=split != "test")
    if not entries:
        raise FileNotFoundError(
            f"the data set cityscapes has no */*_leftImg8bit.png in {base / 'leftImg8bit' / split}"
        )
    return Dataset(
        "cityscapes",
        split,
        entries,
        size=size,
        classes=CITYSCAPES_CLASSES,
        void_id=CITYSCAPES_VOID,
        palette=CITYSCAPES_PALETTE,
        count=count,
        skip_bad=skip_bad,
    )


def _reader(image: Path, labels: Path, *, needed: bool) -> Reader:
    train_ids = labels.with_name(labels.name + "_labelTrainIds.png")
    label_ids = labels.with_name(labels.name + "_labelIds.png")
    if not needed:
        return reader(image, None)
    if train_ids.exists():
        return reader(image, train_ids)
    if not label_ids.exists():
        raise FileNotFoundError(
            f"the data set cityscapes lacks the label map {train_ids} (or {label_ids.name}) of the "
            f"picture {image}; published at {PUBLISHED}"
        )

    def read() -> tuple[Image.Image, Image.Image | None]:
        return read_image(image), read_image(label_ids).point(CITYSCAPES_TRAIN_IDS.tolist())

    return read
