"""What the jobs of a run need: codecs, segmenters, metrics, pictures, and the folder they fill.

A :class:`Workbench` knows nothing of points or order, and it can be built again in another process
from the scenario alone. :mod:`semcom.jobs` says what is done on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.analog import AnalogAir, build_airs, symbols_from_bytes
from semcom.camera import Camera
from semcom.codecs.codec import AnalogCodec, Codec, is_analog
from semcom.container import CodedPicture
from semcom.data.classes import check_same_classes
from semcom.identity import array_digest
from semcom.pictures import PictureStore
from semcom.plugins import load_plugins
from semcom.scenario import Scenario, Transmitter

if TYPE_CHECKING:
    from semcom.budget.transmitters import Allocated

__all__ = ["Workbench"]


class Workbench:
    """Codecs, segmenters, metrics and pictures of a scenario, each made when first needed."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        load_plugins()  # another process may not have read the scenario file
        self.scenario = scenario
        self.folder = folder
        pairs = scenario.expanded_transmitters()
        #: with a budget: a transmitter for every frame, with the points where it is chosen
        self.allocated: list[Allocated] = []
        if scenario.has_budget:
            from semcom.budget.transmitters import allocate

            self.allocated = allocate(scenario, folder if folder != Path() else None)
            uncoded = [pair for pair in pairs if pair[1].allocation is None]
            pairs = [(one.group, one.transmitter) for one in self.allocated] + uncoded
        #: transmitters from this one on never cross the link
        self.on_air = len(pairs)
        reference = scenario.reference_transmitter()
        pairs += [reference] if reference else []
        self.transmitters: list[Transmitter] = [transmitter for _, transmitter in pairs]
        self.groups: list[str] = [group for group, _ in pairs]
        self.pictures = PictureStore(folder / "pictures")
        self.sample = lru_cache(maxsize=4)(self._sample)
        self._digests: dict[int, str] = {}
        self.label_map = lru_cache(maxsize=4)(self._label_map)

    @cached_property
    def dataset(self) -> Any:
        import semcom.data

        wanted = self.scenario.data
        return semcom.data.load(
            wanted.name,
            wanted.split,
            count=wanted.count,
            size=wanted.size,
            root=wanted.root,
            skip_bad=wanted.skip_bad,
        )

    @cached_property
    def codecs(self) -> list[Codec | AnalogCodec]:
        from semcom.codecs import CODECS

        return [
            CODECS[transmitter.codec](transmitter.settings, size=self.size_of(number))
            if transmitter.allocation is None
            else _fitted(CODECS[transmitter.codec], transmitter.settings, self.size_of(number))
            for number, transmitter in enumerate(self.transmitters)
        ]

    def size_of(self, transmitter: int) -> tuple[int, int]:
        """Height and width of the pictures that a transmitter codes."""
        camera, size = self.transmitters[transmitter].camera, self.scenario.data.size
        return size if camera is None else camera.size(size)

    def allocation_lines(self) -> list[str]:
        """With a budget: what every transmitter was given and why, for people."""
        if not self.allocated:
            return []
        from semcom.budget.transmitters import allocation_lines

        return allocation_lines(self.allocated)

    def sends(self, transmitter: int, esn0_db: float | None) -> bool:
        """Whether a transmitter is asked for at a point (None: without a channel)."""
        if transmitter < len(self.allocated):
            return esn0_db in self.allocated[transmitter].esn0_db
        if self.allocated:
            return esn0_db is None
        return esn0_db is None or transmitter < self.on_air

    @cached_property
    def metrics(self) -> dict[str, Any]:
        from semcom.metrics import build, check

        check(self.scenario.metrics)
        return {
            name: build(
                name,
                folder=self.folder,
                classes=self.dataset.classes,
                void_id=self.dataset.void_id,
            )
            for name in self.scenario.metrics
        }

    @cached_property
    def scorer(self) -> Any:
        """The segmenter that scores received pictures; None if no metric asks for it."""
        if not any(metric.needs_prediction for metric in self.metrics.values()):
            return None
        from semcom.segmentation import load_segmenter

        found = load_segmenter(self.scenario.segmenter.scorer)
        if self.dataset.classes:
            check_same_classes(
                "the segmenter that scores",
                found.classes,
                f"the data set {self.dataset.name}",
                self.dataset.classes,
                "leave miou out of the metrics",
            )
        return found

    @property
    def scorer_digest(self) -> str | None:
        """What the scores depend on besides the pictures."""
        return None if self.scorer is None else str(self.scorer.digest)

    @cached_property
    def segmenter(self) -> Any:
        """The segmenter at the transmitters; None if none of them asks for it."""
        if not any(t.label_map_source == "segmenter" for t in self.transmitters):
            return None
        from semcom.segmentation import load_segmenter

        return load_segmenter(self.scenario.segmenter.transmitter)

    @cached_property
    def setups(self) -> list[dict[str, Any]]:
        """What each transmitter is: its coding, and its own rate and modulation if it has any."""
        found = []
        for one, coding in zip(self.transmitters, self.codings, strict=True):
            if one.link is None:
                found.append(coding)
            else:
                link = self.scenario.link_of(one)
                own = {"rate": link.rate, "modulation": link.modulation}
                found.append(coding | {"link": own})
        return found

    @cached_property
    def codings(self) -> list[dict[str, Any]]:
        """What changes the payloads of each transmitter: codec, weights, source of label maps."""
        found = []
        for transmitter, codec in zip(self.transmitters, self.codecs, strict=True):
            self._check_classes(transmitter, codec)
            source = transmitter.label_map_source
            maker = self.segmenter.digest if source == "segmenter" else source
            camera = transmitter.camera.identity() if transmitter.camera else {}
            found.append(
                {
                    "codec": codec.identity(),
                    "label_map": maker,
                    "size": list(self.scenario.data.size),
                    **({"camera": camera} if camera else {}),
                }
            )
        return found

    def _check_classes(self, transmitter: Transmitter, codec: Any) -> None:
        """Refuse label maps whose ids mean other classes to their maker, or to what scores them."""
        known: Sequence[str] | None = getattr(codec, "classes", None)
        source, data = transmitter.label_map_source, self.dataset
        if source is None or known is None:
            return
        if source == "segmenter":
            check_same_classes(
                transmitter.label,
                known,
                "the segmenter at the transmitter",
                self.segmenter.classes,
                "choose a network of the segmenter's",
            )
        sends_truth = source == "ground_truth"
        if data.classes and (sends_truth or "miou_map" in self.scenario.metrics):
            remedy = "use label_map: segmenter" if sends_truth else "leave miou_map out"
            check_same_classes(
                transmitter.label, known, f"the data set {data.name}", data.classes, remedy
            )

    @cached_property
    def sample_digests(self) -> list[str]:
        return [self.sample_digest(index) for index in range(len(self.dataset))]

    def sample_digest(self, index: int) -> str:
        """Identity of picture ``index``; a worker reads no more pictures than it works on."""
        if index not in self._digests:
            self.sample(index)
        return self._digests[index]

    def _sample(self, index: int) -> Any:
        sample = self.dataset[index]
        found = array_digest(sample.image, sample.label_map)
        if self._digests.setdefault(index, found) != found:
            raise ValueError(
                f"{sample.name}: the picture was changed during the run; what is done is kept, "
                "start again to use the new one"
            )
        return sample

    def _label_map(self, index: int, camera: Camera) -> np.ndarray:
        """What the segmenter finds in picture ``index`` as ``camera`` sees it."""
        return np.asarray(self.segmenter(self.seen(index, camera)[None])[0])

    def seen(self, index: int, camera: Camera) -> np.ndarray:
        """Picture ``index`` as ``camera`` sees it."""
        return camera.picture(self.sample(index).image, self.sample_digest(index))

    def payload_file(self, encoding: str) -> Path:
        """Where the payloads of a coded picture lie."""
        return self.folder / "packets" / f"{encoding}.semcom"

    def payloads(self, encoding: str) -> tuple[bytes, ...]:
        """Payloads of a coded picture, from disk."""
        try:
            return CodedPicture.read(self.payload_file(encoding)).payloads
        except ValueError as error:
            raise ValueError(f"{error}; remove it, and the same run makes it again") from error

    @cached_property
    def airs(self) -> dict[int, AnalogAir]:
        """The channels of analog transmitters, by number."""
        return build_airs(self.scenario, self.transmitters)

    def is_analog(self, transmitter: int) -> bool:
        """Whether a transmitter sends symbols in place of packets."""
        return is_analog(self.codecs[transmitter])

    def symbols(self, encoding: str) -> np.ndarray:
        """Symbols of a picture coded by an analog transmitter, from disk."""
        (content,) = self.payloads(encoding)
        return symbols_from_bytes(content)


def _fitted(codec: Any, settings: Any, size: tuple[int, int]) -> Any:
    from semcom.budget.fitting import FittedCodec

    return FittedCodec(codec, settings, size)
