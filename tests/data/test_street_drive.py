"""The drive in the package: what the camera sees, and the paths that reach the same positions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from channels import llvm
from channels.drives import Drive, load_drive
from semcom import data
from semcom.data.street import radio_drive
from semcom.data.street.scene import Scene, build_scene
from semcom.data.street.trajectory import drive


@pytest.fixture(scope="module")
def street() -> Scene:
    return build_scene(radio_drive.SEED)


def test_every_position_of_the_drive_has_its_picture() -> None:
    pictures = data.load("street", split="drive")
    paths = load_drive("street")
    assert pictures.names == paths.names
    for sample in data.load("street", split="drive", count=3):
        assert sample.image.shape == (256, 512, 3)
        assert sample.image.std() > 15
        assert sample.label_map is not None
        assert len(np.unique(sample.label_map)) >= 6


def test_the_paths_lead_to_the_camera(street: Scene) -> None:
    paths = load_drive("street")
    cameras = drive(street, frames=16, rate=1.0, speed=8.0)
    np.testing.assert_allclose(paths.positions, [camera.position for camera in cameras])
    # the mast stands on a roof, over everything that is near
    mast = np.array(radio_drive.mast(street, paths.positions))
    np.testing.assert_allclose(paths.source["transmitter"], mast)
    assert mast[2] > paths.positions[:, 2].max() + 10


def test_a_folder_with_another_drive_is_left_alone(
    street: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio_drive, "build_scene", lambda seed: street)
    load_drive("street").save(tmp_path / radio_drive.FILE)
    before = (tmp_path / radio_drive.FILE).read_bytes()
    for other in ({"frames": 3}, {"spacing": 2.0}, {"speed": 5.0}, {"carrier_ghz": 28.0}):
        with pytest.raises(ValueError, match="holds another drive"):
            radio_drive.make_drive(tmp_path, **other)
    assert (tmp_path / radio_drive.FILE).read_bytes() == before
    assert not (tmp_path / "images").exists()


def test_a_drive_longer_than_its_street_is_one_sentence(tmp_path: Path) -> None:
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "semcom.cli",
            "data",
            "drive",
            "--out",
            tmp_path / "d",
            "--frames",
            "99",
        ],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2
    assert "a drive of 784 m does not fit" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "d").exists()


@pytest.mark.slow
def test_the_drive_of_the_package_is_made_again(tmp_path: Path) -> None:
    if llvm.find() is None:
        pytest.skip(f"ray tracing {llvm.MISSING}")
    steps: list[int] = []
    paths = radio_drive.make_drive(tmp_path, spp=1, progress=lambda done, _: steps.append(done))
    kept = load_drive("street")
    assert Drive.load(tmp_path / radio_drive.FILE).digest() == paths.digest()
    assert steps == list(range(1, 17))
    np.testing.assert_allclose(paths.positions, kept.positions, atol=1e-6)
    # another version of the tracer may find a weak path more or less
    reached = kept.gains_db > -30
    np.testing.assert_allclose(paths.gains_db[reached], kept.gains_db[reached], atol=1.0)
    again = data.load("street", "drive", root=tmp_path)
    for new, old in zip(again, data.load("street", "drive"), strict=True):
        assert np.mean(np.asarray(new.label_map) == old.label_map) > 0.99
