"""``semcom curves``: the same table of quality whoever measures it, and nothing measured twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semcom.budget.quality import load_table
from semcom.results import read_rows
from tests.command_line import semcom

SCENARIO = """\
data: {name: street, split: train, count: 2, size: [64, 128]}
transmitters:
  - codec: sqgan
    label: SQ-GAN
    label_map: segmenter
    settings: {keep_fraction: {label_map: 0.6}}
    vary: {keep_fraction.image: [0.3, 0.8]}
  - {codec: jpeg, label: JPEG, vary: {bits_per_pixel: [0.6, 1.2]}}
link: none
metrics: [miou, psnr]
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "curves.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture(scope="module")
def alone(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the run and its table, made in this process."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        assert curves(patch, scenario, folder) == 0
    return folder


def curves(patch: pytest.MonkeyPatch, scenario: Path, folder: Path, *more: object) -> int:
    return semcom(patch, "curves", scenario, "--out", folder, "--table", folder / "t.json", *more)


def test_quality_is_measured_with_and_without_each_path(alone: Path) -> None:
    sqgan, jpeg = load_table(str(alone / "t.json")).curves
    assert sqgan.paths == ("label_map", "image")
    assert sqgan.confusion.shape[:2] == (2, 3)  # nothing, then one map and two pictures
    assert [len(axis) for axis in jpeg.num_bytes] == [3]
    miou = np.diagonal(sqgan.confusion, axis1=-2, axis2=-1).sum(-1)
    assert miou[1, 0] > miou[0, 0], "the label map alone says more than nothing"


def test_the_same_command_again_measures_nothing(
    alone: Path, scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(read_rows(alone / "counts.jsonl"))
    table = (alone / "t.json").read_bytes()
    assert curves(monkeypatch, scenario, alone) == 0
    assert list(read_rows(alone / "counts.jsonl")) == before
    assert (alone / "t.json").read_bytes() == table


@pytest.mark.parametrize("where", ["--workers", pytest.param("--backend", marks=pytest.mark.slow)])
def test_other_processes_measure_the_same(
    alone: Path, scenario: Path, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "--backend":
        pytest.importorskip("distributed", reason='needs pip install "semcom[dask]"')
    value = "dask" if where == "--backend" else 2
    assert curves(monkeypatch, scenario, tmp_path, where, value) == 0
    assert (tmp_path / "t.json").read_bytes() == (alone / "t.json").read_bytes()


def test_a_backend_that_is_not_known_is_one_sentence(
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert curves(monkeypatch, scenario, tmp_path, "--backend", "slurm") == 2
    assert "no backend 'slurm': choose dask or ray" in capsys.readouterr().err
