"""The link: payload bytes in, payload bytes or nothing out, and an account of what happened."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from channels import models
from channels.framing import CRC_BITS, Frame, join, split
from channels.settings import LinkSettings

if TYPE_CHECKING:
    from channels.coding import Code

__all__ = ["Link", "LinkReport", "Transmission"]

# Raised whenever the same settings give different answers than before.
_REVISION = 1

# Coded bits handled at a time; bounds the memory of a transmission.
_CODED_BITS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class LinkReport:
    """Counts of what was sent and what went wrong; reports add up.

    >>> one = LinkReport(payloads=1, payloads_lost=1, information_bits=800)
    >>> (one + one).payloads_lost
    2
    >>> sum([one, one, one]).information_bits
    2400
    """

    payloads: int = 0
    #: payloads of which a CRC failed
    payloads_lost: int = 0
    #: payloads that passed every CRC and are nevertheless wrong
    undetected: int = 0
    #: payload bits, without padding and CRCs
    information_bits: int = 0
    #: payload bits that the channel decoder got wrong, lost payloads included
    bit_errors: int = 0
    code_blocks: int = 0
    #: code blocks with at least one wrong bit
    block_errors: int = 0
    #: complex channel uses
    channel_uses: int = 0
    #: decoder iterations over all code blocks
    iterations: int = 0

    def __add__(self, other: LinkReport) -> LinkReport:
        if not isinstance(other, LinkReport):
            return NotImplemented
        return LinkReport(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def __radd__(self, other: int) -> LinkReport:
        return self if other == 0 else NotImplemented


@dataclass(frozen=True)
class Transmission:
    """What came out of :meth:`Link.transmit`, one entry per payload in the order sent."""

    #: the payload, or ``None`` where it was lost
    payloads: list[bytes | None]
    reports: list[LinkReport]


class Link:
    """A digital link as its ``settings`` describe it.

    ``esn0_db`` is always the mean energy per complex symbol over the noise variance per complex
    symbol at the receiver, in dB.

    >>> link = Link(LinkSettings(rate=0.5, modulation="qpsk"))
    >>> link.channel_uses(100)
    832
    >>> link.transmit([b"hello"], esn0_db=6.0, seeds=[1]).payloads
    [b'hello']
    """

    def __init__(self, settings: LinkSettings | None = None) -> None:
        self.settings = settings or LinkSettings()

    def identity(self) -> dict[str, Any]:
        """Everything that changes what this link answers, JSON-able."""
        settings = self.settings.model_dump(exclude={"device"})
        return {"revision": _REVISION, "sionna": version("sionna"), **settings}

    def channel_uses(self, num_bytes: int) -> int:
        """Complex channel uses that a payload of ``num_bytes`` takes."""
        frame = self._frame(num_bytes)
        return frame.num_blocks * self._coded_bits(frame) // self.settings.bits_per_symbol

    def ebn0_db(self, esn0_db: float, num_bytes: int) -> float:
        """Energy per payload bit over noise density in dB; CRCs and padding cost energy too."""
        if num_bytes < 1:
            raise ValueError("an empty payload has no bits, so Eb/N0 is not defined for it")
        return esn0_db + 10 * math.log10(self.channel_uses(num_bytes) / (8 * num_bytes))

    def bit_budget(self, num_bytes: int) -> dict[str, int]:
        """Coded bits of a payload of ``num_bytes`` by purpose; they add up to all that is sent.

        >>> Link().bit_budget(100)
        {'payload': 800, 'padding': 8, 'crc': 24, 'parity': 832}
        """
        frame = self._frame(num_bytes)
        information = frame.num_blocks * frame.block_bits
        return {
            "payload": 8 * num_bytes,
            "padding": frame.padding_bits,
            "crc": frame.crc_bits,
            "parity": frame.num_blocks * self._coded_bits(frame) - information,
        }

    def transmit(
        self,
        payloads: Sequence[bytes],
        esn0_db: float | Sequence[float],
        seeds: Sequence[int],
    ) -> Transmission:
        """Send ``payloads`` at ``esn0_db`` (one for all or one each), each with its own seed.

        What happens to a payload depends on its bytes, its SNR, its seed and the settings only. A
        payload comes back exactly as sent or as ``None``, as far as its CRCs can tell; those they
        could not tell are counted as ``undetected``.
        """
        if isinstance(payloads, bytes | bytearray | str):
            raise ValueError("payloads must be a sequence of bytes objects, not one of them alone")
        snr = [float(esn0_db)] * len(payloads) if np.isscalar(esn0_db) else list(esn0_db)  # type: ignore[arg-type]
        if len(snr) != len(payloads):
            raise ValueError(f"{len(snr)} values of esn0_db for {len(payloads)} payloads")
        if not all(math.isfinite(value) for value in snr):
            raise ValueError("esn0_db must be finite")
        seeds = [operator.index(seed) for seed in seeds]
        if len(seeds) != len(payloads):
            raise ValueError(f"{len(seeds)} seeds for {len(payloads)} payloads")
        if any(seed < 0 for seed in seeds):
            raise ValueError("seeds must not be negative")

        frames = [self._frame(len(payload)) for payload in payloads]
        groups: dict[tuple[int, int], list[int]] = {}
        for index, frame in enumerate(frames):
            groups.setdefault((frame.num_blocks, frame.block_bits), []).append(index)
        received: list[bytes | None] = [None] * len(payloads)
        reports = [LinkReport()] * len(payloads)
        for indices in groups.values():
            frame = frames[indices[0]]
            at_once = max(1, _CODED_BITS_AT_ONCE // (frame.num_blocks * self._coded_bits(frame)))
            for start in range(0, len(indices), at_once):
                part = indices[start : start + at_once]
                blocks = np.stack([split(bytes(payloads[i]), frames[i]) for i in part])
                decided, iterations = self._send(
                    blocks, frame, [snr[i] for i in part], [seeds[i] for i in part]
                )
                for row, i in enumerate(part):
                    received[i] = join(decided[row], frames[i])
                    reports[i] = _report(
                        payloads[i], received[i], blocks[row] != decided[row],
                        frames[i], self.channel_uses(len(payloads[i])), int(iterations[row].sum()),
                    )  # fmt: skip
        return Transmission(received, reports)

    def _send(
        self, blocks: np.ndarray, frame: Frame, esn0_db: list[float], seeds: list[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Code blocks uint8 [P, C, k] to decided blocks of the same shape, iterations [P, C]."""
        import torch

        from channels.modulation import build_modulation

        payloads, num_blocks, k = blocks.shape
        device = self.settings.device
        code = self._code(frame)
        modulation = build_modulation(self.settings.modulation, device)
        bits = torch.as_tensor(blocks.reshape(-1, k), device=device)
        symbols = modulation.map(code.encode(bits).view(payloads, -1))

        noise = torch.as_tensor(models.noise(seeds, symbols.shape[1]), device=device)
        gain = torch.as_tensor(models.fading(self.settings.channel, seeds), device=device)
        variance = 10.0 ** (-torch.tensor(esn0_db, dtype=torch.float64, device=device) / 10)
        # known channel state: what is left after division by the coefficient is white noise again
        variance = (variance / gain.abs().double() ** 2).float()[:, None]
        phase = (gain.abs() / gain)[:, None]
        llr = modulation.demap(symbols + noise * phase * variance.sqrt(), variance)

        decided, iterations = code.decode(llr.view(-1, code.n))
        return (
            decided.view(payloads, num_blocks, k).cpu().numpy(),
            iterations.view(payloads, num_blocks).cpu().numpy(),
        )

    def _frame(self, num_bytes: int) -> Frame:
        small = self.settings.base_graph == "bg2" or (
            self.settings.base_graph == "auto" and self.settings.rate <= 0.25
        )
        return Frame.plan(num_bytes, max_block_bits=3840 if small else 8448)

    def _coded_bits(self, frame: Frame) -> int:
        """Coded bits of one code block, a whole number of symbols."""
        per_symbol = self.settings.bits_per_symbol
        # the tiny subtraction keeps 1000 bits at rate 0.1 from taking 10001 by a rounding error
        return per_symbol * math.ceil(frame.block_bits / (self.settings.rate * per_symbol) - 1e-9)

    def _code(self, frame: Frame) -> Code:
        from channels.coding import build_code

        settings = self.settings
        return build_code(
            settings.code,
            frame.block_bits,
            self._coded_bits(frame),
            _base_graph(settings, frame),
            settings.bits_per_symbol,
            settings.decoder_iterations,
            settings.device,
        )


def _base_graph(settings: LinkSettings, frame: Frame) -> str:
    """LDPC base graph of TS 38.212, clause 7.2.2."""
    if settings.base_graph != "auto":
        return settings.base_graph
    size, rate = frame.transport_block_bits, settings.rate
    small = size <= 292 or (size <= 3824 and rate <= 0.67) or rate <= 0.25
    # Two departures: CRC24A lifts the largest small block just over what graph 2 takes, and above
    # rate 0.9 graph 2 punctures so much that some words cannot be decoded even without noise.
    return "bg2" if small and frame.block_bits <= 3840 and rate <= 0.9 else "bg1"


def _report(
    sent: bytes,
    received: bytes | None,
    wrong: np.ndarray,
    frame: Frame,
    channel_uses: int,
    iterations: int,
) -> LinkReport:
    """Account of one payload; ``wrong`` [num_blocks, block_bits] marks the decoder's errors."""
    data = wrong if frame.num_blocks == 1 else wrong[:, :-CRC_BITS]
    return LinkReport(
        payloads=1,
        payloads_lost=int(received is None),
        undetected=int(received is not None and received != sent),
        information_bits=8 * len(sent),
        bit_errors=int(np.count_nonzero(data.reshape(-1)[: 8 * len(sent)])),
        code_blocks=frame.num_blocks,
        block_errors=int(np.count_nonzero(wrong.any(axis=1))),
        channel_uses=channel_uses,
        iterations=iterations,
    )
