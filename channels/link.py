"""The link: payload bytes in, payload bytes or nothing out, and an account of what happened."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from channels.account import LinkReport, account
from channels.framing import Frame, join, split
from channels.parts import PATHS, Path, code_of, path_of
from channels.settings import LinkSettings

if TYPE_CHECKING:
    from channels.ofdm import OfdmChannel
    from channels.tables import BlockErrorTable

__all__ = [
    "PATHS",
    "Link",
    "LinkReport",
    "Path",
    "Transmission",
    "drive_identity",
    "path_of",
]

# Raised whenever the same settings give different answers than before.
_REVISION = 1

_DRIVE = ("drive", "position")
_ANTENNAS = ("transmit_antennas", "receive_antennas", "detector", "detector_paths")

# Coded bits handled at a time; bounds the memory of a transmission.
_CODED_BITS_AT_ONCE = 1 << 22


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
        #: what payloads are lost by in place of decoding, where the settings name one
        self.table: BlockErrorTable | None = None
        if self.settings.block_errors is not None:
            self.table = _load_table(self.settings)

    def identity(self) -> dict[str, Any]:
        """Everything that changes what this link answers, JSON-able."""
        settings = self.settings.model_dump(exclude={"device", "block_errors"})
        if self.settings.receive_antennas == 1:
            # what a link answers did not change when it learned of several antennas
            settings = {key: value for key, value in settings.items() if key not in _ANTENNAS}
        if self.settings.drive is None:
            settings = {key: value for key, value in settings.items() if key not in _DRIVE}
        if self.table is not None:
            settings["block_error_table"] = self.table.digest
        own = {"revision": _REVISION, "sionna": version("sionna")}
        return own | settings | drive_identity(self.settings)

    def check_device(self) -> None:
        """Raise ``ValueError`` where this machine does not have the device of the settings."""
        device = self.settings.device
        if device == "cpu":
            return
        import torch

        if int(device.partition(":")[2] or 0) >= torch.cuda.device_count():
            raise ValueError(f"device {device!r} is not available here: choose device 'cpu'")

    def channel_uses(self, num_bytes: int) -> int:
        """Complex channel uses of one attempt to send ``num_bytes``, all overhead included."""
        frame = self.frame(num_bytes)
        return self.settings.channel_uses(
            frame.num_blocks * self.settings.coded_bits(frame.block_bits)
        )

    def ebn0_db(self, esn0_db: float, num_bytes: int) -> float:
        """Energy per payload bit over noise density in dB for one attempt.

        Everything that takes channel uses costs energy too: CRCs, padding, pilots, prefixes.
        """
        if num_bytes < 1:
            raise ValueError("an empty payload has no bits, so Eb/N0 is not defined for it")
        return esn0_db + 10 * math.log10(self.channel_uses(num_bytes) / (8 * num_bytes))

    def bit_budget(self, num_bytes: int) -> dict[str, int]:
        """Coded bits of a payload of ``num_bytes`` by purpose; they add up to all that is sent.

        >>> Link().bit_budget(100)
        {'payload': 800, 'padding': 8, 'crc': 24, 'parity': 832}
        """
        frame = self.frame(num_bytes)
        information = frame.num_blocks * frame.block_bits
        return {
            "payload": 8 * num_bytes,
            "padding": frame.padding_bits,
            "crc": frame.crc_bits,
            "parity": self._coded_bits(frame) - information,
        }

    def transmit(
        self,
        payloads: Sequence[bytes],
        esn0_db: float | Sequence[float],
        seeds: Sequence[int],
        positions: Sequence[str] | None = None,
    ) -> Transmission:
        """Send ``payloads`` at ``esn0_db`` (one for all or one each), each with its own seed.

        What happens to a payload depends on its bytes, its SNR, its seed and the settings only. A
        payload comes back exactly as sent or as ``None``, as far as its CRCs can tell; those they
        could not tell are counted as ``undetected``.

        Along a drive (channel ``ray_traced``) ``positions`` names that of each payload, and matters
        as well. Without it, and without ``position`` in the settings, the seed draws one.
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
        if positions is not None:
            self._check_positions(positions, len(payloads))

        if self.table is not None:
            return self._draw(self.table, payloads, snr, seeds)
        frames = [self.frame(len(payload)) for payload in payloads]
        groups: dict[tuple[int, int], list[int]] = {}
        for index, frame in enumerate(frames):
            groups.setdefault((frame.num_blocks, frame.block_bits), []).append(index)
        received: list[bytes | None] = [None] * len(payloads)
        reports = [LinkReport()] * len(payloads)
        for (num_blocks, block_bits), indices in groups.items():
            at_once = max(
                1, _CODED_BITS_AT_ONCE // (num_blocks * self.settings.coded_bits(block_bits))
            )
            for start in range(0, len(indices), at_once):
                part = indices[start : start + at_once]
                results = self._transmit_equal(
                    [bytes(payloads[i]) for i in part], [frames[i] for i in part],
                    [snr[i] for i in part], [seeds[i] for i in part],
                    None if positions is None else [positions[i] for i in part],
                )  # fmt: skip
                for i, result in zip(part, results, strict=True):
                    received[i], reports[i] = result
        return Transmission(received, reports)

    def _draw(
        self,
        table: BlockErrorTable,
        payloads: Sequence[bytes],
        esn0_db: list[float],
        seeds: list[int],
    ) -> Transmission:
        """What the table says becomes of ``payloads``; bits and code blocks are not counted."""
        table.check_sizes({len(payload) for payload in payloads})
        groups: dict[tuple[int, float], list[int]] = {}
        for index, payload in enumerate(payloads):
            groups.setdefault((len(payload), esn0_db[index]), []).append(index)
        received: list[bytes | None] = [None] * len(payloads)
        reports = [LinkReport()] * len(payloads)
        for (size, snr), indices in groups.items():
            drawn = table.draw(size, snr, [seeds[i] for i in indices])
            for i, attempt in zip(indices, drawn, strict=True):
                attempts = attempt or self.settings.attempts
                received[i] = None if attempt is None else bytes(payloads[i])
                reports[i] = LinkReport(
                    payloads=1,
                    payloads_lost=int(attempt is None),
                    information_bits=8 * size,
                    attempts=attempts,
                    channel_uses=attempts * self.channel_uses(size),
                )
        return Transmission(received, reports)

    def _transmit_equal(
        self,
        payloads: list[bytes],
        frames: list[Frame],
        esn0_db: list[float],
        seeds: list[int],
        positions: list[str] | None,
    ) -> list[tuple[bytes | None, LinkReport]]:
        """Send payloads whose frames have the same number of blocks of the same length."""
        import torch

        self.check_device()
        device, frame = self.settings.device, frames[0]
        code = code_of(self.settings, frame.transport_block_bits, frame.block_bits)
        path = path_of(self.settings)
        blocks = np.stack([split(*pair) for pair in zip(payloads, frames, strict=True)])
        count, num_blocks, k = blocks.shape
        snr = torch.tensor(esn0_db, dtype=torch.float64, device=device)
        soft = torch.empty(self.settings.attempts, count, num_blocks * code.n, device=device)
        outcome: list[tuple[bytes | None, LinkReport]] = [(None, LinkReport())] * count
        spent = np.zeros(count, dtype=np.int64)
        waiting = list(range(count))
        for attempt in range(self.settings.attempts):
            bits = torch.as_tensor(blocks[waiting].reshape(-1, k), device=device)
            coded = code.encode(bits, attempt).view(len(waiting), -1)
            own = coded, snr[waiting], [seeds[i] for i in waiting], attempt
            if positions is None:
                soft[attempt, waiting] = path.send(*own)
            else:  # along a drive
                where = [positions[i] for i in waiting]
                soft[attempt, waiting] = cast("OfdmChannel", path).send(*own, where)
            so_far = [row[waiting].view(-1, code.n) for row in soft[: attempt + 1]]
            decided_bits, iterations = code.decode(*so_far)
            decided = decided_bits.view(len(waiting), num_blocks, k).cpu().numpy()
            spent[waiting] += iterations.view(len(waiting), num_blocks).sum(1).cpu().numpy()
            for row, i in enumerate(waiting):
                arrived = join(decided[row], frames[i])
                wrong = blocks[i] != decided[row]
                uses = (attempt + 1) * self.channel_uses(len(payloads[i]))
                report = account(
                    payloads[i], arrived, wrong, frames[i], attempt + 1, uses, int(spent[i])
                )
                outcome[i] = arrived, report
            waiting = [i for i in waiting if outcome[i][0] is None]
            if not waiting:
                break
        return outcome

    def _check_positions(self, positions: Sequence[str], payloads: int) -> None:
        if self.settings.drive is None or self.settings.position is not None:
            why = "is along no drive" if self.settings.drive is None else "has a position already"
            raise ValueError(f"a link over {self.settings.channel!r} that {why} takes no positions")
        if len(positions) != payloads:
            raise ValueError(f"{len(positions)} positions for {payloads} payloads")
        from channels.drives import load_drive

        drive = load_drive(self.settings.drive)
        for name in positions:
            drive.index(name)

    def frame(self, num_bytes: int) -> Frame:
        """How a payload of ``num_bytes`` is cut into code blocks."""
        return Frame.plan(num_bytes, self.settings.max_block_bits())

    def _coded_bits(self, frame: Frame) -> int:
        return frame.num_blocks * self.settings.coded_bits(frame.block_bits)


def drive_identity(settings: LinkSettings) -> dict[str, str]:
    """The drive of ``settings`` by what its paths are, not by its name; empty without one."""
    if settings.drive is None:
        return {}
    from channels.drives import load_drive

    return {"drive": load_drive(settings.drive).digest()}


def _load_table(settings: LinkSettings) -> BlockErrorTable:
    from channels.tables import BlockErrorTable

    assert settings.block_errors is not None
    table = BlockErrorTable.load(settings.block_errors)
    try:
        table.check(settings)
    except ValueError as error:
        raise ValueError(f"{settings.block_errors}: {error}") from None
    return table
