"""Semantic information (SI): how much of what a task needs is left in the received picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics.metric import Counts, check_same_shape

if TYPE_CHECKING:
    from semcom.segmentation import Segmenter

__all__ = ["SemanticInformation"]


class SemanticInformation:
    """``semantic_information``: 1 for an exact picture, 0 or less where nothing is left.

    ``SI = 1 - mean over scales of (sum w (A - A')^2 / sum w A^2)``, sums over all pictures: ``A``
    and ``A'`` are the scoring segmenter's features of the original and of the received picture,
    ``w`` the gradient-based semantic weights of the original. After the measure of the same name in
    Sun et al. (arXiv 2201.12599), whose formula is not known: see
    :mod:`semcom.segmentation.semantic_weights` for what is assumed. No codec is trained with the
    scoring segmenter, so none is graded by its own teacher.
    """

    name = "semantic_information"
    columns: tuple[str, ...] = ("semantic_information",)
    needs_prediction = False

    def __init__(self, segmenter: Segmenter | None = None) -> None:
        self._given = segmenter
        #: features and weights of the picture measured last: receptions of one come together
        self._last: tuple[np.ndarray, Any] | None = None

    @cached_property
    def _segmenter(self) -> Segmenter:
        from semcom.segmentation import load_segmenter

        return self._given or load_segmenter("scorer")

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Weighted squared differences and squares of one picture, one of each per scale.

        :raises ValueError: if the received picture has another shape
        """
        import torch

        from semcom.segmentation.backbone import normalise
        from semcom.segmentation.semantic_weights import semantic_distance, semantic_weights

        check_same_shape(sample, received)
        net = self._segmenter.net
        if self._last is None or self._last[0] is not sample.image:
            original = normalise(torch.tensor(sample.image[None]))
            self._last = sample.image, semantic_weights(net, original)
        features, weights = self._last[1]
        with torch.no_grad():
            seen = net.features(normalise(torch.tensor(received.image[None])))
            lost, whole = semantic_distance(seen, features, weights)
        return {"semantics_lost": lost.tolist(), "semantics": whole.tolist()}

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        if not rows:
            return {"semantic_information": None}
        lost = np.sum([row["semantics_lost"] for row in rows], axis=0)
        whole = np.sum([row["semantics"] for row in rows], axis=0)
        return {"semantic_information": float(1 - np.mean(lost / whole))}
