"""DeepJSCC: power, bandwidth, noise, and a network that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from semcom import data
from semcom.codecs import CODECS
from semcom.codecs.jscc.codec import JsccCodec, JsccSettings
from semcom.codecs.jscc.config import SIZES, uses_of
from semcom.codecs.jscc.linear import fit_spectrum, powers
from semcom.codecs.jscc.network import JsccNetwork, Loaded
from semcom.training.jscc import fade
from semcom.training.train import train
from tests.training.test_training import made_set, recipe

SIZE = (64, 128)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    samples = data.load("street", split="test", count=3, size=SIZE)
    return [np.asarray(sample.image) for sample in samples]


@pytest.fixture(scope="module")
def network(pictures: list[np.ndarray]) -> JsccNetwork:
    """Tiny, its nets random, its spectrum that of the pictures."""
    torch.manual_seed(0)
    made = JsccNetwork(SIZES["tiny"])
    images = torch.tensor(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    made.law.copy_(fit_spectrum(images, made.basis))
    return made.eval().requires_grad_(False)


def test_the_spectrum_is_fitted_where_the_pictures_are() -> None:
    images = torch.zeros(2, 3, 32, 48, device="meta")
    basis = JsccNetwork(SIZES["tiny"]).basis.to("meta")
    assert fit_spectrum(images, basis).device.type == "meta"


def codec(network: JsccNetwork, size: tuple[int, int] = SIZE, **settings: float) -> JsccCodec:
    made = JsccCodec(JsccSettings(network="tiny", **settings), size)  # type: ignore[arg-type]
    made.__dict__["_loaded"] = Loaded(network, "5e" * 8)
    return made


def received(one: JsccCodec, image: np.ndarray, esn0_db: float, seed: int = 0) -> np.ndarray:
    symbols = one.transmit(image)
    rng = np.random.default_rng(seed)
    variance = 10 ** (-esn0_db / 10)
    white = rng.normal(size=(*symbols.shape, 2)) * (variance / 2) ** 0.5
    noisy = (symbols + white[..., 0] + 1j * white[..., 1]).astype(np.complex64)
    return one.receive(noisy, np.full(len(symbols), variance, np.float32)).image


def mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a.astype(float) - b) ** 2).mean())


@pytest.mark.parametrize("uses", [2, 77, 245, 384])
@pytest.mark.parametrize("design_esn0_db", [-10.0, 10.0, 40.0])
def test_symbols_are_as_many_as_asked_for_and_have_power_1(
    network: JsccNetwork, pictures: list[np.ndarray], uses: int, design_esn0_db: float
) -> None:
    one = codec(network, channel_uses=uses, design_esn0_db=design_esn0_db)
    for image in [*pictures, np.zeros((*SIZE, 3), np.uint8), np.full((*SIZE, 3), 127, np.uint8)]:
        symbols = one.transmit(image)
        assert symbols.shape == (uses,)
        assert symbols.dtype == np.complex64
        assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, abs=1e-4)


def test_a_share_of_the_pixels_is_rounded_down(network: JsccNetwork) -> None:
    one = codec(network, channel_uses_per_pixel=0.03)
    assert one.channel_uses == uses_of(0.03, SIZE) == 245


def test_quality_grows_with_snr_and_with_bandwidth(
    network: JsccNetwork, pictures: list[np.ndarray]
) -> None:
    def error(uses: int, esn0_db: float) -> float:
        one = codec(network, channel_uses=uses, design_esn0_db=esn0_db)
        return sum(mse(received(one, image, esn0_db), image) for image in pictures)

    by_snr = [error(245, esn0_db) for esn0_db in (-5, 0, 5, 10, 20, 30)]
    assert by_snr == sorted(by_snr, reverse=True)
    by_uses = [error(uses, 10) for uses in (40, 82, 245, 384)]
    assert by_uses == sorted(by_uses, reverse=True)


def test_sides_that_are_no_multiple_of_16_come_back_whole(network: JsccNetwork) -> None:
    image = np.random.default_rng(1).integers(0, 256, (50, 90, 3), np.uint8)
    assert received(codec(network, (50, 90), channel_uses=100), image, 10).shape == image.shape


def test_a_picture_does_not_depend_on_its_batch(
    network: JsccNetwork, pictures: list[np.ndarray]
) -> None:
    x = torch.tensor(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    noise = torch.tensor([0.5, 0.1, 0.01])
    together = network.transmit(x, 245, noise)
    for i in range(3):
        alone = network.transmit(x[i : i + 1], 245, noise[i : i + 1])
        assert torch.allclose(alone[0], together[i], atol=1e-5)


def test_a_deep_fade_on_some_symbols_is_borne(
    network: JsccNetwork, pictures: list[np.ndarray]
) -> None:
    one = codec(network, channel_uses=245)
    sent = one.transmit(pictures[0])
    noise = np.full(245, 0.01, np.float32)
    noise[1::9] = 1e6
    g = np.random.default_rng(3)
    drawn = (g.normal(size=245) + 1j * g.normal(size=245)) * np.sqrt(noise / 2)
    got = (sent + drawn).astype(np.complex64)
    good = mse(one.receive(sent, np.full(245, 0.01, np.float32)).image, pictures[0])
    assert mse(one.receive(got, noise).image, pictures[0]) < 3 * good
    unaware = one.receive(got, np.full(245, 0.01, np.float32)).image
    assert mse(unaware, pictures[0]) > 5 * good


def test_powers_fill_the_mean_and_leave_out_what_drowns() -> None:
    deviation = torch.tensor([5.0, 2.0, 1.0, 0.1])
    found = powers(deviation, torch.tensor([1e-6, 0.5, 5.0]))
    assert torch.allclose(found.mean(1), torch.ones(3), atol=1e-5)
    assert (found[0] > 0).all()
    assert found[2, 3] == 0
    # proportional to the deviation where there is no noise
    assert torch.allclose(found[0] / found[0, 2], deviation, atol=1e-3)


@pytest.mark.parametrize("esn0_db", [0.0, 10.0])
def test_no_other_powers_leave_a_smaller_error(esn0_db: float) -> None:
    deviation, noise = torch.tensor([4.0, 2.0, 1.0, 0.3]), 10 ** (-esn0_db / 10)

    def error(power: torch.Tensor) -> float:
        return float((deviation**2 * noise / (power + noise)).sum())

    best = powers(deviation, torch.tensor([noise]))[0]
    g = torch.Generator().manual_seed(0)
    for _ in range(200):
        other = (best * (0.2 * torch.randn(4, generator=g)).exp() + 0.01).clamp(min=0)
        assert error(best) <= error(other / other.mean()) * (1 + 1e-5)


def test_fades_are_known_and_of_mean_power_1() -> None:
    g = torch.Generator().manual_seed(1)
    sent = torch.ones(3000, 8, dtype=torch.complex64)
    got, variance = fade(sent, torch.full((3000,), 0.1), g)
    normalised = (got - sent).abs().square() / variance
    assert normalised.mean().item() == pytest.approx(1, rel=0.03)
    assert (0.1 / variance).mean().item() == pytest.approx(1, rel=0.06)
    share = ((variance - 0.1).abs() < 1e-6).all(1).float().mean().item()
    assert share == pytest.approx(0.5, abs=0.04)


def test_more_than_the_network_fills_is_refused_and_so_is_another_picture(
    network: JsccNetwork,
) -> None:
    with pytest.raises(ValueError, match=r"lower its channel uses to 0\.0469"):
        codec(network, channel_uses=385)
    with pytest.raises(ValueError, match="one of channel_uses_per_pixel and channel_uses"):
        JsccSettings()
    one = codec(network, channel_uses=100)
    with pytest.raises(ValueError, match="64 x 128"):
        one.transmit(np.zeros((32, 64, 3), np.uint8))
    with pytest.raises(ValueError, match="100 were agreed"):
        one.receive(np.ones(99, np.complex64), np.ones(99, np.float32))


def test_it_learns_more_than_the_linear_scheme_knows(tmp_path: Path) -> None:
    r = recipe(objective="jscc", steps=40, channel_uses_per_pixel=[0.03], crop=(64, 96))
    list(train(r, tmp_path, made_set()))
    learned = JsccNetwork(SIZES["tiny"])
    state = {k: v.float() for k, v in load_file(tmp_path / "made.safetensors").items()}
    learned.load_state_dict(state)
    linear = JsccNetwork(SIZES["tiny"])  # its nets end in zeros
    linear.law.copy_(state["law"])
    x = made_set().images.permute(0, 3, 1, 2).float() / 127.5 - 1
    noise = torch.full((len(x),), 0.1)
    errors = []
    for network in (linear.eval(), learned.eval()):
        g = torch.Generator().manual_seed(5)
        with torch.no_grad():
            symbols = network.transmit(x, 184, noise)
            white = torch.view_as_complex(torch.randn((*symbols.shape, 2), generator=g))
            got = symbols + white * 0.05**0.5
            picture = network.reconstruct(got, noise[:, None].expand(got.shape), (64, 96), noise)
        errors.append((picture - x).square().mean().item())
    assert errors[1] < 0.85 * errors[0]


def test_it_is_listed() -> None:
    assert CODECS["jscc"].Settings is JsccSettings
