"""AVIF as AV1 still-picture data without its boxes (AV1 bit-stream specification, clause 5.5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from semcom.codecs.conventional.picture_codec import PictureCodec, require_size
from semcom.codecs.conventional.ycbcr import from_planes, planes_of_frame

__all__ = ["Avif"]

_TEMPORAL_DELIMITER = b"\x12\x00"


class Avif(PictureCodec):
    """libavif with the aom encoder, quality 0..99, 4:2:0.

    The boxes of an AVIF file repeat what the AV1 sequence header says; at the lowest quality they
    would be a quarter of the file. Only the AV1 data are sent, dav1d decodes them.

    >>> codec = Avif(Avif.Settings(bits_per_pixel=1.0), size=(48, 64))
    >>> packet, = codec.encode(np.zeros((48, 64, 3), np.uint8))
    >>> codec.decode([packet.payload]).image.shape
    (48, 64, 3)
    """

    name = "avif"
    format = "avif"
    ladder = range(0, 100)

    def library(self) -> str:
        import imagecodecs

        return imagecodecs.avif_version()

    def compress(self, image: np.ndarray, setting: float) -> bytes:
        import imagecodecs

        data = imagecodecs.avif_encode(
            image, level=int(setting), speed=6, pixelformat="420", numthreads=1
        )
        return _media_data(bytes(data)).removeprefix(_TEMPORAL_DELIMITER)

    def decompress(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        import av

        decoder: Any = av.CodecContext.create("libdav1d", "r")
        decoder.thread_count = 1
        decoder.options = {"framesizelimit": str(size[0] * size[1])}
        packet = av.Packet(_TEMPORAL_DELIMITER + data)
        frames = [*decoder.decode(packet), *decoder.decode(None)]
        if len(frames) != 1:
            raise ValueError(f"the stream holds {len(frames)} pictures where 1 was expected")
        require_size((frames[0].height, frames[0].width), size)
        return from_planes(planes_of_frame(frames[0]))


def _media_data(file: bytes) -> bytes:
    """The contents of the ``mdat`` box of a one-picture AVIF file (ISO/IEC 14496-12)."""
    position = 0
    while position + 8 <= len(file):
        length = int.from_bytes(file[position : position + 4], "big")
        if file[position + 4 : position + 8] == b"mdat":
            return file[position + 8 : position + length]
        position += max(length, 8)
    raise ValueError("libavif wrote a file without media data")
