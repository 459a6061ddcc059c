"""The packet format: golden bytes, round trips, damage."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from semcom.codecs.codec import Packet
from semcom.codecs.sqgan.bitstream import (
    HEADER_BYTES,
    PathTokens,
    TokenPacket,
    owned_cells,
    read_packet,
    write_packet,
)
from semcom.entropy import IndexModel, RangeWriter, SecondModel
from tests.entropy.test_entropy import grids, make_grid, random_model

MODEL = random_model(64)[1]
MODELS = {"image": MODEL, "label_map": MODEL}
#: of numbers that no generator of random numbers can change
GOLDEN = IndexModel(
    {
        "embedding": (np.arange(4 * 65 * 4) % 37 - 18).reshape(4, 65, 4),
        "row": np.zeros((16, 4)),
        "output": (np.arange(256) % 29 - 14).reshape(4, 64),
        "bias": np.arange(64) * 10,
        "shift": np.array([3]),
    }
)
SECOND = SecondModel(48)


def second_packet(
    grid: np.ndarray, second: np.ndarray, entropy, number: int = 0, packets: int = 1
) -> Packet:
    """A packet of a label map with ``second`` tokens."""
    tokens = PathTokens("label_map", grid, second=second)
    return write_packet(
        TokenPacket(tokens, number, packets, entropy, 0xAB), MODEL, second_model=SECOND
    )


@given(
    grids,
    st.integers(1, 16),
    st.sampled_from(["learned", "raw"]),
    st.sampled_from(["image", "label_map"]),
)
@settings(max_examples=60, deadline=None)
def test_all_packets_together_give_the_tokens_back(grid, packets, entropy, path) -> None:
    tokens = make_grid(*grid, codes=64)
    back = np.full(tokens.shape, -1)
    for number in range(packets):
        sent = TokenPacket(PathTokens(path, tokens, (3, 5)), number, packets, entropy, 0x5E)
        packet = write_packet(sent, MODEL)
        got = read_packet(packet.payload, MODELS)
        assert sum(packet.bits.values()) == 8 * len(packet.payload)
        assert (got.number, got.packets, got.entropy, got.network) == (
            number,
            packets,
            entropy,
            0x5E,
        )
        assert got.tokens.path == path
        assert got.tokens.padding == (3, 5)
        assert not (got.tokens.mask & ~owned_cells(tokens.shape, number, packets)).any()
        back[got.tokens.mask] = got.tokens.grid[got.tokens.mask]
    assert (back == tokens).all()


@given(grids, st.floats(0, 1), st.integers(1, 16), st.sampled_from(["learned", "raw"]))
@settings(max_examples=60, deadline=None)
def test_all_packets_together_give_second_tokens_back(grid, share, packets, entropy) -> None:
    """They need no first token in their cell, and a packet may have none."""
    tokens = make_grid(*grid, codes=64)
    second = make_grid(*tokens.shape, share, grid[3] ^ 1, codes=48)
    first, back = np.full(tokens.shape, -1), np.full(tokens.shape, -1)
    for number in range(packets):
        packet = second_packet(tokens, second, entropy, number, packets)
        owned = owned_cells(tokens.shape, number, packets)
        assert sum(packet.bits.values()) == 8 * len(packet.payload)
        assert min(packet.bits.values()) >= 0
        if entropy == "raw":  # a flag a cell and 6 bits a code of 48
            assert packet.bits["second"] == owned.sum() + 6 * (second[owned] >= 0).sum()
        got = read_packet(packet.payload, MODELS, second_model=SECOND).tokens
        assert (got.second[~owned] == -1).all()
        first, back = np.maximum(first, got.grid), np.maximum(back, got.second)
    assert (first == tokens).all()
    assert (back == second).all()


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 16))
def test_every_cell_belongs_to_one_packet(rows: int, columns: int, packets: int) -> None:
    owners = sum(owned_cells((rows, columns), n, packets).astype(int) for n in range(packets))
    assert (np.asarray(owners) == 1).all()


@pytest.mark.parametrize("keep", [0.05, 0.2, 0.4, 0.7, 1.0])
def test_raw_mode_is_the_rate_formula_of_the_paper(keep: float) -> None:
    # 10 bits per kept index and one flag per cell; here 64 codes, hence 6 bits
    g = np.random.default_rng(1)
    kept = g.permutation(512)[: int(keep * 512)]
    grid = np.full(512, -1)
    grid[kept] = g.integers(0, 64, len(kept))
    packet = write_packet(
        TokenPacket(PathTokens("image", grid.reshape(16, 32)), 0, 1, "raw", 0), MODEL
    )
    assert packet.bits["mask"] + packet.bits["indices"] == 6 * len(kept) + 512
    assert packet.bits["padding"] < 8


def test_golden_bytes() -> None:
    """These bytes are the format: a change that alters them needs a new version number."""
    grid = np.full((4, 8), -1)
    grid[1, 2:6] = (5, 60, 5, 17)
    grid[3, 0] = 33
    raw = TokenPacket(PathTokens("label_map", grid, (1, 2)), 0, 1, "raw", 0xAB)
    assert write_packet(raw, GOLDEN).payload.hex() == "3c00030712ab003c008017c15184"
    learned = TokenPacket(PathTokens("image", grid), 0, 1, "learned", 0xAB)
    assert write_packet(learned, GOLDEN).payload.hex() == "3000030700ab3784772cab0c663cda523d98"


def test_golden_bytes_of_second_tokens() -> None:
    grid, second = np.full((3, 5), -1), np.full((3, 5), -1)
    grid[1, 2:4], second[0, 1], second[1, 1:3] = (5, 60), 7, (47, 0)
    tokens = PathTokens("label_map", grid, (1, 2), second=second)
    raw, learned = (
        write_packet(TokenPacket(tokens, 0, 1, entropy, 0xAB), GOLDEN, second_model=SECOND)
        for entropy in ("raw", "learned")
    )
    # 15 flags and 2 indices, 15 flags and 3 codes, all of 6 bits, and 4 bits to fill
    assert raw.payload.hex() == "3d00020412ab01802f886007bc00"
    assert learned.payload.hex() == "3900020412ab34fef233d7ebbf08d41cf6a0"
    writer = RangeWriter()
    SecondModel(512).write(writer, second, np.ones((3, 5), bool))
    assert writer.getvalue().hex() == "8bd344ee3c07a421"


def test_second_tokens_need_a_model_on_both_sides_and_cells_of_their_map() -> None:
    grid, second = make_grid(3, 5, 0.5, 0, 64), make_grid(3, 5, 0.5, 1, 48)
    payload = second_packet(grid, second, "learned").payload
    with pytest.raises(ValueError, match=r"holds second tokens, but .* network has none"):
        read_packet(payload, MODELS)
    packet = TokenPacket(PathTokens("label_map", grid, second=second), 0, 1, "raw", 0)
    with pytest.raises(ValueError, match="this network has no second tokens"):
        write_packet(packet, MODEL)
    with pytest.raises(ValueError, match="do not belong to this label map"):
        second_packet(grid, second[:2], "raw")
    without = TokenPacket(PathTokens("label_map", grid), 0, 1, "learned", 0xAB)
    assert write_packet(without, MODEL) == write_packet(without, MODEL, second_model=SECOND)


@given(st.binary(max_size=80))
@settings(max_examples=150, deadline=None)
def test_foreign_bytes_are_refused_or_parsed_but_never_crash(data: bytes) -> None:
    with suppress(ValueError):
        tokens = read_packet(data, MODELS, second_model=SECOND).tokens
        assert tokens.grid.max() < 64
        assert tokens.second is None or tokens.second.max() < 48


@given(st.integers(0, 10**6), st.integers(0, 7), st.sampled_from(["learned", "raw"]))
@example(79, 7, "learned")  # the range coder itself notices
@settings(max_examples=100, deadline=None)
def test_a_flipped_bit_never_crashes(position: int, bit: int, entropy) -> None:
    tokens = PathTokens("image", make_grid(8, 8, 0.4, 5, 64))
    data = bytearray(write_packet(TokenPacket(tokens, 0, 1, entropy, 1), MODEL).payload)
    data[position % len(data)] ^= 1 << bit
    with suppress(ValueError):
        assert read_packet(bytes(data), MODELS).tokens.grid.max() < 64


@given(st.integers(0, 10**6), st.integers(0, 7), st.sampled_from(["learned", "raw"]))
@settings(max_examples=100, deadline=None)
def test_a_flipped_bit_leaves_legal_second_tokens_or_none(position: int, bit: int, entropy) -> None:
    second = make_grid(8, 8, 0.2, 6, 48)
    data = bytearray(second_packet(make_grid(8, 8, 0.4, 5, 64), second, entropy).payload)
    data[position % len(data)] ^= 1 << bit
    with suppress(ValueError):
        tokens = read_packet(bytes(data), MODELS, second_model=SECOND).tokens
        assert -1 <= tokens.grid.min() <= tokens.grid.max() < 64
        if tokens.second is not None:
            assert tokens.second.shape == tokens.grid.shape
            assert -1 <= tokens.second.min() <= tokens.second.max() < 48


@pytest.mark.parametrize("entropy", ["learned", "raw"])
def test_a_cut_packet_of_second_tokens_is_refused(entropy) -> None:
    packet = second_packet(make_grid(8, 8, 0.4, 5, 64), make_grid(8, 8, 0.2, 6, 48), entropy)
    for length in range(len(packet.payload)):
        with pytest.raises(ValueError, match=r"short|cut|length|damaged"):
            read_packet(packet.payload[:length], MODELS, second_model=SECOND)


@pytest.mark.parametrize("entropy", ["learned", "raw"])
def test_a_cut_packet_is_refused(entropy) -> None:
    tokens = PathTokens("image", make_grid(8, 8, 0.4, 5, 64))
    data = write_packet(TokenPacket(tokens, 0, 1, entropy, 1), MODEL).payload
    for length in (0, 3, HEADER_BYTES, len(data) - 1):
        with pytest.raises(ValueError, match=r"short|cut|length"):
            read_packet(data[:length], MODELS)


def test_a_grid_too_large_for_the_format_is_refused() -> None:
    with pytest.raises(ValueError, match="smaller picture"):
        write_packet(
            TokenPacket(PathTokens("image", np.zeros((200, 200), int)), 0, 1, "raw", 0), MODEL
        )
