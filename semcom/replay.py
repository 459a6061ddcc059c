"""One transmission of a run made again, exactly, and looked into.

A run keeps the payloads of every coded picture, and the noise that they meet is drawn from seeds.
So any transmission can be sent again: which packets arrive, why the others do not, and the picture
with and without them; of an analog transmitter, its symbols with their noise. What comes out is
compared with the row in ``counts.jsonl``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.camera import shown_in
from semcom.codecs.codec import Reconstruction
from semcom.container import CodedPicture
from semcom.identity import array_digest, receipt_id
from semcom.pictures import PictureStore
from semcom.plan import versions
from semcom.resend import PacketReplay, send_packets, send_symbols
from semcom.results import Results, Row

if TYPE_CHECKING:
    from channels import LinkReport
    from channels.analog import ReceivedSymbols

__all__ = ["PacketReplay", "Replay", "find_task", "replay"]

#: digits of an id that are shown
DIGITS = 12


@dataclass(frozen=True, eq=False)
class Replay:
    """A transmission made again; ``task``, ``encoding`` and ``run`` are its rows in the results."""

    task: Row
    encoding: Row
    run: Row
    packets: tuple[PacketReplay, ...]
    #: what the camera saw and its label map, if they were kept
    original: np.ndarray | None
    truth: np.ndarray | None
    #: the picture from what arrived, and from all that was sent
    received: Reconstruction
    complete: Reconstruction
    #: where this is not what the results say, and what may be the reason; empty if it is
    differences: tuple[str, ...]
    #: of an analog transmitter: symbols complex64 [N] as sent, and behind the equaliser
    symbols: tuple[np.ndarray, ReceivedSymbols] | None = None


def find_task(results: Results, text: str) -> Row:
    """The transmission whose id begins with ``text``.

    Raises ValueError if there is none or more than one.
    """
    found = [row for name, row in results.transmissions.items() if name.startswith(text.lower())]
    if not text or not found:
        raise ValueError(f"no task {text!r} in these results; `semcom show DIR --tasks` lists them")
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} tasks begin with {text!r}; give more digits of the one that is meant"
        )
    return found[0]


def replay(folder: Path, task: str) -> Replay:
    """Send the transmission ``task`` (its id or the first digits of it) of the run again.

    Raises ValueError or FileNotFoundError in one sentence if it is unknown, or if its packets or
    pictures are no longer in ``folder``.
    """
    results = Results.read(folder)
    if results.run is None:
        raise FileNotFoundError(f"{folder}: there are no results here; `semcom run` makes them")
    row = find_task(results, task)
    if not results.knows(row):
        raise ValueError(
            f"task {row['id'][:DIGITS]} is not whole in {folder / 'counts.jsonl'}; the same "
            "`semcom run` makes what is missing"
        )
    run = results.runs.get(row["run"], results.run)
    encoding = results.encodings[row["encoding"]]
    coded = CodedPicture.read(folder / "packets" / f"{row['encoding']}.semcom")
    own = {one["setup"]: one.get("link_identity") for one in run["plan"]["transmitters"]}
    link = own.get(row["setup"]) or run["plan"]["link"]
    store = PictureStore(folder / "pictures")
    height, width = run["plan"]["data"]["size"]
    shown = (height, width)
    packets: tuple[PacketReplay, ...] = ()
    symbols = None
    if "symbols" in encoding:
        symbols, report = send_symbols(coded, row, link, folder)
        received, complete, others = _decode_symbols(coded, symbols, row, results, shown)
    else:
        packets, report = send_packets(coded, encoding, row, link, folder)
        received, complete, others = _decode(coded, packets, row, results, store, shown)
    differences = _link_differences(row, packets, report) + others
    if differences:
        differences += _versions(run)
    original, truth = store.sample(row["sample"])
    return Replay(
        row, encoding, run, packets, original, truth, received, complete, tuple(differences),
        symbols,
    )  # fmt: skip


def _decode_symbols(
    coded: CodedPicture,
    symbols: tuple[np.ndarray, ReceivedSymbols],
    row: Row,
    results: Results,
    size: tuple[int, int],
) -> tuple[Reconstruction, Reconstruction, list[str]]:
    """Pictures of ``size`` from symbols as received and as sent; how they differ from that kept."""
    from semcom.codecs import CODECS

    sent, got = symbols
    picture = results.receipts[row["receipt"]]["picture"]
    codec = CODECS[coded.codec]
    one = codec(codec.Settings.model_validate_json(coded.settings), size=coded.size)
    complete = shown_in(one.receive(sent, np.zeros(len(sent), np.float32)), size)
    received = shown_in(one.receive(got.symbols, got.noise_variance), size)
    if array_digest(received.image, received.label_map) != picture:
        return received, complete, ["the picture is another than the one that the run kept"]
    return received, complete, []


def _link_differences(
    row: Row, packets: Sequence[PacketReplay], report: LinkReport | None
) -> list[str]:
    found = []
    arrived = "".join("01"[packet.received is not None] for packet in packets)
    if arrived != row["arrived"]:
        found.append(
            f"other packets arrive: {arrived} here, {row['arrived']} in the results (1 arrived)"
        )
    altered = {
        str(number): packet.received.hex()
        for number, packet in enumerate(packets)
        if packet.received is not None and packet.received != packet.sent
    }
    if altered != row["altered"]:
        found.append("other packets have errors that their CRC did not notice")
    counts, kept = {} if report is None else asdict(report), row["link"] or {}
    if counts != kept:
        names = [name for name in counts if kept.get(name) != counts[name]]
        found.append(f"the link's counts differ: {', '.join(names)}")
    return found


def _decode(
    coded: CodedPicture,
    packets: Sequence[PacketReplay],
    row: Row,
    results: Results,
    store: PictureStore,
    size: tuple[int, int],
) -> tuple[Reconstruction, Reconstruction, list[str]]:
    """The picture from what arrived and from all packets, and how it differs from the one kept."""
    picture = results.receipts[row["receipt"]]["picture"]
    payloads = [packet.received for packet in packets]
    intact = [packet.sent if packet.received == packet.sent else None for packet in packets]
    try:
        codec = _codec(coded)
        complete = codec.decode(list(coded.payloads))
        try:
            received = codec.decode(payloads)
        except ValueError:
            if payloads == intact:
                raise
            received = codec.decode(intact)  # as a run does with what the CRC missed
    except ValueError as error:
        everything = results.receipts.get(
            receipt_id(None, row["encoding"], "1" * len(packets), {}), {"picture": picture}
        )
        shown = store.get(picture), store.get(everything["picture"])
        return *shown, [
            f"the packets cannot be decoded here ({error}): weights or codec have changed since, "
            "and the pictures shown are those that the run kept"
        ]
    received, complete = shown_in(received, size), shown_in(complete, size)
    if array_digest(received.image, received.label_map) != picture:
        return received, complete, ["the picture is another than the one that the run kept"]
    return received, complete, []


def _codec(coded: CodedPicture) -> Any:
    from semcom.codecs import CODECS
    from semcom.photo import build_codec

    settings = json.loads(coded.settings)
    if set(settings) == {"settings", "frame"}:
        from semcom.budget.fitting import FittedCodec, FittedSettings

        fitted = FittedSettings.model_validate(settings)
        return FittedCodec(CODECS[coded.codec], fitted, coded.size)
    return build_codec(coded.codec, settings, coded.size)[0]


def _versions(run: Row) -> list[str]:
    """What the run was made with and is another here."""
    here, then = versions(), run["versions"]
    return [
        f"{name} was {then.get(name, 'absent')} and is {here.get(name, 'absent')} here"
        for name in sorted(here.keys() | then.keys())
        if here.get(name) != then.get(name)
    ]
