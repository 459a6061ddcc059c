"""``kill -9`` at any moment: what was done is there, and the end is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semcom.results import Results, read_rows

ROOT = Path(__file__).parents[1]
KILLS = 20
PICTURES = 6
TEXT = """\
data: {{name: folder, root: {root}, size: [64, 128]}}
transmitters:
  - {{codec: jpeg, settings: {{bits_per_pixel: 1.5}}}}
  - {{codec: jpeg2000, settings: {{bits_per_pixel: 0.5}}}}
link: {{code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}}
sweep: {{esn0_db: [-6, 0.7, 0.9, 1.1, 6]}}
metrics: [psnr, ms_ssim]
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here"),
]


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenario")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(3)
    for number in range(PICTURES):
        coarse = rng.integers(0, 256, (8, 16, 3), np.uint8)
        image = Image.fromarray(coarse).resize((128, 64), Image.Resampling.BICUBIC)
        image.save(folder / "photos" / f"p{number}.png")
    path = folder / "scenario.yaml"
    path.write_text(TEXT.format(root=folder / "photos"))
    return path


def start(scenario: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "semcom.cli", "run", str(scenario), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--no-plot", "--workers", str(workers)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a process group by which its workers are known
    )


def rows(folder: Path) -> Counter[str]:
    """Rows on disk without what differs from run to run, and how often each is there."""
    own = ("ms", "started", "run")
    return Counter(
        json.dumps({key: value for key, value in row.items() if key not in own})
        for row in read_rows(folder / "counts.jsonl")
        if row["kind"] != "run"
    )


def done_in_vain(folder: Path) -> int:
    """Payloads and received pictures on disk that no row knows."""
    results = Results.read(folder)
    pictures = {row["picture"] for row in results.receipts.values()}
    left = [f for f in folder.glob("packets/*.semcom") if f.stem not in results.encodings]
    for file in folder.glob("pictures/*.png"):
        name, _, layer = file.stem.partition(".")
        if not layer and not name.startswith("sample-") and name not in pictures:
            left.append(file)
    return len(left)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_killed_at_random_moments_loses_what_was_under_way_and_no_more(
    scenario: Path, tmp_path: Path, workers: int
) -> None:
    assert start(scenario, tmp_path / "whole", workers).wait() == 0
    size = (tmp_path / "whole" / "counts.jsonl").stat().st_size
    draw = random.Random(workers)
    counts, before = tmp_path / "out" / "counts.jsonl", Counter[str]()
    for moment in sorted(draw.randrange(size) for _ in range(KILLS)):
        process = start(scenario, tmp_path / "out", workers)
        while process.poll() is None and not (counts.is_file() and counts.stat().st_size >= moment):
            time.sleep(0.0005)
        time.sleep(draw.uniform(0, 0.05))
        process.kill()
        process.wait()
        if workers > 1:
            wait_for_orphans(process.pid)
        kept = rows(tmp_path / "out")
        assert before <= kept
        assert done_in_vain(tmp_path / "out") <= 2 * workers
        before = kept
    assert start(scenario, tmp_path / "out", workers).wait() == 0
    assert rows(tmp_path / "out") == rows(tmp_path / "whole")
    assert set(rows(tmp_path / "out").values()) == {1}


def wait_for_orphans(parent: int) -> None:
    """Workers leave soon after the process they work for."""
    for _ in range(600):
        try:
            os.killpg(parent, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"workers of {parent} outlive it")
