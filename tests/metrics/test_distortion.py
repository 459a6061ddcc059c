"""PSNR of known errors, MS-SSIM against its published constants and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics.distortion import HIGHEST_PSNR_DB, Psnr
from semcom.metrics.ms_ssim import WEIGHTS, MsSsim, ms_ssim, num_scales


def scene(size: tuple[int, int] = (176, 208), seed: int = 0) -> np.ndarray:
    """Smooth random shapes with values well inside 0..255."""
    generator = np.random.default_rng(seed)
    field = generator.normal(size=(*size, 3)).cumsum(0).cumsum(1)
    field = (field - field.min()) / (field.max() - field.min())
    return (60 + 130 * field).astype(np.uint8)


def psnr_of(pairs) -> float:
    metric = Psnr()
    return metric.summarise([metric.measure(Sample("x", a), Reconstruction(b)) for a, b in pairs])[
        "psnr_db"
    ]


class TestPsnr:
    @given(error=st.integers(1, 60))
    def test_a_constant_error_has_a_known_psnr(self, error):
        image = scene((16, 16))
        assert psnr_of([(image, image + np.uint8(error))]) == pytest.approx(
            20 * np.log10(255 / error)
        )

    def test_black_for_white_is_0_db(self):
        white = np.full((4, 4, 3), 255, np.uint8)
        assert psnr_of([(white, 0 * white)]) == pytest.approx(0, abs=1e-12)

    def test_it_is_the_mean_of_decibels_not_the_decibel_of_the_mean(self):
        image = scene((16, 16))
        pairs = [(image, image + np.uint8(1)), (image, image + np.uint8(10))]
        assert psnr_of(pairs) == pytest.approx(20 * np.log10(255) - 10)

    def test_an_exact_picture_has_the_psnr_of_rounding_to_8_bits(self):
        image = scene((16, 16))
        assert psnr_of([(image, image)]) == pytest.approx(HIGHEST_PSNR_DB)
        rounding = np.random.default_rng(0).uniform(-0.5, 0.5, 200_000)
        assert 10 * np.log10(255**2 / np.mean(rounding**2)) == pytest.approx(
            HIGHEST_PSNR_DB, abs=0.05
        )

    def test_no_picture_no_value_and_no_two_sizes(self):
        assert Psnr().summarise([]) == {"psnr_db": None}
        with pytest.raises(ValueError, match="cannot be compared"):
            psnr_of([(scene((16, 16)), scene((16, 18)))])


class TestMsSsim:
    def test_the_weights_are_the_published_ones(self):
        assert WEIGHTS == (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
        assert sum(WEIGHTS) == pytest.approx(1, abs=2e-4)

    def test_identical_pictures_score_1(self):
        assert ms_ssim(scene(), scene()) == 1

    def test_more_noise_scores_less(self):
        generator = np.random.default_rng(1)
        noise = generator.normal(size=scene().shape)
        scores = [
            ms_ssim(scene(), (scene() + level * noise).clip(0, 255).astype(np.uint8))
            for level in (2, 5, 10, 20, 40)
        ]
        assert scores == sorted(scores, reverse=True)
        assert 0 < scores[-1] < scores[0] < 1

    @settings(max_examples=10, deadline=None)
    @given(height=st.integers(11, 190), width=st.integers(11, 190), seed=st.integers(0, 9))
    def test_it_is_symmetric_and_within_0_and_1(self, height, width, seed):
        first, second = scene((height, width), seed), scene((height, width), seed + 1)
        score = ms_ssim(first, second)
        assert 0 <= score < 1
        assert score == pytest.approx(ms_ssim(second, first))

    def test_a_shift_of_brightness_costs_only_the_luminance_of_the_coarsest_scale(self):
        """Wang 2003, equation (7): luminance is compared at the last scale alone."""
        image, shift = np.full((176, 176, 3), 100, np.uint8), 20
        c1 = (0.01 * 255) ** 2
        luminance = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
        assert ms_ssim(image, image + np.uint8(shift)) == pytest.approx(luminance ** WEIGHTS[-1])

    def test_lost_structure_is_counted_at_every_scale(self):
        """Against a flat picture of the same mean, contrast-structure is C2 / (variance + C2)."""
        generator = np.random.default_rng(2)
        stripes = np.where(np.arange(192)[None, :, None] // 64 % 2, 140, 100)
        image = np.broadcast_to(stripes, (192, 192, 3)).astype(np.uint8)
        flat = np.full_like(image, 120)
        noisy = (flat + generator.choice([-20, 20], image.shape)).astype(np.uint8)
        # broad stripes survive all scales, pixel noise averages out after the first few
        assert ms_ssim(image, flat) != pytest.approx(ms_ssim(noisy, flat), abs=0.05)
        assert ms_ssim(noisy, flat) < 0.8

    def test_it_agrees_with_the_widely_used_implementation(self):
        reference = pytest.importorskip(
            "pytorch_msssim", reason="pytorch-msssim is not installed: nothing to compare with"
        )
        torch = pytest.importorskip("torch")
        received = (scene() + np.random.default_rng(3).normal(0, 12, scene().shape)).clip(0, 255)
        pair = [
            torch.tensor(x).permute(2, 0, 1)[None].double()
            for x in (scene(), received.astype(np.uint8))
        ]
        expected = reference.ms_ssim(*pair, data_range=255).item()
        assert ms_ssim(scene(), received.astype(np.uint8)) == pytest.approx(expected, abs=1e-5)

    def test_a_value_of_the_widely_used_implementation(self):
        """What pytorch-msssim 1.0.0 gives for two pictures made of integers alone."""
        rows, columns = np.mgrid[:176, :208]
        first = np.stack([rows, columns, rows + columns], -1) * 7 % 251
        second = first + (rows * columns % 61)[..., None] - 30
        pair = [x.clip(0, 255).astype(np.uint8) for x in (first, second)]
        assert ms_ssim(*pair) == pytest.approx(0.9658249, abs=1e-5)

    def test_small_pictures_have_fewer_scales_and_tiny_ones_none(self):
        assert num_scales(256) == 5
        assert ms_ssim(scene((40, 50)), scene((40, 50))) == 1
        with pytest.raises(ValueError, match="at least 11 pixels"):
            ms_ssim(scene((10, 50)), scene((10, 50)))

    def test_the_metric_is_the_mean_over_pictures(self):
        metric = MsSsim()
        rows = [
            metric.measure(Sample("x", scene()), Reconstruction(scene(seed=seed)))
            for seed in (0, 1)
        ]
        assert metric.summarise(rows)["ms_ssim"] == (1 + ms_ssim(scene(), scene(seed=1))) / 2
        assert metric.summarise([]) == {"ms_ssim": None}
