"""mIoU of SQ-GAN's first packets: what a picture is worth that stops arriving half-way.

    python benchmarks/refinement.py                       # the street pictures of the package
    python benchmarks/refinement.py --data camvid --count 16 --out results/refinement.csv

A picture goes in ``--packets`` packets of its label map and as many of itself, in the order of
their rank; no more than the first ones arrive. Columns: ``packets`` that arrived, their mean
``bytes``, ``miou`` with ``miou_low`` and ``miou_high`` (95 %, bootstrap over pictures).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from packet_loss import Bench

from semcom.data import load
from semcom.files import write_csv
from semcom.metrics.segmentation import bootstrap_miou, mean_iou


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="street", help="name of a data set (default: street)")
    parser.add_argument("--count", type=int, default=8, help="pictures (default: 8)")
    parser.add_argument("--packets", type=int, default=4, help="packets a path (default: 4)")
    parser.add_argument("--out", type=Path, help="CSV file to write")
    arguments = parser.parse_args()

    bench = Bench(load(arguments.data, count=arguments.count), arguments.packets)
    total = len(bench.payloads[0])
    rows = []
    print(f"{'packets':>8}{'bytes':>8}{'miou':>9}{'low':>9}{'high':>9}")
    for count in range(total + 1):
        arrived = np.arange(total) < count
        counts = np.array([bench.confusion(i, arrived) for i in range(len(bench.payloads))])
        size = float(np.mean([sum(map(len, own[:count])) for own in bench.payloads]))
        low, high = bootstrap_miou(counts)
        miou = float(mean_iou(counts.sum(0)))
        rows.append(
            {"packets": count, "bytes": size, "miou": miou, "miou_low": low, "miou_high": high}
        )
        print(f"{count:>8}{size:>8.0f}{miou:>9.4f}{low:>9.4f}{high:>9.4f}", flush=True)
    if arguments.out:
        rounded = [{k: round(v, 6) for k, v in row.items()} for row in rows]
        write_csv(arguments.out, rounded)


if __name__ == "__main__":
    main()
