"""Features of pictures on disk, each picture's computed once and found by its content."""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path

import numpy as np

from semcom.files import write_atomically

__all__ = ["FeatureStore"]

_REMEMBERED = 64


class FeatureStore:
    """Arrays [vectors, channels] float16 under the digest of the picture they belong to.

    With a ``folder`` they are files ``DIGEST.npy`` there (any number of processes may share it);
    without one they live in memory as long as the store does.

    >>> store = FeatureStore(None)
    >>> store.put("00ff", np.ones((2, 3)))
    >>> store.get("00ff").dtype, "00fe" in store
    (dtype('float16'), False)
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._memory: OrderedDict[str, np.ndarray] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._memory or (self.folder is not None and self._path(digest).is_file())

    def put(self, digest: str, features: np.ndarray) -> None:
        """Keep ``features`` [vectors, channels] in half precision."""
        half = np.ascontiguousarray(features, np.float16)
        if self.folder is not None:
            content = io.BytesIO()
            np.save(content, half, allow_pickle=False)
            write_atomically(self._path(digest), content.getvalue())
        self._remember(digest, half)

    def get(self, digest: str) -> np.ndarray:
        """The features [vectors, channels] float16 of a picture.

        :raises FileNotFoundError: if they were never measured here
        :raises ValueError: if the file is damaged
        """
        if digest not in self._memory:
            if self.folder is None or not self._path(digest).is_file():
                raise FileNotFoundError(
                    f"the features of picture {digest} are not in {self.folder or 'memory'}: "
                    "measure the picture again"
                )
            try:
                features = np.load(self._path(digest), allow_pickle=False)
            except (ValueError, EOFError, OSError) as error:
                raise ValueError(
                    f"{self._path(digest)} is damaged ({error}): delete it and measure again"
                ) from error
            if features.ndim != 2 or features.dtype != np.float16:
                raise ValueError(
                    f"{self._path(digest)} holds no features: delete it and measure again"
                )
            self._remember(digest, features)
        return self._memory[digest]

    def _remember(self, digest: str, features: np.ndarray) -> None:
        self._memory[digest] = features
        if self.folder is not None and len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)

    def _path(self, digest: str) -> Path:
        assert self.folder is not None
        if not digest.isalnum():
            raise ValueError(f"{digest!r} is not the digest of a picture")
        return self.folder / f"{digest}.npy"
