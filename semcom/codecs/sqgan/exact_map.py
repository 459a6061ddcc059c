"""The packet format of a label map coded without loss: a header of seven bytes, then the pixels.

=======  ====================================================================================
byte 0   bits 7-4 version (2); bit 3 one, a label map; bits 2-0 zero
byte 1   bits 7-4 number of this packet, bits 3-0 packets of this map less one
byte 2   rows of the grid less one
byte 3   columns of the grid less one
byte 4   bits 7-4 rows, bits 3-0 columns of padding below and right of the picture, in pixels
byte 5   first byte of the weights' digest: a packet of another network is refused
byte 6   last byte of the CRC-32 of this packet's labels, one byte each
=======  ====================================================================================

Bytes 0 to 5 are laid out as in :mod:`semcom.codecs.sqgan.bitstream`, of another version. A packet
holds a band of whole rows of the grid, range-coded under an adaptive model that it starts anew: it
decodes alone. Labels are class ids; their number stands for void.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from semcom.codecs.codec import Packet
from semcom.codecs.sqgan.bitstream import CELL, MAX_CELLS
from semcom.entropy import LabelMapModel, RangeReader, RangeWriter

__all__ = ["LOST", "ExactMapPacket", "is_exact_map", "read_exact_map", "write_exact_map"]

VERSION = 2
HEADER_BYTES = 7
#: the label of pixels whose packet did not arrive
LOST = 255


@dataclass(frozen=True)
class ExactMapPacket:
    """``label_map`` [H, W] uint8, :data:`LOST` outside this packet's band."""

    label_map: np.ndarray
    number: int
    packets: int
    network: int


def is_exact_map(payload: bytes) -> bool:
    """Whether this is a packet of this format, by its first byte."""
    return payload[:1] == bytes([VERSION << 4 | 8])


def _band(height: int, number: int, packets: int) -> slice:
    """Rows of pixels of packet ``number``."""
    rows = -(-height // CELL)
    first, last = (rows * n // packets for n in (number, number + 1))
    return slice(CELL * first, min(CELL * last, height))


def write_exact_map(
    label_map: np.ndarray, classes: int, packets: int, network: int
) -> list[Packet]:
    """``label_map`` [H, W] uint8, ids from ``classes`` up being void, in ``packets`` packets.

    Raises ValueError where the map does not fit the format.
    """
    height, width = label_map.shape
    padding = (-height % CELL, -width % CELL)
    rows, columns = (height + padding[0]) // CELL, (width + padding[1]) // CELL
    if not (1 <= rows <= 256 and 1 <= columns <= 256 and rows * columns <= MAX_CELLS):
        raise ValueError(
            f"a label map of {height} x {width} does not fit a packet: at most 4096 a side and "
            f"{MAX_CELLS * CELL**2} pixels in all; use a smaller picture"
        )
    if not 1 <= packets <= 16:
        raise ValueError(f"a label map has 1 to 16 packets, not {packets}")
    labels = np.minimum(label_map, classes).astype(np.uint8)
    made = []
    for number in range(packets):
        band = labels[_band(height, number, packets)]
        writer = RangeWriter()
        LabelMapModel(classes + 1).write(writer, band)
        body = writer.getvalue()
        head = (
            *(VERSION << 4 | 8, number << 4 | (packets - 1), rows - 1, columns - 1),
            *(padding[0] << 4 | padding[1], network, zlib.crc32(band.tobytes()) & 255),
        )
        used = round(writer.information)
        bits = {"header": 8 * HEADER_BYTES, "labels": used, "padding": 8 * len(body) - used}
        made.append(Packet(bytes(head) + body, kind="label_map", rank=number, bits=bits))
    return made


def read_exact_map(
    payload: bytes, classes: int, size: tuple[int, int] | None = None
) -> ExactMapPacket:
    """Parse one payload, of a picture of ``size`` (H, W) where that was agreed beforehand.

    Raises ValueError, in one sentence, for anything that is not a whole packet of this format.
    """
    if len(payload) < HEADER_BYTES or not is_exact_map(payload):
        raise ValueError(f"this is no whole label-map packet of version {VERSION}")
    which, rows, columns, padding, network, check = payload[1:HEADER_BYTES]
    number, packets = which >> 4, (which & 15) + 1
    height, width = (rows + 1) * CELL - (padding >> 4), (columns + 1) * CELL - (padding & 15)
    if number >= packets or (rows + 1) * (columns + 1) > MAX_CELLS:
        raise ValueError("the header of this label-map packet is damaged")
    if size is not None and size != (height, width):
        raise ValueError(f"a packet does not belong to a picture of {size[0]} x {size[1]}")
    label_map = np.full((height, width), LOST, np.uint8)
    band = label_map[_band(height, number, packets)]
    reader = RangeReader(payload[HEADER_BYTES:])
    band[:] = LabelMapModel(classes + 1).read(reader, (band.shape[0], band.shape[1]))
    if zlib.crc32(band.tobytes()) & 255 != check or not reader.exhausted():
        raise ValueError("the data of this label-map packet is cut short or damaged")
    return ExactMapPacket(label_map, number, packets, network)
