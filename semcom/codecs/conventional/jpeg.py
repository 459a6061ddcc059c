"""Baseline JPEG (ISO/IEC 10918-1) by libjpeg-turbo, application segments removed."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, features

from semcom.codecs.conventional.picture_codec import PictureCodec, require_size

__all__ = ["Jpeg"]

_SOI = b"\xff\xd8"
_APP0 = 0xE0


class Jpeg(PictureCodec):
    """JPEG quality 1..95, 4:2:0, Huffman tables made for the picture.

    >>> codec = Jpeg(Jpeg.Settings(bits_per_pixel=1.0), size=(48, 64))
    >>> packet, = codec.encode(np.zeros((48, 64, 3), np.uint8))
    >>> codec.decode([packet.payload]).image.shape
    (48, 64, 3)
    """

    name = "jpeg"
    format = "jpeg"
    ladder = range(1, 96)

    def library(self) -> str:
        return f"libjpeg-turbo {features.version('libjpeg_turbo')}"

    def compress(self, image: np.ndarray, setting: float) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(image).save(
            stream, "JPEG", quality=int(setting), optimize=True, subsampling="4:2:0"
        )
        return _without_app0(stream.getvalue())

    def decompress(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            require_size((image.height, image.width), size)
            # many cheap scans over one picture would take for ever
            if image.mode != "RGB" or image.info.get("progressive"):
                raise ValueError("the stream is not a baseline colour JPEG")
            return np.asarray(image)


def _without_app0(data: bytes) -> bytes:
    """Drop the JFIF segment: three components without it mean YCbCr just the same."""
    if data[2:4] != bytes([0xFF, _APP0]):
        return data
    length = int.from_bytes(data[4:6], "big")
    return _SOI + data[4 + length :]
