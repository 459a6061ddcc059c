"""What is done to pictures in a run: coding, receiving, measuring; each job answers with its row.

A job knows nothing of points, links or order. It turns (transmitter, picture) into payloads, or
(payloads, which of them arrived) into a picture, or a picture into its counts; files go to the
folder of the run, named by content.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from semcom.analog import Occasion, symbols_to_bytes
from semcom.camera import Camera, shown_in
from semcom.codecs.codec import Packet, Reconstruction, is_analog
from semcom.container import CodedPicture
from semcom.identity import analog_receipt_id, encoding_id, measurement_id, receipt_id
from semcom.results import Row
from semcom.workbench import Workbench

__all__ = ["JOBS", "encode", "measure", "receive", "receive_symbols"]


def encode(bench: Workbench, transmitter: int, index: int) -> Row:
    """Code picture ``index``; payloads go to :meth:`Workbench.payload_file`."""
    sample = bench.sample(index)
    source = bench.transmitters[transmitter].label_map_source
    camera = bench.transmitters[transmitter].camera or Camera()
    with _one_thread():
        image, label_map = bench.seen(index, camera), None
        if source == "segmenter":
            label_map = bench.label_map(index, camera)
        elif source == "ground_truth":
            label_map = sample.label_map
            if label_map is None:
                raise ValueError(
                    f"{bench.transmitters[transmitter].label} sends the ground-truth label map, "
                    f"but {sample.name} has none; use label_map: segmenter"
                )
            label_map = camera.label_map(label_map)
        codec: Any = bench.codecs[transmitter]
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
    name = encoding_id(bench.codings[transmitter], bench.sample_digest(index))
    coded = CodedPicture(
        bench.transmitters[transmitter].codec,
        bench.transmitters[transmitter].settings.model_dump_json(),
        bench.size_of(transmitter),
        payloads,
    )
    coded.write(bench.payload_file(name))
    bench.pictures.put_sample(bench.sample_digest(index), sample.image, sample.label_map)
    return {
        "kind": "encoding",
        "id": name,
        "transmitter": bench.transmitters[transmitter].label,
        "image": sample.name,
        "pixels": int(sample.image.shape[0] * sample.image.shape[1]),
        "packets": [
            {"kind": p.kind, "rank": p.rank, "bytes": len(p.payload), "bits": dict(p.bits)}
            for p in packets
        ],
        **extra,
        "ms": round(1e3 * seconds, 3),
    }


def receive(
    bench: Workbench, transmitter: int, index: int, arrived: str, altered: Mapping[str, str]
) -> Row:
    """Decode picture ``index`` from what arrived (see :func:`receipt_id`) and keep it."""
    coding = bench.codings[transmitter]
    encoding = encoding_id(coding, bench.sample_digest(index))
    payloads = [
        payload if mark == "1" else None
        for payload, mark in zip(bench.payloads(encoding), arrived, strict=True)
    ]
    for number, content in altered.items():
        payloads[int(number)] = bytes.fromhex(content)
    codec: Any = bench.codecs[transmitter]
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
    name = receipt_id(coding, encoding, arrived, altered)
    return _receipt(bench, transmitter, name, arrived, received, seconds)


def receive_symbols(
    bench: Workbench, transmitter: int, index: int, transmission: str | None, *where: Any
) -> Row:
    """Send picture ``index`` of an analog transmitter, and keep what is received.

    ``where`` are Es/N0 in dB, realisation and position of the ``transmission`` with this id;
    None: without a channel.
    """
    sample = bench.sample_digest(index)
    encoding = encoding_id(bench.codings[transmitter], sample)
    symbols = bench.symbols(encoding)
    codec: Any = bench.codecs[transmitter]
    with _one_thread():
        noise = np.zeros(len(symbols), np.float32)
        if transmission is not None:
            occasion = Occasion(bench.scenario.seed, sample, *where)
            met = bench.airs[transmitter].send(symbols, occasion)
            symbols, noise = met.symbols, met.noise_variance
        started = time.perf_counter()
        received = codec.receive(symbols, noise)
        seconds = time.perf_counter() - started
    name = analog_receipt_id(encoding, transmission)
    return _receipt(bench, transmitter, name, "", received, seconds)


def _receipt(
    bench: Workbench,
    transmitter: int,
    name: str,
    arrived: str,
    received: Reconstruction,
    seconds: float,
) -> Row:
    return {
        "kind": "receipt",
        "id": name,
        "transmitter": bench.transmitters[transmitter].label,
        "arrived": arrived,
        "picture": bench.pictures.put(shown_in(received, bench.scenario.data.size)),
        "ms": round(1e3 * seconds, 3),
    }


def measure(bench: Workbench, index: int, picture: str) -> Row:
    """Counts of every metric for one kept picture."""
    received = bench.pictures.get(picture)
    sample = bench.sample(index)
    predicted = None
    with _one_thread():
        if bench.scorer is not None:
            predicted = bench.pictures.prediction(picture, bench.scorer.digest)
            if predicted is None:
                predicted = np.asarray(bench.scorer(received.image[None])[0])
                bench.pictures.put_prediction(picture, bench.scorer.digest, predicted)
        counts = {
            name: metric.measure(sample, received, predicted)
            for name, metric in bench.metrics.items()
        }
    return {
        "kind": "measurement",
        "id": measurement_id(bench.sample_digest(index), picture, bench.scorer_digest),
        "image": sample.name,
        "picture": picture,
        "metrics": counts,
    }


#: what a worker can be asked for
JOBS: dict[str, Callable[..., Row]] = {
    "encode": encode,
    "receive": receive,
    "receive_symbols": receive_symbols,
    "measure": measure,
}


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
