"""The layered codec: two packets share a rate, the second refines the first, any may be lost."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from semcom.codecs import CODECS, bits_per_pixel
from semcom.codecs.layered.bitstream import BASE_BYTES, BaseHeader
from semcom.codecs.layered.codec import LayeredSettings
from semcom.codecs.layered.config import SIZES
from semcom.codecs.layered.generator import Generator, label_pyramid
from semcom.codecs.layered.layers import coarse_labels
from semcom.codecs.layered.network import LayeredNetwork, Loaded
from semcom.codecs.saic.transforms import dct_basis
from semcom.codecs.sqgan.maps import one_hot_map
from tests.layered.tiny import LOADED, tiny_codec, tiny_network


def scene(height: int = 64, width: int = 96, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Areas of a colour and a label each, with some noise."""
    g = np.random.default_rng(seed)
    shape = (-(-height // 16), -(-width // 16))
    labels = np.kron(g.integers(0, 12, shape), np.ones((16, 16), int))[:height, :width]
    colours = g.integers(0, 256, (12, 3))
    image = colours[labels] + g.normal(0, 8, (height, width, 3))
    return np.clip(image, 0, 255).astype(np.uint8), labels.astype(np.uint8)


def squared_error(received: np.ndarray, image: np.ndarray) -> float:
    return float(((received.astype(float) - image) ** 2).mean())


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 5))
@settings(max_examples=12, deadline=None)
def test_any_size_comes_back_whole_whatever_is_lost(height, width, seed) -> None:
    image, labels = scene(height, width, seed)
    codec = tiny_codec((height, width), bits_per_pixel=3000 / (height * width) + 2)
    payloads = [p.payload for p in codec.encode(image, labels)]
    for kept in itertools.product((True, False), repeat=len(payloads)):
        arrived = [p if k else None for p, k in zip(payloads, kept, strict=True)]
        received = codec.decode(arrived)
        assert received.image.shape == image.shape
        if kept[0]:
            assert received.label_map is not None
            assert received.label_map.shape == labels.shape
        else:  # an enhancement is nothing without its base
            assert len(np.unique(received.image.reshape(-1, 3), axis=0)) == 1


def test_the_base_shows_a_picture_and_the_enhancement_corrects_it() -> None:
    image, labels = scene()
    codec = tiny_codec((64, 96), bits_per_pixel=4.0, enhancement_share=0.6)
    payloads = [p.payload for p in codec.encode(image, labels)]
    whole, base, nothing = (
        squared_error(codec.decode(arrived).image, image)
        for arrived in (payloads, [payloads[0], None], [None, None])
    )
    assert whole < base < nothing
    assert np.array_equal(
        codec.decode([payloads[0], None]).image, codec.decode([payloads[0]]).image
    )


@given(st.floats(0.9, 6.0), st.floats(0, 1))
@settings(max_examples=12, deadline=None)
def test_both_layers_together_keep_to_the_rate_and_to_their_shares(rate, share) -> None:
    image, labels = scene()
    codec = tiny_codec((64, 96), bits_per_pixel=rate, enhancement_share=share)
    packets = codec.encode(image, labels)
    assert bits_per_pixel(packets, image) <= rate
    least = tiny_codec((64, 96), bits_per_pixel=rate, enhancement_share=1).encode(image, labels)
    most = max(bits_per_pixel(least[:1], image), (1 - share) * rate)
    assert bits_per_pixel(packets[:1], image) <= most
    if len(packets) > 1:
        assert bits_per_pixel(packets[1:], image) <= share * rate


def test_the_share_moves_bits_from_the_base_to_the_enhancement() -> None:
    image, labels = scene()
    sizes = []
    for share in (0, 0.3, 0.6, 1):
        packets = tiny_codec((64, 96), enhancement_share=share).encode(image, labels)
        sizes.append([len(p.payload) for p in packets])
    assert [len(s) for s in sizes] == [1, 2, 2, 2]
    base, fine = [s[0] for s in sizes], [s[1] for s in sizes[1:]]
    assert base == sorted(base, reverse=True)
    assert base[0] > base[-1]
    assert fine == sorted(fine)
    assert fine[0] < fine[-1]


def test_labels_are_the_majority_of_their_cell_and_shrink_with_the_rate() -> None:
    image, labels = scene()
    codec = tiny_codec((64, 96), label_cell=8)
    (base, *_) = codec.encode(image, labels)
    received = codec.decode([base.payload]).label_map
    expected = coarse_labels(labels, 8, 11).repeat(8, 0).repeat(8, 1)
    assert np.array_equal(received, expected)
    # at the least possible rate the cells grow to 16 pixels
    smallest = tiny_codec((64, 96), enhancement_share=1, label_cell=2).encode(image, labels)[0]
    assert BaseHeader.from_bytes(smallest.payload).cell == 16


def test_a_rate_below_the_lowest_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="Layered cannot code this picture in"):
        tiny_codec((64, 96), bits_per_pixel=0.01).encode(*scene())


def test_the_receiver_finds_the_very_numbers_that_were_sent() -> None:
    image, labels = scene()
    (packet,) = tiny_codec((64, 96), enhancement_share=0).encode(image, labels)
    header = BaseHeader.from_bytes(packet.payload)
    network = LOADED.network
    y = network.analysis(torch.tensor(image[None]).permute(0, 3, 1, 2) / 127.5 - 1)
    y = y * network.base_latent.gain(torch.tensor([header.level]))
    z = network.base_latent.side_information(y).round()
    sent = LOADED.base.quantise(y[0].numpy(), z[0].numpy(), header.level)
    data = packet.payload[BASE_BYTES + header.label_bytes :]
    found = LOADED.base.read(data, header.level, header.shape)
    assert np.array_equal(sent.latent, found.latent)


def test_bytes_and_weights_are_all_a_receiver_needs() -> None:
    image, labels = scene()
    payloads = [p.payload for p in tiny_codec((64, 96)).encode(image, labels)]
    assert tiny_codec(None).decode(payloads).image.shape == (64, 96, 3)
    with pytest.raises(ValueError, match="no picture size was agreed"):
        tiny_codec(None).decode([None, payloads[1]])


@pytest.mark.parametrize(
    ("image", "label_map", "message"),
    [
        (np.zeros((64, 96), np.uint8), None, "convert grey"),
        (np.zeros((64, 96, 3)), None, "uint8"),
        (np.zeros((48, 96, 3), np.uint8), None, "agreed"),
        (np.zeros((64, 96, 3), np.uint8), None, "needs a label map"),
        (np.zeros((64, 96, 3), np.uint8), np.zeros((64, 64), np.uint8), "the picture needs"),
        (np.zeros((64, 96, 3), np.uint8), np.full((64, 96), 12, np.uint8), "class id 12"),
    ],
)
def test_bad_input_is_refused_in_words(image, label_map, message) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_codec((64, 96)).encode(image, label_map)
    with pytest.raises(ValueError, match="does not fit a packet"):
        tiny_codec(None).encode(np.zeros((16, 5000, 3), np.uint8), np.zeros((16, 5000), np.uint8))


@pytest.mark.parametrize(
    "wrong",
    [{"bits_per_pixel": 0}, {"enhancement_share": 1.1}, {"label_cell": 3}, {"rate": 1}, {}],
)
def test_wrong_settings_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        LayeredSettings.model_validate({"bits_per_pixel": 1} | wrong if wrong else wrong)


def test_before_training_both_layers_are_a_block_cosine_transform() -> None:
    size = SIZES["compact"]
    torch.manual_seed(0)
    network = LayeredNetwork(size)
    one_hot = torch.zeros(1, 11, 32, 48)
    latent = torch.rand(1, size.base.latent, 2, 3)
    base = Generator(size)(latent, label_pyramid(one_hot))
    plain = torch.nn.functional.conv_transpose2d(latent, dct_basis(size.base.slices), stride=16)
    assert torch.allclose(base, plain, atol=1e-5)
    residual = torch.rand(1, size.enhancement.latent, 2, 3)
    refined = network.refiner(base, residual, torch.tensor([0.5]))
    assert torch.allclose(network.refiner.analysis(refined - base), residual, atol=1e-4)


def test_what_is_generated_depends_on_the_label_map() -> None:
    network = tiny_network(seed=2)
    torch.nn.init.normal_(network.generator.out.weight)
    latent = torch.rand(1, 8, 2, 2)
    maps = [torch.full((1, 32, 32), k) for k in (0, 3, 11)]
    pictures = [network.generator(latent, label_pyramid(one_hot_map(m, 11))) for m in maps]
    for a, b in itertools.combinations(pictures, 2):
        assert (a - b).abs().mean() > 1e-3


def test_shipped_form_loads_as_the_network_it_was_made_from(tmp_path) -> None:
    from safetensors.torch import save_file

    from semcom.codecs.layered.network import load_network
    from semcom.training.layered_codec import shipped_network

    network = tiny_network(seed=1)
    file = tmp_path / "own.safetensors"
    save_file({k: v.contiguous() for k, v in shipped_network(network).items()}, file)
    loaded = load_network(str(file), "tiny")
    assert loaded.tag == int(loaded.digest[:2], 16)
    y, z = np.ones((8, 3, 4)), np.ones((4, 1, 1), int)
    own = Loaded.of(network, "00" * 8)
    assert np.array_equal(loaded.base.quantise(y, z, 99).latent, own.base.quantise(y, z, 99).latent)
    with pytest.raises(ValueError, match="do not fit the layered codec"):
        load_network(str(file), "compact")


def test_it_is_one_of_the_codecs() -> None:
    assert CODECS["layered"].Settings is LayeredSettings
    with pytest.raises(FileNotFoundError, match="no weights 'mine'"):
        CODECS["layered"](LayeredSettings(bits_per_pixel=1, weights="mine")).identity()
