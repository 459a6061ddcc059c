"""What distances between sets of features share: measuring once, storing, gathering."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.identity import array_digest, digest
from semcom.metrics.feature_store import FeatureStore
from semcom.metrics.features import FeatureNetwork
from semcom.metrics.metric import Counts

__all__ = ["FeatureDistance"]


class FeatureDistance(ABC):
    """A distance between the features of received pictures and those of the originals.

    :param network: pictures to features
    :param store: folder of the features; in memory without one, which serves one process only
    """

    name: str
    columns: tuple[str, ...]
    needs_prediction = False

    def __init__(self, network: FeatureNetwork, store: Path | None = None) -> None:
        self.network = network
        self.store = FeatureStore(None if store is None else store / network.name)

    @abstractmethod
    def distance(self, received: np.ndarray, original: np.ndarray, key: str) -> float | None:
        """Distance of two sets [N, channels]; ``key`` names ``original``. None if undefined."""

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Digests under which the features of the picture and of its original are stored."""
        return {
            "received": self._features_of(received.image),
            "original": self._features_of(sample.image),
        }

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        """The distance over all rows, and the number of vectors in each of the two sets.

        :raises FileNotFoundError: if features of a row are not in the store
        """
        if not rows:
            return dict.fromkeys(self.columns)
        received = np.concatenate([self.store.get(row["received"]) for row in rows])
        original = np.concatenate([self.store.get(row["original"]) for row in rows])
        key = digest([row["original"] for row in rows])
        value = self.distance(received, original, key)
        return dict(zip(self.columns, (value, len(received)), strict=True))

    def _features_of(self, image: np.ndarray) -> str:
        name = digest(self.network.digest, array_digest(image))
        if name not in self.store:
            self.store.put(name, self.network(image[None])[0])
        return name
