"""Codecs in frames: no packet is longer than its block, the most relevant tokens come first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from semcom.budget.fitting import FittedCodec, FittedSettings, packet_paths
from semcom.budget.frame import Frame, TransportBlock
from semcom.codecs import CODECS
from semcom.codecs.sqgan.bitstream import PathTokens, owned_cells, read_packet
from semcom.codecs.sqgan.rate import WORD, second_bits
from tests.sqgan.tiny import tiny_networks

SIZE = (64, 96)
TWICE = tiny_networks(residual=True)


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


def twice(blocks: list[tuple[str, int, int]], **settings: Any) -> FittedCodec:
    """SQ-GAN in ``blocks`` with networks that have second tokens."""
    codec = fitted("sqgan", blocks, **settings)
    codec._codec.__dict__["_networks"] = TWICE
    return codec


def tokens(payload: bytes, codec: FittedCodec) -> PathTokens:
    networks = codec._codec._networks
    models = networks.index_models, networks.palette_model, networks.second_model
    return read_packet(payload, *models).tokens


def cells(payload: bytes, codec: FittedCodec) -> set[int]:
    """Cells that a packet carries."""
    return set(np.flatnonzero(tokens(payload, codec).mask))


def second_cells(payload: bytes, codec: FittedCodec) -> set[int]:
    """Cells to which a packet brings a second token."""
    second = tokens(payload, codec).second
    return set() if second is None else set(np.flatnonzero(second >= 0))


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


@pytest.mark.parametrize("num_bytes", [10, 16, 22, 30, 38, 100])
def test_first_tokens_leave_second_ones_the_room_that_the_ladder_of_rates_says(
    num_bytes: int, picture: tuple[np.ndarray, np.ndarray]
) -> None:
    blocks = [("label_map", num_bytes + 1, 0), ("image", 60, 0)]
    codec = twice(blocks)
    packet, of_picture = (p.payload for p in codec.encode(*picture))
    assert len(packet) <= num_bytes
    assert of_picture == twice(blocks, residual=False).encode(*picture)[1].payload
    stages = codec._codec.transmitter
    masked = stages.mask(*picture)
    order = masked.selections["label_map"].order[0].numpy()
    kept = len(cells(packet, codec))
    assert cells(packet, codec) == set(order[:kept])

    def fits(count: int) -> bool:
        some = stages.vq_encoder(masked)["label_map"].only(order[:count])
        first = stages.entropy_coder.packet(some, 0, 1, 0).payload
        words = second_bits(count, len(order)) // WORD
        return 8 * len(first) + WORD * words <= 8 * num_bytes

    assert fits(kept)
    assert kept == len(order) or not fits(kept + 1)
    assert bool(second_cells(packet, codec)) == (num_bytes >= 30)


def test_where_all_first_tokens_fit_every_second_one_that_helps_goes_along(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    blocks = [("label_map", 200, 0), ("image", 60, 0)]
    codec, once = twice(blocks), twice(blocks, residual=False)
    stages = codec._codec.transmitter
    masked = stages.mask(*picture)
    everything = stages.vq_encoder(masked)["label_map"]
    found = stages.residual_encoder(masked, everything, everything.grid.size)
    payloads = [p.payload for p in codec.encode(*picture)]
    assert second_cells(payloads[0], codec) == set(found.cells)
    right, right_once = (
        (c.decode([p.payload for p in c.encode(*picture)]).label_map == picture[1]).mean()
        for c in (codec, once)
    )
    assert right > right_once


def test_packets_of_one_class_share_second_tokens_by_the_cells_they_own(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    blocks = [("label_map", 26, 0), ("label_map", 30, 0), ("image", 60, 0)]
    codec = twice(blocks, packets={"label_map": 2})
    packets = codec.encode(*picture)
    assert [p.rank for p in packets] == [0, 1, 2]
    for number, (packet, block) in enumerate(
        zip(packets[:2], codec.settings.frame.blocks, strict=False)
    ):
        assert len(packet.payload) <= block.capacity
        own = np.flatnonzero(owned_cells((4, 6), number, 2))
        assert second_cells(packet.payload, codec) <= set(own)
        assert second_cells(packet.payload, codec)
    alone = codec.decode([None, packets[1].payload, packets[2].payload])
    assert alone.label_map.shape == SIZE


def test_of_a_map_in_two_classes_the_better_protected_one_carries_what_gains_most(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    codec = twice(
        [("label_map", 30, 0), ("label_map", 30, 1), ("image", 60, 2)], packets={"label_map": 2}
    )
    first, other, _ = (p.payload for p in codec.encode(*picture))
    stages = codec._codec.transmitter
    masked = stages.mask(*picture)
    order = masked.selections["label_map"].order[0].numpy()
    sent = cells(first, codec) | cells(other, codec)
    assert cells(first, codec) == set(order[: len(cells(first, codec))])
    assert sent == set(order[: len(sent)])
    whole = stages.vq_encoder(masked)["label_map"].only(order[: len(sent)])
    found = stages.residual_encoder(masked, whole, len(order)).cells
    in_first = len(second_cells(first, codec))
    assert second_cells(first, codec) == set(found[:in_first])
    assert second_cells(other, codec) == set(
        found[in_first : in_first + len(second_cells(other, codec))]
    )
    assert in_first
    assert second_cells(other, codec)


def test_nothing_changes_where_second_tokens_are_not_wanted(
    picture: tuple[np.ndarray, np.ndarray],
) -> None:
    blocks = [("label_map", 60, 0), ("image", 60, 0)]
    without = tiny_networks()
    for settings in ({"residual": False}, {"entropy": "raw"}):
        codec, never = twice(blocks, **settings), twice(blocks, **settings)
        never._codec.__dict__["_networks"] = without
        assert [p.payload for p in codec.encode(*picture)] == [
            p.payload for p in never.encode(*picture)
        ]


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
