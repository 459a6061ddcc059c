"""A coded picture as a file: what ``semcom encode`` writes and ``semcom decode`` reads.

Layout, all numbers little-endian::

    "SEMCOM"            6 bytes, magic
    version             u8, 1
    length of name      u8, then the codec's name in ASCII
    length of settings  u16, then the codec's settings as JSON in UTF-8
    height, width       u16 each, the picture's size in pixels
    number of packets   u16
    length, CRC-32      u32 each, for every packet
    CRC-32              u32, of everything before it
    payloads            one after another

The head is checked before anything in it is believed, and every payload before it is handed on: a
file that is cut short, altered, foreign or too large gives one ``ValueError`` and never a large
allocation.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from semcom.files import write_atomically

__all__ = ["LARGEST_FILE", "CodedPicture"]

MAGIC = b"SEMCOM"
VERSION = 1
#: far above any picture this project codes; a larger file is refused unread
LARGEST_FILE = 64 << 20
#: longest side in pixels: a few bytes must not make a receiver set aside gigabytes
LONGEST_SIDE = 8192


@dataclass(frozen=True)
class CodedPicture:
    """Payloads of one picture, its ``size`` (H, W), and the codec and settings that made them.

    >>> coded = CodedPicture("jpeg", "{}", (256, 512), (b"abc", b""))
    >>> CodedPicture.from_bytes(coded.to_bytes()) == coded
    True
    >>> CodedPicture.from_bytes(coded.to_bytes()[:-1])
    Traceback (most recent call last):
    ValueError: not a whole coded picture: it should be 45 bytes long and is 44
    """

    codec: str
    settings: str
    size: tuple[int, int]
    payloads: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The file's content; raises ValueError for what the format cannot hold."""
        name, settings = self.codec.encode("ascii"), self.settings.encode()
        if not 1 <= len(name) <= 255 or max(len(self.payloads), len(settings)) > 0xFFFF:
            raise ValueError("a codec's name, its settings or the number of packets do not fit")
        if not all(1 <= side <= LONGEST_SIDE for side in self.size):
            raise ValueError(f"{self.size} does not fit: sides are 1 to {LONGEST_SIDE} pixels")
        head = MAGIC + struct.pack("<BB", VERSION, len(name)) + name
        head += struct.pack("<H", len(settings)) + settings
        head += struct.pack("<HHH", *self.size, len(self.payloads))
        for payload in self.payloads:
            head += struct.pack("<II", len(payload), zlib.crc32(payload))
        content = head + struct.pack("<I", zlib.crc32(head)) + b"".join(self.payloads)
        if len(content) > LARGEST_FILE:
            raise ValueError(f"a coded picture is at most {LARGEST_FILE >> 20} MiB large")
        return content

    @classmethod
    def from_bytes(cls, content: bytes) -> CodedPicture:
        """Inverse of :meth:`to_bytes`; raises ValueError in one sentence for anything else."""
        if not content.startswith(MAGIC):
            raise ValueError("not a coded picture: it does not begin with SEMCOM")
        reader = _Reader(content, len(MAGIC))
        version, name_length = reader.unpack("<BB")
        if version != VERSION:
            raise ValueError(
                f"a coded picture of format {version}: this program reads format {VERSION}"
            )
        name = reader.take(name_length)
        settings = reader.take(*reader.unpack("<H"))
        height, width, count = reader.unpack("<HHH")
        table = [reader.unpack("<II") for _ in range(count)]
        end_of_head = reader.position
        (head_sum,) = reader.unpack("<I")
        if head_sum != zlib.crc32(content[:end_of_head]):
            raise ValueError("an altered coded picture: the check sum of its head is wrong")
        length = reader.position + sum(length for length, _ in table)
        if length != len(content):
            raise ValueError(
                f"not a whole coded picture: it should be {length} bytes long and is {len(content)}"
            )
        payloads = []
        for number, (size, check) in enumerate(table):
            payload = reader.take(size)
            if zlib.crc32(payload) != check:
                raise ValueError(f"an altered coded picture: packet {number} has a wrong check sum")
            payloads.append(payload)
        try:
            words = name.decode("ascii"), settings.decode()
        except UnicodeDecodeError as error:
            raise ValueError("an altered coded picture: its head is not text") from error
        if not name or not 1 <= height <= LONGEST_SIDE or not 1 <= width <= LONGEST_SIDE:
            raise ValueError(
                f"a coded picture without a codec or of an impossible size, {height}x{width}"
            )
        return cls(*words, (height, width), tuple(payloads))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file; it appears under its name only when it is whole."""
        write_atomically(Path(path), self.to_bytes())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> CodedPicture:
        """Read a file; raises FileNotFoundError or ValueError naming it."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueError(f"{path}: larger than {LARGEST_FILE >> 20} MiB, not a coded picture")
        try:
            return cls.from_bytes(content)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


class _Reader:
    """Takes bytes from the front; running out of them is a ValueError."""

    def __init__(self, content: bytes, position: int) -> None:
        self.content = content
        self.position = position

    def take(self, count: int) -> bytes:
        part = self.content[self.position : self.position + count]
        if len(part) < count:
            raise ValueError("not a whole coded picture: it ends too early")
        self.position += count
        return part

    def unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))
