"""The packet format of SQ-GAN, version 1: a header of six bytes, then mask and indices.

=======  ====================================================================================
byte 0   bits 7-4 version (1); bit 3 path (0 image, 1 label map); bit 2 entropy mode (0 learned,
         1 raw); bit 1 all cells of this packet kept (no mask follows); bit 0 zero
byte 1   bits 7-4 number of this packet, bits 3-0 packets of this path less one
byte 2   rows of the grid less one
byte 3   columns of the grid less one
byte 4   bits 7-4 rows, bits 3-0 columns of padding below and right of the picture, in pixels
byte 5   first byte of the weights' digest: a packet of another network is refused
=======  ====================================================================================

Raw mode: one flag per owned cell, then 10 bits per index, most significant bit first: SQ-GAN's own
rate formula, ``10 k + N`` bits per path. Learned mode: one range-coded stream holds the mask under
an adaptive model and the indices under a learned one.

A packet owns every ``packets``-th cell along rows, shifted from one row to the next: each packet
decodes alone, and a lost one thins the picture instead of cutting a hole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from semcom.codecs.codec import Packet
from semcom.entropy import IndexModel, MaskModel, RangeReader, RangeWriter

__all__ = [
    "CELL",
    "HEADER_BYTES",
    "PathTokens",
    "TokenPacket",
    "owned_cells",
    "read_packet",
    "write_packet",
]

VERSION = 1
HEADER_BYTES = 6
#: pixels a side of the square that one token stands for
CELL = 16
#: largest grid accepted from a foreign stream (cells), 4 megapixels of picture
MAX_CELLS = 16384

Entropy = Literal["learned", "raw"]
PathName = Literal["image", "label_map"]


@dataclass(frozen=True)
class PathTokens:
    """Tokens of one path: ``grid`` [h, w] int, code index or -1 where masked (or lost).

    ``exact`` [H, W] uint8 is the label map itself where that came in place of tokens, 255 where a
    part of it was lost.
    """

    path: PathName
    grid: np.ndarray
    padding: tuple[int, int] = (0, 0)
    exact: np.ndarray | None = None

    @property
    def mask(self) -> np.ndarray:
        """Kept cells [h, w] bool."""
        kept = self.grid >= 0
        return kept if self.exact is None else kept | (self.exact[::CELL, ::CELL] != 255)


@dataclass(frozen=True)
class TokenPacket:
    """What one packet says: its tokens, which of how many it is, and the network it needs."""

    tokens: PathTokens
    number: int
    packets: int
    entropy: Entropy
    network: int


def owned_cells(shape: tuple[int, int], number: int, packets: int) -> np.ndarray:
    """Cells [h, w] bool that packet ``number`` of ``packets`` carries.

    >>> owned_cells((2, 4), 0, 2).astype(int).tolist()
    [[1, 0, 1, 0], [0, 1, 0, 1]]
    """
    rows, columns = np.indices(shape)
    return (columns + min(2, packets - 1) * rows) % packets == number


def _pack_bits(values: np.ndarray, width: int) -> np.ndarray:
    shifts = np.arange(width - 1, -1, -1)
    return ((values[:, None] >> shifts) & 1).astype(np.uint8).reshape(-1)


def _unpack_bits(bits: np.ndarray, width: int) -> np.ndarray:
    return bits.reshape(-1, width).astype(np.int64) @ (1 << np.arange(width - 1, -1, -1))


def write_packet(packet: TokenPacket, model: IndexModel, rank: int = 0) -> Packet:
    """Serialise; ``model`` gives the alphabet in both modes and the probabilities in learned mode.

    Raises ValueError where a field does not fit the format.
    """
    t = packet.tokens
    rows, columns = t.grid.shape
    if not (1 <= rows <= 256 and 1 <= columns <= 256 and rows * columns <= MAX_CELLS):
        raise ValueError(
            f"a grid of {rows} x {columns} cells does not fit a packet: at most 256 a side "
            f"and {MAX_CELLS} in all; use a smaller picture"
        )
    if not (0 <= packet.number < packet.packets <= 16):
        raise ValueError(f"a path has 1 to 16 packets, not {packet.packets}")
    owned = owned_cells(t.grid.shape, packet.number, packet.packets)
    mask = t.mask & owned
    everything = bool((mask == owned).all())
    head = bytes(
        [
            VERSION << 4
            | (t.path == "label_map") << 3
            | (packet.entropy == "raw") << 2
            | (everything and packet.entropy == "learned") << 1,
            packet.number << 4 | (packet.packets - 1),
            rows - 1,
            columns - 1,
            t.padding[0] << 4 | t.padding[1],
            packet.network,
        ]
    )
    bits = {"header": 8 * HEADER_BYTES}
    if packet.entropy == "raw":
        width = (model.codes - 1).bit_length()
        stream = np.concatenate([mask[owned].astype(np.uint8), _pack_bits(t.grid[mask], width)])
        body = np.packbits(stream).tobytes()
        bits |= {"mask": int(owned.sum()), "indices": width * int(mask.sum())}
        bits["padding"] = 8 * len(body) - bits["mask"] - bits["indices"]
    else:
        writer = _learned_stream(np.where(mask, t.grid, -1), model, owned, everything)
        body = writer.getvalue()
        mask_bits = round(writer.mask_information)
        index_bits = round(writer.information) - mask_bits
        bits |= {"mask": mask_bits, "indices": index_bits}
        bits["padding"] = 8 * len(body) - mask_bits - index_bits
    return Packet(head + body, kind=t.path, rank=rank, bits=bits)


def read_packet(payload: bytes, model_of: dict[str, IndexModel]) -> TokenPacket:
    """Parse one payload; ``model_of`` maps the path to its index model.

    Raises ValueError, in one sentence, for anything that is not a whole packet of this format.
    """
    if len(payload) < HEADER_BYTES:
        raise ValueError(f"a packet of {len(payload)} bytes is too short to be one of SQ-GAN's")
    first, which, rows, columns, padding, network = payload[:HEADER_BYTES]
    rows, columns = rows + 1, columns + 1
    number, packets = which >> 4, (which & 15) + 1
    if first >> 4 != VERSION or first & 1:
        raise ValueError(f"this is no SQ-GAN packet of version {VERSION}")
    if number >= packets or rows * columns > MAX_CELLS:
        raise ValueError("the header of this SQ-GAN packet is damaged")
    path: PathName = "label_map" if first & 8 else "image"
    model, owned = model_of[path], owned_cells((rows, columns), number, packets)
    raw = bool(first & 4)
    read = _read_raw if raw else _read_learned
    grid = read(payload[HEADER_BYTES:], model, owned, bool(first & 2))
    tokens = PathTokens(path, grid, (padding >> 4, padding & 15))
    return TokenPacket(tokens, number, packets, "raw" if raw else "learned", network)


def _read_raw(body: bytes, model: IndexModel, owned: np.ndarray, everything: bool) -> np.ndarray:
    bits = np.unpackbits(np.frombuffer(body, np.uint8))
    n, width = int(owned.sum()), (model.codes - 1).bit_length()
    if everything or len(bits) < n:
        raise ValueError("the mask of this SQ-GAN packet is cut short")
    mask = np.zeros(owned.shape, bool)
    mask[owned] = bits[:n].astype(bool)
    k = int(mask.sum())
    if (n + width * k + 7) // 8 != len(body) or bits[n + width * k :].any():
        raise ValueError("the length of this SQ-GAN packet does not fit its mask")
    grid = np.full(owned.shape, -1, np.int64)
    grid[mask] = _unpack_bits(bits[n : n + width * k], width)
    if (grid >= model.codes).any():
        raise ValueError("this SQ-GAN packet names a code that its codebook does not have")
    return grid


class _TokenWriter(RangeWriter):
    mask_information = 0.0


def _learned_stream(
    grid: np.ndarray, model: IndexModel, owned: np.ndarray, everything: bool
) -> _TokenWriter:
    writer = _TokenWriter()
    if not everything:
        MaskModel().write(writer, grid >= 0, owned)
    writer.mask_information = writer.information
    model.write(writer, grid)
    return writer


def _read_learned(
    body: bytes, model: IndexModel, owned: np.ndarray, everything: bool
) -> np.ndarray:
    reader = RangeReader(body)
    mask = owned if everything else MaskModel().read(reader, owned)
    grid = model.read(reader, mask)
    # a cut stream decodes to garbage without complaint; only its own tokens give a stream back
    if _learned_stream(grid, model, owned, everything).getvalue() != body:
        raise ValueError("the data of this SQ-GAN packet is cut short or damaged")
    return grid
