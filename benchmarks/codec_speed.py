"""Milliseconds per picture of every codec, beside BPG.

    python benchmarks/codec_speed.py                      # the street pictures of the package
    python benchmarks/codec_speed.py --data camvid --count 8 --bits-per-pixel 0.1

Columns: ``bpp`` bits sent per pixel (mean over pictures); ``PSNR`` mean in dB; ``encode`` and
``decode`` median over pictures and repeats of the wall time in ms, one picture at a time on one
thread, after a first picture that is not timed (it loads libraries and weights); ``enc/BPG`` and
``dec/BPG`` those times divided by BPG's. ``lowest`` asks a conventional codec for its lowest
setting, which it codes once; a rate in bits per pixel includes the search for the setting. A
semantic codec has rates of its own and is timed at its default setting, without segmentation.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from semcom.codecs import CODECS, bits_per_pixel
from semcom.data import load
from semcom.data.sample import Sample
from semcom.metrics import METRICS


class Timing(NamedTuple):
    label: str
    rate: float
    psnr_db: float
    encode_ms: float
    decode_ms: float


def time_codec(codec: Any, samples: Sequence[Sample], repeats: int) -> Timing:
    """Code each of ``samples`` ``repeats`` times; the first one runs once more, untimed."""
    psnr = METRICS["psnr"]()
    encode, decode, rates, distortions = [], [], [], []
    for number, sample in enumerate([samples[0], *(s for s in samples for _ in range(repeats))]):
        start = time.perf_counter()
        packets = codec.encode(sample.image, sample.label_map)
        coded = time.perf_counter()
        received = codec.decode([packet.payload for packet in packets])
        end = time.perf_counter()
        if number:
            encode.append(1e3 * (coded - start))
            decode.append(1e3 * (end - coded))
            rates.append(bits_per_pixel(packets, sample.image))
            distortions.append(psnr.measure(sample, received))
    label = getattr(codec, "display_name", codec.name)
    quality = psnr.summarise(distortions)["psnr_db"]
    return Timing(label, mean(rates), quality, median(encode), median(decode))


def build(name: str, rate: float | str, size: tuple[int, int]) -> Any:
    """The codec ``name`` at ``rate``, or at its default where it takes no rate."""
    settings = CODECS[name].Settings
    takes_rate = "bits_per_pixel" in settings.model_fields
    if rate == "lowest" and CODECS[name].needs_label_map:
        takes_rate = False
    return CODECS[name](settings(bits_per_pixel=rate) if takes_rate else settings(), size=size)


def rate_argument(text: str) -> float | str:
    return text if text == "lowest" else float(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="street", help="name of a data set (default: street)")
    parser.add_argument("--count", type=int, default=4, help="pictures (default: 4)")
    parser.add_argument("--repeats", type=int, default=3, help="times each (default: 3)")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 512), metavar=("H", "W"))
    parser.add_argument(
        "--bits-per-pixel", type=rate_argument, default="lowest", help="a number, or lowest"
    )
    parser.add_argument("--codecs", nargs="+", default=list(CODECS), choices=list(CODECS))
    arguments = parser.parse_args()

    size = tuple(arguments.size)
    samples = list(load(arguments.data, count=arguments.count, size=size))
    names = ["bpg", *(name for name in arguments.codecs if name != "bpg")]
    print(
        f"{len(samples)} pictures of {arguments.data}, {size[0]}x{size[1]}, "
        f"bits_per_pixel: {arguments.bits_per_pixel}; {platform.processor() or 'unknown CPU'}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(
        f"{'codec':<18}{'bpp':>9}{'PSNR':>8}{'encode':>10}{'decode':>10}{'enc/BPG':>9}{'dec/BPG':>9}"
    )
    reference = None
    for name in names:
        try:
            found = time_codec(
                build(name, arguments.bits_per_pixel, size), samples, arguments.repeats
            )
        except (ValueError, FileNotFoundError) as error:
            print(f"{name:<18}{error}")
            continue
        reference = reference or (found if name == "bpg" else None)
        ratios = ""
        if reference is not None:
            ratios = (
                f"{found.encode_ms / reference.encode_ms:>9.2f}"
                f"{found.decode_ms / reference.decode_ms:>9.2f}"
            )
        print(
            f"{found.label:<18}{found.rate:>9.4f}{found.psnr_db:>8.2f}"
            f"{found.encode_ms:>10.1f}{found.decode_ms:>10.1f}{ratios}"
        )


if __name__ == "__main__":
    main()
