"""The transform codec: packets hold to the rate, decode exactly, and damage is named."""

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from semcom.codecs import bits_per_pixel
from semcom.codecs.saic.bitstream import HEADER_BYTES, Header
from semcom.codecs.saic.codec import SaicSettings
from semcom.codecs.saic.config import SIZES
from semcom.codecs.saic.network import Loaded, TransformNetwork
from semcom.codecs.saic.transforms import Analysis, Synthesis, dct_basis
from tests.saic.tiny import LOADED, tiny_codec, tiny_network


def picture(height: int = 48, width: int = 80, seed: int = 0) -> np.ndarray:
    """Smooth areas and some noise."""
    g = np.random.default_rng(seed)
    coarse = g.integers(0, 256, (-(-height // 8), -(-width // 8), 3)).astype(float)
    fine = np.kron(coarse, np.ones((8, 8, 1)))[:height, :width]
    return np.clip(fine + g.normal(0, 6, fine.shape), 0, 255).astype(np.uint8)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_any_size_comes_back_whole_and_a_lost_packet_gives_a_picture(height, width, seed) -> None:
    image = picture(height, width, seed)
    codec = tiny_codec((height, width), 100.0)
    (packet,) = codec.encode(image)
    assert sum(packet.bits.values()) == 8 * len(packet.payload)
    assert codec.decode([packet.payload]).image.shape == image.shape
    lost = codec.decode([None]).image
    assert lost.shape == image.shape
    assert len(np.unique(lost.reshape(-1, 3), axis=0)) == 1


def test_the_receiver_finds_the_very_numbers_that_were_sent() -> None:
    image = picture()
    codec = tiny_codec((48, 80), 1.5)
    (packet,) = codec.encode(image)
    header = Header.from_bytes(packet.payload)
    y = LOADED.network.analysis(torch.tensor(image[None]).permute(0, 3, 1, 2) / 127.5 - 1)
    y = y * LOADED.network.gain(torch.tensor([header.level]))
    z = LOADED.network.side_information(y).round()
    sent = LOADED.model.quantise(y[0].numpy(), z[0].numpy(), header.level)
    found = LOADED.model.read(packet.payload[HEADER_BYTES:], header.level, header.shape)
    assert np.array_equal(sent.latent, found.latent)
    assert np.abs(sent.latent - y[0].numpy()).max() <= 0.5


@given(st.floats(1.0, 6.0))
@settings(max_examples=15, deadline=None)
def test_the_rate_is_kept_to_and_used(rate: float) -> None:
    image = picture(64, 96)
    codec = tiny_codec((64, 96), rate)
    packets = codec.encode(image)
    level = packets[0].payload[1]
    assert bits_per_pixel(packets, image) <= rate
    assert packets[0].payload[0] & 15 == 0  # at full size
    if level < 255:  # the next rate is too high
        above = codec_at_level(image, level + 1)
        assert 8 * (HEADER_BYTES + len(above)) > rate * 64 * 96


def codec_at_level(image: np.ndarray, level: int) -> bytes:
    from semcom.codecs.saic.codec import _Levels

    return LOADED.model.write(_Levels(LOADED, image).coded(level))


def test_more_bits_give_a_better_picture() -> None:
    image = picture(64, 96).astype(np.float64)
    errors = []
    for level in (0, 80, 160):
        codec = tiny_codec((64, 96))
        data = codec_at_level(image.astype(np.uint8), level)
        payload = Header(level, (64, 96), LOADED.tag).to_bytes() + data
        errors.append(float(((codec.decode([payload]).image - image) ** 2).mean()))
    assert errors[0] > errors[1] > errors[2]


def test_below_its_lowest_rate_a_smaller_picture_is_coded() -> None:
    image = picture(96, 160)
    codec = tiny_codec((96, 160), 0.12)
    packets = codec.encode(image)
    assert packets[0].payload[0] & 15 > 0
    assert bits_per_pixel(packets, image) <= 0.12
    received = codec.decode([packets[0].payload]).image
    assert received.shape == image.shape
    assert ((received.astype(float) - image) ** 2).mean() < image.astype(float).var()


def test_a_rate_below_the_lowest_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="SAIC cannot code this picture"):
        tiny_codec((48, 80), 0.001).encode(picture())


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_damaged_bytes_give_one_clear_error_or_a_picture(data) -> None:
    """Other bytes are refused, but where the header names another rate or size of this stream."""
    codec = tiny_codec((48, 80))
    payload = bytearray(PAYLOAD)
    kind = data.draw(st.sampled_from(["cut", "longer", "mutated"]))
    if kind == "cut":
        damaged = bytes(payload[: data.draw(st.integers(0, len(payload) - 1))])
    elif kind == "longer":
        damaged = bytes(payload) + data.draw(st.binary(min_size=1, max_size=9))
    else:
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] ^= data.draw(st.integers(1, 255))
        damaged = bytes(payload)
    if kind == "mutated" and at in (0, 1, 4):  # another scale, rate or padding: may be a picture
        codec = tiny_codec(None)
        with contextlib.suppress(ValueError):
            assert codec.decode([damaged]).image.ndim == 3
    else:
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            codec.decode([damaged])


PAYLOAD = tiny_codec((48, 80)).encode(picture())[0].payload


def test_foreign_packets_are_refused() -> None:
    codec = tiny_codec((48, 80))
    with pytest.raises(ValueError, match="another network"):
        codec.decode([PAYLOAD[:5] + bytes([PAYLOAD[5] ^ 1]) + PAYLOAD[6:]])
    with pytest.raises(ValueError, match="48 x 80 pixels where 48 x 64 were agreed"):
        tiny_codec((48, 64)).decode([PAYLOAD])
    with pytest.raises(ValueError, match="one packet"):
        codec.decode([PAYLOAD, PAYLOAD])
    with pytest.raises(ValueError, match="too short"):
        codec.decode([b""])
    huge = bytes([16, 0, 255, 255, 0, LOADED.tag])
    with pytest.raises(ValueError, match="damaged"):
        codec.decode([huge])


def test_bytes_and_weights_are_all_a_receiver_needs() -> None:
    assert tiny_codec(None).decode([PAYLOAD]).image.shape == (48, 80, 3)
    with pytest.raises(ValueError, match="no picture size was agreed"):
        tiny_codec(None).decode([None])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((48, 80), np.uint8), "convert grey"),
        (np.zeros((48, 80, 4), np.uint8), "transparent"),
        (np.zeros((48, 80, 3)), "uint8"),
        (np.zeros((64, 80, 3), np.uint8), "agreed"),
    ],
)
def test_bad_input_is_refused_in_words(image, message) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_codec((48, 80)).encode(image)
    with pytest.raises(ValueError, match="does not fit a packet"):
        tiny_codec(None).encode(np.zeros((16, 5000, 3), np.uint8))


@pytest.mark.parametrize("wrong", [{"bits_per_pixel": 0}, {"variant": "mse"}, {"rate": 1}, {}])
def test_wrong_settings_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        SaicSettings.model_validate(wrong)


def test_before_training_the_codec_is_a_block_cosine_transform() -> None:
    size = SIZES["compact"]
    basis = dct_basis(size.slices).flatten(1)
    assert torch.allclose(basis @ basis.T, torch.eye(96), atol=1e-5)
    torch.manual_seed(0)
    x = torch.rand(1, 96, 2, 3)
    shown = torch.nn.functional.conv_transpose2d(x, dct_basis(size.slices), stride=16)
    assert torch.allclose(Synthesis(size)(x), shown, atol=1e-5)
    assert torch.allclose(Analysis(size)(shown), x, atol=1e-5)


def test_the_whole_number_model_computes_what_was_trained() -> None:
    """Twin and model agree on latents and on bits, but for roundings that fall the other way."""
    network = tiny_network(seed=3)
    loaded = Loaded.of(network, "00" * 8)
    torch.manual_seed(0)
    y, z = torch.randn(1, 8, 6, 9), torch.randint(-3, 4, (1, 4, 2, 3)).float()
    level = torch.tensor([200])
    exact = loaded.model.quantise(y[0].numpy(), z[0].numpy(), 200)
    bits = []
    for seed in range(40):
        out = network.prior(y, z, level, torch.Generator().manual_seed(seed))
        bits.append(float(out.bits))
    near = np.abs(out.latent[0].numpy() - exact.latent) < 1e-4
    assert near.mean() > 0.95
    assert np.mean(bits) == pytest.approx(exact.bits(), rel=0.1)


def test_shipped_form_loads_as_the_network_it_was_made_from(tmp_path) -> None:
    from safetensors.torch import save_file

    from semcom import weights
    from semcom.training.checkpoint import shipped_state

    network = tiny_network(seed=1)
    whole = {f"prior.{k}": v for k, v in network.prior.integers().items()}
    file = tmp_path / "own.safetensors"
    save_file({k: v.contiguous() for k, v in (shipped_state(network) | whole).items()}, file)
    again = TransformNetwork(SIZES["tiny"])
    again.load_state_dict(weights.load(str(file)))
    for key, value in network.prior.integers().items():
        assert torch.equal(again.prior.integers()[key], value), key
