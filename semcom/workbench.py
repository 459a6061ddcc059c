"""What is done to pictures in a run: coding, receiving, measuring, each kept on disk by content.

A :class:`Workbench` knows nothing of points, links or order. It turns (transmitter, picture) into
payloads and (payloads, which of them arrived) into a picture and its counts, and it can be built
again in another process from the scenario alone.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.analog import (
    AnalogAir,
    Occasion,
    analog_receipt_id,
    build_airs,
    symbols_from_bytes,
    symbols_to_bytes,
)
from semcom.camera import Camera, shown_in
from semcom.codecs.codec import AnalogCodec, Codec, Packet, is_analog
from semcom.container import CodedPicture
from semcom.data.classes import check_same_classes
from semcom.identity import array_digest, digest
from semcom.pictures import PictureStore
from semcom.plugins import load_plugins
from semcom.results import Row
from semcom.scenario import Scenario, Transmitter

if TYPE_CHECKING:
    from semcom.budget.transmitters import Allocated

__all__ = ["Workbench", "encoding_id", "measurement_id", "receipt_id"]


def encoding_id(coding: Any, sample: str) -> str:
    """Id of one picture (``sample``, its digest) in the ``coding`` of a transmitter."""
    return digest("encoding", coding, sample)


def receipt_id(coding: Any, encoding: str, arrived: str, altered: Mapping[str, str]) -> str:
    """Id of a coded picture of which the packets marked 1 in ``arrived`` were received.

    ``altered`` holds packets whose errors escaped the link's CRC, in hexadecimal by number. With
    nothing received it does not matter which picture was sent.
    """
    if "1" not in arrived:
        return digest("nothing received", coding, len(arrived))
    return digest("receipt", encoding, arrived, dict(altered))


def measurement_id(sample: str, picture: str, scorer: str | None) -> str:
    """Id of the counts of a received picture against the sample that was sent."""
    return digest("measurement", sample, picture, scorer)


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
        return np.asarray(self.segmenter(self._seen(index, camera)[None])[0])

    def _seen(self, index: int, camera: Camera) -> np.ndarray:
        return camera.picture(self.sample(index).image, self.sample_digest(index))

    def payload_file(self, encoding: str) -> Path:
        return self.folder / "packets" / f"{encoding}.semcom"

    def encode(self, transmitter: int, index: int) -> Row:
        """Code picture ``index``; payloads go to :meth:`payload_file`, the rest is returned."""
        sample = self.sample(index)
        source = self.transmitters[transmitter].label_map_source
        camera = self.transmitters[transmitter].camera or Camera()
        with _one_thread():
            image, label_map = self._seen(index, camera), None
            if source == "segmenter":
                label_map = self.label_map(index, camera)
            elif source == "ground_truth":
                label_map = sample.label_map
                if label_map is None:
                    raise ValueError(
                        f"{self.transmitters[transmitter].label} sends the ground-truth label map, "
                        f"but {sample.name} has none; use label_map: segmenter"
                    )
                label_map = camera.label_map(label_map)
            codec: Any = self.codecs[transmitter]
            packets: list[Packet] = []
            payloads: tuple[bytes, ...]
            extra = {}
            started = time.perf_counter()
            if is_analog(codec):
                symbols = codec.transmit(image, label_map)
                payloads, extra = (symbols_to_bytes(symbols),), {"symbols": len(symbols)}
            else:
                packets = codec.encode(image, label_map)
                payloads = tuple(packet.payload for packet in packets)
            seconds = time.perf_counter() - started
        name = encoding_id(self.codings[transmitter], self.sample_digest(index))
        coded = CodedPicture(
            self.transmitters[transmitter].codec,
            self.transmitters[transmitter].settings.model_dump_json(),
            self.size_of(transmitter),
            payloads,
        )
        coded.write(self.payload_file(name))
        self.pictures.put_sample(self.sample_digest(index), sample.image, sample.label_map)
        return {
            "kind": "encoding",
            "id": name,
            "transmitter": self.transmitters[transmitter].label,
            "image": sample.name,
            "pixels": int(sample.image.shape[0] * sample.image.shape[1]),
            "packets": [
                {"kind": p.kind, "rank": p.rank, "bytes": len(p.payload), "bits": dict(p.bits)}
                for p in packets
            ],
            **extra,
            "ms": round(1e3 * seconds, 3),
        }

    def payloads(self, encoding: str) -> tuple[bytes, ...]:
        """Payloads that :meth:`encode` left on disk."""
        return CodedPicture.read(self.payload_file(encoding)).payloads

    def receive(
        self, transmitter: int, index: int, arrived: str, altered: Mapping[str, str]
    ) -> Row:
        """Decode picture ``index`` from what arrived (see :func:`receipt_id`) and keep it."""
        coding = self.codings[transmitter]
        encoding = encoding_id(coding, self.sample_digest(index))
        payloads = [
            payload if mark == "1" else None
            for payload, mark in zip(self.payloads(encoding), arrived, strict=True)
        ]
        for number, content in altered.items():
            payloads[int(number)] = bytes.fromhex(content)
        codec: Any = self.codecs[transmitter]
        with _one_thread():
            started = time.perf_counter()
            try:
                received = codec.decode(payloads)
            except ValueError:
                if not altered:
                    raise
                # what the CRC missed the decoder found: the packet counts as lost
                lost = [None if str(n) in altered else p for n, p in enumerate(payloads)]
                received = codec.decode(lost)
            seconds = time.perf_counter() - started
        return {
            "kind": "receipt",
            "id": receipt_id(coding, encoding, arrived, altered),
            "transmitter": self.transmitters[transmitter].label,
            "arrived": arrived,
            "picture": self.pictures.put(shown_in(received, self.scenario.data.size)),
            "ms": round(1e3 * seconds, 3),
        }

    @cached_property
    def airs(self) -> dict[int, AnalogAir]:
        """The channels of analog transmitters, by number."""
        return build_airs(self.scenario, self.transmitters)

    def is_analog(self, transmitter: int) -> bool:
        """Whether a transmitter sends symbols in place of packets."""
        return is_analog(self.codecs[transmitter])

    def symbols(self, encoding: str) -> np.ndarray:
        """Symbols that :meth:`encode` of an analog transmitter left on disk."""
        (content,) = self.payloads(encoding)
        return symbols_from_bytes(content)

    def receive_symbols(
        self, transmitter: int, index: int, transmission: str | None, *where: Any
    ) -> Row:
        """Send picture ``index`` of an analog transmitter, and keep what is received.

        ``where`` are Es/N0 in dB, realisation and position of the ``transmission`` with this id;
        None: without a channel.
        """
        sample = self.sample_digest(index)
        encoding = encoding_id(self.codings[transmitter], sample)
        symbols = self.symbols(encoding)
        codec: Any = self.codecs[transmitter]
        with _one_thread():
            noise = np.zeros(len(symbols), np.float32)
            if transmission is not None:
                occasion = Occasion(self.scenario.seed, sample, *where)
                met = self.airs[transmitter].send(symbols, occasion)
                symbols, noise = met.symbols, met.noise_variance
            started = time.perf_counter()
            received = codec.receive(symbols, noise)
            seconds = time.perf_counter() - started
        return {
            "kind": "receipt",
            "id": analog_receipt_id(encoding, transmission),
            "transmitter": self.transmitters[transmitter].label,
            "arrived": "",
            "picture": self.pictures.put(shown_in(received, self.scenario.data.size)),
            "ms": round(1e3 * seconds, 3),
        }

    def measure(self, index: int, picture: str) -> Row:
        """Counts of every metric for one kept picture."""
        received = self.pictures.get(picture)
        sample = self.sample(index)
        predicted = None
        with _one_thread():
            if self.scorer is not None:
                predicted = self.pictures.prediction(picture, self.scorer.digest)
                if predicted is None:
                    predicted = np.asarray(self.scorer(received.image[None])[0])
                    self.pictures.put_prediction(picture, self.scorer.digest, predicted)
            counts = {
                name: metric.measure(sample, received, predicted)
                for name, metric in self.metrics.items()
            }
        return {
            "kind": "measurement",
            "id": measurement_id(self.sample_digest(index), picture, self.scorer_digest),
            "image": sample.name,
            "picture": picture,
            "metrics": counts,
        }


def _fitted(codec: Any, settings: Any, size: tuple[int, int]) -> Any:
    from semcom.budget.fitting import FittedCodec

    return FittedCodec(codec, settings, size)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: sums depend on how they are shared out among threads."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
