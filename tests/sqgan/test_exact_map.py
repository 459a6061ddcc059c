"""Label maps sent without loss: format, model, and what the codec makes of them."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from semcom.budget.fitting import packet_paths
from semcom.codecs.sqgan.codec import SqganSettings
from semcom.codecs.sqgan.exact_map import (
    HEADER_BYTES,
    LOST,
    is_exact_map,
    read_exact_map,
    write_exact_map,
)
from semcom.entropy import LabelMapModel, RangeReader, RangeWriter
from tests.sqgan.test_transmission import codec, picture


def regions(height: int, width: int, classes: int, seed: int) -> np.ndarray:
    """A map of a few rectangles, some speckled."""
    g = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    for _ in range(6):
        top, left = g.integers(0, height), g.integers(0, width)
        part = labels[top : top + height // 2, left : left + width // 2]
        part[g.random(part.shape) < g.choice([0.05, 1])] = g.integers(0, classes)
    return labels


maps = st.builds(
    regions,
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 11),
    st.integers(0, 2**32 - 1),
)


@given(maps)
@settings(max_examples=40, deadline=None)
def test_the_model_gives_every_label_back(labels: np.ndarray) -> None:
    writer = RangeWriter()
    LabelMapModel(12).write(writer, labels)
    data = writer.getvalue()
    assert (LabelMapModel(12).read(RangeReader(data), labels.shape) == labels).all()
    assert 8 * len(data) <= 1.01 * writer.information + 34


def test_regions_cost_their_outlines() -> None:
    height, width = 64, 128
    noise = np.random.default_rng(0).integers(0, 12, (height, width)).astype(np.uint8)
    blocks = np.kron(noise[::32, ::32], np.ones((32, 32), np.uint8))
    cost = {}
    for name, labels in (("noise", noise), ("blocks", blocks), ("flat", blocks * 0 + 3)):
        writer = RangeWriter()
        LabelMapModel(12).write(writer, labels)
        cost[name] = writer.information
    assert cost["flat"] < 30
    assert cost["blocks"] < 400
    assert cost["noise"] < 1.1 * noise.size * np.log2(12)


@given(st.integers(16, 70), st.integers(16, 70), st.integers(1, 16), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_bands_decode_alone_and_make_the_map(height, width, packets, seed) -> None:
    labels = regions(height, width, 12, seed)
    whole = np.full((height, width), LOST, np.uint8)
    for number, packet in enumerate(write_exact_map(labels, 11, packets, 0x5E)):
        assert is_exact_map(packet.payload)
        assert sum(packet.bits.values()) == 8 * len(packet.payload)
        part = read_exact_map(packet.payload, 11, (height, width))
        assert (part.number, part.packets, part.network) == (number, packets, 0x5E)
        came = part.label_map != LOST
        assert (whole[came] == LOST).all()
        whole[came] = part.label_map[came]
    assert (whole == labels).all()


def test_golden_bytes() -> None:
    """These bytes are the format: a change that alters them needs a new version number."""
    labels = np.zeros((20, 30), np.uint8)
    labels[5:12, 7:19] = 4
    labels[8:, 20:] = 255  # void
    labels[3, 3] = 9
    (packet,) = write_exact_map(labels, 11, 1, 0xAB)
    assert packet.payload.hex() == "28000101c2ab2599a44047030b126e563dd9da"


@given(st.integers(0, 10**6), st.integers(0, 7))
@settings(max_examples=80, deadline=None)
def test_a_flipped_bit_is_refused_or_parsed_but_never_crashes(position: int, bit: int) -> None:
    labels = regions(32, 48, 11, 7)
    data = bytearray(write_exact_map(labels, 11, 1, 1)[0].payload)
    data[position % len(data)] ^= 1 << bit
    with suppress(ValueError):
        read_exact_map(bytes(data), 11, (32, 48))


@given(st.binary(max_size=60))
@settings(max_examples=80, deadline=None)
def test_foreign_bytes_are_refused_or_parsed_but_never_crash(body: bytes) -> None:
    with suppress(ValueError):
        got = read_exact_map(bytes([0x28, 0, 1, 2, 0, 1]) + body, 11)
        assert got.label_map.max() <= 11


def test_damage_is_seen() -> None:
    labels = regions(64, 96, 11, 3)
    data = write_exact_map(labels, 11, 1, 1)[0].payload
    for length in (0, 3, HEADER_BYTES, len(data) - 4, len(data) - 1):
        with pytest.raises(ValueError, match=r"whole|cut|damaged"):
            read_exact_map(data[:length], 11)
    with pytest.raises(ValueError, match="damaged"):
        read_exact_map(data + bytes(8), 11)
    with pytest.raises(ValueError, match="does not belong"):
        read_exact_map(data, 11, (64, 80))
    with pytest.raises(ValueError, match="header"):
        read_exact_map(bytes([0x28, 0, 255, 255, 0, 1, 0]) + data[7:], 11)


def flat(height: int = 48, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    image, _ = picture(height, width)
    return image, np.where(np.arange(width) < 30, 3, 11).astype(np.uint8)[None].repeat(height, 0)


def test_the_map_arrives_as_it_was_and_feeds_the_generator() -> None:
    image, label_map = flat(50, 90)
    c = codec((50, 90), map_coding="lossless")
    packets = c.encode(image, label_map)
    assert [p.kind for p in packets] == ["label_map", "image"]
    payloads = [p.payload for p in packets]
    got = c.decode(payloads)
    assert np.array_equal(got.label_map, label_map)  # void and all
    assert got.extras["kept_mask_label_map"].all()
    assert got.image.shape == image.shape
    other = codec(None).decode(payloads)  # no size agreed: the packets say it
    assert np.array_equal(other.image, got.image)


def test_a_lost_band_is_filled_by_the_networks_own_idea() -> None:
    image, label_map = flat()
    c = codec((48, 80), map_coding="lossless", packets={"label_map": 3})
    payloads: list[bytes | None] = [p.payload for p in c.encode(image, label_map)]
    payloads[1] = None
    got = c.decode(payloads)
    nothing = c.decode([None] * 4)
    assert np.array_equal(got.label_map[:16], label_map[:16])
    assert np.array_equal(got.label_map[32:], label_map[32:])
    assert np.array_equal(got.label_map[16:32], nothing.label_map[16:32])
    assert got.extras["kept_mask_label_map"][:, 0].tolist() == [True, False, True]


def test_the_cheaper_coding_is_chosen_picture_by_picture() -> None:
    size, keep = (96, 160), {"image": 0.4, "label_map": 0.5}
    for (image, label_map), exact in ((flat(*size), True), (picture(*size), False)):

        def map_bytes(coding: str, keep_fraction: dict[str, float]) -> int:
            c = codec(size, map_coding=coding, keep_fraction=keep_fraction)
            packets = c.encode(image, label_map)  # noqa: B023
            return sum(len(p.payload) for p in packets if p.kind == "label_map")

        tokens, lossless = map_bytes("tokens", keep), map_bytes("lossless", {"image": 0.4})
        assert map_bytes("cheaper", keep) == min(tokens, lossless)
        assert (lossless < tokens) == exact


@pytest.mark.parametrize("coding", ["lossless", "cheaper"])
def test_a_rate_is_held_with_the_map_inside(coding: str) -> None:
    image, label_map = flat(64, 128)
    c = codec((64, 128), map_coding=coding, bits_per_pixel=0.1)
    packets = c.encode(image, label_map)
    assert 8 * sum(len(p.payload) for p in packets) <= 0.1 * 64 * 128
    assert np.array_equal(c.decode([p.payload for p in packets]).label_map, label_map)


def test_settings_that_would_mean_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="no meaning with map_coding"):
        SqganSettings(map_coding="lossless", keep_fraction={"label_map": 0.3})
    with pytest.raises(ValueError, match="leave map_coding out"):
        packet_paths("sqgan", {"map_coding": "cheaper"})


def test_the_choice_is_part_of_a_result_and_its_absence_is_not() -> None:
    assert "map_coding" not in codec(None).identity()
    assert codec(None, map_coding="lossless").identity()["map_coding"] == "lossless"
