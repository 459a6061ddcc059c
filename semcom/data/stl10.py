"""STL-10 from its binary files: Coates, Ng, Lee, AISTATS 2011. 96x96 photographs, no label maps.

A file holds its images one after another, each as three colour planes in column-major order.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from semcom.data.files import locate
from semcom.data.sample import Dataset, Reader

__all__ = ["load_stl10"]

#: file of each split; ``unlabeled`` are the 100 000 pictures for unsupervised training
FILES = {"train": "train_X.bin", "test": "test_X.bin", "unlabeled": "unlabeled_X.bin"}
PUBLISHED = "https://cs.stanford.edu/~acoates/stl10/"
SIDE = 96
BYTES = 3 * SIDE * SIDE


def load_stl10(
    split: str,
    *,
    size: tuple[int, int],
    root: str | os.PathLike[str] | None,
    count: int | None,
    skip_bad: bool,
) -> Dataset:
    """See :func:`semcom.data.load`."""
    if split not in FILES:
        raise ValueError(f"stl10 has the splits {', '.join(FILES)}, not {split!r}")
    path = (
        locate("stl10", root, ("stl10", "stl10_binary"), (FILES[split],), PUBLISHED) / FILES[split]
    )
    total, rest = divmod(path.stat().st_size, BYTES)
    if rest or not total:
        raise ValueError(
            f"{path} holds {path.stat().st_size} bytes, not a multiple of {BYTES} (one picture): "
            f"it is cut short, get it again from {PUBLISHED}"
        )
    entries = {f"{split}_{index:06d}": _reader(path, index) for index in range(total)}
    return Dataset("stl10", split, entries, size=size, count=count, skip_bad=skip_bad)


def _reader(path: Path, index: int) -> Reader:
    def read() -> tuple[Image.Image, Image.Image | None]:
        planes = np.fromfile(path, dtype=np.uint8, count=BYTES, offset=index * BYTES)
        return Image.fromarray(planes.reshape(3, SIDE, SIDE).transpose(2, 1, 0).copy()), None

    return read
