"""The packet format of the transform codec, version 1: a header of six bytes, then one stream.

=======  ======================================================================================
byte 0   bits 7-4 version (1); bits 3-0 the scale at which the picture is coded, an index into
         :data:`semcom.codecs.conventional.header.SCALES`
byte 1   rate level, 0 to 255
byte 2   rows of 16 pixels of the full-size picture less one
byte 3   columns of 16 pixels less one
byte 4   pixels by which these exceed the picture: bits 7-4 below, bits 3-0 right of it
byte 5   first byte of the weights' digest: a packet of another network is refused
=======  ======================================================================================

The stream is range-coded: side information, then the latent (:class:`semcom.entropy.LatentModel`).
"""

from __future__ import annotations

from typing import NamedTuple

from semcom.codecs.conventional.header import SCALES, scaled_size
from semcom.codecs.saic.config import STRIDE

__all__ = ["HEADER_BYTES", "MAX_CELLS", "Header"]

VERSION = 1
HEADER_BYTES = 6
#: largest latent accepted from a foreign stream (cells), 4 megapixels of picture
MAX_CELLS = 16384


class Header(NamedTuple):
    """What a packet says: rate ``level``, picture ``size`` (H, W), ``network`` byte, ``scale``.

    >>> Header(40, (250, 512), 0x5E, scale=2).to_bytes().hex()
    '12280f1f605e'
    >>> Header.from_bytes(bytes.fromhex("12280f1f605e"))
    Header(level=40, size=(250, 512), network=94, scale=2)
    """

    level: int
    size: tuple[int, int]
    network: int
    scale: int = 0

    @property
    def coded_size(self) -> tuple[int, int]:
        """(H, W) of the picture that is coded."""
        return scaled_size(self.size, self.scale)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the latent."""
        return _cells(self.coded_size)

    def to_bytes(self) -> bytes:
        """Raises ValueError for a picture that the format cannot hold."""
        rows, columns = _cells(self.size)
        if max(rows, columns) > 256 or rows * columns > MAX_CELLS:
            raise ValueError(
                f"a picture of {self.size[0]} x {self.size[1]} pixels does not fit a packet: at "
                f"most 4096 a side and {MAX_CELLS * STRIDE**2} in all; use a smaller picture"
            )
        padding = (rows * STRIDE - self.size[0]) << 4 | (columns * STRIDE - self.size[1])
        first = VERSION << 4 | self.scale
        return bytes([first, self.level, rows - 1, columns - 1, padding, self.network])

    @classmethod
    def from_bytes(cls, payload: bytes) -> Header:
        """Read the header of ``payload``; raises ValueError where it cannot be one."""
        if len(payload) < HEADER_BYTES:
            raise ValueError(
                f"a packet of {len(payload)} bytes is too short to be one of the transform codec's"
            )
        first, level, rows, columns, padding, network = payload[:HEADER_BYTES]
        scale = first & 15
        if first >> 4 != VERSION or scale >= len(SCALES):
            raise ValueError(f"this is no packet of the transform codec, version {VERSION}")
        if (rows + 1) * (columns + 1) > MAX_CELLS:
            raise ValueError("the header of this packet is damaged: no picture is as large as this")
        size = (STRIDE * (rows + 1) - (padding >> 4), STRIDE * (columns + 1) - (padding & 15))
        return cls(level, size, network, scale)


def _cells(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // STRIDE), -(-size[1] // STRIDE)
