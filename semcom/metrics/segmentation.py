"""Mean intersection over union: one confusion matrix over the data set.

Pixels that are void in the ground truth count nowhere. The mean runs over the classes that occur
in the ground truth or in the prediction, of all pictures together; a class that occurs in neither
has no IoU (it is neither 0 nor 1). This is the definition of the PASCAL VOC and Cityscapes
benchmarks, not a mean of per-picture values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from semcom.codecs.codec import Reconstruction
from semcom.data.classes import CAMVID_CLASSES, CAMVID_VOID
from semcom.data.sample import Sample
from semcom.metrics.metric import Counts

__all__ = ["Miou", "MiouMap", "bootstrap_miou", "class_iou", "confusion_matrix", "mean_iou"]

_RESAMPLES = 1000
_PERCENTILES = (2.5, 97.5)


def confusion_matrix(
    truth: np.ndarray, predicted: np.ndarray, num_classes: int, void_id: int | None
) -> np.ndarray:
    """Count pixels by true and predicted class.

    :param truth: [H, W] uint8, class ids or ``void_id``
    :param predicted: [H, W] uint8, class ids; ``void_id`` is an abstention
    :return: [num_classes, num_classes + 1] int64; row: true class, column: predicted class, the
        last column for abstentions, which miss the true class and accuse no other
    :raises ValueError: if the shapes differ or an id is no class

    >>> confusion_matrix(np.array([[0, 1, 9]]), np.array([[0, 0, 1]]), 2, void_id=9).tolist()
    [[1, 0, 0], [1, 0, 0]]
    """
    if truth.shape != predicted.shape:
        raise ValueError(
            f"a label map of shape {predicted.shape} cannot be scored against one of {truth.shape}"
        )
    seen = np.ones(truth.shape, bool) if void_id is None else truth != void_id
    true_ids, ids = truth[seen].astype(np.int64), predicted[seen].astype(np.int64)
    if void_id is not None:
        ids[ids == void_id] = num_classes
    known = num_classes + (void_id is not None)
    if true_ids.size and (true_ids.max() >= num_classes or ids.max() >= known):
        raise ValueError(
            f"a label map holds the id {max(true_ids.max(), ids.max())} where {num_classes} "
            "classes are known: ground truth and segmenter must share their classes"
        )
    columns = num_classes + 1
    counts = np.bincount(true_ids * columns + ids, minlength=num_classes * columns)
    return counts.reshape(num_classes, columns)


def class_iou(confusion: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, NaN for a class that occurs nowhere.

    :param confusion: [..., K, K + 1] of :func:`confusion_matrix`, added up over pictures
    :return: [..., K] float64
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).astype(float)
    union = confusion.sum(axis=-1) + confusion[..., :-1].sum(axis=-2) - hits
    return np.divide(hits, union, out=np.full_like(hits, np.nan), where=union > 0)


def mean_iou(confusion: np.ndarray) -> np.ndarray:
    """Mean of :func:`class_iou` over the classes that occur; NaN if none does.

    >>> float(mean_iou(np.array([[3, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0]]).reshape(3, 4)))
    0.7083333333333333
    """
    iou = class_iou(confusion)
    occurs = ~np.isnan(iou)
    count = occurs.sum(axis=-1)
    total = np.where(occurs, iou, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(np.shape(count), np.nan), where=count > 0)


def bootstrap_miou(
    confusions: np.ndarray, resamples: int = _RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of the mIoU over resampled pictures (Efron 1979).

    :param confusions: [N, K, K + 1], one matrix per picture
    """
    count = len(confusions)
    weights = np.random.default_rng(seed).multinomial(count, [1 / count] * count, size=resamples)
    resampled = (weights @ confusions.reshape(count, -1)).reshape(-1, *confusions.shape[1:])
    low, high = np.nanpercentile(mean_iou(resampled), _PERCENTILES)
    return float(low), float(high)


class Miou:
    """``miou``: the scoring segmenter on the received picture against the ground truth.

    ``miou_low`` and ``miou_high`` bound it at 95 % (bootstrap over pictures; several receptions of
    one picture stay together), ``iou_CLASS`` is the IoU of one class.
    """

    name = "miou"
    needs_prediction = True

    def __init__(
        self, classes: Sequence[str] = CAMVID_CLASSES, void_id: int | None = CAMVID_VOID
    ) -> None:
        self.classes = tuple(classes)
        self.void_id = void_id
        self.columns = (
            "miou",
            "miou_low",
            "miou_high",
            *(_column(one) for one in self.classes),
        )

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Confusion matrix of one picture; null where the sample has no ground truth.

        :raises ValueError: without ``predicted``
        """
        if predicted is None:
            raise ValueError("miou needs the scoring segmenter's map of the received picture")
        return _measure(sample, predicted, self.classes, self.void_id)

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        if not rows or any(row["confusion"] is None for row in rows):
            return dict.fromkeys(self.columns)
        per_picture = np.array(list(_by_picture(rows).values()))
        low, high = bootstrap_miou(per_picture)
        total = per_picture.sum(axis=0)
        per_class = zip(rows[0]["classes"], class_iou(total), strict=True)
        return {
            "miou": _value(mean_iou(total)),
            "miou_low": _value(low),
            "miou_high": _value(high),
            **{_column(name): _value(iou) for name, iou in per_class},
        }


class MiouMap:
    """``miou_map``: the received label map itself against the ground truth.

    Undefined (None) for codecs that send no label map.
    """

    name = "miou_map"
    columns: tuple[str, ...] = ("miou_map",)
    needs_prediction = False

    def __init__(
        self, classes: Sequence[str] = CAMVID_CLASSES, void_id: int | None = CAMVID_VOID
    ) -> None:
        self.classes = tuple(classes)
        self.void_id = void_id

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Confusion matrix of one map; null where either side has no map."""
        return _measure(sample, received.label_map, self.classes, self.void_id)

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        if not rows or any(row["confusion"] is None for row in rows):
            return {"miou_map": None}
        return {"miou_map": _value(mean_iou(np.array([row["confusion"] for row in rows]).sum(0)))}


def _measure(
    sample: Sample, label_map: np.ndarray | None, classes: tuple[str, ...], void_id: int | None
) -> Counts:
    confusion = None
    if sample.label_map is not None and label_map is not None:
        confusion = confusion_matrix(sample.label_map, label_map, len(classes), void_id).tolist()
    return {"image": sample.name, "classes": list(classes), "confusion": confusion}


def _by_picture(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Confusion matrices added up over the receptions of each picture."""
    # what was received alike is one row that comes many times
    distinct = {id(row): row for row in rows}
    times = Counter(map(id, rows))
    total: dict[str, np.ndarray] = {}
    for name, row in distinct.items():
        if row["classes"] != rows[0]["classes"]:
            raise ValueError("pictures scored with different classes have no common mIoU")
        counts = times[name] * np.array(row["confusion"], np.int64)
        total[row["image"]] = total[row["image"]] + counts if row["image"] in total else counts
    return total


def _column(class_name: str) -> str:
    return f"iou_{class_name.replace(' ', '_')}"


def _value(number: float | np.floating | np.ndarray) -> float | None:
    return None if np.isnan(number) else float(number)
