"""Any folder of pictures, with label maps if there are any.

Pictures are looked for in ``images/<split>``, then ``images``, then the folder itself; label maps
``<same stem>.png`` in ``labels/<split>`` or ``labels`` beside. ``classes.json`` says what their ids
mean: ``{"classes": "camvid"}``, ``{"classes": "cityscapes"}`` (train ids) or classes of one's own,
``{"classes": [{"id": 0, "name": "sky", "ignore": false}, ...]}``. Ids alone do not tell: the few
that a folder happens to hold may be those of any set.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from semcom.data.classes import (
    CAMVID_CLASSES,
    CAMVID_PALETTE,
    CAMVID_VOID,
    CITYSCAPES_CLASSES,
    CITYSCAPES_PALETTE,
    CITYSCAPES_VOID,
)
from semcom.data.files import images_in, paired, reader
from semcom.data.sample import Dataset

__all__ = ["load_folder"]

#: classes that need not be spelt out: names, void id and colours
_KNOWN = {
    "camvid": (CAMVID_CLASSES, CAMVID_VOID, CAMVID_PALETTE),
    "cityscapes": (CITYSCAPES_CLASSES, CITYSCAPES_VOID, CITYSCAPES_PALETTE),
}


def load_folder(
    split: str,
    *,
    size: tuple[int, int],
    root: str | os.PathLike[str] | None,
    count: int | None,
    skip_bad: bool,
) -> Dataset:
    """See :func:`semcom.data.load`; ``root`` is the folder itself and must be given."""
    if root is None:
        raise ValueError("the data set folder needs a root: the folder that holds the pictures")
    base = Path(root)
    if not base.is_dir():
        raise FileNotFoundError(f"the data set folder was not found: there is no folder {base}")
    images = next(
        path for path in (base / "images" / split, base / "images", base) if path.is_dir()
    )
    labels = base / "labels" / split if images.name == split else base / "labels"
    if labels.is_dir():
        entries = paired("folder", images, labels)
        classes, void_id, palette = _classes(base / "classes.json")
    else:
        entries = {stem: reader(path, None) for stem, path in images_in(images, "folder").items()}
        classes, void_id, palette = (), None, CAMVID_PALETTE
    return Dataset(
        "folder",
        split,
        entries,
        size=size,
        classes=classes,
        void_id=void_id,
        palette=palette,
        count=count,
        skip_bad=skip_bad,
    )


def _classes(path: Path) -> tuple[tuple[str, ...], int | None, np.ndarray]:
    """Names, void id, [K, 3] uint8 colours of ``classes.json``."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path.parent} holds label maps but no {path.name}, which says what their ids mean: "
            'write {"classes": "camvid"}, {"classes": "cityscapes"} or classes of your own there'
        )
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["classes"]
        if isinstance(rows, str):
            return _KNOWN[rows]
        named = sorted((int(r["id"]), str(r["name"])) for r in rows if not r.get("ignore", False))
        ignored = [int(r["id"]) for r in rows if r.get("ignore", False)]
        palette = np.zeros((256, 3), dtype=np.uint8)
        for row in rows:
            palette[int(row["id"])] = row.get("rgb", (int(row["id"]) * 5 % 256,) * 3)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise ValueError(
            f'{path} must hold {{"classes": "camvid"}}, {{"classes": "cityscapes"}} or '
            f'{{"classes": [{{"id": 0, "name": "sky", "rgb": [r, g, b], "ignore": false}}, ...]}}: '
            f"{error!r}"
        ) from error
    if [i for i, _ in named] != list(range(len(named))) or len(ignored) > 1:
        raise ValueError(f"{path} must number its classes 0, 1, 2, ... and ignore one id at most")
    return tuple(name for _, name in named), (ignored[0] if ignored else None), palette
