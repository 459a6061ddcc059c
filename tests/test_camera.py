"""A worse camera: what the transmitter sees is worse, what the metrics ask for is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semcom.camera import Camera, shown_in
from semcom.codecs.codec import Reconstruction
from semcom.container import CodedPicture
from semcom.replay import replay
from semcom.results import Results
from semcom.scenario import Scenario, ScenarioError
from semcom.summary import read_summary
from semcom.sweep import run

SCENARIO = """
data: {name: street, split: test, count: 2, size: [64, 128]}
transmitters:
  - {codec: jpeg, label: clean, settings: {bits_per_pixel: 1.0}}
  - codec: jpeg
    label: noisy
    settings: {bits_per_pixel: 1.0}
    vary: {camera.noise_std: [0, 10, 40]}
  - {codec: jpeg, label: small, camera: {resolution: half}, settings: {bits_per_pixel: 4.0}}
  - {codec: original, label: noisy pictures, camera: {noise_std: 10}}
link: none
metrics: [psnr]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the scenario above."""
    out = tmp_path_factory.mktemp("camera")
    list(run(Scenario.from_text(SCENARIO), out))
    return out


def test_noise_has_the_deviation_that_was_asked_for_and_is_the_same_every_time() -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    camera = Camera(noise_std=12)
    seen = camera.picture(grey, "one")
    assert np.std(seen.astype(float) - 128) == pytest.approx(12, rel=0.02)
    assert np.array_equal(seen, camera.picture(grey, "one"))
    assert not np.array_equal(seen, camera.picture(grey, "another"))


def test_half_the_resolution_is_the_mean_of_four_pixels_and_comes_back_in_full_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    small = Camera(resolution="half").picture(image, "one")
    means = image.astype(float).reshape(4, 2, 6, 2, 3).mean((1, 3))
    assert small.shape == (4, 6, 3)
    assert np.abs(small - means).max() <= 0.5
    assert shown_in(Reconstruction(small), (8, 12)).image.shape == image.shape


def test_metrics_compare_with_the_clean_original(folder: Path) -> None:
    psnr = {row["label"]: row["psnr_db"] for row in read_summary(folder / "summary.csv")}
    # 20 log10(255 / 10), but for what clipping takes away
    assert psnr["noisy pictures"] == pytest.approx(28.1, abs=0.5)
    assert psnr["clean"] > psnr["noisy 10"] > psnr["noisy 40"]
    assert psnr["clean"] > psnr["small"]
    assert psnr["original pictures"] > 58  # errors of rounding: as high as PSNR goes here


def test_a_camera_without_faults_is_none(folder: Path) -> None:
    """Same coding, same work: the identity holds what changes the answer and nothing else."""
    results = Results.read(folder)
    setups = {one["label"]: one for one in results.run["plan"]["transmitters"]}
    assert setups["clean"]["setup"] == setups["noisy 0"]["setup"]
    assert "camera" not in setups["noisy 0"]
    assert setups["noisy 10"]["camera"] == {"noise_std": 10.0}
    assert len({one["setup"] for one in setups.values()}) == len(setups) - 1


def test_rates_count_the_pixels_of_the_full_picture(folder: Path) -> None:
    rates = {r["label"]: r["bits_per_pixel"] for r in read_summary(folder / "summary.csv")}
    assert 0.5 < rates["small"] <= 1.0  # 4 bits for each of a quarter of the pixels


def test_a_small_picture_is_replayed_in_full_size(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "counts.jsonl").read_text().splitlines()]
    sent = [r for r in rows if r["kind"] == "transmission" and r["transmitter"] == "small"]
    coded = CodedPicture.read(folder / "packets" / f"{sent[0]['encoding']}.semcom")
    assert coded.size == (32, 64)
    again = replay(folder, sent[0]["id"])
    assert again.differences == ()
    assert again.received.image.shape == (64, 128, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("noise_std: [0, 10, 40]", "noise_std: [-1, 10, 40]"), "greater than or equal to 0"),
        (("resolution: half", "resolution: third"), "'full' or 'half'"),
        (("size: [64, 128]", "size: [65, 128]"), "even sizes"),
    ],
)
def test_impossible_cameras_are_refused(change: tuple[str, str], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_text(SCENARIO.replace(*change))
