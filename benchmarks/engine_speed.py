"""What the experiment engine adds to the work itself: more points, resuming, a million rows.

    python benchmarks/engine_speed.py                     # minutes: a run of 32 pictures is timed
    python benchmarks/engine_speed.py --workers 2         # by two processes
    python benchmarks/engine_speed.py --pictures 4        # the same, smaller
    python benchmarks/engine_speed.py --only rows         # a million rows alone

Prints a line each: what 12 more points above the cliff add to a run of 12 points around it, what
starting a complete run again takes, and what summing up 1,000,000 rows of counts takes. Seconds are
those that a processor worked; those on the clock follow in brackets.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SCENARIO = """\
data: {{name: street, split: test, count: {pictures}}}
transmitters:
  - codec: sqgan
    label: SQ-GAN, low rate
    label_map: segmenter
    settings: {{keep_fraction: {{image: 0.15, label_map: 0.35}}}}
  - codec: sqgan
    label: SQ-GAN
    label_map: segmenter
    settings: {{keep_fraction: {{image: 0.45, label_map: 1.0}}}}
  - codec: jpeg2000
    label: JPEG 2000
    settings: {{bits_per_pixel: 0.04}}
  - codec: bpg
    label: BPG, lowest rate
    settings: {{bits_per_pixel: lowest}}
link: {{code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}}
sweep:
  esn0_db: [-2, 0, {{start: 0.375, stop: 1.5, step: 0.125}}{more}]
metrics: [miou, miou_map, kid_efficientnet_lite0, psnr, ms_ssim]
seed: 1
"""
MORE = ", {start: 2.5, stop: 8, step: 0.5}"


class Taken:
    """Seconds that passed: worked by the processor, and on the clock."""

    def __init__(self, processor: float, clock: float) -> None:
        self.processor, self.clock = processor, clock

    def __str__(self) -> str:
        return f"{self.processor:.1f} s ({self.clock:.1f} s)"


def timed(work: Callable[[], object]) -> Taken:
    """What ``work`` takes in this process and in those it starts and waits for."""
    clock, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return Taken(sum(after[:4]) - sum(before[:4]), time.perf_counter() - clock)


def run(pictures: int, workers: int, folder: Path, more: str = "") -> None:
    """``semcom run`` as a user calls it, without its figures."""
    scenario = folder / "scenario.yaml"
    scenario.write_text(SCENARIO.format(pictures=pictures, more=more))
    command = [sys.executable, "-m", "semcom.cli", "run", str(scenario), "--no-plot"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [*command, "--workers", str(workers), "--out", str(folder / "out")],
        check=True, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def time_runs(pictures: int, workers: int) -> None:
    """A run, the same again, and the same with 12 more points above the cliff."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = timed(lambda: run(pictures, workers, folder))
        print(f"{pictures} pictures, 4 transmitters, 12 points: {first}", flush=True)
        again = timed(lambda: run(pictures, workers, folder))
        print(f"the complete run started again: {again}", flush=True)
        wider = timed(lambda: run(pictures, workers, folder, MORE))
        share = (wider.processor - again.processor) / (first.processor - again.processor)
        print(f"12 more points above the cliff: {wider}, {share:.1%} of the run", flush=True)


def rows(realisations: int, images: int = 32, points: int = 12) -> Iterator[dict[str, Any]]:
    """Counts of a long run: ``images`` x 4 transmitters x ``points`` x ``realisations``."""
    from semcom.identity import digest, encoding_id, measurement_id, receipt_id

    draw = random.Random(0)
    samples = [digest("sample", number) for number in range(images)]
    setups = [digest("setup", number) for number in range(4)]
    link = {"code": "ldpc", "rate": 0.5, "modulation": "qpsk", "channel": "awgn"}
    classes = [f"class {number}" for number in range(11)]
    snrs = [point / 8 for point in range(points)]
    plan = {
        "title": "", "link": link, "seed": 1, "scorer": "scorer", "classes": classes,
        "void_id": None, "esn0_db": snrs, "realisations": realisations, "metrics": ["miou", "psnr"],
        "images": [{"name": sample, "sample": sample} for sample in samples],
        "transmitters": [
            {"label": s, "group": s, "codec": "c", "label_map": None, "setup": s} for s in setups
        ],
    }  # fmt: skip
    yield {"kind": "run", "id": "run", "versions": {}, "started": "", "plan": plan}
    marks = ["111111", "110111", "011111", "101101", "000111", "000000"]
    for setup in setups:
        for sample in samples:
            encoding = encoding_id(setup, sample)
            packets = [{"kind": "image", "rank": 0, "bytes": 100, "bits": {"indices": 800}}] * 6
            yield {
                "kind": "encoding", "id": encoding, "transmitter": setup, "image": sample,
                "pixels": 131072, "packets": packets, "ms": 1.0,
            }  # fmt: skip
            for mark in marks:
                picture = digest("picture", encoding, mark)
                name = receipt_id(setup, encoding, mark, {})
                yield {"kind": "receipt", "id": name, "picture": picture, "ms": 1.0}
                confusion = [[draw.randrange(9000) for _ in range(12)] for _ in range(11)]
                counts = {
                    "miou": {"image": sample, "classes": classes, "confusion": confusion},
                    "psnr": {"squared_error": draw.randrange(1, 10**9), "samples": 393216},
                }
                measurement = measurement_id(sample, picture, "scorer")
                yield {"kind": "measurement", "id": measurement, "metrics": counts}
            for snr in snrs:
                for realisation in range(realisations):
                    mark = marks[min(5, int(draw.expovariate(1 + snr) * 3))]
                    lost = mark.count("0")
                    yield {
                        "kind": "transmission",
                        "id": digest("transmission", encoding, snr, realisation),
                        "transmitter": setup, "setup": setup, "link_identity": digest(link),
                        "seed": 1, "image": sample, "sample": sample, "esn0_db": snr,
                        "realisation": realisation, "encoding": encoding, "arrived": mark,
                        "altered": {},
                        "link": {
                            "payloads": 6, "payloads_lost": lost, "undetected": 0,
                            "information_bits": 4800, "bit_errors": 90 * lost, "code_blocks": 6,
                            "block_errors": lost, "attempts": 6, "channel_uses": 4992,
                            "iterations": 60,
                        },
                        "receipt": receipt_id(setup, encoding, mark, {}),
                    }  # fmt: skip


def time_rows(count: int) -> None:
    """Reading and summing up ``count`` rows that are on disk."""
    from semcom.metrics import build
    from semcom.results import FORMAT, Results
    from semcom.summary import summarise

    build("miou")  # loads what it needs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "counts.jsonl").open("w") as file:
            for row in rows(max(1, count // (32 * 4 * 12))):
                file.write(json.dumps({"v": FORMAT, "run": "run", **row}) + "\n")
        kept: list[Results] = []
        read = timed(lambda: kept.append(Results.read(folder)))
        number = len(kept[0].transmissions)
        size = (folder / "counts.jsonl").stat().st_size / 2**20
        print(f"{number} rows of transmissions, {size:.0f} MiB, read: {read}", flush=True)
        summed = timed(lambda: summarise(kept[0], folder))
        print(
            f"summed up: {summed}; together {read.processor + summed.processor:.1f} s", flush=True
        )


def main() -> None:
    """Measure what is asked for and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=32, help="pictures of the timed run")
    parser.add_argument("--workers", type=int, default=1, help="processes of the timed run")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of counts to sum up")
    parser.add_argument("--only", choices=["runs", "rows"], help="one part alone")
    arguments = parser.parse_args()
    if arguments.only != "runs":
        time_rows(arguments.rows)
    if arguments.only != "rows":
        time_runs(arguments.pictures, arguments.workers)


if __name__ == "__main__":
    main()
