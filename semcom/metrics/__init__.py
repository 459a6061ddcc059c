"""Metrics by name: small classes that count for each picture and add the counts up.

``METRICS[name]()`` scores the 11 CamVid classes and keeps features in memory; :func:`build` makes
metrics for another data set or for results in a folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from semcom.data.classes import CAMVID_CLASSES, CAMVID_VOID
from semcom.metrics.accuracy import Accuracy
from semcom.metrics.distortion import Psnr
from semcom.metrics.features import InceptionV3Features
from semcom.metrics.frechet import Fid, FrechetEfficientNetLite0
from semcom.metrics.hed_vgg import HedVgg, check_weights
from semcom.metrics.kernel_distance import Kid, KidEfficientNetLite0
from semcom.metrics.metric import Counts, Metric
from semcom.metrics.ms_ssim import MsSsim
from semcom.metrics.segmentation import Miou, MiouMap
from semcom.metrics.semantic_information import SemanticInformation

__all__ = ["METRICS", "Counts", "Metric", "build", "check"]

METRICS: dict[str, type] = {
    metric.name: metric
    for metric in (
        Miou,
        MiouMap,
        FrechetEfficientNetLite0,
        KidEfficientNetLite0,
        Psnr,
        MsSsim,
        HedVgg,
        SemanticInformation,
        Accuracy,
        Fid,
        Kid,
    )
}

_SEGMENTATION: tuple[type, ...] = (Miou, MiouMap)
_FEATURES: tuple[type, ...] = (FrechetEfficientNetLite0, KidEfficientNetLite0, Fid, Kid)


def build(
    name: str,
    *,
    folder: Path | None = None,
    classes: Sequence[str] = CAMVID_CLASSES,
    void_id: int | None = CAMVID_VOID,
) -> Any:
    """The metric called ``name`` for a data set of ``classes``.

    Metrics on features keep them in ``folder/features``, where other processes find them.

    :raises ValueError: for an unknown name

    >>> build("miou", classes=("road", "sky")).columns
    ('miou', 'miou_low', 'miou_high', 'iou_road', 'iou_sky')
    """
    if name not in METRICS:
        raise ValueError(f"there is no metric {name!r}; there are {', '.join(METRICS)}")
    metric = METRICS[name]
    if metric in _SEGMENTATION:
        return metric(classes, void_id)
    if metric in _FEATURES:
        return metric(None if folder is None else folder / "features")
    if metric is Accuracy:
        return metric(classes)
    return metric()


def check(names: Iterable[str]) -> None:
    """Raise one clear error if a metric among ``names`` cannot run on this machine."""
    for name in names:
        if METRICS.get(name) in (Fid, Kid):
            InceptionV3Features().check()
        elif METRICS.get(name) is HedVgg:
            check_weights()
