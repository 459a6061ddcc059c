"""The packet format of the transform codec, version 1: a header of six bytes, then one stream.

=======  ======================================================================================
byte 0   version, 1
byte 1   rate level, 0 to 255
byte 2   rows of the latent less one
byte 3   columns of the latent less one
byte 4   bits 7-4 rows, bits 3-0 columns of padding below and right of the picture, in pixels
byte 5   first byte of the weights' digest: a packet of another network is refused
=======  ======================================================================================

The stream is range-coded: side information, then the latent (:class:`semcom.entropy.LatentModel`).
"""

from __future__ import annotations

from typing import NamedTuple

from semcom.codecs.saic.config import STRIDE

__all__ = ["HEADER_BYTES", "MAX_CELLS", "Header"]

VERSION = 1
HEADER_BYTES = 6
#: largest latent accepted from a foreign stream (cells), 4 megapixels of picture
MAX_CELLS = 16384


class Header(NamedTuple):
    """What a packet says of itself: rate ``level``, picture ``size`` (H, W), ``network`` byte.

    >>> Header(40, (250, 512), 0x5E).to_bytes().hex()
    '01280f1f605e'
    >>> Header.from_bytes(bytes.fromhex("01280f1f605e"))
    Header(level=40, size=(250, 512), network=94)
    """

    level: int
    size: tuple[int, int]
    network: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the latent."""
        return -(-self.size[0] // STRIDE), -(-self.size[1] // STRIDE)

    def to_bytes(self) -> bytes:
        """Raises ValueError for a picture that the format cannot hold."""
        rows, columns = self.shape
        if max(rows, columns) > 256 or rows * columns > MAX_CELLS:
            raise ValueError(
                f"a picture of {self.size[0]} x {self.size[1]} pixels does not fit a packet: at "
                f"most 4096 a side and {MAX_CELLS * STRIDE**2} in all; use a smaller picture"
            )
        below, right = (n * STRIDE - side for n, side in zip(self.shape, self.size, strict=True))
        first = (VERSION, self.level, rows - 1, columns - 1, below << 4 | right, self.network)
        return bytes(first)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Header:
        """Read the header of ``payload``; raises ValueError where it cannot be one."""
        if len(payload) < HEADER_BYTES:
            raise ValueError(
                f"a packet of {len(payload)} bytes is too short to be one of the transform codec's"
            )
        version, level, rows, columns, padding, network = payload[:HEADER_BYTES]
        if version != VERSION:
            raise ValueError(f"this is no packet of the transform codec, version {VERSION}")
        if (rows + 1) * (columns + 1) > MAX_CELLS:
            raise ValueError("the header of this packet is damaged: no picture is as large as this")
        size = (STRIDE * (rows + 1) - (padding >> 4), STRIDE * (columns + 1) - (padding & 15))
        return cls(level, size, network)
