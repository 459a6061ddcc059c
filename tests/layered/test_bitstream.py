"""The packets of the layered codec: golden bytes, headers, damage."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.layered.bitstream import (
    BASE_BYTES,
    CELLS,
    BaseHeader,
    EnhancementHeader,
    read_labels,
    write_labels,
)
from tests.layered.test_codec import scene
from tests.layered.tiny import tiny_codec

IMAGE, LABELS = scene(48, 80)
PAYLOADS = [p.payload for p in tiny_codec((48, 80)).encode(IMAGE, LABELS)]


def test_golden_bytes() -> None:
    """Old packets stay readable: the format has no other reason to change."""
    assert BaseHeader(200, (48, 77), 0x5E, 4, 1000).to_bytes().hex() == "10c80204035e80fa"
    assert EnhancementHeader.over(bytes(range(100)), 33).to_bytes().hex() == "112132f5"
    labels = np.kron(np.array([[10, 3], [0, 11]], np.uint8), np.ones((3, 5), np.uint8))
    data, information = write_labels(labels, 11)
    assert data.hex() == "90ed528bc5e15ced"
    assert information <= 8 * len(data) < information + 33
    assert np.array_equal(read_labels(data, (6, 10), 11), labels)


@given(
    st.integers(0, 255),
    st.integers(1, 4096),
    st.integers(1, 1024),
    st.integers(0, 255),
    st.sampled_from(CELLS),
    st.integers(1, 2000),
)
def test_a_header_says_what_it_was_given(level, height, width, network, cell, words) -> None:
    header = BaseHeader(level, (height, width), network, cell, 4 * words)
    assert BaseHeader.from_bytes(header.to_bytes() + bytes(4 * words)) == header
    with pytest.raises(ValueError, match="damaged"):
        BaseHeader.from_bytes(header.to_bytes() + bytes(4 * words - 1))


def test_the_bits_of_every_part_add_up_to_the_payload() -> None:
    base, enhancement = tiny_codec((48, 80)).encode(IMAGE, LABELS)
    assert [base.kind, enhancement.kind] == ["base", "enhancement"]
    assert [base.rank, enhancement.rank] == [0, 1]
    assert set(base.bits) == {"header", "labels", "side_information", "latent", "padding"}
    for packet in (base, enhancement):
        assert sum(packet.bits.values()) == 8 * len(packet.payload)
        assert min(packet.bits.values()) >= 0


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_damaged_bytes_give_one_clear_error_or_a_picture(data) -> None:
    """Cut, longer or altered bytes are refused, but where a header names another rate or size."""
    codec, payloads = tiny_codec((48, 80)), list(PAYLOADS)
    which = data.draw(st.integers(0, 1))
    payload = bytearray(payloads[which])
    kind = data.draw(st.sampled_from(["cut", "longer", "mutated"]))
    harmless = False
    if kind == "cut":
        payload = payload[: data.draw(st.integers(0, len(payload) - 1))]
    elif kind == "longer":
        payload += data.draw(st.binary(min_size=1, max_size=9))
    else:
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] ^= data.draw(st.integers(1, 255))
        # another level may still be a stream of its own; a base that changed loses its enhancement
        harmless = at == 1
    if which == 0:
        payloads = [bytes(payload)]
    else:
        payloads[1] = bytes(payload)
    if harmless:
        with contextlib.suppress(ValueError):
            assert codec.decode(payloads).image.shape == (48, 80, 3)
    else:
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            codec.decode(payloads)


def test_foreign_packets_are_refused() -> None:
    codec, (base, enhancement) = tiny_codec((48, 80)), PAYLOADS
    with pytest.raises(ValueError, match="another network"):
        codec.decode([base[:5] + bytes([base[5] ^ 1]) + base[6:]])
    with pytest.raises(ValueError, match="48 x 80 pixels where 48 x 64 were agreed"):
        tiny_codec((48, 64)).decode([base])
    with pytest.raises(ValueError, match="one or two packets"):
        codec.decode([base, enhancement, enhancement])
    with pytest.raises(ValueError, match="no base packet"):
        codec.decode([enhancement])
    with pytest.raises(ValueError, match="no enhancement packet"):
        codec.decode([base, base])
    with pytest.raises(ValueError, match="no enhancement packet"):
        codec.decode([None, b""])
    other = tiny_codec((48, 80)).encode(IMAGE[::-1].copy(), LABELS)[0].payload
    with pytest.raises(ValueError, match="another picture"):
        codec.decode([other, enhancement])
    huge = bytes([16, 0, 255, 255, 0, base[5], 0, 0])
    with pytest.raises(ValueError, match="damaged"):
        codec.decode([huge])
    assert len(base) > BASE_BYTES
