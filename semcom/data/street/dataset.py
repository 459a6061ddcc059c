"""The street pictures that come with the package, and sets rendered to disk."""

from __future__ import annotations

import os
from pathlib import Path

from semcom.data.classes import CAMVID_CLASSES, CAMVID_VOID
from semcom.data.files import locate, paired
from semcom.data.sample import Dataset

__all__ = ["SPLITS", "load_street"]

SPLITS = ("train", "val", "test", "drive")
EMBEDDED = Path(__file__).parent / "set"


def load_street(
    split: str,
    *,
    size: tuple[int, int],
    root: str | os.PathLike[str] | None,
    count: int | None,
    skip_bad: bool,
) -> Dataset:
    """See :func:`semcom.data.load`; without ``root`` the set that comes with the package."""
    if split not in SPLITS:
        raise ValueError(f"street has the splits {', '.join(SPLITS)}, not {split!r}")
    command = "semcom data drive" if split == "drive" else "semcom data street"
    if root is None and not (EMBEDDED / "images" / split).is_dir():
        raise ValueError(
            f"the street set in the package has no split {split!r}: render one with "
            f"`{command}` and give its folder as root"
        )
    base = locate(
        "street",
        EMBEDDED if root is None else root,
        ("street",),
        (f"images/{split}",),
        f"no place: `{command}` renders it",
    )
    return Dataset(
        "street",
        split,
        paired("street", base / "images" / split, base / "labels" / split),
        size=size,
        classes=CAMVID_CLASSES,
        void_id=CAMVID_VOID,
        count=count,
        skip_bad=skip_bad,
    )
