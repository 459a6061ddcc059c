"""mIoU of SQ-GAN against the share of its packets that are lost.

    python benchmarks/packet_loss.py                       # the street pictures of the package
    python benchmarks/packet_loss.py --data camvid --count 16 --out results/packet_loss.csv

Every path of a picture goes in ``--packets`` packets, each of which is lost on its own with the
stated probability, ``--draws`` times a picture. Columns: ``loss`` the probability, ``miou`` with
``miou_low`` and ``miou_high`` (95 %, bootstrap over pictures), ``kept`` the share of the mIoU
without losses. ``one_packet`` is the mIoU where each path is one packet: all of it or nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from semcom.codecs import CODECS
from semcom.data import load
from semcom.files import write_csv
from semcom.identity import seed_from
from semcom.metrics.segmentation import bootstrap_miou, confusion_matrix, mean_iou
from semcom.segmentation import load_segmenter


class Bench:
    """Codes the pictures once, and rebuilds and scores each set of packets once."""

    def __init__(self, data: Any, packets: int) -> None:
        settings = CODECS["sqgan"].Settings(
            keep_fraction={"image": 0.45, "label_map": 1.0},
            packets={"image": packets, "label_map": packets},
        )
        self.data, self.codec = data, CODECS["sqgan"](settings)
        self.scorer = load_segmenter("scorer")
        segmenter = load_segmenter("transmitter")
        self.payloads = [
            [p.payload for p in self.codec.encode(s.image, segmenter(s.image[None])[0])]
            for s in data
        ]
        self.known: dict[tuple[int, bytes], np.ndarray] = {}

    def confusion(self, index: int, arrived: np.ndarray) -> np.ndarray:
        """Confusion matrix of picture ``index`` of which the packets ``arrived`` [P] came."""
        key = (index, arrived.tobytes())
        if key not in self.known:
            payloads = [
                p if got else None for p, got in zip(self.payloads[index], arrived, strict=True)
            ]
            picture = self.codec.decode(payloads).image
            self.known[key] = confusion_matrix(
                self.data[index].label_map,
                self.scorer(picture[None])[0],
                len(self.data.classes),
                self.data.void_id,
            )
        return self.known[key]

    def confusions(self, loss: float, draws: int, seed: int) -> np.ndarray:
        """Confusion matrices [N, K, K + 1], the draws of a picture added up."""
        found = []
        for index, payloads in enumerate(self.payloads):
            rng = np.random.default_rng(seed_from("packet loss", seed, self.data.names[index]))
            # one draw for all probabilities: what is lost at 10 % is lost at 20 %, too
            fates = rng.random((draws, len(payloads)))
            found.append(sum(self.confusion(index, fate >= loss) for fate in fates))
        return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="street", help="name of a data set (default: street)")
    parser.add_argument("--count", type=int, default=8, help="pictures (default: 8)")
    parser.add_argument("--packets", type=int, default=8, help="packets a path (default: 8)")
    parser.add_argument("--draws", type=int, default=3, help="draws a picture (default: 3)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="CSV file to write")
    parser.add_argument(
        "--loss", type=float, nargs="+", default=[0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1]
    )
    arguments = parser.parse_args()

    data = load(arguments.data, count=arguments.count)
    spread, whole = Bench(data, arguments.packets), Bench(data, 1)
    print(f"{len(data)} pictures of {arguments.data}, {arguments.packets} packets a path")
    print(f"{'loss':>6}{'miou':>9}{'low':>9}{'high':>9}{'kept':>8}{'one packet':>12}")
    rows = []
    for loss in arguments.loss:
        counts = spread.confusions(loss, arguments.draws, arguments.seed)
        alone = whole.confusions(loss, arguments.draws, arguments.seed)
        low, high = bootstrap_miou(counts)
        miou, one = float(mean_iou(counts.sum(0))), float(mean_iou(alone.sum(0)))
        first = rows[0]["miou"] if rows else miou
        rows.append(
            {"loss": loss, "miou": miou, "miou_low": low, "miou_high": high,
             "kept": miou / first, "one_packet": one}
        )  # fmt: skip
        print(f"{loss:>6.2f}{miou:>9.4f}{low:>9.4f}{high:>9.4f}{miou / first:>8.3f}{one:>12.4f}")
    if arguments.out:
        rounded = [{k: round(v, 6) for k, v in row.items()} for row in rows]
        write_csv(arguments.out, rounded)


if __name__ == "__main__":
    main()
