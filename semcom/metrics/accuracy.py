"""Accuracy: whether objects in the received picture are still told apart, one crop each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.codecs.codec import Reconstruction
from semcom.data.classes import CAMVID_CLASSES
from semcom.data.sample import Sample
from semcom.metrics.metric import Counts, check_same_shape

if TYPE_CHECKING:
    from semcom.classification import Classifier, Crop

__all__ = ["Accuracy"]

_RESAMPLES = 1000
_PERCENTILES = (2.5, 97.5)


class Accuracy:
    """``accuracy``: share of the objects that a classifier names rightly in the received picture.

    Objects are the connected regions of the ground truth, a crop each (see
    :mod:`semcom.classification.crops`); the classifier was trained on rendered streets that no
    codec had touched, from random weights, and lent no codec a loss. ``accuracy_low`` and
    ``accuracy_high`` bound it at 95 % (bootstrap over pictures; several receptions of one picture
    stay together), ``accuracy_CLASS`` is the share among the objects of one class. Undefined (None)
    without ground truth.

    :raises ValueError: for a data set of other classes than CamVid's

    >>> row = {"image": "a", "classes": ["car", "tree"], "objects": [3, 1], "right": [2, 0]}
    >>> Accuracy().summarise([row])["accuracy"]
    0.5
    """

    name = "accuracy"
    needs_prediction = False

    def __init__(
        self, classes: Sequence[str] = CAMVID_CLASSES, classifier: Classifier | None = None
    ) -> None:
        from semcom.classification.crops import OBJECTS

        self.classes = tuple(classes)
        if self.classes and self.classes != CAMVID_CLASSES:
            raise ValueError(
                "accuracy asks for the objects of CamVid's 11 classes, and this data set has "
                "others: leave it out of the metrics"
            )
        self._given = classifier
        self.objects = OBJECTS
        self.columns = (
            "accuracy",
            "accuracy_low",
            "accuracy_high",
            *(f"accuracy_{one}" for one in OBJECTS),
        )
        #: crops of the picture measured last: receptions of one come together
        self._last: tuple[np.ndarray, list[Crop]] | None = None

    @cached_property
    def _classifier(self) -> Classifier:
        from semcom.classification import load_classifier

        return self._given or load_classifier()

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Objects of one picture and those named rightly, by class; null without ground truth.

        :raises ValueError: if the received picture has another shape
        """
        check_same_shape(sample, received)
        counts: Counts = {"image": sample.name, "classes": list(self.objects)}
        if sample.label_map is None:
            return counts | {"objects": None, "right": None}
        if self._last is None or self._last[0] is not sample.label_map:
            from semcom.classification import object_crops

            self._last = sample.label_map, object_crops(sample.label_map, self.classes)
        crops = self._last[1]
        true = np.array([crop.object for crop in crops], np.int64)
        right = true[self._classifier(received.image, crops) == true]
        number = len(self.objects)
        return counts | {
            "objects": np.bincount(true, minlength=number).tolist(),
            "right": np.bincount(right, minlength=number).tolist(),
        }

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        if not rows or any(row["objects"] is None for row in rows):
            return dict.fromkeys(self.columns)
        pictures: dict[str, np.ndarray] = {}
        for row in rows:
            counts = np.array([row["right"], row["objects"]])
            pictures[row["image"]] = pictures.get(row["image"], 0) + counts
        by_picture = np.array(list(pictures.values()))  # [pictures, right or all, classes]
        right, objects = by_picture.sum(0)
        by_class = zip(rows[0]["classes"], right, objects, strict=True)
        return {
            "accuracy": _share(right.sum(), objects.sum()),
            **dict(zip(("accuracy_low", "accuracy_high"), _interval(by_picture), strict=True)),
            **{f"accuracy_{name}": _share(some, every) for name, some, every in by_class},
        }


def _share(right: int, objects: int) -> float | None:
    return float(right / objects) if objects else None


def _interval(by_picture: np.ndarray) -> tuple[float | None, float | None]:
    """95 % percentile interval of the accuracy over resampled pictures (Efron 1979)."""
    count = len(by_picture)
    drawn = np.random.default_rng(0).multinomial(count, [1 / count] * count, size=_RESAMPLES)
    right, objects = (drawn @ by_picture.sum(2)).T
    if not objects.any():
        return None, None
    low, high = np.percentile(right[objects > 0] / objects[objects > 0], _PERCENTILES)
    return float(low), float(high)
