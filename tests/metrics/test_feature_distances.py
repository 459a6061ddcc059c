"""Fréchet and kernel distances against closed forms; features stored once, found by content."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics import METRICS, build, check
from semcom.metrics.feature_store import FeatureStore
from semcom.metrics.features import INCEPTION_WEIGHTS, EfficientNetLite0Features
from semcom.metrics.frechet import Fid, FrechetEfficientNetLite0, Gaussian, frechet_distance
from semcom.metrics.kernel_distance import KidEfficientNetLite0, kernel_distance


def random_gaussian(generator: np.random.Generator, dimensions: int, rank: int) -> Gaussian:
    factor = generator.normal(size=(rank, dimensions))
    return Gaussian.of(generator.normal(size=dimensions), factor.T @ factor, 50)


def picture(seed: int, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (*size, 3)).astype(np.uint8)


class TestFrechetDistance:
    @given(
        first=st.floats(0, 9), second=st.floats(0, 9), shift=st.floats(-5, 5), d=st.integers(1, 6)
    )
    def test_isotropic_gaussians(self, first, second, shift, d):
        """d (s1 - s2)^2 + |shift|^2."""
        a = Gaussian.of(np.zeros(d), first**2 * np.eye(d), 10)
        b = Gaussian.of(np.full(d, shift), second**2 * np.eye(d), 10)
        expected = d * (first - second) ** 2 + d * shift**2
        assert frechet_distance(a, b) == pytest.approx(expected, abs=1e-6)

    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 999), d=st.integers(2, 12))
    def test_general_gaussians_against_the_matrix_square_root(self, seed, d):
        generator = np.random.default_rng(seed)
        a, b = random_gaussian(generator, d, 2 * d), random_gaussian(generator, d, 2 * d)
        root = scipy.linalg.sqrtm(a.covariance @ b.covariance)
        expected = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance + b.covariance)
        assert frechet_distance(a, b) == pytest.approx(expected - 2 * np.trace(root).real, rel=1e-7)
        assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-7)
        assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6 * np.trace(a.covariance))

    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 999))
    def test_singular_covariances_as_of_few_vectors_in_many_dimensions(self, seed):
        """The cross term is the nuclear norm of the product of the two centred sets."""
        generator = np.random.default_rng(seed)
        x, y = generator.normal(size=(8, 60)), generator.normal(size=(8, 60)) + 0.3
        a, b = Gaussian.fit(x), Gaussian.fit(y)
        centred = [(v - v.mean(0)) / np.sqrt(7) for v in (x, y)]
        cross = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
        expected = (
            np.sum((x.mean(0) - y.mean(0)) ** 2) + sum(np.sum(c**2) for c in centred) - 2 * cross
        )
        assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)

    def test_it_is_biased_upward_at_few_vectors_so_sizes_must_agree(self):
        generator = np.random.default_rng(0)

        def between_two_samples_of_one_gaussian(count):
            sets = generator.normal(size=(2, count, 16))
            return frechet_distance(Gaussian.fit(sets[0]), Gaussian.fit(sets[1]))

        few, many = (between_two_samples_of_one_gaussian(n) for n in (32, 2048))
        assert few > 20 * many > 0
        with pytest.raises(ValueError, match="sets of the same size"):
            frechet_distance(
                Gaussian.fit(generator.normal(size=(20, 3))),
                Gaussian.fit(generator.normal(size=(30, 3))),
            )

    def test_other_misuse(self):
        with pytest.raises(ValueError, match="two vectors or more"):
            Gaussian.fit(np.zeros((1, 4)))
        with pytest.raises(ValueError, match="different networks"):
            frechet_distance(Gaussian.fit(np.eye(4)), Gaussian.fit(np.eye(4)[:, :3]))


class TestKernelDistance:
    def test_it_is_the_u_statistic_written_out(self):
        generator = np.random.default_rng(0)
        x, y = generator.normal(size=(2, 7, 5))

        def k(a, b):
            return (a @ b / 5 + 1) ** 3

        terms = [
            k(x[i], x[j]) + k(y[i], y[j]) - k(x[i], y[j]) - k(x[j], y[i])
            for i in range(7)
            for j in range(7)
            if i != j
        ]
        assert kernel_distance(x, y) == pytest.approx(np.mean(terms), rel=1e-4)

    def test_blocks_of_rows_change_nothing(self, monkeypatch):
        generator = np.random.default_rng(1)
        x, y = generator.normal(size=(2, 37, 5))
        whole = kernel_distance(x, y)
        monkeypatch.setattr("semcom.metrics.kernel_distance._ROWS", 8)
        assert kernel_distance(x, y) == pytest.approx(whole, rel=1e-5)

    def test_it_is_unbiased(self):
        generator = np.random.default_rng(2)
        same = [kernel_distance(*generator.normal(size=(2, 20, 4))) for _ in range(400)]
        assert abs(np.mean(same)) < 3 * np.std(same) / 20
        shifted = [
            kernel_distance(*(generator.normal(size=(2, 20, 4)) + np.array([[[0]], [[1]]])))
            for _ in range(50)
        ]
        assert np.mean(shifted) > 10 * np.std(same) / 20

    def test_misuse(self):
        with pytest.raises(ValueError, match="two sets of the same size"):
            kernel_distance(np.zeros((3, 2)), np.zeros((4, 2)))


class TestStore:
    @given(vectors=st.integers(1, 5), channels=st.integers(1, 5))
    def test_what_is_put_is_got_in_half_precision(self, tmp_path_factory, vectors, channels):
        folder = tmp_path_factory.mktemp("store")
        features = np.random.default_rng(0).normal(size=(vectors, channels))
        FeatureStore(folder).put("aa", features)
        assert np.array_equal(FeatureStore(folder).get("aa"), features.astype(np.float16))

    def test_memory_is_bounded_when_files_hold_the_rest(self, tmp_path):
        store = FeatureStore(tmp_path)
        for number in range(100):
            store.put(f"{number:04d}", np.full((1, 2), number))
        assert len(store._memory) <= 64
        assert [store.get(f"{number:04d}")[0, 0] for number in (0, 99)] == [0, 99]

    def test_missing_damaged_and_foreign_files_are_refused(self, tmp_path):
        store = FeatureStore(tmp_path)
        with pytest.raises(FileNotFoundError, match="measure the picture again"):
            store.get("aa")
        (tmp_path / "bb.npy").write_bytes(b"not an array")
        with pytest.raises(ValueError, match="damaged"):
            store.get("bb")
        np.save(tmp_path / "cc.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match="damaged"):
            store.get("cc")
        np.save(tmp_path / "dd.npy", np.zeros((2, 2)))
        with pytest.raises(ValueError, match="holds no features"):
            store.get("dd")
        with pytest.raises(ValueError, match="not the digest"):
            store.put("../aa", np.zeros((1, 1)))


class CountingNetwork:
    """Mean and spread of four quarters of a picture."""

    name, channels, digest = "counting", 6, "v1"

    def __init__(self):
        self.pictures = 0

    def __call__(self, images):
        self.pictures += len(images)
        quarters = [np.array_split(part, 2, axis=1) for part in np.array_split(images, 2, axis=2)]
        cells = [cell.astype(float) for pair in quarters for cell in pair]
        vectors = [np.concatenate([c.mean((1, 2)), c.std((1, 2))], axis=1) for c in cells]
        return np.stack(vectors, axis=1).astype(np.float32)


@pytest.mark.parametrize("name", ["frechet_efficientnet_lite0", "kid_efficientnet_lite0"])
class TestMetrics:
    def metric(self, name, folder, network=None):
        metric = METRICS[name](folder)
        metric.network = network or CountingNetwork()
        return metric

    def test_pictures_measured_apart_are_summed_up_elsewhere(self, name, tmp_path):
        rows = [
            self.metric(name, tmp_path).measure(
                Sample(str(i), picture(i)), Reconstruction(picture(i + 100))
            )
            for i in range(5)
        ]
        rows = json.loads(json.dumps(rows))
        found = self.metric(name, tmp_path).summarise(rows)
        assert tuple(found) == METRICS[name].columns
        assert found[f"{name}_vectors"] == 20
        assert np.isfinite(found[name])

    def test_each_picture_goes_through_the_network_once(self, name, tmp_path):
        network = CountingNetwork()
        metric = self.metric(name, tmp_path, network)
        for _ in range(3):
            metric.measure(Sample("a", picture(1)), Reconstruction(picture(2)))
            metric.measure(Sample("a", picture(1)), Reconstruction(picture(3)))
        assert network.pictures == 3

    def test_the_originals_themselves_are_at_distance_0(self, name, tmp_path):
        metric = self.metric(name, tmp_path)
        rows = [
            metric.measure(Sample("a", picture(i)), Reconstruction(picture(i))) for i in range(4)
        ]
        value = metric.summarise(rows)[name]
        assert value == pytest.approx(0, abs=1e-4)

    def test_no_rows_no_value(self, name, tmp_path):
        assert set(self.metric(name, tmp_path).summarise([]).values()) == {None}

    def test_features_that_are_gone_are_missed(self, name, tmp_path):
        row = self.metric(name, tmp_path).measure(
            Sample("a", picture(1)), Reconstruction(picture(2))
        )
        with pytest.raises(FileNotFoundError, match="features of picture"):
            self.metric(name, tmp_path / "elsewhere").summarise([row])


class TestEfficientNet:
    def test_one_vector_per_cell_whatever_the_batch(self):
        network = EfficientNetLite0Features()
        images = np.stack([picture(seed) for seed in (1, 2)])
        features = network(images)
        assert features.shape == (2, 2 * 3, 1280)
        assert features.min() >= 0
        assert features.max() <= 6
        assert np.array_equal(network(images[1:]), features[1:])
        assert network(picture(1, (33, 65))[None]).shape == (1, 2 * 3, 1280)

    def test_stronger_blur_is_further_away(self, tmp_path):
        from PIL import Image, ImageFilter

        metric = FrechetEfficientNetLite0(tmp_path)
        scenes = [
            np.kron(picture(seed, (8, 12)), np.ones((16, 16, 1), np.uint8)) for seed in range(3)
        ]
        values = []
        for radius in (0, 2, 8):
            rows = []
            for number, scene in enumerate(scenes):
                blurred = Image.fromarray(scene).filter(ImageFilter.GaussianBlur(radius))
                rows.append(
                    metric.measure(Sample(str(number), scene), Reconstruction(np.asarray(blurred)))
                )
            values.append(metric.summarise(rows)["frechet_efficientnet_lite0"])
        assert values[0] < 1e-2 < values[1] < values[2]


class TestInceptionExtra:
    """The network of ``fid`` is an optional library: refused without it, used with it."""

    def test_without_the_library_the_refusal_names_the_way_out(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch_fidelity", None)
        for name in ("fid", "kid"):
            with pytest.raises(ValueError, match=r"pip install 'semcom\[fid\]'") as refusal:
                check([name])
            assert "\n" not in str(refusal.value)
            with pytest.raises(ValueError, match="torch-fidelity"):
                METRICS[name]().measure(Sample("a", picture(1)), Reconstruction(picture(2)))
        check(["miou", "psnr", "frechet_efficientnet_lite0"])

    @pytest.fixture
    def library(self, monkeypatch):
        """A module with the interface of torch-fidelity's Inception-v3."""
        import torch

        class FeatureExtractorInceptionV3:
            def __init__(self, name, features_list, feature_extractor_weights_path=None):
                assert (name, features_list) == ("inception-v3-compat", ["2048"])
                self.path = feature_extractor_weights_path

            def __call__(self, x):
                assert x.dtype == torch.uint8
                assert x.shape[:2] == (1, 3)
                scale = 1.0 if self.path is None else torch.load(self.path)["scale"]
                flat = torch.nn.functional.adaptive_avg_pool2d(x.float(), (8, 16))
                return (scale * flat.mean(1).flatten(1),)

        package = types.ModuleType("torch_fidelity")
        module = types.ModuleType("torch_fidelity.feature_extractor_inceptionv3")
        module.FeatureExtractorInceptionV3 = FeatureExtractorInceptionV3
        package.feature_extractor_inceptionv3 = module
        monkeypatch.setitem(sys.modules, "torch_fidelity", package)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.delenv(INCEPTION_WEIGHTS, raising=False)

    def test_with_the_library_fid_is_the_distance_of_its_features(self, library, tmp_path):
        check(["fid", "kid"])
        pairs = [(picture(i), picture(i + 50)) for i in range(4)]
        metric = build("fid", folder=tmp_path)
        rows = [metric.measure(Sample("a", a), Reconstruction(b)) for a, b in pairs]
        found = Fid(tmp_path / "features").summarise(rows)
        features = [
            metric.network(np.stack(images))[:, 0].astype(np.float16)
            for images in zip(*pairs, strict=True)
        ]
        expected = frechet_distance(Gaussian.fit(features[0]), Gaussian.fit(features[1]))
        assert found["fid"] == pytest.approx(expected, rel=1e-3)
        assert found["fid_vectors"] == 4
        assert list((tmp_path / "features" / "inception_v3").glob("*.npy"))

    def test_weights_come_from_the_users_file_and_other_weights_are_other_features(
        self, library, tmp_path, monkeypatch
    ):
        import torch

        sample, received = Sample("a", picture(1)), Reconstruction(picture(2))
        default = build("fid", folder=tmp_path).measure(sample, received)
        path = tmp_path / "inception.pth"
        torch.save({"scale": torch.tensor(2.0)}, path)
        monkeypatch.setenv(INCEPTION_WEIGHTS, str(path))
        own = build("fid", folder=tmp_path).measure(sample, received)
        assert own["received"] != default["received"]
        store = build("fid", folder=tmp_path).store
        assert np.allclose(
            store.get(own["received"]), 2 * store.get(default["received"]), rtol=1e-3
        )

    def test_a_missing_or_unsafe_weights_file_is_refused(self, library, tmp_path, monkeypatch):
        import pickle

        monkeypatch.setenv(INCEPTION_WEIGHTS, str(tmp_path / "none.pth"))
        with pytest.raises(FileNotFoundError, match=INCEPTION_WEIGHTS):
            check(["fid"])
        path = tmp_path / "evil.pth"
        path.write_bytes(pickle.dumps(print, protocol=2))
        monkeypatch.setenv(INCEPTION_WEIGHTS, str(path))
        with pytest.raises(ValueError, match="no file of plain weights"):
            build("fid").measure(Sample("a", picture(1)), Reconstruction(picture(2)))


def test_every_metric_keeps_the_contract():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert isinstance(build(name).needs_prediction, bool)
        assert set(build(name).summarise([])) == set(build(name).columns)
    assert KidEfficientNetLite0().network.name == "efficientnet_lite0"
