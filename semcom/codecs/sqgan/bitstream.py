"""The packet format of SQ-GAN, version 3: a header of six bytes, then mask and indices.

=======  ====================================================================================
byte 0   bits 7-4 version (3); bit 3 path (0 image, 1 label map); bit 2 entropy mode (0 learned,
         1 raw); bit 1 all cells of this packet kept (no mask follows); bit 0 a palette follows,
         of a label map second tokens
byte 1   bits 7-4 number of this packet, bits 3-0 packets of this path less one
byte 2   rows of the grid less one
byte 3   columns of the grid less one
byte 4   bits 7-4 rows, bits 3-0 columns of padding below and right of the picture, in pixels
byte 5   first byte of the weights' digest: a packet of another network is refused
=======  ====================================================================================

Raw mode: one flag per owned cell, then 10 bits per index, most significant bit first: SQ-GAN's own
rate formula, ``10 k + N`` bits per path. Learned mode: one range-coded stream holds the mask under
a model that adapts and the indices under a learned one. A palette, the colours of
:mod:`semcom.codecs.sqgan.palette`, comes last; in raw mode it is a flag per class and owned cell,
then 5 bits for each component of every colour. Second tokens, of
:mod:`semcom.codecs.sqgan.residual`, come last, too: a mask of their own and their codes, all of the
same length; in raw mode a flag per owned cell and 9 bits a code.

A packet owns every ``packets``-th cell along rows, shifted from one row to the next: each packet
decodes alone, and a lost one thins the picture instead of cutting a hole. The same holds for the
cells of a palette.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from semcom.codecs.codec import Packet
from semcom.codecs.sqgan.palette import CELL as PALETTE_CELL
from semcom.codecs.sqgan.token_coding import (
    Beside,
    PalettePart,
    SecondPart,
    read_learned,
    read_raw,
    write_learned,
    write_raw,
)
from semcom.entropy import Colours, IndexModel, PaletteModel, SecondModel

__all__ = [
    "CELL",
    "HEADER_BYTES",
    "PathTokens",
    "TokenPacket",
    "owned_cells",
    "palette_shape",
    "read_packet",
    "write_packet",
]

VERSION = 3
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
    part of it was lost. ``colours`` is the palette beside a picture's tokens, if there is one;
    ``second`` [h, w] int, code index or -1, the second tokens of a label map, if it has some.
    """

    path: PathName
    grid: np.ndarray
    padding: tuple[int, int] = (0, 0)
    exact: np.ndarray | None = None
    colours: Colours | None = None
    second: np.ndarray | None = None

    @property
    def mask(self) -> np.ndarray:
        """Kept cells [h, w] bool."""
        kept = self.grid >= 0
        return kept if self.exact is None else kept | (self.exact[::CELL, ::CELL] != 255)

    def with_second(self, cells: np.ndarray, indices: np.ndarray, count: int) -> PathTokens:
        """The same with the first ``count`` of second tokens, ``indices`` [k] at ``cells`` [k]."""
        second = np.full(self.grid.size, -1, np.int64)
        second[cells[:count]] = indices[:count]
        return replace(self, second=second.reshape(self.grid.shape) if len(cells[:count]) else None)

    def only(self, cells: np.ndarray) -> PathTokens:
        """The same with every cell masked but ``cells`` [k], positions in raster order."""
        grid = np.full(self.grid.size, -1, np.int64)
        grid[cells] = self.grid.reshape(-1)[cells]
        return replace(self, grid=grid.reshape(self.grid.shape))


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


def palette_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Cells of the palette of a picture whose grid of tokens has ``shape``.

    >>> palette_shape((16, 32)), palette_shape((3, 5))
    ((2, 4), (1, 1))
    """
    cells = PALETTE_CELL // CELL
    return -(-shape[0] // cells), -(-shape[1] // cells)


def write_packet(
    packet: TokenPacket,
    model: IndexModel,
    rank: int = 0,
    palette_model: PaletteModel | None = None,
    second_model: SecondModel | None = None,
) -> Packet:
    """Serialise; ``model`` gives the alphabet in both modes and the probabilities in learned mode.

    Tokens with colours need a ``palette_model``, second ones a ``second_model``. Raises ValueError
    where a field does not fit the format.
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
    beside = _beside_to_write(packet, palette_model, second_model)
    owned = owned_cells(t.grid.shape, packet.number, packet.packets)
    mask = t.mask & owned
    everything = bool((mask == owned).all())
    head = bytes(
        [
            VERSION << 4
            | (t.path == "label_map") << 3
            | (packet.entropy == "raw") << 2
            | (everything and packet.entropy == "learned") << 1
            | (beside is not None),
            packet.number << 4 | (packet.packets - 1),
            rows - 1,
            columns - 1,
            t.padding[0] << 4 | t.padding[1],
            packet.network,
        ]
    )
    grid = np.where(mask, t.grid, -1)
    if packet.entropy == "raw":
        body, bits = write_raw(grid, model, owned, beside)
    else:
        body, bits = write_learned(grid, model, owned, everything, beside)
    bits = {"header": 8 * HEADER_BYTES} | bits
    bits["padding"] = 8 * (HEADER_BYTES + len(body)) - sum(bits.values())
    return Packet(head + body, kind=t.path, rank=rank, bits=bits)


def _beside_to_write(
    packet: TokenPacket, palette_model: PaletteModel | None, second_model: SecondModel | None
) -> Beside | None:
    t, shape = packet.tokens, packet.tokens.grid.shape
    if t.path == "image" and t.colours is not None:
        if palette_model is None:
            raise ValueError("this network has no palette: give weights that have one")
        cells = owned_cells(palette_shape(shape), packet.number, packet.packets)
        if t.colours.known.shape[1:] != cells.shape:
            raise ValueError(
                f"a palette of {t.colours.known.shape[1:]} cells does not belong to this picture, "
                f"which has {cells.shape}"
            )
        return PalettePart(palette_model, cells, t.colours)
    if t.path == "label_map" and t.second is not None:
        if second_model is None:
            raise ValueError("this network has no second tokens: give weights that have some")
        if t.second.shape != shape:
            raise ValueError(
                f"second tokens of {t.second.shape} cells do not belong to this label map, "
                f"which has {shape}"
            )
        cells = owned_cells(shape, packet.number, packet.packets)
        return SecondPart(second_model, cells, np.where(cells, t.second, -1))
    return None


def read_packet(
    payload: bytes,
    model_of: dict[str, IndexModel],
    palette_model: PaletteModel | None = None,
    second_model: SecondModel | None = None,
) -> TokenPacket:
    """Parse one payload; ``model_of`` maps the path to its index model.

    Raises ValueError, in one sentence, for anything that is not a whole packet of this format.
    """
    if len(payload) < HEADER_BYTES:
        raise ValueError(f"a packet of {len(payload)} bytes is too short to be one of SQ-GAN's")
    first, which, rows, columns, padding, network = payload[:HEADER_BYTES]
    shape = rows + 1, columns + 1
    number, packets = which >> 4, (which & 15) + 1
    if first >> 4 != VERSION:
        raise ValueError(f"this is no SQ-GAN packet of version {VERSION}")
    if number >= packets or shape[0] * shape[1] > MAX_CELLS:
        raise ValueError("the header of this SQ-GAN packet is damaged")
    path: PathName = "label_map" if first & 8 else "image"
    model, owned = model_of[path], owned_cells(shape, number, packets)
    beside: Beside | None = None
    if first & 1 and path == "image":
        if palette_model is None:
            raise ValueError(
                "this SQ-GAN packet holds a palette, but the receiver's network has none"
            )
        beside = PalettePart(palette_model, owned_cells(palette_shape(shape), number, packets))
    elif first & 1:
        if second_model is None:
            raise ValueError(
                "this SQ-GAN packet holds second tokens, but the receiver's network has none"
            )
        beside = SecondPart(second_model, owned)
    raw = bool(first & 4)
    read = read_raw if raw else read_learned
    grid, beside = read(payload[HEADER_BYTES:], model, owned, bool(first & 2), beside)
    tokens = PathTokens(path, grid, (padding >> 4, padding & 15))
    if isinstance(beside, PalettePart):
        tokens = replace(tokens, colours=beside.colours)
    elif isinstance(beside, SecondPart):
        tokens = replace(tokens, second=beside.grid)
    return TokenPacket(tokens, number, packets, "raw" if raw else "learned", network)
