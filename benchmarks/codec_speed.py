"""Milliseconds per picture of every codec, beside BPG.

    python benchmarks/codec_speed.py                      # the street pictures of the package
    python benchmarks/codec_speed.py --data camvid --count 8 --bits-per-pixel 0.1
    python benchmarks/codec_speed.py --data camvid --threads 2 --codecs bpg@0.26 sqgan@0.02

Columns: ``bpp`` bits sent per pixel (mean over pictures); ``PSNR`` mean in dB; ``encode`` and
``decode`` median over pictures and repeats of the wall time in ms, one picture at a time; ``/BPG``
the sum of both divided by BPG's. Codecs take turns, all pictures each, so that they meet the same
machine; a first picture of each is not timed (it loads libraries and weights). ``lowest`` asks a
conventional codec for its lowest setting, which it codes once; a rate in bits per pixel includes
the search for the setting, and ``codec@rate`` gives one codec its own. A semantic codec without a
rate is timed at its default setting; segmentation is never timed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from semcom.codecs import CODECS, bits_per_pixel
from semcom.data import load
from semcom.data.sample import Sample
from semcom.metrics import METRICS


class Timed:
    """A codec and what was measured of it."""

    def __init__(self, codec: Any) -> None:
        self.codec = codec
        self.label = getattr(codec, "display_name", codec.name)
        self.rates: list[float] = []
        self.distortions: list[Any] = []
        self.encode_ms: list[float] = []
        self.decode_ms: list[float] = []

    def run(self, sample: Sample) -> None:
        """Code ``sample`` once."""
        start = time.perf_counter()
        packets = self.codec.encode(sample.image, sample.label_map)
        coded = time.perf_counter()
        received = self.codec.decode([packet.payload for packet in packets])
        end = time.perf_counter()
        self.encode_ms.append(1e3 * (coded - start))
        self.decode_ms.append(1e3 * (end - coded))
        self.rates.append(bits_per_pixel(packets, sample.image))
        self.distortions.append(METRICS["psnr"]().measure(sample, received))

    def row(self, bpg_ms: float | None) -> str:
        quality = METRICS["psnr"]().summarise(self.distortions)["psnr_db"]
        ratio = f"{self.total_ms / bpg_ms:>8.2f}" if bpg_ms else ""
        return (
            f"{self.label:<18}{mean(self.rates):>9.4f}{quality:>8.2f}"
            f"{median(self.encode_ms):>10.1f}{median(self.decode_ms):>10.1f}{ratio}"
        )

    @property
    def total_ms(self) -> float:
        return median(self.encode_ms) + median(self.decode_ms)


def build(name: str, rate: float | str, size: tuple[int, int]) -> Any:
    """The codec ``name`` at ``rate``, or at its default where it takes no rate."""
    settings = CODECS[name].Settings
    takes_rate = "bits_per_pixel" in settings.model_fields
    if rate == "lowest" and CODECS[name].needs_label_map:
        takes_rate = False
    return CODECS[name](settings(bits_per_pixel=rate) if takes_rate else settings(), size=size)


def rate_argument(text: str) -> float | str:
    return text if text == "lowest" else float(text)


def codec_argument(text: str) -> tuple[str, float | str | None]:
    name, _, rate = text.partition("@")
    if name not in CODECS:
        raise argparse.ArgumentTypeError(f"no codec {name!r}; there are {', '.join(CODECS)}")
    return name, rate_argument(rate) if rate else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="street", help="name of a data set (default: street)")
    parser.add_argument("--count", type=int, default=4, help="pictures (default: 4)")
    parser.add_argument("--repeats", type=int, default=3, help="times each (default: 3)")
    parser.add_argument("--threads", type=int, default=1, help="of each codec (default: 1)")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 512), metavar=("H", "W"))
    parser.add_argument(
        "--bits-per-pixel", type=rate_argument, default="lowest", help="a number, or lowest"
    )
    parser.add_argument(
        "--codecs",
        nargs="+",
        type=codec_argument,
        default=[(name, None) for name in ("bpg", *(c for c in CODECS if c != "bpg"))],
        metavar="CODEC[@RATE]",
        help="all, or these; beside the first bpg among them",
    )
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    threadpool_limits(arguments.threads)  # of numerical libraries, for good
    size = tuple(arguments.size)
    samples = list(load(arguments.data, count=arguments.count, size=size))
    print(
        f"{len(samples)} pictures of {arguments.data}, {size[0]}x{size[1]}, "
        f"bits_per_pixel: {arguments.bits_per_pixel}; {platform.processor() or 'unknown CPU'}, "
        f"{os.cpu_count()} cores, {arguments.threads} threads, Python {platform.python_version()}"
    )
    ready = []
    for name, rate in arguments.codecs:
        try:
            codec = build(name, rate or arguments.bits_per_pixel, size)
            Timed(codec).run(samples[0])  # loads libraries and weights
        except (ValueError, FileNotFoundError) as error:
            print(f"{name:<18}{error}")
            continue
        ready.append(Timed(codec))
    for _ in range(arguments.repeats):
        for timed in ready:
            for sample in samples:
                timed.run(sample)
    print(f"{'codec':<18}{'bpp':>9}{'PSNR':>8}{'encode':>10}{'decode':>10}{'/BPG':>8}")
    bpg = next((timed.total_ms for timed in ready if timed.codec.name == "bpg"), None)
    for timed in ready:
        print(timed.row(bpg))


if __name__ == "__main__":
    main()
