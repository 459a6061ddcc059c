"""Images with label maps, all sets behind one function.

>>> import semcom.data
>>> sorted(semcom.data.DATASETS)
['camvid', 'cityscapes', 'folder', 'stl10', 'street']
"""

from __future__ import annotations

import os
from typing import Protocol

from semcom.data.camvid import load_camvid
from semcom.data.cityscapes import load_cityscapes
from semcom.data.classes import (
    CAMVID_CLASSES,
    CAMVID_PALETTE,
    CAMVID_VOID,
    CITYSCAPES_CLASSES,
    colourise,
)
from semcom.data.folder import load_folder
from semcom.data.sample import BadSample, Dataset, Sample
from semcom.data.stl10 import load_stl10
from semcom.data.street.dataset import load_street

__all__ = [
    "CAMVID_CLASSES",
    "CAMVID_PALETTE",
    "CAMVID_VOID",
    "CITYSCAPES_CLASSES",
    "DATASETS",
    "BadSample",
    "Dataset",
    "Sample",
    "colourise",
    "load",
]


class Loader(Protocol):
    def __call__(
        self,
        split: str,
        *,
        size: tuple[int, int],
        root: str | os.PathLike[str] | None,
        count: int | None,
        skip_bad: bool,
    ) -> Dataset: ...


DATASETS: dict[str, Loader] = {
    "street": load_street,
    "camvid": load_camvid,
    "cityscapes": load_cityscapes,
    "stl10": load_stl10,
    "folder": load_folder,
}


def load(
    name: str,
    split: str = "test",
    *,
    count: int | None = None,
    size: tuple[int, int] = (256, 512),
    root: str | os.PathLike[str] | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """Open a data set; its pictures are decoded one by one on access.

    Args:
        name: one of ``DATASETS``.
        split: ``train``, ``val`` or ``test``, as far as the set has them.
        count: take this many samples, evenly spaced over the sorted split.
        size: (H, W) in pixels. Pictures are centre-cropped to its aspect ratio, then resized:
            images with a Lanczos filter, label maps by nearest neighbour.
        root: the folder that holds the data set; defaults to the environment variable
            ``SEMCOM_DATA``. ``street`` comes with the package and needs none.
        skip_bad: leave out samples that cannot be read (listed in ``Dataset.skipped``) instead of
            raising :class:`BadSample` when one is met.

    Raises:
        ValueError: unknown name or split, or more samples asked for than there are.
        FileNotFoundError: the data is not there; the message says where it was looked for.

    >>> first = load("street", count=1)[0]
    >>> first.image.shape, first.label_map.shape
    ((256, 512, 3), (256, 512))
    >>> load("imagenet")
    Traceback (most recent call last):
    ValueError: there is no data set 'imagenet'; there are street, camvid, cityscapes, stl10, folder
    """
    if name not in DATASETS:
        raise ValueError(f"there is no data set {name!r}; there are {', '.join(DATASETS)}")
    return DATASETS[name](split, size=size, root=root, count=count, skip_bad=skip_bad)
