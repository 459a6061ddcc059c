"""Differences between the transmitters of a run on the same pictures, without a channel.

    semcom run scenarios/rivals.yaml --out runs/rivals
    python benchmarks/paired.py runs/rivals --metric accuracy --out results/rivals/paired.csv

Intervals of two transmitters may overlap and one still be better on nearly every picture: here both
are drawn from the same pictures (paired bootstrap, 95 %). Compared are transmitters of one rate, by
the last word of their labels, and the means over these rates. Columns: ``first``, ``second``,
``difference`` of the ``metric`` (``accuracy`` or ``miou``), ``low``, ``high``, ``pictures``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from semcom.files import write_csv
from semcom.identity import encoding_id, measurement_id, receipt_id
from semcom.metrics.segmentation import mean_iou
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.workbench import Workbench

_RESAMPLES = 2000


def counts(bench: Workbench, results: Results, transmitter: int, metric: str) -> np.ndarray:
    """Counts [pictures, ...] of a transmitter's pictures with every packet received."""
    found = []
    setup = bench.setups[transmitter]
    for sample in bench.sample_digests:
        encoding = encoding_id(setup, sample)
        arrived = "1" * len(results.encodings[encoding]["packets"])
        picture = results.receipts[receipt_id(setup, encoding, arrived, {})]["picture"]
        row = results.measurements[measurement_id(sample, picture, bench.scorer_digest)][metric]
        if metric == "miou":
            found.append(row["confusion"])
        else:
            found.append([sum(row["right"]), sum(row["objects"])])
    return np.array(found, float)


def value(summed: np.ndarray, metric: str) -> np.ndarray:
    """The metric of summed counts [..., counts]."""
    if metric == "miou":
        return np.array([mean_iou(one) for one in summed])
    return np.asarray(summed[..., 0] / summed[..., 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a finished run")
    parser.add_argument("--metric", choices=("accuracy", "miou"), default="accuracy")
    parser.add_argument("--out", type=Path, help="CSV file to write")
    arguments = parser.parse_args()

    scenario = Scenario.from_text((arguments.folder / "scenario.yaml").read_text(encoding="utf-8"))
    bench, results = Workbench(scenario, arguments.folder), Results.read(arguments.folder)
    labels = [one.label for one in bench.transmitters[: bench.on_air]]
    own = [counts(bench, results, t, arguments.metric) for t in range(len(labels))]
    count = len(own[0])
    drawn = np.random.default_rng(0).multinomial(count, [1 / count] * count, size=_RESAMPLES)
    drawn = np.concatenate([np.ones((1, count), int), drawn])  # first all pictures, once each
    values = [value(np.tensordot(drawn, one, 1), arguments.metric) for one in own]
    rows = []

    def compare(first: str, second: str, differences: np.ndarray) -> None:
        whole, *resampled = differences
        low, high = np.percentile(resampled, (2.5, 97.5))
        found = {"difference": whole, "low": low, "high": high}
        names = {"first": first, "second": second, "metric": arguments.metric}
        rows.append(
            {**names, **{k: round(float(v), 6) for k, v in found.items()}, "pictures": count}
        )
        print(f"{first:>18} - {second:<18}{whole:>9.4f}  ({low:.4f} to {high:.4f})")

    pairs: dict[tuple[str, str], list[np.ndarray]] = {}
    for a, b in itertools.combinations(range(len(labels)), 2):
        (first, rate), (second, other) = (labels[t].rsplit(None, 1) for t in (a, b))
        if rate == other:
            pairs.setdefault((first, second), []).append(values[a] - values[b])
            compare(labels[a], labels[b], values[a] - values[b])
    for (first, second), differences in pairs.items():
        compare(f"{first}, mean", f"{second}, mean", np.mean(differences, axis=0))
    if arguments.out and rows:
        write_csv(arguments.out, rows)


if __name__ == "__main__":
    main()
