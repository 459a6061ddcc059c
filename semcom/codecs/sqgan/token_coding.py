"""What follows the header of a packet of tokens: mask, indices and palette, raw or range-coded.

Both codings take the ``grid`` [h, w] of a packet, code indices and -1 where there is none, and the
cells [h, w] bool that the packet has ``owned``. See :mod:`semcom.codecs.sqgan.bitstream`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from semcom.entropy import Colours, IndexModel, PaletteModel, RangeReader, RangeWriter

__all__ = ["PalettePart", "read_learned", "read_raw", "write_learned", "write_raw"]


@dataclass(frozen=True)
class PalettePart:
    """The part of a palette that one packet carries: ``cells`` [h, w] bool are its own."""

    model: PaletteModel
    cells: np.ndarray
    colours: Colours | None = None

    @property
    def width(self) -> int:
        """Bits of a component in raw mode."""
        return (self.model.levels - 1).bit_length()


def _pack_bits(values: np.ndarray, width: int) -> np.ndarray:
    shifts = np.arange(width - 1, -1, -1)
    return ((values[:, None] >> shifts) & 1).astype(np.uint8).reshape(-1)


def _unpack_bits(bits: np.ndarray, width: int) -> np.ndarray:
    return bits.reshape(-1, width).astype(np.int64) @ (1 << np.arange(width - 1, -1, -1))


def write_raw(
    grid: np.ndarray, model: IndexModel, owned: np.ndarray, palette: PalettePart | None
) -> tuple[bytes, dict[str, int]]:
    """A flag per owned cell, then every index and colour in so many bits; and the bits of each."""
    width = (model.codes - 1).bit_length()
    flags = (grid >= 0)[owned].astype(np.uint8)
    parts = {"mask": flags, "indices": _pack_bits(grid[grid >= 0], width)}
    if palette is not None and palette.colours is not None:
        levels, known = palette.colours
        mine = known & palette.cells
        flat = np.moveaxis(levels, 1, -1)[mine].reshape(-1)
        there = known[:, palette.cells].reshape(-1).astype(np.uint8)
        parts["palette"] = np.concatenate([there, _pack_bits(flat, palette.width)])
    body = np.packbits(np.concatenate(list(parts.values()))).tobytes()
    return body, {name: len(part) for name, part in parts.items()}


def read_raw(
    body: bytes, model: IndexModel, owned: np.ndarray, everything: bool, palette: PalettePart | None
) -> tuple[np.ndarray, Colours | None]:
    """Inverse of :func:`write_raw`; ValueError for what it cannot have written."""
    bits = _Bits(body)
    if everything:
        raise ValueError("the mask of this SQ-GAN packet is cut short")
    mask = np.zeros(owned.shape, bool)
    mask[owned] = bits.take(int(owned.sum())).astype(bool)
    width = (model.codes - 1).bit_length()
    grid = np.full(owned.shape, -1, np.int64)
    grid[mask] = _unpack_bits(bits.take(width * int(mask.sum())), width)
    colours = None
    if palette is not None:
        classes, components = palette.model.usual.shape
        known = np.zeros((classes, *palette.cells.shape), bool)
        known[:, palette.cells] = (
            bits.take(classes * int(palette.cells.sum())).reshape(classes, -1).astype(bool)
        )
        levels = np.zeros((classes, *palette.cells.shape, components), np.int64)
        flat = _unpack_bits(bits.take(palette.width * components * int(known.sum())), palette.width)
        levels[known] = flat.reshape(-1, components)
        if (levels >= palette.model.levels).any():
            raise ValueError("this SQ-GAN packet names a level that its palette does not have")
        colours = Colours(np.moveaxis(levels, -1, 1), known)
    bits.finish()
    if (grid >= model.codes).any():
        raise ValueError("this SQ-GAN packet names a code that its codebook does not have")
    return grid, colours


class _Bits:
    """The bits of a packet, taken from the front."""

    def __init__(self, body: bytes) -> None:
        self._bits, self._at = np.unpackbits(np.frombuffer(body, np.uint8)), 0

    def take(self, count: int) -> np.ndarray:
        self._at += count
        if self._at > len(self._bits):
            raise ValueError("the length of this SQ-GAN packet does not fit its mask: cut short")
        return self._bits[self._at - count : self._at]

    def finish(self) -> None:
        """Raises ValueError unless fewer than 8 zeros are left."""
        if len(self._bits) - self._at >= 8 or self._bits[self._at :].any():
            raise ValueError("the length of this SQ-GAN packet does not fit its mask")


class _TokenWriter(RangeWriter):
    """Counts the bits of each part of a packet as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[str, float]] = []

    def end(self, part: str) -> None:
        """All since the last part belongs to ``part``."""
        self._parts.append((part, self.information))

    def bits(self) -> dict[str, int]:
        bits, before = {}, 0
        for part, until in self._parts:
            bits[part], before = round(until) - before, round(until)
        return bits


def _learned_stream(
    grid: np.ndarray,
    model: IndexModel,
    owned: np.ndarray,
    everything: bool,
    palette: PalettePart | None,
) -> _TokenWriter:
    writer = _TokenWriter()
    if not everything:
        model.mask.write(writer, grid >= 0, owned)
    writer.end("mask")
    model.write(writer, grid)
    writer.end("indices")
    if palette is not None and palette.colours is not None:
        palette.model.write(writer, palette.colours, palette.cells)
        writer.end("palette")
    return writer


def write_learned(
    grid: np.ndarray,
    model: IndexModel,
    owned: np.ndarray,
    everything: bool,
    palette: PalettePart | None,
) -> tuple[bytes, dict[str, int]]:
    """One range-coded stream and the bits of its parts; no mask is written of ``everything``."""
    writer = _learned_stream(grid, model, owned, everything, palette)
    return writer.getvalue(), writer.bits()


def read_learned(
    body: bytes, model: IndexModel, owned: np.ndarray, everything: bool, palette: PalettePart | None
) -> tuple[np.ndarray, Colours | None]:
    """Inverse of :func:`write_learned`; ValueError for what it cannot have written."""
    reader = RangeReader(body)
    mask = owned if everything else model.mask.read(reader, owned)
    grid = model.read(reader, mask)
    if palette is not None:
        palette = replace(palette, colours=palette.model.read(reader, palette.cells))
    # a cut stream decodes to garbage without complaint; only its own tokens give a stream back
    if _learned_stream(grid, model, owned, everything, palette).getvalue() != body:
        raise ValueError("the data of this SQ-GAN packet is cut short or damaged")
    return grid, palette.colours if palette is not None else None
