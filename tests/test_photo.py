"""`semcom encode` on pictures and label maps of every kind: converted, padded or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semcom.codecs.codec import Reconstruction
from semcom.photo import decode_photo, encode_photo

SIZE = (50, 90)  # no multiples of 16


def picture(shape: tuple[int, int] = SIZE) -> Image.Image:
    rows, columns = np.indices(shape)
    channels = (rows * 3, columns * 2, rows + columns)
    return Image.fromarray((np.stack(channels, 2) % 251).astype(np.uint8))


def labels(top: int = 10) -> np.ndarray:
    return (np.indices(SIZE)[0] * top // (SIZE[0] - 1)).astype(np.uint8)


def sent(
    folder: Path, image: Image.Image, ids: Image.Image, size: tuple[int, int] = SIZE
) -> Reconstruction:
    """What comes back of a photograph and its label map."""
    image.save(folder / "photo.png")
    ids.save(folder / "ids.png")
    settings = {"map_coding": "lossless"}
    encode_photo(
        folder / "photo.png", folder / "x.semcom", "sqgan", settings, size, folder / "ids.png"
    )
    return decode_photo(folder / "x.semcom")[1]


def test_a_size_of_no_whole_cells_is_padded_and_cut_again(tmp_path: Path) -> None:
    got = sent(tmp_path, picture(), Image.fromarray(labels()))
    assert got.image.shape == (*SIZE, 3)
    assert np.array_equal(got.label_map, labels())


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_grey_and_transparent_pictures_become_rgb(tmp_path: Path, mode: str) -> None:
    picture().convert(mode).save(tmp_path / "photo.png")
    picture().convert(mode).convert("RGB").save(tmp_path / "rgb.png")
    received = []
    for name in ("photo.png", "rgb.png"):
        encode_photo(tmp_path / name, tmp_path / "x", "jpeg", {"bits_per_pixel": 4}, SIZE)
        received.append(decode_photo(tmp_path / "x")[1].image)
    assert np.array_equal(*received)


def test_a_palette_of_class_colours_is_read_as_ids(tmp_path: Path) -> None:
    ids = Image.fromarray(labels()).convert("P")
    ids.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    assert np.array_equal(sent(tmp_path, picture(), ids).label_map, np.asarray(ids))


@pytest.mark.parametrize(
    ("image", "ids", "message"),
    [
        (picture((8, 90)), Image.fromarray(labels()), "8x90 pixels are too few"),
        (Image.fromarray(np.zeros(SIZE, np.uint16)), Image.fromarray(labels()), "8-bit RGB"),
        (picture(), Image.fromarray(labels()[:40]), "as large as its photograph"),
        (picture(), picture(), "one byte of class id a pixel"),
        (picture(), Image.fromarray(np.zeros(SIZE, np.uint16)), "one byte of class id a pixel"),
        (picture(), Image.fromarray(labels(18)), r"class id 12, but this network knows .* 0 to 10"),
    ],
)
def test_what_would_be_silently_wrong_is_refused(
    tmp_path: Path, image: Image.Image, ids: Image.Image, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sent(tmp_path, image, ids)
    assert not (tmp_path / "x.semcom").exists()


def test_a_size_below_one_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="16 x 16 is the least"):
        sent(tmp_path, picture(), Image.fromarray(labels()), (8, 90))
