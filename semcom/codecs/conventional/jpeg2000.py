"""JPEG 2000 (ISO/IEC 15444-1) by OpenJPEG: a bare codestream without comments."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, features

from semcom.codecs.conventional.picture_codec import PictureCodec, require_size

__all__ = ["Jpeg2000"]

_COMMENT, _START_OF_TILE = 0xFF64, 0xFF90


class Jpeg2000(PictureCodec):
    """Irreversible 9/7 wavelet, colour transform, one tile, one layer.

    OpenJPEG cuts its stream anywhere, so JPEG 2000 has no lowest setting of its own. The ladder
    starts at 2000:1: there the headers are more than half of the bytes (CamVid at 256x512:
    0.011 bits per pixel, 20 dB), and one step further only they remain.

    >>> codec = Jpeg2000(Jpeg2000.Settings(bits_per_pixel=1.0), size=(48, 64))
    >>> packet, = codec.encode(np.zeros((48, 64, 3), np.uint8))
    >>> codec.decode([packet.payload]).image.shape
    (48, 64, 3)
    """

    name = "jpeg2000"
    format = "jpeg2000"
    #: compression ratios, 2000:1 to 2:1 in 256 even steps of their logarithm
    ladder = tuple(float(ratio) for ratio in np.geomspace(2000, 2, 256))

    def library(self) -> str:
        return f"OpenJPEG {features.version('jpg_2000')}"

    def compress(self, image: np.ndarray, setting: float) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(image).save(
            stream,
            "JPEG2000",
            no_jp2=True,
            irreversible=True,
            mct=1,
            quality_mode="rates",
            quality_layers=[setting],
        )
        return _without_comments(stream.getvalue())

    def decompress(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        _check_siz(data, size)
        with Image.open(io.BytesIO(data), formats=["JPEG2000"]) as image:
            require_size((image.height, image.width), size)
            if image.mode != "RGB":
                raise ValueError(f"the codestream holds {image.mode} samples and not RGB")
            return np.asarray(image)


def _without_comments(codestream: bytes) -> bytes:
    """Drop COM segments of the main header, which say who wrote the stream (clause A.9.2)."""
    kept, position = [codestream[:2]], 2
    while True:
        marker, length = struct.unpack_from(">HH", codestream, position)
        if marker == _START_OF_TILE:
            return b"".join([*kept, codestream[position:]])
        if marker != _COMMENT:
            kept.append(codestream[position : position + 2 + length])
        position += 2 + length


def _check_siz(codestream: bytes, size: tuple[int, int]) -> None:
    """Refuse another size, or other than one tile, before OpenJPEG allocates (clause A.5.1)."""
    marker, _, _, right, bottom, left, top, tile_width, tile_height, tile_x, tile_y, components = (
        struct.unpack_from(">IHHIIIIIIIIH", codestream)
    )
    if marker != 0xFF4FFF51:
        raise ValueError("it is not a JPEG 2000 codestream")
    require_size((bottom - top, right - left), size)
    one_tile = tile_width == right and tile_height == bottom
    if left or top or tile_x or tile_y or not one_tile or components != 3:
        raise ValueError("the codestream is not one tile of three components")
