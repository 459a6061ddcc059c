"""The five bytes in front of every conventional payload.

=====  ====================================================================
byte   meaning
=====  ====================================================================
0      high half: format number; low half: index into :data:`SCALES`
1-2    height of the picture in pixels, big endian
3-4    width of the picture in pixels, big endian
=====  ====================================================================
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import NamedTuple

__all__ = ["FORMATS", "HEADER_BYTES", "SCALES", "Header", "scaled_size"]

#: linear scales a picture can be coded at, full size first
SCALES = tuple(Fraction(n, 16) for n in (16, 12, 8, 6, 4, 3, 2, 1))

#: format numbers; part of the bit-stream, so never renumber
FORMATS = {
    "original": 0,
    "jpeg": 1,
    "jpeg2000": 2,
    "webp": 3,
    "bpg": 4,
    "hevc-intra": 5,
    "avif": 6,
    "jpegxl": 7,
}

_LAYOUT = struct.Struct(">BHH")
HEADER_BYTES = _LAYOUT.size


class Header(NamedTuple):
    """What a payload says of itself: ``format`` name, ``scale`` index, ``size`` (H, W).

    >>> Header("webp", 2, (256, 512)).to_bytes().hex()
    '3201000200'
    >>> Header.from_bytes(bytes.fromhex("3201000200"))
    Header(format='webp', scale=2, size=(256, 512))
    """

    format: str
    scale: int
    size: tuple[int, int]

    def to_bytes(self) -> bytes:
        return _LAYOUT.pack(FORMATS[self.format] << 4 | self.scale, *self.size)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Header:
        """Read the header of ``payload``; raises ``ValueError`` if it cannot be one."""
        if len(payload) < HEADER_BYTES:
            raise ValueError(
                f"the payload is {len(payload)} bytes long and its header alone takes "
                f"{HEADER_BYTES}: it is truncated"
            )
        first, height, width = _LAYOUT.unpack_from(payload)
        number, scale = first >> 4, first & 15
        names = {number: name for name, number in FORMATS.items()}
        if number not in names or scale >= len(SCALES) or not height or not width:
            raise ValueError(
                f"the payload starts with {payload[:HEADER_BYTES].hex()}, "
                "which is not the header of a conventional codec"
            )
        return cls(names[number], scale, (height, width))


def scaled_size(size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Size (H, W) at which a picture of ``size`` is coded at ``SCALES[scale]``, never below 1.

    >>> scaled_size((256, 511), 2)
    (128, 256)
    """
    height, width = (max(1, round(side * SCALES[scale])) for side in size)
    return height, width
