"""Transmitter and receiver: stages by themselves, packets lost, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.sqgan.bitstream import read_packet
from semcom.codecs.sqgan.codec import SqganCodec, SqganSettings
from semcom.receiver import Receiver
from semcom.transmitter import Transmitter
from tests.sqgan.tiny import tiny_networks

NETWORKS = tiny_networks()
KEEP = {"image": 0.4, "label_map": 0.5}


def picture(height: int = 48, width: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    image = g.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, g.integers(0, 12, (height, width), dtype=np.uint8)


def codec(size: tuple[int, int] | None, **settings) -> SqganCodec:
    made = SqganCodec(SqganSettings(**settings), size)
    made.__dict__["_networks"] = NETWORKS
    return made


@given(st.integers(16, 70), st.integers(16, 70), st.integers(1, 5), st.integers(0, 2**10 - 1))
@settings(max_examples=20, deadline=None)
def test_any_size_and_any_loss_gives_a_picture(height, width, packets, lost) -> None:
    image, label_map = picture(height, width)
    c = codec((height, width), packets={"image": packets, "label_map": packets})
    sent = c.encode(image, label_map)
    assert len(sent) == 2 * packets
    arrived = [None if lost >> i & 1 else p.payload for i, p in enumerate(sent)]
    got = c.decode(arrived)
    assert got.image.shape == image.shape
    assert got.image.dtype == np.uint8
    assert got.label_map.shape == label_map.shape
    assert got.label_map.max() < 11


def test_a_lost_packet_costs_its_own_tokens_and_nothing_else() -> None:
    image, label_map = picture()
    c = codec((48, 80), packets={"image": 3, "label_map": 1})
    payloads = [p.payload for p in c.encode(image, label_map)]
    whole = c.receiver.entropy_decoder(payloads)["image"].mask
    for gone in (1, 2, 3):
        left = [None if i == gone else p for i, p in enumerate(payloads)]
        mask = c.receiver.entropy_decoder(left)["image"].mask
        own = read_packet(payloads[gone], NETWORKS.index_models, NETWORKS.palette_model).tokens.mask
        assert (mask == (whole & ~own)).all()
        assert np.array_equal(c.decode(left).label_map, c.decode(payloads).label_map)


def test_the_stages_can_be_called_one_by_one() -> None:
    image, label_map = picture()
    transmitter = Transmitter(NETWORKS, KEEP, segmentation=lambda images: label_map[None])
    receiver = Receiver(NETWORKS, (48, 80))
    masked = transmitter.mask(image, label_map)
    tokens = transmitter.vq_encoder(masked)
    packets = transmitter.entropy_coder(tokens)
    assert masked.shape == (3, 5)
    assert masked.selections["image"].kept.shape == (1, 6)  # floor(0.4 * 15)
    assert packets == transmitter(image)
    decoded = receiver.entropy_decoder([p.payload for p in packets])
    for path in ("image", "label_map"):
        assert np.array_equal(decoded[path].grid, tokens[path].grid)
    whole = receiver([p.payload for p in packets])
    shown = receiver.generator.label_map(decoded["label_map"])
    assert np.array_equal(shown[:48], whole.label_map)


def test_bytes_and_weights_are_all_a_receiver_needs() -> None:
    image, label_map = picture(50, 90)
    packets = codec((50, 90)).encode(image, label_map)
    other = codec(None)  # no size agreed: the packets say it
    assert other.decode([p.payload for p in packets]).image.shape == (50, 90, 3)
    with pytest.raises(ValueError, match="no picture size was agreed"):
        other.decode([None, None])


def test_more_cells_cost_more_bits() -> None:
    image, label_map = picture()
    sizes = [
        sum(
            len(p.payload)
            for p in codec((48, 80), entropy=e, keep_fraction=k).encode(image, label_map)
        )
        for e in ("raw", "learned")
        for k in ({"image": 0.2, "label_map": 0.2}, {"image": 0.9, "label_map": 0.9})
    ]
    assert sizes[0] < sizes[1]
    assert sizes[2] < sizes[3]


@pytest.mark.parametrize(
    ("image", "label_map", "message"),
    [
        (np.zeros((48, 80), np.uint8), np.zeros((48, 80), np.uint8), "convert grey"),
        (np.zeros((48, 80, 4), np.uint8), np.zeros((48, 80), np.uint8), "transparent"),
        (np.zeros((48, 80, 3), float), np.zeros((48, 80), np.uint8), "uint8"),
        (np.zeros((8, 80, 3), np.uint8), np.zeros((8, 80), np.uint8), "too small"),
        (np.zeros((64, 80, 3), np.uint8), np.zeros((64, 80), np.uint8), "agreed"),
        (np.zeros((48, 80, 3), np.uint8), np.zeros((40, 80), np.uint8), "label map"),
        (np.zeros((48, 80, 3), np.uint8), None, "needs a label map"),
    ],
)
def test_bad_input_is_refused_in_words(image, label_map, message) -> None:
    with pytest.raises(ValueError, match=message):
        codec((48, 80)).encode(image, label_map)


def test_packets_of_another_network_or_picture_are_refused() -> None:
    image, label_map = picture()
    payloads = [p.payload for p in codec((48, 80)).encode(image, label_map)]
    foreign = [p[:5] + bytes([p[5] ^ 1]) + p[6:] for p in payloads]
    with pytest.raises(ValueError, match="another SQ-GAN network"):
        codec((48, 80)).decode(foreign)
    with pytest.raises(ValueError, match="does not belong"):
        codec((64, 80)).decode(payloads)


def test_a_label_outside_the_classes_counts_as_void() -> None:
    image, _ = picture()
    void, beyond = np.full((48, 80), 11, np.uint8), np.full((48, 80), 255, np.uint8)
    assert codec((48, 80)).encode(image, void) == codec((48, 80)).encode(image, beyond)


def test_a_random_selection_keeps_as_many_cells_but_others() -> None:
    image, label_map = picture()
    best, chance, again = (
        codec((48, 80), selection=rule).transmitter.trace(image, label_map).tokens
        for rule in ("relevance", "random", "random")
    )
    for path in ("image", "label_map"):
        assert best[path].mask.sum() == chance[path].mask.sum()
        assert (best[path].mask != chance[path].mask).any()
        assert np.array_equal(chance[path].grid, again[path].grid)
        both = best[path].mask & chance[path].mask  # the same cell says the same either way
        assert (best[path].grid[both] == chance[path].grid[both]).all()
    with pytest.raises(ValueError, match="no meaning"):
        SqganSettings(selection="random", task="driving")
