"""Finding data sets on disk: where to look, and what to say when nothing is there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from semcom.data.sample import BadSample, Reader

__all__ = ["IMAGE_SUFFIXES", "images_in", "locate", "paired", "read_image", "reader"]

IMAGE_SUFFIXES = (".png", ".webp", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def locate(
    name: str,
    root: str | os.PathLike[str] | None,
    folders: Sequence[str],
    markers: Sequence[str],
    published: str,
) -> Path:
    """First of ``root``'s ``folders`` (or ``root`` itself) that holds one of the ``markers``.

    ``root`` defaults to the environment variable ``SEMCOM_DATA``. Raises ``FileNotFoundError``
    saying where it looked, what it needs and where the set is ``published``.
    """
    base = root if root is not None else os.environ.get("SEMCOM_DATA")
    needs = f"it needs {' or '.join(markers)}"
    if not base:
        raise FileNotFoundError(
            f"the data set {name} is looked for in the folder that SEMCOM_DATA names or that is "
            f"given as root, and neither is set; {needs}; published at {published}"
        )
    candidates = [Path(base) / folder for folder in folders] + [Path(base)]
    for candidate in candidates:
        if any((candidate / marker).exists() for marker in markers):
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise FileNotFoundError(
        f"the data set {name} was not found: looked in {looked}; {needs}; published at {published}"
    )


def images_in(folder: Path, name: str) -> dict[str, Path]:
    """Pictures right inside ``folder`` by their stems; ``FileNotFoundError`` if there are none."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            if path.stem in found:
                raise ValueError(
                    f"the data set {name} holds both {found[path.stem].name} and {path.name} in "
                    f"{folder}: a sample is named by the stem of its file, keep one of them"
                )
            found[path.stem] = path
    if not found:
        raise FileNotFoundError(
            f"the data set {name} has no picture in {folder}: "
            f"it needs files ending in {', '.join(IMAGE_SUFFIXES)} there"
        )
    return found


def paired(name: str, images: Path, labels: Path) -> dict[str, Reader]:
    """Samples of a folder of pictures and a folder of label maps ``<same stem>.png``.

    Every picture needs its label map: ``FileNotFoundError`` names the first that has none.
    """
    entries = {}
    for stem, image in images_in(images, name).items():
        label_map = labels / f"{stem}.png"
        if not label_map.exists():
            raise FileNotFoundError(
                f"the data set {name} lacks the label map {label_map} of the picture {image}"
            )
        entries[stem] = reader(image, label_map)
    return entries


def reader(image: Path, label_map: Path | None) -> Reader:
    """A function that reads the two files of a sample."""

    def read() -> tuple[Image.Image, Image.Image | None]:
        return read_image(image), None if label_map is None else read_image(label_map)

    return read


def read_image(path: Path) -> Image.Image:
    """Decode a picture fully; :class:`BadSample` names the file if that fails."""
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadSample(f"the picture {path} cannot be read: {error}") from error
