"""The packet formats of the layered codec, version 1: one of the base, one of the enhancement.

The base packet, a header of eight bytes and two range-coded streams:

=======  ======================================================================================
byte 0   bits 7-4 version (1); bits 3-0 zero, the base
byte 1   rate level of the features, 0 to 255
byte 2   rows of 16 pixels of the picture less one
byte 3   columns of 16 pixels less one
byte 4   pixels by which these exceed the picture: bits 7-4 below, bits 3-0 right of it
byte 5   first byte of the weights' digest: a packet of another network is refused
byte 6,  bits 15-14: label cells of 16, 8, 4 or 2 pixels a side; bits 13-0: 32-bit words of the
byte 7   label stream (big endian)
=======  ======================================================================================

Labels, one a cell (:class:`semcom.entropy.LabelMapModel`), come first, then features
(:class:`semcom.entropy.LatentModel`). The enhancement packet, a header of four bytes, levels of
the classes if they have any (:mod:`semcom.codecs.layered.concepts`), and the residual's stream:

=======  ======================================================================================
byte 0   bits 7-4 version (1); bits 3-0 one, an enhancement, or three, one with levels of classes
byte 1   rate level of the residual
byte 2,  last two bytes of the base packet's CRC-32 (big endian): it refines that picture and
byte 3   no other
=======  ======================================================================================
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np

from semcom.codecs.layered.config import STRIDE
from semcom.entropy import LabelMapModel, RangeReader, RangeWriter

__all__ = [
    "BASE_BYTES",
    "CELLS",
    "ENHANCEMENT_BYTES",
    "MAX_CELLS",
    "BaseHeader",
    "EnhancementHeader",
    "read_labels",
    "write_labels",
]

VERSION = 1
#: byte 0 of an enhancement, and the bit in it that says that classes have levels
_ENHANCEMENT, _CONCEPTS = VERSION << 4 | 1, 2
BASE_BYTES, ENHANCEMENT_BYTES = 8, 4
#: largest latent accepted from a foreign stream (cells), 4 megapixels of picture
MAX_CELLS = 16384
#: sides of label cells in pixels
CELLS = (16, 8, 4, 2)


class BaseHeader(NamedTuple):
    """``level``, picture ``size`` (H, W), ``network`` byte, ``cell`` and ``label_bytes``.

    >>> BaseHeader(40, (250, 512), 0x5E, 8, 108).to_bytes().hex()
    '10280f1f605e401b'
    >>> BaseHeader.from_bytes(bytes.fromhex("10280f1f605e401b") + bytes(108))
    BaseHeader(level=40, size=(250, 512), network=94, cell=8, label_bytes=108)
    """

    level: int
    size: tuple[int, int]
    network: int
    cell: int
    label_bytes: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the latents."""
        return -(-self.size[0] // STRIDE), -(-self.size[1] // STRIDE)

    @property
    def label_shape(self) -> tuple[int, int]:
        """Rows and columns of label cells."""
        rows, columns = self.shape
        return rows * STRIDE // self.cell, columns * STRIDE // self.cell

    def to_bytes(self) -> bytes:
        """Raises ValueError for a picture that the format cannot hold."""
        rows, columns = self.shape
        words = self.label_bytes // 4
        if max(rows, columns) > 256 or rows * columns > MAX_CELLS or words >= 1 << 14:
            raise ValueError(
                f"a picture of {self.size[0]} x {self.size[1]} pixels does not fit a packet: at "
                f"most 4096 a side and {MAX_CELLS * STRIDE**2} in all; use a smaller picture"
            )
        padding = (rows * STRIDE - self.size[0]) << 4 | (columns * STRIDE - self.size[1])
        head = (VERSION << 4, self.level, rows - 1, columns - 1, padding, self.network)
        return bytes(head) + (CELLS.index(self.cell) << 14 | words).to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, payload: bytes) -> BaseHeader:
        """Read the header of ``payload``; raises ValueError where it cannot be one."""
        if len(payload) < BASE_BYTES or payload[0] != VERSION << 4:
            raise ValueError(f"this is no base packet of the layered codec, version {VERSION}")
        level, rows, columns, padding, network = payload[1:6]
        labels = int.from_bytes(payload[6:8], "big")
        found = cls(
            level,
            (STRIDE * (rows + 1) - (padding >> 4), STRIDE * (columns + 1) - (padding & 15)),
            network,
            CELLS[labels >> 14],
            4 * (labels & 0x3FFF),
        )
        if (rows + 1) * (columns + 1) > MAX_CELLS or found.label_bytes > len(payload) - BASE_BYTES:
            raise ValueError("the header of this base packet is damaged, or it is cut short")
        return found


class EnhancementHeader(NamedTuple):
    """``level`` of the residual and ``check`` of the base packet that it refines.

    ``concepts`` says whether levels of classes follow.

    >>> EnhancementHeader.over(b"base", 7).to_bytes().hex()
    '1107fe61'
    """

    level: int
    check: int
    concepts: bool = False

    @classmethod
    def over(cls, base: bytes, level: int, concepts: bool = False) -> EnhancementHeader:
        """The header of an enhancement of the picture in the packet ``base``."""
        return cls(level, zlib.crc32(base) & 0xFFFF, concepts)

    def to_bytes(self) -> bytes:
        first = _ENHANCEMENT | (_CONCEPTS if self.concepts else 0)
        return bytes([first, self.level]) + self.check.to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, payload: bytes) -> EnhancementHeader:
        """Read the header of ``payload``; raises ValueError where it cannot be one."""
        if len(payload) < ENHANCEMENT_BYTES or payload[0] & ~_CONCEPTS != _ENHANCEMENT:
            raise ValueError(
                f"this is no enhancement packet of the layered codec, version {VERSION}"
            )
        return cls(payload[1], int.from_bytes(payload[2:4], "big"), bool(payload[0] & _CONCEPTS))


def write_labels(labels: np.ndarray, classes: int) -> tuple[bytes, float]:
    """Stream of ``labels`` [h, w] uint8, ``classes`` of them being void, and its information."""
    writer = RangeWriter()
    LabelMapModel(classes + 1).write(writer, labels)
    return writer.getvalue(), writer.information


def read_labels(data: bytes, shape: tuple[int, int], classes: int) -> np.ndarray:
    """Inverse of :func:`write_labels`; ValueError where ``data`` is not exactly what it makes."""
    labels = LabelMapModel(classes + 1).read(RangeReader(data), shape)
    if write_labels(labels, classes)[0] != data:
        raise ValueError("the label map of this base packet is cut short or damaged")
    return labels
