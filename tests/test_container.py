"""Coded pictures as files: a format with golden bytes that nothing foreign gets through."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom.container import LARGEST_FILE, CodedPicture

GOLDEN = (
    "53454d434f4d"  # SEMCOM
    "01"  # format 1
    "056a706567"  # "jpeg"
    "0200" "7b7d"  # "{}"
    "0001" "0002" "0200"  # 256 x 512, two packets
    "03000000" "c2412435"
    "00000000" "00000000"
)  # fmt: skip

pictures = st.builds(
    CodedPicture,
    st.text("abcdefgh0123456789", min_size=1, max_size=12),
    st.text(max_size=40).filter(lambda text: text.isprintable()),
    st.tuples(st.integers(1, 8192), st.integers(1, 8192)),
    st.lists(st.binary(max_size=64), max_size=5).map(tuple),
)


def test_the_bytes_of_format_1_never_change() -> None:
    coded = CodedPicture("jpeg", "{}", (256, 512), (b"abc", b""))
    head = bytes.fromhex(GOLDEN.replace("056a706567", "046a706567"))
    assert coded.to_bytes() == head + struct.pack("<I", zlib.crc32(head)) + b"abc"
    assert coded.to_bytes().hex().endswith("616263")


@given(pictures)
def test_what_was_written_is_read(coded: CodedPicture) -> None:
    assert CodedPicture.from_bytes(coded.to_bytes()) == coded


@given(pictures, st.data())
def test_a_file_cut_short_or_grown_is_refused(coded: CodedPicture, data: st.DataObject) -> None:
    content = coded.to_bytes()
    with pytest.raises(ValueError, match="coded picture"):
        CodedPicture.from_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(ValueError, match="not a whole coded picture"):
        CodedPicture.from_bytes(content + data.draw(st.binary(min_size=1, max_size=9)))


@given(pictures, st.data())
def test_any_altered_byte_is_noticed(coded: CodedPicture, data: st.DataObject) -> None:
    content = bytearray(coded.to_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="coded picture"):
        CodedPicture.from_bytes(bytes(content))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(content: bytes) -> None:
    for prefix in (b"", b"SEMCOM", b"SEMCOM\x01"):
        with pytest.raises(ValueError, match="coded picture"):
            CodedPicture.from_bytes(prefix + content)


def test_lengths_that_promise_gigabytes_are_refused_before_anything_is_taken() -> None:
    head = b"SEMCOM" + struct.pack("<BB", 1, 1) + b"x" + struct.pack("<H", 0)
    head += struct.pack("<HHH", 1, 1, 2) + struct.pack("<IIII", 2**32 - 1, 0, 2**32 - 1, 0)
    with pytest.raises(ValueError, match="not a whole coded picture"):
        CodedPicture.from_bytes(head + struct.pack("<I", zlib.crc32(head)))


def test_a_size_that_promises_gigabytes_is_refused() -> None:
    head = b"SEMCOM" + struct.pack("<BB", 1, 1) + b"x" + struct.pack("<H", 0)
    head += struct.pack("<HHH", 0xFFFF, 0xFFFF, 0)
    with pytest.raises(ValueError, match="impossible size, 65535x65535"):
        CodedPicture.from_bytes(head + struct.pack("<I", zlib.crc32(head)))


def test_missing_and_oversized_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.semcom: no such file"):
        CodedPicture.read(tmp_path / "none.semcom")
    with (tmp_path / "huge.semcom").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(ValueError, match=r"huge\.semcom: larger than 64 MiB"):
        CodedPicture.read(tmp_path / "huge.semcom")


@pytest.mark.parametrize(
    "coded",
    [
        CodedPicture("", "", (1, 1), ()),
        CodedPicture("x", "", (0, 1), ()),
        CodedPicture("x", "", (1, 8193), ()),
        CodedPicture("x", "s" * 70_000, (1, 1), ()),
        CodedPicture("x", "", (1, 1), (b"",) * 70_000),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(coded: CodedPicture, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fit"):
        coded.write(tmp_path / "x.semcom")
    assert list(tmp_path.iterdir()) == []
