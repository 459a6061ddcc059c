"""Runs along a drive: every picture from the position of its name, results against the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from channels.drives import Drive
from semcom.along_drive import Stop, draw_along_drive, stops
from semcom.plan import Plan
from semcom.plots import draw_all
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.sweep import run
from semcom.workbench import Workbench
from tests.conftest import BlockMeans

#: amplitudes of three positions: gains of 4.8 dB, -25.7 dB and none
AMPLITUDES = [[1.0, 0.1], [0.03, 0.003], [0.0, 0.0]]


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three pictures named like the three positions of a drive, at 16 dB for the mean of them."""
    monkeypatch.setattr("semcom.codecs.CODECS", {"blockmeans": BlockMeans}, raising=False)
    way = np.array([[0.0, 0, 1.5], [10.0, 0, 1.5], [25.0, 0, 1.5]])
    Drive(
        names=("here", "there", "beyond"), metres=way[:, 0], positions=way,
        amplitudes=np.array(AMPLITUDES, np.complex64), delays=np.array([[1e-7, 2e-7]] * 3),
        dopplers=np.array([[20.0, -50.0]] * 3), speed=8.0, carrier_hz=3.5e9,
    ).save(tmp_path / "drive.safetensors")  # fmt: skip
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(7)
    for name in ("here", "there", "beyond"):
        pixels = rng.integers(0, 256, (4, 8, 3), np.uint8)
        Image.fromarray(pixels.repeat(8, 0).repeat(8, 1)).save(folder / f"{name}.png")
    return f"""\
title: a short way
data: {{name: folder, root: {folder}, size: [32, 64]}}
transmitters: [{{codec: blockmeans, label: means, settings: {{packets: 2}}}}]
link: {{channel: ray_traced, drive: {tmp_path / "drive.safetensors"}}}
sweep: {{esn0_db: [8, 16], realisations: 3}}
metrics: [psnr]
reference: false
seed: 1
"""


def complete(text: str, folder: Path, **options: Any) -> Results:
    list(run(Scenario.from_text(text), folder, text=text, **options))
    return Results.read(folder)


def along(results: Results, folder: Path, esn0_db: float | None) -> list[Stop]:
    assert results.run is not None
    return stops(results, folder, esn0_db, results.run["plan"]["transmitters"][0]["setup"])


def test_the_position_of_a_picture_decides_what_arrives(scenario: str, tmp_path: Path) -> None:
    results = complete(scenario, tmp_path / "out")
    way = along(results, tmp_path / "out", 16)
    assert [stop.name for stop in way] == ["here", "there", "beyond"]
    assert [stop.metres for stop in way] == [0, 10, 25]
    assert [stop.gain_db for stop in way] == [
        pytest.approx(4.767, abs=1e-2), pytest.approx(-25.69, abs=1e-2), None,
    ]  # fmt: skip
    assert [stop.lost for stop in way] == [0, 1, 1]
    whole = [stop.quality for stop in along(results, tmp_path / "out", None)]
    near, far, farther = (stop.quality for stop in way)
    assert near == pytest.approx(whole[0])
    assert far < whole[1]
    assert farther < whole[2]


def test_a_picture_that_moves_is_sent_again(scenario: str, tmp_path: Path) -> None:
    text = scenario.replace("size: [32, 64]", "size: [32, 64], count: 1")
    (tmp_path / "photos/there.png").unlink()
    (tmp_path / "photos/beyond.png").unlink()
    first = complete(text, tmp_path / "out")
    assert [stop.lost for stop in along(first, tmp_path / "out", 16)] == [0]
    (tmp_path / "photos/here.png").rename(tmp_path / "photos/there.png")
    second = complete(text, tmp_path / "out")
    assert [(stop.name, stop.lost) for stop in along(second, tmp_path / "out", 16)] == [
        ("there", 1)
    ]
    assert len(second.encodings) == 1


def test_shares_of_the_work_find_the_same_numbers(scenario: str, tmp_path: Path) -> None:
    from semcom.merge import merge
    from semcom.plan import Shard

    whole = along(complete(scenario, tmp_path / "whole"), tmp_path / "whole", 16)
    parts = [tmp_path / "part 1", tmp_path / "part 2"]
    for number, folder in enumerate(parts, start=1):
        complete(scenario, folder, shard=Shard(number, 2))
    merge(parts, tmp_path / "merged")
    assert along(Results.read(tmp_path / "merged"), tmp_path / "merged", 16) == whole


def test_pictures_off_the_way_are_refused_before_anything_runs(
    scenario: str, tmp_path: Path
) -> None:
    (tmp_path / "photos/there.png").rename(tmp_path / "photos/elsewhere.png")
    with pytest.raises(ValueError, match=r"does not pass 'elsewhere'.*or set link.position"):
        complete(scenario, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    fixed = scenario.replace("channel: ray_traced", "channel: ray_traced, position: there")
    plan = Plan.of(Workbench(Scenario.from_text(fixed), tmp_path), None)
    assert plan.positions is None
    results = complete(fixed, tmp_path / "out")
    assert along(results, tmp_path / "out", 16) == []
    assert draw_along_drive(results, tmp_path / "out") is None


def test_the_figure_shows_the_point_where_positions_differ_most(
    scenario: str, tmp_path: Path
) -> None:
    results = complete(scenario, tmp_path / "out")
    figure = draw_along_drive(results, tmp_path / "out")
    assert figure is not None
    texts = [text.get_text() for text in figure.texts]
    assert any("3 positions" in text and "3 times" in text for text in texts)
    frames, gains, quality, lost = figure.axes
    assert [axis.get_title() for axis in frames.child_axes] == ["0 m", "10 m", "25 m"]
    x, y = gains.lines[-1].get_data()
    assert list(x) == [0, 10, 25]
    assert np.isnan(y[2])
    assert quality.get_ylabel().startswith("PSNR")
    assert list(lost.lines[0].get_ydata()) == [0, 1, 1]
    assert "along_the_drive.png" in {path.name for path in draw_all(tmp_path / "out")}
