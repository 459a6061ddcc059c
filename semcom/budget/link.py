"""Frames over the link: each transport block by its own code and modulation, one fade for all.

All blocks of a frame cross the channel within one coherence time. Over block fading they meet the
same coefficient, known to the receiver: what is left of it is white noise at the frame's own
Es/N0, which is how the blocks are sent here. Over OFDM they share the slots of the frame
(:mod:`semcom.budget.slots`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from channels import Link, LinkReport, LinkSettings, Transmission
from channels.analog import AnalogLink
from channels.models import flat_fading, uniform
from semcom.budget.block_errors import ideal_block_error_rate
from semcom.budget.frame import Frame, TransportBlock, coded_blocks, fill, shares, unfill
from semcom.budget.settings import BudgetLinkSettings
from semcom.budget.states import effective_of_symbols

if TYPE_CHECKING:
    from channels.inspection import Inspection

__all__ = ["BudgetLink", "frame_esn0_db"]

# Raised whenever the same frames give different answers than before.
_REVISION = 1
# Kept apart from the draws of other channels.
_IDEAL_DRAW = 98


class BudgetLink:
    """Sends frames over the channel of ``settings``.

    >>> from semcom.budget.frame import TransportBlock
    >>> block = TransportBlock(path="image", num_bytes=40, channel_uses=600, modulation="qpsk")
    >>> frame = Frame(channel_uses=600, code="ldpc", blocks=(block,))
    >>> link = BudgetLink(BudgetLinkSettings(budget={"channel_uses": 600}))
    >>> sent, = link.transmit_frames([frame], [[b"hello"]], 6.0, [[1]], [2])
    >>> sent.payloads, sent.reports[0].channel_uses
    ([b'hello'], 600)
    """

    def __init__(self, settings: BudgetLinkSettings) -> None:
        self.settings = settings

    def identity(self) -> dict[str, Any]:
        """Everything that changes what a frame meets, JSON-able; the frame says the rest."""
        chosen = {"device", "rate", "modulation", "budget", "attempts", "combining", "block_errors"}
        settings = self.settings.model_dump(mode="json", exclude=chosen)
        return {"frames": _REVISION, "sionna": version("sionna"), **settings}

    def transmit_frames(
        self,
        frames: Sequence[Frame],
        payloads: Sequence[Sequence[bytes]],
        esn0_db: float,
        seeds: Sequence[Sequence[int]],
        fading_seeds: Sequence[int],
    ) -> list[Transmission]:
        """Send the ``payloads`` of every frame, one for each of its blocks, at mean ``esn0_db``.

        ``seeds`` draw the noise of every block, ``fading_seeds`` the coefficient of every frame.
        """
        if self.settings.ofdm is not None:
            each = zip(frames, payloads, seeds, fading_seeds, strict=True)
            return [self._in_slots(*one[:2], esn0_db, *one[2:]) for one in each]
        snr = self.states(esn0_db, fading_seeds)
        outcomes: dict[tuple[int, int], tuple[bytes | None, LinkReport]] = {}
        batches: dict[LinkSettings, list[tuple[int, int]]] = {}
        for f, frame in enumerate(frames):
            for b, block in enumerate(frame.blocks):
                if not block.num_bytes:
                    outcomes[f, b] = b"", LinkReport()  # nothing was sent, so nothing is lost
                elif block.modulation is None:
                    outcomes[f, b] = _ideal(
                        frame.code, block, payloads[f][b], snr[f], seeds[f][b], block.channel_uses
                    )
                else:
                    batches.setdefault(self.block_link(block), []).append((f, b))
        for settings, places in batches.items():
            filled = [fill(payloads[f][b], frames[f].blocks[b].num_bytes) for f, b in places]
            sent = Link(settings).transmit(
                filled, [snr[f] for f, _ in places], [seeds[f][b] for f, b in places]
            )
            for (f, b), got, report in zip(places, sent.payloads, sent.reports, strict=True):
                uses = frames[f].blocks[b].channel_uses
                outcomes[f, b] = _counted(payloads[f][b], got, report, uses)
        return [
            Transmission(
                [outcomes[f, b][0] for b in range(len(frame.blocks))],
                [outcomes[f, b][1] for b in range(len(frame.blocks))],
            )
            for f, frame in enumerate(frames)
        ]

    def inspect_frame(
        self,
        frame: Frame,
        payloads: Sequence[bytes],
        esn0_db: float,
        seeds: Sequence[int],
        fading_seed: int,
    ) -> list[Inspection | None]:
        """What every block of one of :meth:`transmit_frames` meets; None: nothing to look at."""
        from channels.inspection import inspect_payload

        if self.settings.ofdm is not None:
            return self._inspect_slots(frame, payloads, esn0_db, fading_seed)[0]
        (state,) = self.states(esn0_db, [fading_seed])
        return [
            None if one is None else inspect_payload(*one, state, seed)
            for one, seed in zip(self._coded(frame, payloads), seeds, strict=True)
        ]

    def _coded(
        self, frame: Frame, payloads: Sequence[bytes]
    ) -> list[tuple[LinkSettings, bytes] | None]:
        """Link and bytes of every block; None where nothing is sent, or by an ideal code."""
        return [
            (self.block_link(block), fill(payload, block.num_bytes))
            if block.num_bytes and block.modulation is not None
            else None
            for block, payload in zip(frame.blocks, payloads, strict=True)
        ]

    def _in_slots(
        self,
        frame: Frame,
        payloads: Sequence[bytes],
        esn0_db: float,
        seeds: Sequence[int],
        fading_seed: int,
    ) -> Transmission:
        met, effective = self._inspect_slots(frame, payloads, esn0_db, fading_seed)
        # pilots and cyclic prefixes are counted with the blocks that they serve
        counted = shares([block.channel_uses for block in frame.blocks], frame.channel_uses)
        outcomes: list[tuple[bytes | None, LinkReport]] = []
        blocks = zip(frame.blocks, payloads, seeds, met, counted, strict=True)
        for block, payload, seed, seen, uses in blocks:
            if not block.num_bytes:
                outcomes.append((b"", LinkReport()))
            elif seen is None:
                outcomes.append(_ideal(frame.code, block, payload, effective, seed, uses))
            else:
                outcomes.append(_counted(payload, seen.received, seen.report, uses))
        return Transmission([got for got, _ in outcomes], [report for _, report in outcomes])

    def _inspect_slots(
        self, frame: Frame, payloads: Sequence[bytes], esn0_db: float, seed: int
    ) -> tuple[list[Inspection | None], float]:
        """What every block meets, and the effective Es/N0 in dB of Gaussian symbols."""
        from semcom.budget.slots import encode_block, receive_block, send_slots

        coded = [
            None if one is None else encode_block(*one) for one in self._coded(frame, payloads)
        ]
        silent = np.zeros(0, np.complex64)
        symbols = [silent if one is None else one.symbols for one in coded]
        uses = [block.channel_uses for block in frame.blocks]
        received, every = send_slots(AnalogLink(self.settings), symbols, uses, esn0_db, seed)
        met = [
            None if one is None else receive_block(one, got)
            for one, got in zip(coded, received, strict=True)
        ]
        return met, effective_of_symbols(None, every)

    def block_link(self, block: TransportBlock) -> LinkSettings:
        """The link of one transport block: white noise, and the rate that fills its share."""
        assert block.modulation is not None
        blocks = coded_blocks(
            self.settings.code, block.modulation, block.num_bytes, block.channel_uses
        )
        if blocks is None:
            raise ValueError(
                f"{block.num_bytes} bytes do not fit {block.channel_uses} channel uses of "
                f"{block.modulation}"
            )
        return self.settings.one_block(block.modulation, blocks.rate)

    def states(self, esn0_db: float, fading_seeds: Sequence[int]) -> list[float]:
        """Es/N0 in dB that every frame meets over a flat channel: the mean and its own fade."""
        if self.settings.channel == "awgn":
            return [esn0_db] * len(fading_seeds)
        return frame_esn0_db(esn0_db, fading_seeds, self.settings.direct_over_scattered)


def frame_esn0_db(
    esn0_db: float, fading_seeds: Sequence[int], direct_over_scattered: float
) -> list[float]:
    """Es/N0 in dB of frames over block fading of mean ``esn0_db``, a fade for every seed."""
    if not fading_seeds:
        return []
    gains = np.abs(flat_fading(fading_seeds, direct_over_scattered))
    return [esn0_db + 20 * float(np.log10(max(gain, 1e-6))) for gain in gains]


def _counted(
    payload: bytes, received: bytes | None, report: LinkReport, channel_uses: int
) -> tuple[bytes | None, LinkReport]:
    """A block's packet and its account: all of its share, and no more bits than the packet's."""
    counted = replace(report, channel_uses=channel_uses, information_bits=8 * len(payload))
    return None if received is None else unfill(received), counted


def _ideal(
    code: str, block: TransportBlock, payload: bytes, esn0_db: float, seed: int, channel_uses: int
) -> tuple[bytes | None, LinkReport]:
    rate = ideal_block_error_rate(
        code, block.num_bytes, block.channel_uses, np.array([esn0_db])
    ).item()
    lost = bool(uniform([seed], 1, attempt=_IDEAL_DRAW)[0, 0] < rate)
    report = LinkReport(
        payloads=1,
        payloads_lost=int(lost),
        information_bits=8 * len(payload),
        code_blocks=1,
        block_errors=int(lost),
        attempts=1,
        channel_uses=channel_uses,
    )
    return None if lost else payload, report
