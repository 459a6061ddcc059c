"""What SQ-GAN's label-map path owes to parts of its training.

    SEMCOM_DATA=/path/to/data python benchmarks/training_ablations.py --out runs/training_ablations

Every recipe of ``semcom/training/recipes/ablations`` goes on from the shipped network, once for
each of ``--seeds``. What is trained already is not trained again, and what was stopped goes on. The
maps that the transmitter's segmenter makes of ``--count`` CamVid test photos go through each
network at the keep fraction ``--keep``, so that all arms send as many tokens. Columns: ``recipe``
and ``seed`` (none for the shipped network); ``against`` what the decoded map is compared with, the
``sent`` map or the ground ``truth``; ``miou``, ``miou_rare`` over the rare classes, ``iou_CLASS``.
``--csv`` keeps them, the ones of the documentation in ``results/training_ablations.csv``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from semcom import weights
from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.codecs.sqgan.model import MapPath
from semcom.data import load
from semcom.data.sample import Dataset
from semcom.files import write_csv
from semcom.metrics.segmentation import class_iou, confusion_matrix
from semcom.segmentation import load_segmenter
from semcom.training.batches import TrainingSet, load_training_set
from semcom.training.recipe import Recipe, load_recipe
from semcom.training.train import train

RECIPES = Path(__file__).resolve().parents[1] / "semcom" / "training" / "recipes" / "ablations"
ARMS = ("map_whole", "map_no_class_weights", "map_no_overlap", "map_no_paste")
RARE = ("pole", "sign_symbol", "pedestrian", "bicyclist")
Row = dict[str, str | int | float]


def trained(recipe: Recipe, out: Path, samples: TrainingSet) -> MapPath:
    """The network of ``recipe``, trained in the folder ``out`` as far as it is not."""
    progress = None
    for progress in train(recipe, out, samples):
        if progress.step % 100 == 0:
            print(f"{out.name}: step {progress.step} of {progress.steps}", file=sys.stderr)
    return loaded(recipe, str(out / f"{recipe.name}.safetensors"))


def loaded(recipe: Recipe, name: str) -> MapPath:
    """The network of the weights ``name``, of the size that ``recipe`` trains."""
    network = MapPath(SIZES[recipe.network])
    # all but the moving averages of the codebook, which only training needs
    network.load_state_dict(weights.load(name), strict=False)
    return network.eval()


def measured(network: MapPath, data: Dataset, sent: np.ndarray, keep: float) -> Iterator[Row]:
    """IoU of the decoded maps against the maps that were sent and against the truth."""
    kinds = len(data.classes)
    with torch.inference_mode():
        decoded = [
            network(one_hot_map(torch.from_numpy(m)[None], kinds), keep).output.argmax(1)[0]
            for m in sent
        ]
    for against in ("sent", "truth"):
        counts = sum(
            confusion_matrix(
                own if against == "sent" else sample.label_map,
                got.numpy().astype(np.uint8),
                kinds,
                data.void_id,
            )
            for sample, own, got in zip(data, sent, decoded, strict=True)
        )
        iou = dict(zip(data.classes, class_iou(counts), strict=True))
        yield {
            "against": against,
            "miou": float(np.mean(list(iou.values()))),
            "miou_rare": float(np.mean([iou[name] for name in RARE])),
            **{f"iou_{name}": float(value) for name, value in iou.items()},
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the trained networks")
    parser.add_argument("--count", type=int, default=32, help="test photos (default: 32)")
    parser.add_argument("--keep", type=float, default=0.35, help="m_s (default: 0.35)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--csv", type=Path, help="CSV file to write")
    arguments = parser.parse_args()

    recipes = [load_recipe(RECIPES / f"{name}.yaml") for name in ARMS]
    samples = load_training_set(recipes[0])
    data = load("camvid", count=arguments.count)
    sent = np.concatenate([load_segmenter("transmitter")(s.image[None]) for s in data])
    rows: list[Row] = []
    print(f"{len(data)} photos, m_s {arguments.keep:g}")
    print(f"{'recipe':<22}{'seed':>5}  {'against':<8}" + "".join(f"{c[:11]:>13}" for c in shown()))

    def measure(name: str, seed: int | str, network: MapPath) -> None:
        for row in measured(network, data, sent, arguments.keep):
            rows.append({"recipe": name, "seed": seed, **row})
            print(
                f"{name:<22}{seed:>5}  {row['against']:<8}"
                + "".join(f"{row[column]:>13.3f}" for column in shown()),
                flush=True,
            )

    start = str(recipes[0].start_from)
    measure(start, "", loaded(recipes[0], start))
    for seed in arguments.seeds:
        for recipe in recipes:
            own = recipe.model_copy(update={"seed": seed})
            network = trained(own, arguments.out / f"{recipe.name}_{seed}", samples)
            measure(recipe.name, seed, network)
    if arguments.csv:
        kept = [
            {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} for row in rows
        ]
        write_csv(arguments.csv, kept)


def shown() -> tuple[str, ...]:
    """Columns of the printed table."""
    return ("miou", "miou_rare", *(f"iou_{name}" for name in RARE))


if __name__ == "__main__":
    main()
