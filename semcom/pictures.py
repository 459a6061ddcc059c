"""Received pictures on disk as PNG, each under the digest of its content."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from semcom.codecs.codec import Reconstruction
from semcom.files import write_atomically
from semcom.identity import array_digest, digest

__all__ = ["PictureStore"]


class PictureStore:
    """``folder`` of received pictures, their label maps and masks, as a picture each.

    >>> import tempfile
    >>> store = PictureStore(Path(tempfile.mkdtemp()))
    >>> name = store.put(Reconstruction(np.zeros((4, 8, 3), np.uint8)))
    >>> store.get(name).image.shape
    (4, 8, 3)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, received: Reconstruction) -> str:
        """Keep a received picture; returns its name."""
        name = array_digest(received.image, received.label_map)
        self._write(name, received.image)
        if received.label_map is not None:
            self._write(f"{name}.map", received.label_map)
        mask = received.extras.get("kept_mask")
        if mask is not None:
            self._write(f"{name}.kept", np.asarray(mask).astype(np.uint8) * 255)
        return name

    def has(self, name: str) -> bool:
        return (self.folder / f"{name}.png").is_file()

    def get(self, name: str) -> Reconstruction:
        """A kept picture; raises FileNotFoundError if it is not there, ValueError if damaged."""
        image = self._read(name)
        if image is None:
            raise FileNotFoundError(
                f"{self.folder / name}.png: a received picture is missing; run into a new folder"
            )
        mask = self._read(f"{name}.kept")
        extras = {} if mask is None else {"kept_mask": mask > 0}
        return Reconstruction(image, self._read(f"{name}.map"), extras)

    def put_sample(self, sample: str, image: np.ndarray, label_map: np.ndarray | None) -> None:
        """Keep what was sent, under its digest."""
        self._write(f"sample-{sample}", image)
        if label_map is not None:
            self._write(f"sample-{sample}.map", label_map)

    def sample(self, sample: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Image and label map kept by :meth:`put_sample`, None where there is none.

        Raises ValueError if one of them is damaged.
        """
        return self._read(f"sample-{sample}"), self._read(f"sample-{sample}.map")

    def put_prediction(self, name: str, scorer: str, label_map: np.ndarray) -> None:
        """Keep what the scoring segmenter saw in the picture ``name``."""
        self._write(f"{name}.seen-{digest(scorer)[:8]}", label_map)

    def prediction(self, name: str, scorer: str) -> np.ndarray | None:
        """What the scoring segmenter saw, [H, W] uint8, or None if it was not kept."""
        return self._read(f"{name}.seen-{digest(scorer)[:8]}")

    def _write(self, name: str, pixels: np.ndarray) -> None:
        path = self.folder / f"{name}.png"
        if not path.exists():
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)
            write_atomically(path, buffer.getvalue())

    def _read(self, name: str) -> np.ndarray | None:
        path = self.folder / f"{name}.png"
        if not path.is_file():
            return None
        try:
            with Image.open(path) as image:
                return np.array(image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(
                f"{path}: a damaged picture; remove it, or run into a new folder"
            ) from error
