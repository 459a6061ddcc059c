"""A frame: N complex channel uses, shared out among transport blocks that fill them exactly.

Over OFDM they fill its data symbols, and pilots and cyclic prefixes take the rest.

A transport block carries one packet. Its size is agreed beforehand, like the modulation and the
code rate: control information that every standard sends beside the data. A shorter packet is filled
up with one 1 bit and zeros, from which the receiver finds its end, and then scrambled by a fixed
sequence: long runs of zeros would be symbols of one energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from channels.codes import CODE_FAMILIES
from channels.framing import Frame as CodeBlocks
from channels.settings import BITS_PER_SYMBOL
from semcom.budget.settings import Modulation

__all__ = ["CodedBlocks", "Frame", "TransportBlock", "coded_blocks", "fill", "shares", "unfill"]

#: the modulation of codes that need none: a Gaussian alphabet
IDEAL = "gaussian"
#: what people call a path
_NAMES = {"label_map": "map", "image": "picture"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TransportBlock(_Strict):
    """One packet's share of a frame; of 0 bytes: this packet is not sent."""

    path: str = Field(description="label_map, base, enhancement or image")
    num_bytes: int = Field(ge=0, description="size of the filled-up packet")
    channel_uses: int = Field(ge=0)
    modulation: Modulation | None = Field(description="none for ideal codes")
    protection: int = Field(default=0, ge=0, description="number of the protection class")

    @property
    def capacity(self) -> int:
        """Bytes of the longest packet that fits: one byte marks its end."""
        return max(0, self.num_bytes - 1)


class Frame(_Strict):
    """All transport blocks of a picture, in the order of its packets.

    >>> block = TransportBlock(path="image", num_bytes=100, channel_uses=900, modulation="qpsk")
    >>> Frame(channel_uses=1000, code="ldpc", blocks=(block,)).idle
    100
    """

    channel_uses: int = Field(ge=1)
    code: str = Field(description="ldpc, normal or capacity")
    blocks: tuple[TransportBlock, ...]

    @property
    def idle(self) -> int:
        """Channel uses of no block, such as pilots; they are counted nevertheless."""
        return self.channel_uses - sum(block.channel_uses for block in self.blocks)

    def of(self, path: str) -> list[TransportBlock]:
        """The blocks of one path, in order."""
        return [block for block in self.blocks if block.path == path]

    def describe(self) -> dict[str, Any]:
        """What every protection class of the frame is made of, JSON-able."""
        found: dict[int, list[TransportBlock]] = {}
        for block in self.blocks:
            if block.num_bytes:
                found.setdefault(block.protection, []).append(block)
        classes = []
        for blocks in found.values():
            uses = sum(block.channel_uses for block in blocks)
            bits_per_use = 8 * sum(block.num_bytes for block in blocks) / uses
            modulation = blocks[0].modulation or IDEAL
            classes.append(
                {
                    "modulation": modulation,
                    "bits_per_use": bits_per_use,
                    "code_rate": bits_per_use / BITS_PER_SYMBOL.get(modulation, 1),
                    "channel_uses": uses,
                    "bytes": {
                        path: sum(b.num_bytes for b in blocks if b.path == path)
                        for path in dict.fromkeys(b.path for b in blocks)
                    },
                }
            )
        return {"channel_uses": self.channel_uses, "code": self.code, "classes": classes}

    def words(self) -> str:
        """Bytes, modulation and code rate of every protection class in one line."""
        parts = []
        for one in self.describe()["classes"]:
            what = " + ".join(
                f"{_NAMES.get(path, path)} {count} B" for path, count in one["bytes"].items()
            )
            how = f"{one['bits_per_use']:.2f} bits per use"
            if one["modulation"] != IDEAL:
                how = f"{one['modulation'].upper()} at rate {one['code_rate']:.2f}"
            parts.append(f"{what}: {how}, {one['channel_uses']} uses")
        return "; ".join(parts)


@dataclass(frozen=True)
class CodedBlocks:
    """How a transport block is coded: code blocks, bits and channel uses of each, code rate."""

    count: int
    information_bits: int
    channel_uses: int
    rate: float


@lru_cache(maxsize=1 << 16)
def coded_blocks(
    code: str, modulation: str, num_bytes: int, channel_uses: int
) -> CodedBlocks | None:
    """Code blocks of ``num_bytes`` that fill ``channel_uses``; None where the code is too long.

    The rate is what fills the share exactly, or the code's lowest rate.

    >>> coded_blocks("ldpc", "qpsk", 100, 832)
    CodedBlocks(count=1, information_bits=832, channel_uses=832, rate=0.5)
    >>> coded_blocks("ldpc", "qpsk", 100, 400) is None
    True
    """
    family, bits = CODE_FAMILIES[code], BITS_PER_SYMBOL[modulation]
    lowest, highest = family.rates
    limit = family.max_block_bits(highest)
    for _ in range(4):
        blocks = CodeBlocks.plan(num_bytes, limit)
        symbols = channel_uses // blocks.num_blocks
        if symbols * bits * highest < blocks.block_bits:
            return None
        rate = max(lowest, blocks.block_bits / (symbols * bits))
        if rate == lowest:
            symbols = -(-family.coded_bits(blocks.block_bits, rate, bits) // bits)
        if family.max_block_bits(rate) == limit:
            return CodedBlocks(blocks.num_blocks, blocks.block_bits, symbols, rate)
        limit = family.max_block_bits(rate)
    return None  # the rate swings around a limit of the code: the next size will do


def shares(weights: Sequence[float], total: int) -> list[int]:
    """``total`` whole units in proportion to ``weights``, by largest remainders.

    >>> shares([1, 1, 2], 10)
    [3, 2, 5]
    """
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    parts = [int(value) for value in exact]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def fill(payload: bytes, num_bytes: int) -> bytes:
    """``payload`` filled up to ``num_bytes`` and scrambled; ValueError where it does not fit.

    >>> unfill(fill(b"ab", 4))
    b'ab'
    """
    if len(payload) >= num_bytes:
        raise ValueError(
            f"a packet of {len(payload)} bytes does not fit a transport block of {num_bytes}"
        )
    return _scrambled((payload + b"\x80").ljust(num_bytes, b"\0"))


def unfill(block: bytes) -> bytes | None:
    """The packet in a transport block, None where there is no end mark.

    >>> unfill(fill(b"", 9)), unfill(b"ab") is None
    (b'', True)
    """
    content = _scrambled(block).rstrip(b"\0")
    return content[:-1] if content.endswith(b"\x80") else None


def _scrambled(block: bytes) -> bytes:
    """``block`` under a fixed random sequence; twice gives it back."""
    sequence = np.random.default_rng(0).integers(0, 256, len(block), np.uint8)
    return (np.frombuffer(block, np.uint8) ^ sequence).tobytes()
