"""Framing: TS 38.212 and TS 38.214 to the bit, and no payload that does not come back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.framing import CRC_BITS, Frame, crc, join, split, transport_block_size

MAX_BLOCKS = st.sampled_from([1024, 3840, 8448])


def _bits(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8))


# check values of the catalogue of parametrised CRC algorithms, CRC-24/LTE-A and CRC-24/LTE-B
@pytest.mark.parametrize(("name", "check"), [("crc24a", "cde703"), ("crc24b", "23ef52")])
def test_crc_of_the_standard_message(name: str, check: str) -> None:
    assert np.packbits(crc(_bits(b"123456789"), name)).tobytes().hex() == check


@pytest.mark.parametrize(("name", "degree"), [("crc24a", "CRC24A"), ("crc24b", "CRC24B")])
@pytest.mark.parametrize("length", [1, 7, 24, 25, 48, 1000, 8424])
def test_crc_equals_sionna(name: str, degree: str, length: int) -> None:
    import torch
    from sionna.phy.fec.crc import CRCEncoder

    bits = np.random.default_rng(length).integers(0, 2, (3, length)).astype(np.uint8)
    expected = CRCEncoder(degree, device="cpu")(torch.tensor(bits, dtype=torch.float32))
    np.testing.assert_array_equal(crc(bits, name), expected[:, -CRC_BITS:].numpy())


@pytest.mark.parametrize("max_block_bits", [3840, 8448])
@pytest.mark.parametrize("target", [100, 1000, 3824, 3825, 5000, 8424, 10_000, 100_000, 500_000])
def test_sizes_are_legal_transport_block_sizes(target: int, max_block_bits: int) -> None:
    from sionna.phy.nr.utils import calculate_tb_size

    size = transport_block_size(target, max_block_bits)
    rate = 0.2 if max_block_bits == 3840 else 0.8
    legal = calculate_tb_size(2, rate, target_tb_size=size, num_coded_bits=2 * int(size / rate))
    assert size >= target
    if (target, max_block_bits) == (3824, 3840):
        assert size == 3832  # CRC24A where the standard has CRC16 splits this one size in two
    else:
        assert int(legal[0]) == size


@settings(max_examples=300, deadline=None)
@given(num_bits=st.integers(8, 600_000), max_block_bits=MAX_BLOCKS)
def test_frames_hold_the_payload_in_equal_blocks(num_bits: int, max_block_bits: int) -> None:
    frame = Frame.plan(num_bits // 8, max_block_bits)
    assert frame.block_bits <= max_block_bits
    assert frame.padding_bits >= 8
    extra = CRC_BITS * frame.num_blocks if frame.num_blocks > 1 else 0
    total = frame.transport_block_bits + CRC_BITS + extra
    assert frame.num_blocks * frame.block_bits == total
    # the price of having few block lengths
    assert frame.padding_bits <= 24 + 8 + 0.07 * num_bits


@settings(max_examples=60, deadline=None)
@given(payload=st.binary(max_size=3000), max_block_bits=MAX_BLOCKS)
def test_every_payload_comes_back(payload: bytes, max_block_bits: int) -> None:
    frame = Frame.plan(len(payload), max_block_bits)
    assert join(split(payload, frame), frame) == payload


@pytest.mark.parametrize(
    "payload", [b"", b"\0", b"\x80", b"\0" * 9, b"\x80\0\x80\0", b"\xff" * 70_000]
)
def test_payloads_that_look_like_padding_come_back(payload: bytes) -> None:
    frame = Frame.plan(len(payload), 8448)
    assert join(split(payload, frame), frame) == payload


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_burst_of_up_to_24_bits_is_always_noticed(data: st.DataObject) -> None:
    payload = data.draw(st.binary(max_size=2500))
    frame = Frame.plan(len(payload), 8448)
    blocks = split(payload, frame)
    row = data.draw(st.integers(0, frame.num_blocks - 1))
    length = data.draw(st.integers(1, CRC_BITS))
    start = data.draw(st.integers(0, frame.block_bits - length))
    pattern = data.draw(st.lists(st.integers(0, 1), min_size=length, max_size=length))
    pattern[0] = 1
    blocks[row, start : start + length] ^= np.array(pattern, np.uint8)
    assert join(blocks, frame) is None


def test_a_right_crc_over_no_payload_is_lost() -> None:
    frame = Frame.plan(3, 8448)
    assert join(np.zeros((1, frame.block_bits), np.uint8), frame) is None


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 bytes"):
        Frame.plan(-1, 8448)
