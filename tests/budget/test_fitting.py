"""Codecs in frames: no packet is longer than its block, the most relevant tokens come first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from semcom.budget.fitting import FittedCodec, FittedSettings, packet_paths
from semcom.budget.frame import Frame, TransportBlock
from semcom.codecs import CODECS
from semcom.codecs.sqgan.bitstream import read_packet

SIZE = (64, 96)


def fitted(codec: str, blocks: list[tuple[str, int, int]], **settings: Any) -> FittedCodec:
    """``codec`` in blocks of ``(path, bytes, protection)``."""
    frame = Frame(
        channel_uses=10_000,
        code="ldpc",
        blocks=tuple(
            TransportBlock(
                path=path, num_bytes=size, channel_uses=10, modulation="qpsk", protection=number
            )
            for path, size, number in blocks
        ),
    )
    return FittedCodec(CODECS[codec], FittedSettings(settings=settings, frame=frame), SIZE)


@pytest.fixture(scope="module")
def picture() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (4, 6, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    label_map = rng.integers(0, 11, (4, 6), np.uint8).repeat(16, 0).repeat(16, 1)
    return image, label_map


def cells(payload: bytes, codec: FittedCodec) -> set[int]:
    """Cells that a packet carries."""
    networks = codec._codec._networks
    packet = read_packet(payload, networks.index_models, networks.palette_model)
    return set(np.flatnonzero(packet.tokens.mask))


def relevance(codec: FittedCodec, image: np.ndarray, label_map: np.ndarray) -> list[int]:
    """Cells of the picture, the most relevant one first."""
    order = codec._codec.transmitter.mask(image, label_map).selections["image"].order
    return [int(cell) for cell in order[0]]


def test_every_packet_fits_its_block(picture: tuple[np.ndarray, np.ndarray]) -> None:
    for sizes in ((12, 20, 20), (30, 40, 40), (200, 200, 200)):
        codec = fitted(
            "sqgan",
            [("label_map", sizes[0], 0), ("image", sizes[1], 0), ("image", sizes[2], 0)],
            packets={"image": 2},
        )
        packets = codec.encode(*picture)
        for packet, block in zip(packets, codec.settings.frame.blocks, strict=True):
            assert 0 < len(packet.payload) <= block.capacity
        assert codec.decode([p.payload for p in packets]).image.shape == (*SIZE, 3)


def test_a_better_protected_class_carries_the_more_relevant_tokens(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    codec = fitted(
        "sqgan",
        [("label_map", 60, 0), ("image", 18, 1), ("image", 18, 2)],
        packets={"image": 2},
    )
    first, second = (cells(p.payload, codec) for p in codec.encode(*picture)[1:])
    order = relevance(codec, *picture)
    assert first == set(order[: len(first)])
    assert second == set(order[len(first) : len(first) + len(second)])
    assert first
    assert second


def test_packets_of_one_class_share_the_most_relevant_tokens_and_thin_the_picture(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    codec = fitted(
        "sqgan",
        [("label_map", 60, 0), ("image", 18, 1), ("image", 18, 1)],
        packets={"image": 2},
    )
    packets = codec.encode(*picture)
    first, second = (cells(p.payload, codec) for p in packets[1:])
    assert not first & second
    assert first | second == set(relevance(codec, *picture)[: len(first | second)])
    lost = codec.decode([packets[0].payload, None, packets[2].payload])
    assert set(np.flatnonzero(lost.extras["kept_mask"])) == second


def test_a_path_without_a_block_is_not_sent_and_shows_the_prior(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    codec = fitted("sqgan", [("label_map", 60, 0), ("image", 0, 1)])
    packets = codec.encode(*picture)
    assert packets[1].payload == b""
    received = codec.decode([p.payload for p in packets])
    assert not received.extras["kept_mask"].any()
    assert received.extras["kept_mask_label_map"].any()


@pytest.mark.parametrize("name", ["bpg", "jpeg2000", "webp"])
def test_a_conventional_codec_fills_its_block(
    name: str, picture: tuple[np.ndarray, np.ndarray]
) -> None:
    pytest.importorskip("av")
    sizes = []
    for num_bytes in (150, 400):
        codec = fitted(name, [("image", num_bytes, 0)])
        (packet,) = codec.encode(*picture)
        sizes.append(len(packet.payload))
        assert sizes[-1] <= num_bytes - 1
    assert sizes[0] < sizes[1]


def test_a_picture_that_fits_at_no_setting_is_not_sent(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    codec = fitted("jpeg2000", [("image", 20, 0)])
    (packet,) = codec.encode(*picture)
    assert packet.payload == b""
    assert len(np.unique(codec.decode([b""]).image.reshape(-1, 3), axis=0)) == 1


def test_the_layered_codec_fills_a_block_for_each_layer(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    sizes = []
    for enhancement in (90, 400):
        codec = fitted("layered", [("base", 250, 0), ("enhancement", enhancement, 1)])
        packets = codec.encode(*picture)
        assert [p.kind for p in packets] == ["base", "enhancement"]
        for packet, block in zip(packets, codec.settings.frame.blocks, strict=True):
            assert 0 < len(packet.payload) <= block.capacity
        sizes.append([len(p.payload) for p in packets])
        base, both = (
            codec.decode([packets[0].payload, p]).image for p in (None, packets[1].payload)
        )
        errors = [((x.astype(float) - picture[0]) ** 2).mean() for x in (base, both)]
        assert errors[1] < errors[0]
    assert sizes[0][0] == sizes[1][0]
    assert sizes[0][1] < sizes[1][1]


def test_a_layer_without_room_is_not_sent(picture: tuple[np.ndarray, np.ndarray]) -> None:
    codec = fitted("layered", [("base", 250, 0), ("enhancement", 0, 1)])
    packets = codec.encode(*picture)
    assert packets[0].payload
    assert packets[1].payload == b""
    assert codec.decode([p.payload for p in packets]).label_map is not None
    codec = fitted("layered", [("base", 12, 0), ("enhancement", 500, 1)])
    packets = codec.encode(*picture)
    assert [p.payload for p in packets] == [b"", b""]
    assert len(np.unique(codec.decode([b"", b""]).image.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("name", ["sqgan", "layered"])
def test_a_codec_without_its_label_map_says_so(
    name: str, picture: tuple[np.ndarray, np.ndarray]
) -> None:
    blocks = [(path, 200, 0) for path in packet_paths(name, {})]
    with pytest.raises(ValueError, match="needs a label map: segment the picture first"):
        fitted(name, blocks).encode(picture[0])


def test_the_frame_is_part_of_the_identity() -> None:
    small, large = (fitted("bpg", [("image", size, 0)]) for size in (100, 200))
    assert small.identity() != large.identity()


def test_packets_are_counted_per_path() -> None:
    assert packet_paths("bpg", {}) == ["image"]
    assert packet_paths("layered", {}) == ["base", "enhancement"]
    assert packet_paths("sqgan", {"packets": {"image": 3, "label_map": 2}}) == (
        ["label_map"] * 2 + ["image"] * 3
    )
