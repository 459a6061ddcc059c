"""JPEG XL (ISO/IEC 18181-1) by libjxl: the bare codestream."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from semcom.codecs.conventional.picture_codec import PictureCodec, require_size

__all__ = ["JpegXl", "codestream_size"]

#: width : height of clause D.2, by its 3-bit code; 0 means that the width is written out
_RATIOS = {
    1: Fraction(1),
    2: Fraction(12, 10),
    3: Fraction(4, 3),
    4: Fraction(3, 2),
    5: Fraction(16, 9),
    6: Fraction(5, 4),
    7: Fraction(2),
}


class JpegXl(PictureCodec):
    """Butteraugli distance 25 (the largest libjxl takes) down to 0.1.

    >>> codec = JpegXl(JpegXl.Settings(bits_per_pixel=1.0), size=(48, 64))
    >>> packet, = codec.encode(np.zeros((48, 64, 3), np.uint8))
    >>> codec.decode([packet.payload]).image.shape
    (48, 64, 3)
    """

    name = "jpegxl"
    format = "jpegxl"
    ladder = tuple(float(distance) for distance in np.geomspace(25, 0.1, 128))

    def library(self) -> str:
        import imagecodecs

        return imagecodecs.jpegxl_version()

    def compress(self, image: np.ndarray, setting: float) -> bytes:
        import imagecodecs

        return bytes(
            imagecodecs.jpegxl_encode(
                image, distance=setting, effort=7, usecontainer=False, numthreads=1
            )
        )

    def decompress(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        import imagecodecs

        require_size(codestream_size(data), size)
        image = np.asarray(imagecodecs.jpegxl_decode(data, numthreads=1))
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError("the codestream is not one 8-bit RGB picture")
        return image


def codestream_size(data: bytes) -> tuple[int, int]:
    """(H, W) of a bare JPEG XL codestream, read from its SizeHeader (clause D.2).

    :raises ValueError: if ``data`` does not start as a codestream does

    >>> codestream_size(bytes.fromhex("ff0aff070c86808103007800"))
    (256, 512)
    """
    if data[:2] != b"\xff\x0a" or len(data) < 12:
        raise ValueError("it is not a JPEG XL codestream")
    bits = int.from_bytes(data[2:12], "little")

    def read(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def side() -> int:
        return 8 * (read(5) + 1) if small else 1 + read((9, 13, 18, 30)[read(2)])

    small = bool(read(1))
    height = side()
    ratio = read(3)
    width = int(height * _RATIOS[ratio]) if ratio else side()
    return height, width
