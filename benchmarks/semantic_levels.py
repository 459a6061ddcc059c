"""Find the layered codec's levels of classes: what each gains beside a uniform level.

    python benchmarks/semantic_levels.py                   # the street pictures of the package
    python benchmarks/semantic_levels.py --count 12 --out semcom/codecs/layered/levels.yaml

Greedy, on training pictures, by the score of :mod:`semcom.training.semantic_levels`. Every step is
printed as it is taken, and written to ``--out``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml

from semcom.codecs.layered.network import load_network
from semcom.data import load
from semcom.files import write_atomically
from semcom.segmentation import load_segmenter
from semcom.training.semantic_levels import LayeredBench, greedy_levels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="street", help="name of a data set (default: street)")
    parser.add_argument("--count", type=int, default=12, help="pictures (default: 12)")
    parser.add_argument("--weights", default="layered", help="name or file of weights")
    parser.add_argument("--least", type=float, default=0.002, help="least gain worth a step")
    parser.add_argument("--out", type=Path, help="YAML file to write")
    arguments = parser.parse_args()

    data = load(arguments.data, "train", count=arguments.count)
    loaded, segmenter = load_network(arguments.weights), load_segmenter("transmitter")
    bench = LayeredBench(loaded, list(data), segmenter)
    print(f"a bit per pixel is worth {bench.worth:.3f}", flush=True)
    levels = dict.fromkeys(data.classes, 0)
    for step in greedy_levels(bench.score, data.classes, arguments.least):
        levels[step.name] = step.level
        print(f"{step.name:>12} {step.level:>3} {step.gain:>9.4f}", flush=True)
        if arguments.out:
            text = f"# found by benchmarks/{Path(__file__).name}, {len(data)} pictures of "
            text += f"{arguments.data}, train\n" + yaml.safe_dump(levels, sort_keys=False)
            write_atomically(arguments.out, text)
    uniform, found = bench.measured(None), bench.measured((*levels.values(), 0))
    for name, one in (("uniform", uniform), ("semantic", found)):
        print(f"{name:>12} " + ", ".join(f"{k} {v:.4f}" for k, v in one._asdict().items()))


if __name__ == "__main__":
    main()
