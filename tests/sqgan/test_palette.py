"""The palette: what is measured is what a picture gets, in few bits, whatever packet is lost."""

from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.sqgan.bitstream import (
    PathTokens,
    TokenPacket,
    owned_cells,
    palette_shape,
    read_packet,
    write_packet,
)
from semcom.codecs.sqgan.codec import SqganCodec, SqganSettings
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.codecs.sqgan.palette import CELL, LEVELS, palette_of, with_colours
from semcom.entropy import Colours, PaletteModel, RangeReader, RangeWriter
from semcom.training.index_prior import palette_tables
from tests.entropy.test_entropy import make_grid, random_model
from tests.sqgan.tiny import tiny_networks

MODEL = random_model(64)[1]
MODELS = {"image": MODEL, "label_map": MODEL}
CLASSES = 3


def palette_model(seed: int = 0) -> PaletteModel:
    g = np.random.default_rng(seed)
    return PaletteModel(
        g.integers(1, 64, (CLASSES, 2, 3)), g.integers(0, LEVELS, (CLASSES, 2)), LEVELS
    )


def colours(rows: int, columns: int, seed: int = 0) -> Colours:
    g = np.random.default_rng(seed)
    known = g.random((CLASSES, rows, columns)) < 0.5
    return Colours(g.integers(0, LEVELS, (CLASSES, 2, rows, columns)) * known[:, None], known)


def street(height: int = 2 * CELL, width: int = 3 * CELL) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture [1, 3, H, W] of three coloured bands with grain, and its one-hot map."""
    label_map = torch.arange(height).mul(3).div(height, rounding_mode="floor")
    hot = one_hot_map(label_map[None, :, None].expand(1, height, width), CLASSES)
    paints = torch.tensor([[0.1, 0.2, 0.5], [0.4, -0.3, -0.4], [-0.2, 0.1, -0.3]])
    grain = 0.1 * torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    return torch.einsum("bchw,ck->bkhw", hot, paints) + grain, hot


def chroma(image: torch.Tensor) -> torch.Tensor:
    return image - image.mean(1, keepdim=True)


def test_a_grey_picture_gets_its_colours_back() -> None:
    image, hot = street()
    grey = image.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    painted = with_colours(grey, palette_of(image, hot), hot)
    before, after = ((chroma(x) - chroma(image)).abs().mean() for x in (grey, painted))
    grain = (0.1 * torch.randn(10**5)).abs().mean()
    assert after < 0.35 * before
    assert after < 1.2 * grain


def test_what_has_the_colours_already_stays_as_it_is() -> None:
    image, hot = street()
    assert torch.equal(with_colours(image, palette_of(image, hot), hot), image)


def test_light_is_left_alone() -> None:
    image, hot = street()
    painted = with_colours(-image, palette_of(image, hot), hot)
    luma = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    assert torch.allclose((painted * luma).sum(1), (-image * luma).sum(1), atol=1e-4)


def test_a_class_without_a_colour_keeps_its_own() -> None:
    image, hot = street()
    palette = palette_of(image, hot)
    nothing = palette._replace(known=torch.zeros_like(palette.known))
    assert torch.equal(with_colours(-image, nothing, hot), -image)
    # half of a class that is known in the left cells alone: the right ones follow the nearest
    left = palette.known.clone()
    left[..., 1:] = False
    painted = with_colours(-image, palette._replace(known=left), hot)
    assert not torch.allclose(painted[..., CELL - 4], -image[..., CELL - 4])
    assert torch.equal(painted[..., 2 * CELL + CELL // 2 :], -image[..., 2 * CELL + CELL // 2 :])


def test_gradients_reach_the_picture() -> None:
    image, hot = street()
    made = torch.zeros_like(image, requires_grad=True)
    with_colours(made, palette_of(image, hot), hot).square().mean().backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 999), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_colours_come_back(rows: int, columns: int, seed: int, every: int) -> None:
    sent = colours(rows, columns, seed)
    owned = owned_cells((rows, columns), seed % every, every)
    writer = RangeWriter()
    palette_model(seed).write(writer, sent, owned)
    got = palette_model(seed).read(RangeReader(writer.getvalue()), owned)
    assert (got.known == sent.known & owned).all()
    assert (got.levels == sent.levels * owned).all()


def test_alike_cells_cost_little() -> None:
    known = np.ones((CLASSES, 4, 8), bool)
    model = PaletteModel(np.full((CLASSES, 2, 3), 60), np.full((CLASSES, 2), 8), LEVELS)
    alike, wild = RangeWriter(), RangeWriter()
    model.write(alike, Colours(np.full((CLASSES, 2, 4, 8), 11), known), known[0])
    model.write(wild, Colours(colours(4, 8).levels, known), known[0])
    assert alike.information < 0.3 * wild.information


def test_tables_are_counts_of_pictures() -> None:
    image, hot = street()
    tables = palette_tables([palette_of(image, hot)] * 50)
    assert tables["presence"].shape == (CLASSES, 2, 3)
    # the first band is in every upper cell and in none below
    assert tables["presence"][0, 0, :2].tolist() == [63, 64 - 1]
    assert tables["presence"][0, 1, 1] == 1
    levels = palette_of(image, hot).levels[0, 0, :, 0]
    assert tables["usual"][0].tolist() == levels.float().mean(1).round().tolist()


@given(
    st.integers(1, 12), st.integers(1, 20), st.integers(1, 5), st.sampled_from(["learned", "raw"])
)
@settings(max_examples=40, deadline=None)
def test_packets_carry_the_colours_of_their_own_cells(rows, columns, packets, entropy) -> None:
    grid, sent = make_grid(rows, columns, 0.4, rows, 64), colours(*palette_shape((rows, columns)))
    levels, known = np.zeros_like(sent.levels), np.zeros_like(sent.known)
    for number in range(packets):
        tokens = PathTokens("image", grid, colours=sent)
        packet = write_packet(
            TokenPacket(tokens, number, packets, entropy, 7), MODEL, 0, palette_model()
        )
        assert sum(packet.bits.values()) == 8 * len(packet.payload)
        assert min(packet.bits.values()) >= 0
        got = read_packet(packet.payload, MODELS, palette_model()).tokens
        assert not (known & got.colours.known).any()
        levels, known = levels + got.colours.levels, known | got.colours.known
    assert (known == sent.known).all()
    assert (levels == sent.levels).all()


def test_golden_bytes() -> None:
    """These bytes are the format: a change that alters them needs a new version number."""
    grid = np.full((4, 9), -1)
    grid[1, 2:4] = (5, 60)
    tokens = PathTokens("image", grid, colours=colours(1, 2, 1))
    raw, learned = (
        write_packet(TokenPacket(tokens, 0, 1, entropy, 0xAB), MODEL, 0, palette_model())
        for entropy in ("raw", "learned")
    )
    assert raw.payload.hex() == "3500030800ab00180000017c2e02ad24d0"
    assert learned.payload[:6].hex() == "3100030800ab"
    model = PaletteModel(np.full((CLASSES, 2, 3), 40), np.full((CLASSES, 2), 8), LEVELS)
    writer = RangeWriter()
    model.write(writer, colours(1, 2, 1), np.ones((1, 2), bool))
    assert writer.getvalue().hex() == "a3ec035b07e41442"


@given(st.integers(0, 10**6), st.integers(0, 7), st.sampled_from(["learned", "raw"]))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_never_crashes(position: int, bit: int, entropy) -> None:
    tokens = PathTokens("image", make_grid(8, 16, 0.4, 5, 64), colours=colours(1, 2))
    packet = write_packet(TokenPacket(tokens, 0, 1, entropy, 1), MODEL, 0, palette_model())
    data = bytearray(packet.payload)
    data[position % len(data)] ^= 1 << bit
    with suppress(ValueError):
        got = read_packet(bytes(data), MODELS, palette_model()).tokens
        assert got.colours is None or got.colours.levels.max() < LEVELS


@pytest.mark.parametrize("entropy", ["learned", "raw"])
def test_a_cut_packet_is_refused(entropy) -> None:
    tokens = PathTokens("image", make_grid(8, 16, 0.4, 5, 64), colours=colours(1, 2))
    data = write_packet(TokenPacket(tokens, 0, 1, entropy, 1), MODEL, 0, palette_model()).payload
    for length in range(6, len(data)):
        with pytest.raises(ValueError, match=r"cut|length|damaged"):
            read_packet(data[:length], MODELS, palette_model())


def codec(**settings) -> SqganCodec:
    made = SqganCodec(SqganSettings(**settings), (64, 128))
    made.__dict__["_networks"] = tiny_networks()
    return made


def scene() -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(0)
    label_map = np.repeat(np.array([0, 1, 3, 4], np.uint8), 16)[:, None].repeat(128, 1)
    image = g.integers(0, 100, (64, 128, 3), dtype=np.uint8) + np.uint8([150, 20, 0])
    return image, label_map


def test_the_codec_sends_a_palette_unless_told_not_to() -> None:
    image, label_map = scene()
    with_palette, without = (codec(palette=p).encode(image, label_map) for p in (None, False))
    assert with_palette[1].bits["palette"] > 0
    assert "palette" not in without[1].bits
    assert with_palette[1].bits["indices"] == without[1].bits["indices"]
    raw = codec(entropy="raw").encode(image, label_map)[1].bits  # the paper's format has none
    assert "palette" not in raw
    assert codec(entropy="raw", palette=True).encode(image, label_map)[1].bits["palette"] > 0
    shown = [codec().decode([p.payload for p in sent]).image for sent in (with_palette, without)]
    assert not np.array_equal(*shown)


def test_tokens_come_before_colours_where_bits_are_few() -> None:
    image, label_map = scene()

    def parts(bits: int, **settings) -> dict[str, int]:
        made = codec(bits_per_pixel=bits / label_map.size, **settings)
        return dict(made.encode(image, label_map)[1].bits)

    assert "palette" not in parts(170)
    assert parts(300)["palette"] > 0
    with pytest.raises(ValueError, match="more bits per pixel"):
        parts(170, palette=True)


def test_weights_without_a_palette_are_used_without_or_refused() -> None:
    from dataclasses import replace

    image, label_map = scene()
    plain = replace(tiny_networks(), palette_model=None)
    older = codec()
    older.__dict__["_networks"] = plain
    assert "palette" not in older.encode(image, label_map)[1].bits
    asked = codec(palette=True)
    asked.__dict__["_networks"] = plain
    with pytest.raises(ValueError, match="set palette to false"):
        asked.encode(image, label_map)
    with pytest.raises(ValueError, match="network has none"):
        older.decode([p.payload for p in codec().encode(image, label_map)])
