"""Payload bytes to code blocks and back: padding, transport block, CRCs, segmentation.

The order is that of TS 38.212, clauses 5.1 and 5.2.2. A transport block always carries CRC24A (the
standard falls back to CRC16 for short blocks). Transport block sizes are those of TS 38.214,
clause 5.1.3.2, so payloads of similar lengths share one code; what a payload leaves free is filled
with one 1 bit and zeros, from which the receiver finds the payload's end without being told.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = ["CRC_BITS", "Frame", "crc", "join", "split", "transport_block_size"]

#: length of CRC24A and CRC24B in bits
CRC_BITS = 24

# TS 38.212, 5.1: generator polynomials without the leading x^24
_POLYNOMIALS = {"crc24a": 0x864CFB, "crc24b": 0x800063}

# TS 38.214, table 5.1.3.2-1
_SMALL_SIZES = (
    *range(24, 193, 8),
    *range(208, 385, 16),
    *range(408, 577, 24),
    *range(608, 769, 32),
    *(808, 848, 888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352, 1416),
    *(1480, 1544, 1608, 1672, 1736, 1800, 1864, 1928, 2024, 2088, 2152, 2216, 2280, 2408, 2472),
    *(2536, 2600, 2664, 2728, 2792, 2856, 2976, 3104, 3240, 3368, 3496, 3624, 3752, 3824),
)


@lru_cache(maxsize=16)
def _remainders(length: int, polynomial: int) -> np.ndarray:
    """x^(i + 24) modulo the generator for i = length-1, ..., 0, uint32 [length]."""
    remainders = np.zeros(max(length, CRC_BITS), dtype=np.uint32)
    value = polynomial
    for i in range(CRC_BITS):
        remainders[i] = value
        value <<= 1
        if value >> CRC_BITS:
            value ^= (1 << CRC_BITS) | polynomial
    done = CRC_BITS
    while done < length:
        # x^done times the known values, bit by bit: x^(done + b) is already in the table
        known = remainders[: min(done, length - done)]
        doubled = np.zeros_like(known)
        for bit in range(CRC_BITS):
            doubled ^= ((known >> bit) & 1) * remainders[done - CRC_BITS + bit]
        remainders[done : done + len(known)] = doubled
        done += len(known)
    return remainders[:length][::-1].copy()


def crc(bits: np.ndarray, name: str) -> np.ndarray:
    """Parity bits of TS 38.212, clause 5.1: ``bits`` [..., K] of 0 and 1 to uint8 [..., 24].

    ``name`` is ``crc24a`` or ``crc24b``.

    >>> message = np.unpackbits(np.frombuffer(b"123456789", np.uint8))
    >>> np.packbits(crc(message, "crc24a")).tobytes().hex()
    'cde703'
    """
    length = bits.shape[-1]
    # tables of a few lengths serve them all: a shorter one is the end of a longer one
    table = _remainders(max(1024, 1 << (length - 1).bit_length()), _POLYNOMIALS[name])[-length:]
    value = np.bitwise_xor.reduce(bits.astype(np.uint32) * table, axis=-1)
    shifts = np.arange(CRC_BITS - 1, -1, -1, dtype=np.uint32)
    return ((value[..., None] >> shifts) & 1).astype(np.uint8)


def transport_block_size(num_bits: int, max_block_bits: int) -> int:
    """The smallest size of TS 38.214, clause 5.1.3.2, that holds ``num_bits``.

    ``max_block_bits`` is the longest code block, CRC included (8448 for LDPC base graph 1).

    >>> transport_block_size(1000, 8448), transport_block_size(100_000, 8448)
    (1032, 100392)
    """
    if num_bits <= _SMALL_SIZES[-1]:
        size = _SMALL_SIZES[bisect_left(_SMALL_SIZES, num_bits)]
        blocks = _num_blocks(size, max_block_bits)
        return size if blocks == 1 else _equal_blocks(size, blocks)
    grid = 2 ** (math.floor(math.log2(num_bits - CRC_BITS)) - 5)
    for steps in (num_bits // grid, -(-num_bits // grid)):
        quantised = max(3840, steps * grid)
        size = _equal_blocks(quantised, _num_blocks(quantised, max_block_bits))
        if size >= num_bits:
            break
    return size


def _num_blocks(size: int, max_block_bits: int) -> int:
    total = size + CRC_BITS
    return 1 if total <= max_block_bits else math.ceil(total / (max_block_bits - CRC_BITS))


def _equal_blocks(size: int, blocks: int) -> int:
    """``size`` raised until its code blocks are of one length in whole bytes."""
    return 8 * blocks * math.ceil((size + CRC_BITS) / (8 * blocks)) - CRC_BITS


@dataclass(frozen=True)
class Frame:
    """How a payload of ``num_bytes`` becomes ``num_blocks`` code blocks of ``block_bits`` each.

    ``block_bits`` counts everything a code block carries: payload, padding and CRCs.

    >>> Frame.plan(2000, max_block_bits=8448)
    Frame(num_bytes=2000, transport_block_bits=16136, num_blocks=2, block_bits=8104)
    """

    num_bytes: int
    transport_block_bits: int
    num_blocks: int
    block_bits: int

    @classmethod
    def plan(cls, num_bytes: int, max_block_bits: int) -> Frame:
        """Frame of a payload of ``num_bytes`` for code blocks of at most ``max_block_bits``."""
        if num_bytes < 0:
            raise ValueError(f"a payload cannot have {num_bytes} bytes")
        # one byte more than the payload, so that the end marker always fits
        size = transport_block_size(8 * (num_bytes + 1), max_block_bits)
        blocks = _num_blocks(size, max_block_bits)
        total = size + CRC_BITS + (CRC_BITS * blocks if blocks > 1 else 0)
        return cls(num_bytes, size, blocks, total // blocks)

    @property
    def crc_bits(self) -> int:
        """Bits spent on all CRCs."""
        return self.num_blocks * self.block_bits - self.transport_block_bits

    @property
    def padding_bits(self) -> int:
        """Bits of the transport block that the payload leaves free, end marker included."""
        return self.transport_block_bits - 8 * self.num_bytes


def split(payload: bytes, frame: Frame) -> np.ndarray:
    """Code blocks [num_blocks, block_bits] uint8 of ``payload``, before channel coding."""
    if len(payload) != frame.num_bytes:
        raise ValueError(
            f"the frame is for {frame.num_bytes} bytes, the payload has {len(payload)}"
        )
    padded = (payload + b"\x80").ljust(frame.transport_block_bits // 8, b"\0")
    block = np.unpackbits(np.frombuffer(padded, np.uint8))
    block = np.concatenate([block, crc(block, "crc24a")])
    if frame.num_blocks == 1:
        return block[None]
    parts = block.reshape(frame.num_blocks, -1)
    return np.concatenate([parts, crc(parts, "crc24b")], axis=-1)


def join(blocks: np.ndarray, frame: Frame) -> bytes | None:
    """The payload in received ``blocks`` [num_blocks, block_bits], or ``None`` where a CRC fails.

    >>> frame = Frame.plan(5, max_block_bits=8448)
    >>> join(split(b"hello", frame), frame)
    b'hello'
    """
    if frame.num_blocks > 1:
        parts, checks = blocks[:, :-CRC_BITS], blocks[:, -CRC_BITS:]
        if not np.array_equal(crc(parts, "crc24b"), checks):
            return None
        blocks = parts
    received = blocks.reshape(-1)
    block, check = received[:-CRC_BITS], received[-CRC_BITS:]
    if not np.array_equal(crc(block, "crc24a"), check):
        return None
    content = np.packbits(block).tobytes().rstrip(b"\0")
    return content[:-1] if content.endswith(b"\x80") else None
