"""The packets or symbols of a kept transmission on their way again, and what they met there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.analog import AnalogAir, Occasion, symbols_from_bytes
from semcom.budget import sends_frames
from semcom.container import CodedPicture
from semcom.identity import fading_seed, packet_seeds
from semcom.results import Row

if TYPE_CHECKING:
    from channels import LinkReport, LinkSettings
    from channels.analog import ReceivedSymbols
    from channels.inspection import Inspection
    from semcom.budget.frame import Frame

__all__ = ["PacketReplay", "send_packets", "send_symbols"]

Met = tuple["Inspection | None", "LinkSettings | None"]


@dataclass(frozen=True, eq=False)
class PacketReplay:
    """One packet: what was sent, what it met, what became of it."""

    kind: str
    #: bits of its parts (header, mask, indices, ...)
    bits: dict[str, int]
    sent: bytes
    received: bytes | None
    #: what it met on the link; None without a channel, over an ideal code, or if nothing was sent
    inspection: Inspection | None = None
    settings: LinkSettings | None = None

    @property
    def esn0_db(self) -> np.ndarray | None:
        """Es/N0 in dB of every symbol of the last attempt behind the equaliser, [S]."""
        return None if self.inspection is None else self.inspection.attempts[-1].esn0_db


def send_packets(
    coded: CodedPicture, encoding: Row, row: Row, link: Row | None, folder: Path
) -> tuple[tuple[PacketReplay, ...], LinkReport | None]:
    """What becomes of the packets over the link with the identity ``link``."""
    known = [(packet["kind"], packet["bits"]) for packet in encoding["packets"]]
    if row["esn0_db"] is None:
        whole = zip(known, coded.payloads, strict=True)
        return tuple(PacketReplay(*what, sent, sent) for what, sent in whole), None
    assert link is not None
    occasion = (row["seed"], row["sample"], row["esn0_db"], row["realisation"])
    seeds = packet_seeds(*occasion, len(coded.payloads))
    if sends_frames(link):
        from semcom.budget.fitting import FittedSettings

        frame = FittedSettings.model_validate_json(coded.settings).frame
        met, received, reports = _in_a_frame(frame, coded.payloads, link, row, seeds)
    else:
        kinds = [kind for kind, _ in known]
        met, received, reports = _one_by_one(coded, kinds, link, row, seeds, folder)
    packets = tuple(
        PacketReplay(kind, bits, sent, got, *inside)
        for (kind, bits), sent, got, inside in zip(
            known, coded.payloads, received, met, strict=True
        )
    )
    return packets, sum(reports[1:], start=reports[0])


def send_symbols(
    coded: CodedPicture, row: Row, link: Row | None, folder: Path
) -> tuple[tuple[np.ndarray, ReceivedSymbols], LinkReport | None]:
    """Symbols as sent and as received over the channel with the identity ``link``."""
    from channels.analog import ReceivedSymbols

    sent = symbols_from_bytes(coded.payloads[0])
    if row["esn0_db"] is None:
        return (sent, ReceivedSymbols(sent, np.zeros(len(sent), np.float32))), None
    assert link is not None
    air = AnalogAir.from_identity(link, folder)
    drive = air.link.settings
    # along a drive, a picture is sent from its namesake
    position = row["image"] if drive.drive is not None and drive.position is None else None
    when = row["seed"], row["sample"], row["esn0_db"], row["realisation"]
    return (sent, air.send(sent, Occasion(*when, position))), air.report(sent)


def _one_by_one(
    coded: CodedPicture,
    kinds: Sequence[str],
    link: Row,
    row: Row,
    seeds: Sequence[int],
    folder: Path,
) -> tuple[list[Met], list[bytes | None], list[LinkReport]]:
    from channels import Link
    from channels.inspection import inspect_payload
    from semcom.good_enough import GoodEnough
    from semcom.report.content import link_settings
    from semcom.stopping_link import StoppingLink, with_attempts

    if "block_error_table" in link:
        raise ValueError(
            "this run lost packets by a table (link.block_errors), so there is nothing they met"
        )
    settings = link_settings(link, folder)
    # along a drive, a picture is sent from its namesake
    position = row["image"] if settings.drive is not None and settings.position is None else None
    payloads = coded.payloads
    where: dict[str, Any] = {} if position is None else {"positions": [position] * len(payloads)}
    if "good_enough" in link:
        rule = {key: value for key, value in link["good_enough"].items() if key != "curve"}
        own = json.loads(coded.settings)
        stopping = StoppingLink.of(settings, GoodEnough(**rule), coded.codec, own)
        sent = stopping.transmit(payloads, row["esn0_db"], seeds, **where, pictures=[kinds])
    else:
        sent = Link(settings).transmit(payloads, row["esn0_db"], seeds, **where)
    met: list[Met] = []
    for payload, seed, report in zip(payloads, seeds, sent.reports, strict=True):
        given = with_attempts(settings, report.attempts)
        met.append((inspect_payload(given, payload, row["esn0_db"], seed, position), settings))
    return met, sent.payloads, sent.reports


def _in_a_frame(
    frame: Frame, payloads: Sequence[bytes], link: Row, row: Row, seeds: Sequence[int]
) -> tuple[list[Met], list[bytes | None], list[LinkReport]]:
    from semcom.budget.link import BudgetLink
    from semcom.budget.settings import BudgetLinkSettings

    known = BudgetLinkSettings.model_fields.keys() - {"budget"}
    own = {key: value for key, value in link.items() if key in known}
    spent = {"budget": {"channel_uses": frame.channel_uses}}
    budget_link = BudgetLink(BudgetLinkSettings.model_validate(own | spent))
    fading = fading_seed(row["seed"], row["sample"], row["esn0_db"], row["realisation"])
    (sent,) = budget_link.transmit_frames([frame], [payloads], row["esn0_db"], [seeds], [fading])
    seen = budget_link.inspect_frame(frame, payloads, row["esn0_db"], seeds, fading)
    met: list[Met] = [
        (one, None if one is None else budget_link.block_link(block))
        for one, block in zip(seen, frame.blocks, strict=True)
    ]
    return met, sent.payloads, sent.reports
