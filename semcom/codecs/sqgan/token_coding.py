"""What follows the header of a packet of tokens: mask, indices and one part more, raw or coded.

Both codings take the ``grid`` [h, w] of a packet, code indices and -1 where there is none, and the
cells [h, w] bool that the packet has ``owned``. The part beside them is a palette or second tokens.
See :mod:`semcom.codecs.sqgan.bitstream`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from semcom.entropy import (
    Colours,
    IndexModel,
    PaletteModel,
    RangeReader,
    RangeWriter,
    SecondModel,
)

__all__ = [
    "Beside",
    "PalettePart",
    "SecondPart",
    "read_learned",
    "read_raw",
    "write_learned",
    "write_raw",
]


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


@dataclass(frozen=True)
class PalettePart:
    """The part of a palette that one packet carries: ``cells`` [h, w] bool are its own."""

    model: PaletteModel
    cells: np.ndarray
    colours: Colours | None = None
    name = "palette"

    @property
    def _width(self) -> int:
        """Bits of a component in raw mode."""
        return (self.model.levels - 1).bit_length()

    def write(self, writer: RangeWriter) -> None:
        assert self.colours is not None
        self.model.write(writer, self.colours, self.cells)

    def read(self, reader: RangeReader) -> PalettePart:
        return replace(self, colours=self.model.read(reader, self.cells))

    def to_bits(self) -> np.ndarray:
        assert self.colours is not None
        levels, known = self.colours
        flat = np.moveaxis(levels, 1, -1)[known & self.cells].reshape(-1)
        there = known[:, self.cells].reshape(-1).astype(np.uint8)
        return np.concatenate([there, _pack_bits(flat, self._width)])

    def of_bits(self, bits: _Bits) -> PalettePart:
        classes, components = self.model.usual.shape
        known = np.zeros((classes, *self.cells.shape), bool)
        known[:, self.cells] = (
            bits.take(classes * int(self.cells.sum())).reshape(classes, -1).astype(bool)
        )
        levels = np.zeros((classes, *self.cells.shape, components), np.int64)
        flat = _unpack_bits(bits.take(self._width * components * int(known.sum())), self._width)
        levels[known] = flat.reshape(-1, components)
        if (levels >= self.model.levels).any():
            raise ValueError("this SQ-GAN packet names a level that its palette does not have")
        return replace(self, colours=Colours(np.moveaxis(levels, -1, 1), known))


@dataclass(frozen=True)
class SecondPart:
    """The second tokens of one packet: ``grid`` [h, w] at its own ``cells`` [h, w] bool."""

    model: SecondModel
    cells: np.ndarray
    grid: np.ndarray | None = None
    name = "second"

    @property
    def _width(self) -> int:
        return (self.model.codes - 1).bit_length()

    def write(self, writer: RangeWriter) -> None:
        assert self.grid is not None
        self.model.write(writer, self.grid, self.cells)

    def read(self, reader: RangeReader) -> SecondPart:
        return replace(self, grid=self.model.read(reader, self.cells))

    def to_bits(self) -> np.ndarray:
        assert self.grid is not None
        there = (self.grid >= 0) & self.cells
        flags = there[self.cells].astype(np.uint8)
        return np.concatenate([flags, _pack_bits(self.grid[there], self._width)])

    def of_bits(self, bits: _Bits) -> SecondPart:
        grid = _grid_of_bits(bits, self.cells, self.model.codes)
        return replace(self, grid=grid)


#: what comes after the tokens
Beside = PalettePart | SecondPart


def _pack_bits(values: np.ndarray, width: int) -> np.ndarray:
    shifts = np.arange(width - 1, -1, -1)
    return ((values[:, None] >> shifts) & 1).astype(np.uint8).reshape(-1)


def _unpack_bits(bits: np.ndarray, width: int) -> np.ndarray:
    return bits.reshape(-1, width).astype(np.int64) @ (1 << np.arange(width - 1, -1, -1))


def _grid_of_bits(bits: _Bits, cells: np.ndarray, codes: int) -> np.ndarray:
    there = np.zeros(cells.shape, bool)
    there[cells] = bits.take(int(cells.sum())).astype(bool)
    width = (codes - 1).bit_length()
    grid = np.full(cells.shape, -1, np.int64)
    grid[there] = _unpack_bits(bits.take(width * int(there.sum())), width)
    if (grid >= codes).any():
        raise ValueError("this SQ-GAN packet names a code that its codebook does not have")
    return grid


def write_raw(
    grid: np.ndarray, model: IndexModel, owned: np.ndarray, beside: Beside | None
) -> tuple[bytes, dict[str, int]]:
    """A flag per owned cell, then every index and colour in so many bits; and the bits of each."""
    width = (model.codes - 1).bit_length()
    flags = (grid >= 0)[owned].astype(np.uint8)
    parts = {"mask": flags, "indices": _pack_bits(grid[grid >= 0], width)}
    if beside is not None:
        parts[beside.name] = beside.to_bits()
    body = np.packbits(np.concatenate(list(parts.values()))).tobytes()
    return body, {name: len(part) for name, part in parts.items()}


def read_raw(
    body: bytes, model: IndexModel, owned: np.ndarray, everything: bool, beside: Beside | None
) -> tuple[np.ndarray, Beside | None]:
    """Inverse of :func:`write_raw`; ValueError for what it cannot have written."""
    bits = _Bits(body)
    if everything:
        raise ValueError("the mask of this SQ-GAN packet is cut short")
    grid = _grid_of_bits(bits, owned, model.codes)
    beside = beside.of_bits(bits) if beside is not None else None
    bits.finish()
    return grid, beside


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
    beside: Beside | None,
) -> _TokenWriter:
    writer = _TokenWriter()
    if not everything:
        model.mask.write(writer, grid >= 0, owned)
    writer.end("mask")
    model.write(writer, grid)
    writer.end("indices")
    if beside is not None:
        beside.write(writer)
        writer.end(beside.name)
    return writer


def write_learned(
    grid: np.ndarray,
    model: IndexModel,
    owned: np.ndarray,
    everything: bool,
    beside: Beside | None,
) -> tuple[bytes, dict[str, int]]:
    """One range-coded stream and the bits of its parts; no mask is written of ``everything``."""
    writer = _learned_stream(grid, model, owned, everything, beside)
    return writer.getvalue(), writer.bits()


def read_learned(
    body: bytes, model: IndexModel, owned: np.ndarray, everything: bool, beside: Beside | None
) -> tuple[np.ndarray, Beside | None]:
    """Inverse of :func:`write_learned`; ValueError for what it cannot have written."""
    reader = RangeReader(body)
    mask = owned if everything else model.mask.read(reader, owned)
    grid = model.read(reader, mask)
    beside = beside.read(reader) if beside is not None else None
    # a cut stream decodes to garbage without complaint; only its own tokens give a stream back
    if _learned_stream(grid, model, owned, everything, beside).getvalue() != body:
        raise ValueError("the data of this SQ-GAN packet is cut short or damaged")
    return grid, beside
