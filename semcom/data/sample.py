"""One labelled picture, and an ordered set of them that decodes a picture when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from PIL import Image, ImageOps

from semcom.data.classes import CAMVID_PALETTE

__all__ = ["BadSample", "Dataset", "Sample", "evenly_spaced", "fit"]


class BadSample(ValueError):
    """A picture or label map that cannot be used; the message names the file and the reason."""


@dataclass(frozen=True)
class Sample:
    """``image`` [H, W, 3] uint8 and, where the set has one, ``label_map`` [H, W] uint8."""

    name: str
    image: np.ndarray
    label_map: np.ndarray | None = None


#: reads the picture and the label map of one entry, in the size of the file
Reader = Callable[[], tuple[Image.Image, Image.Image | None]]


class Dataset(Sequence[Sample]):
    """Samples in the order of their names, each decoded on access and not kept.

    ``entries`` maps a sample's name to a function that reads it. ``classes`` holds the class names,
    a class id being a position in it; pixels of ``void_id`` count nowhere. ``size`` is (H, W).
    Without ``skip_bad`` a sample that cannot be read raises :class:`BadSample` on access; with it
    every sample is read once at the start, and the unreadable ones are left out and listed in
    ``skipped``.

    >>> grey = Image.new("RGB", (64, 64), (9, 9, 9))
    >>> one = Dataset("demo", "test", {"grey": lambda: (grey, None)}, size=(8, 16))
    >>> len(one), one[0].name, one[0].image.shape
    (1, 'grey', (8, 16, 3))
    """

    def __init__(
        self,
        name: str,
        split: str,
        entries: dict[str, Reader],
        *,
        size: tuple[int, int],
        classes: tuple[str, ...] = (),
        void_id: int | None = None,
        palette: np.ndarray = CAMVID_PALETTE,
        count: int | None = None,
        skip_bad: bool = False,
    ) -> None:
        if min(size) < 1:
            raise ValueError(f"the size of a picture is (height, width) in pixels, not {size}")
        self.name = name
        self.split = split
        self.size = size
        self.classes = classes
        self.void_id = void_id
        self.palette = palette
        names = sorted(entries)
        self._readers = {names[i]: entries[names[i]] for i in evenly_spaced(len(names), count)}
        self.skipped: dict[str, str] = {}
        if skip_bad:
            for sample_name in list(self._readers):
                try:
                    self._read(sample_name)
                except BadSample as reason:
                    self.skipped[sample_name] = str(reason)
                    del self._readers[sample_name]
            if not self._readers:
                raise ValueError(
                    f"{name}, split {split}: none of {len(self.skipped)} samples can be read"
                )
        self.names = tuple(self._readers)

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self._read(name) for name in self.names[index]]
        return self._read(self.names[index])

    def __repr__(self) -> str:
        height, width = self.size
        return f"<{self.name} {self.split}: {len(self)} samples of {height}x{width}>"

    def _read(self, name: str) -> Sample:
        try:
            image, labels = self._readers[name]()
            pixels = fit(image.convert("RGB"), self.size, Image.Resampling.LANCZOS)
        except BadSample:
            raise
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise BadSample(
                f"{self.name}, split {self.split}: {name} cannot be read: {error}"
            ) from error
        return Sample(
            name, pixels, None if labels is None else self._label_map(name, image, labels)
        )

    def _label_map(self, name: str, image: Image.Image, labels: Image.Image) -> np.ndarray:
        if labels.size != image.size:
            raise BadSample(
                f"{self.name}, split {self.split}: the label map of {name} has {labels.size[0]}x"
                f"{labels.size[1]} pixels, its image {image.size[0]}x{image.size[1]}"
            )
        label_map = fit(labels, self.size, Image.Resampling.NEAREST)
        known = label_map < len(self.classes)
        if self.void_id is not None:
            known |= label_map == self.void_id
        if label_map.ndim != 2 or not known.all():
            raise BadSample(
                f"{self.name}, split {self.split}: the label map of {name} must hold class ids "
                f"0 to {len(self.classes) - 1}"
                + ("" if self.void_id is None else f" or {self.void_id} (void)")
                + ", one byte a pixel"
            )
        return label_map


def fit(image: Image.Image, size: tuple[int, int], resampling: Image.Resampling) -> np.ndarray:
    """Centre-crop ``image`` to the aspect ratio of ``size`` (H, W) and resize it: uint8 array.

    >>> fit(Image.new("L", (480, 360)), (256, 512), Image.Resampling.NEAREST).shape
    (256, 512)
    """
    height, width = size
    if image.size == (width, height):
        return np.array(image)
    return np.array(ImageOps.fit(image, (width, height), method=resampling))


def evenly_spaced(total: int, count: int | None) -> list[int]:
    """``count`` positions spread over ``range(total)``; all of them for ``None``.

    >>> evenly_spaced(10, 3), evenly_spaced(2, None)
    ([0, 3, 6], [0, 1])
    """
    if count is None:
        return list(range(total))
    if not 1 <= count <= total:
        raise ValueError(f"{count} samples were asked for, 1 to {total} can be had")
    return [i * total // count for i in range(count)]
