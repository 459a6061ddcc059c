"""Codes chosen for their rate: fewer bits, the same cells, nothing for the receiver to know."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.sqgan.codec import SqganCodec, SqganSettings
from semcom.codecs.sqgan.economy import economical
from semcom.entropy import RangeWriter
from semcom.transmitter import RATE_WEIGHT, Transmitter
from tests.sqgan.tiny import tiny_networks

NETWORKS = tiny_networks()
MODEL = NETWORKS.index_models["image"]


def tokens(seed: int, share: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """A grid of nearest codes and the distances behind it, for random vectors."""
    g = torch.Generator().manual_seed(seed)
    vectors = torch.randn(8 * 16, 16, generator=g)
    kept = torch.rand(8 * 16, generator=g) < share
    distances = NETWORKS.image.quantizer.distances(vectors[kept]).numpy()
    grid = np.full(8 * 16, -1, np.int64)
    grid[kept.numpy()] = distances.argmin(1)
    return grid.reshape(8, 16), distances


def information(grid: np.ndarray) -> float:
    writer = RangeWriter()
    MODEL.write(writer, grid)
    return writer.information


def test_nearest_codes_without_a_rate_weight() -> None:
    grid, distances = tokens(0)
    assert (economical(grid, distances, MODEL, 0.0) == grid).all()
    nothing = np.full((8, 16), -1)
    assert (economical(nothing, np.zeros((0, 64)), MODEL, 1.0) == nothing).all()


@given(st.integers(0, 999), st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_the_same_cells_hold_codes_of_fewer_bits(seed: int, packets: int) -> None:
    grid, distances = tokens(seed)
    found = economical(grid, distances, MODEL, 1.0, packets)
    assert ((found >= 0) == (grid >= 0)).all()
    if packets == 1:
        assert information(found) < information(grid)


def test_more_weight_buys_fewer_bits_for_more_distance() -> None:
    grid, distances = tokens(3)
    chosen = [economical(grid, distances, MODEL, weight) for weight in (0, 0.1, 1, 10)]
    bits = [information(found) for found in chosen]
    spent = [float(np.take_along_axis(distances, f[f >= 0][:, None], 1).sum()) for f in chosen]
    assert bits == sorted(bits, reverse=True)
    assert spent == sorted(spent)


def test_distances_are_squared_and_euclidean() -> None:
    quantizer, v = NETWORKS.image.quantizer, torch.randn(5, 16)
    expected = torch.cdist(v, quantizer.codebook).square()
    torch.testing.assert_close(quantizer.distances(v), expected, atol=1e-4, rtol=1e-4)


def test_raw_packets_hold_nearest_codes() -> None:
    """The paper's own format stays the paper's own choice of codes."""
    keep = {"image": 0.5, "label_map": 0.5}
    assert Transmitter(NETWORKS, keep).vq_encoder.rate_weight == RATE_WEIGHT
    assert Transmitter(NETWORKS, keep, "raw").vq_encoder.rate_weight == 0
    with pytest.raises(ValueError, match="rate_weight has no meaning"):
        SqganSettings(entropy="raw", rate_weight=0.5)


def test_a_rate_weight_is_part_of_the_results_identity() -> None:
    codecs = [SqganCodec(SqganSettings(rate_weight=w)) for w in (None, RATE_WEIGHT, 0)]
    usual, said, nearest = (codec.identity() for codec in codecs)
    assert usual == said != nearest


def test_bits_that_tokens_leave_go_to_nearer_codes() -> None:
    g = np.random.default_rng(0)
    picture = g.integers(0, 255, (64, 96, 3), np.uint8)
    label_map = g.integers(0, 11, (64, 96)).astype(np.uint8)
    keep = {"image": 1.0, "label_map": 1.0}
    nearest = Transmitter(NETWORKS, keep, rate_weight=0.0).trace(picture, label_map)
    enough = sum(8 * len(p.payload) for p in nearest.packets) / label_map.size
    for rate, same in ((1.01 * enough, True), (0.9 * enough, False)):
        sent = Transmitter(NETWORKS, keep, bits_per_pixel=rate).trace(picture, label_map)
        assert sum(8 * len(p.payload) for p in sent.packets) <= rate * label_map.size
        tokens = (sent.tokens["image"].grid, nearest.tokens["image"].grid)
        assert (tokens[0] == tokens[1]).all() == same
