"""Lossy WebP (RFC 9649, RFC 6386) by libwebp: the VP8 key frame without its RIFF box."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, features

from semcom.codecs.conventional.picture_codec import PictureCodec, require_size

__all__ = ["WebP"]

_BOX = struct.Struct("<4sI4s4sI")
_START_CODE = b"\x9d\x01\x2a"


class WebP(PictureCodec):
    """WebP quality 0..100 at the slowest, densest method.

    >>> codec = WebP(WebP.Settings(bits_per_pixel=1.0), size=(48, 64))
    >>> packet, = codec.encode(np.zeros((48, 64, 3), np.uint8))
    >>> codec.decode([packet.payload]).image.shape
    (48, 64, 3)
    """

    name = "webp"
    format = "webp"
    ladder = range(0, 101)

    def library(self) -> str:
        return f"libwebp {features.version('webp')}"

    def compress(self, image: np.ndarray, setting: float) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "WEBP", quality=int(setting), method=6)
        data = stream.getvalue()
        _, _, _, chunk, length = _BOX.unpack_from(data)
        if chunk != b"VP8 ":
            raise ValueError(f"libwebp wrote a {chunk!r} chunk where a lossy frame was asked for")
        return data[_BOX.size : _BOX.size + length]

    def decompress(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        # RFC 6386, clause 9.1: the frame tag, the start code, 14 bits of width, 14 of height
        if len(data) < 10 or data[3:6] != _START_CODE:
            raise ValueError("it is not a VP8 key frame")
        width, height = struct.unpack_from("<HH", data, 6)
        require_size((height & 0x3FFF, width & 0x3FFF), size)
        padding = b"\0" * (len(data) % 2)
        box = _BOX.pack(b"RIFF", 12 + len(data) + len(padding), b"WEBP", b"VP8 ", len(data))
        with Image.open(io.BytesIO(box + data + padding), formats=["WEBP"]) as image:
            require_size((image.height, image.width), size)
            return np.asarray(image.convert("RGB"))
