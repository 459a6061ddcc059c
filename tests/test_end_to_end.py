"""Real codecs over the real link: what the scenario asks for is what the numbers say."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semcom.events import Progress
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run
from semcom.workers import BACKENDS

TEXT = """\
data: {{name: folder, root: {root}, size: [64, 128]}}
transmitters:
  - {{codec: jpeg, settings: {{bits_per_pixel: 1.5}}}}
  - {{codec: jpeg2000, settings: {{bits_per_pixel: 0.5}}}}
link: {{code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}}
sweep: {{esn0_db: [-6, 0.9, 6]}}
metrics: [psnr, ms_ssim, frechet_efficientnet_lite0]
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(3)
    for number in range(3):
        coarse = rng.integers(0, 256, (8, 16, 3), np.uint8)
        image = Image.fromarray(coarse).resize((128, 64), Image.Resampling.BICUBIC)
        image.save(folder / f"p{number}.png")
    return Scenario.from_text(TEXT.format(root=folder))


@pytest.fixture(scope="module")
def folder(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    list(run(scenario, out))
    return out


def test_above_the_cliff_every_number_equals_that_without_a_channel(folder: Path) -> None:
    rows = {(row["label"], row["esn0_db"]): row for row in read_summary(folder / "summary.csv")}
    for label in ("jpeg", "jpeg2000"):
        for column in ("psnr_db", "ms_ssim", "frechet_efficientnet_lite0", "bits_per_pixel"):
            assert rows[label, 6][column] == rows[label, None][column]
        assert (rows[label, 6]["payloads"], rows[label, 6]["payloads_lost"]) == (3, 0)
        assert 0 < rows[label, 6]["bler_high"] < 0.6


def test_below_the_cliff_everything_is_lost_and_the_picture_is_a_guess(folder: Path) -> None:
    rows = {(row["label"], row["esn0_db"]): row for row in read_summary(folder / "summary.csv")}
    for label in ("jpeg", "jpeg2000"):
        assert rows[label, -6]["bler"] == 1
        assert rows[label, -6]["psnr_db"] < 20 < rows[label, None]["psnr_db"]
    assert rows["jpeg", -6]["psnr_db"] == rows["jpeg2000", -6]["psnr_db"]


def test_the_original_pictures_have_no_distance_from_themselves(folder: Path) -> None:
    row = read_summary(folder / "summary.csv")[-1]
    assert (row["label"], row["esn0_db"]) == ("original pictures", None)
    assert row["frechet_efficientnet_lite0"] == pytest.approx(0, abs=1e-3)


def test_rate_and_bandwidth_are_counted_from_what_was_sent(
    folder: Path, scenario: Scenario
) -> None:
    from channels import Link

    link = Link(scenario.link)
    results = Results.read(folder)
    row = next(r for r in read_summary(folder / "summary.csv") if r["esn0_db"] == 6)
    sizes = [
        packet["bytes"]
        for encoding in results.encodings.values()
        if encoding["transmitter"] == row["label"]
        for packet in encoding["packets"]
    ]
    pixels = 3 * 64 * 128
    assert row["bits_per_pixel"] == 8 * sum(sizes) / pixels
    uses = sum(link.channel_uses(size) for size in sizes)
    assert row["channel_uses_per_pixel"] == uses / pixels
    assert row["ebn0_db"] == pytest.approx(6 + 10 * np.log10(uses / (8 * sum(sizes))))


def everything_but_times(folder: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Rows of the counts in any order, and of the summary in its own."""
    counts = map(json.loads, (folder / "counts.jsonl").read_text().splitlines())
    return (
        sorted(
            json.dumps({key: value for key, value in row.items() if key not in ("ms", "started")})
            for row in counts
        ),
        [
            {key: value for key, value in row.items() if not key.endswith("_ms")}
            for row in read_summary(folder / "summary.csv")
        ],
    )


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(None, id="processes"),
        pytest.param("dask", id="dask"),
        pytest.param("ray", id="ray", marks=pytest.mark.slow),
    ],
)
def test_two_workers_give_the_numbers_of_one_bit_for_bit(
    folder: Path, scenario: Scenario, tmp_path: Path, backend: str | None
) -> None:
    if backend is not None:
        pytest.importorskip(BACKENDS[backend][0], reason=f'pip install "semcom[{backend}]"')
    list(run(scenario, tmp_path, workers=2, backend=backend))
    assert everything_but_times(tmp_path) == everything_but_times(folder)


def test_workers_that_are_killed_in_the_middle_change_no_number(
    folder: Path, scenario: Scenario, tmp_path: Path
) -> None:
    killed = 0
    for event in run(scenario, tmp_path, workers=2):
        if isinstance(event, Progress) and event.done == 1 and event.total > 2 and killed < 2:
            child = next(c for c in multiprocessing.active_children() if "Loky" in c.name)
            os.kill(child.pid, signal.SIGKILL)
            killed += 1
    assert killed == 2
    assert everything_but_times(tmp_path) == everything_but_times(folder)
