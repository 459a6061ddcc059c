"""One payload on its way through a link, opened: symbols, soft bits, code blocks, iterations.

What a payload meets depends on nothing but its bytes, its SNR, its seed and the settings, so any
transmission of :meth:`channels.Link.transmit` can be made again and looked into.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from channels.account import LinkReport, account
from channels.framing import Frame, join, split
from channels.link import Link
from channels.parts import Path, code_of, path_of
from channels.settings import LinkSettings

if TYPE_CHECKING:
    import torch

__all__ = ["Attempt", "Inspection", "inspect_payload"]


@dataclass(frozen=True, eq=False)
class Attempt:
    """One time that a payload was sent.

    ``sent`` and ``received`` are complex64 [S], after equalisation or detection, and
    ``noise_variance`` float32 [S] is that of what disturbs them. All three are None where the
    channel knows bits only or the detector decides on several streams at once.
    """

    sent: np.ndarray | None
    received: np.ndarray | None
    noise_variance: np.ndarray | None
    #: coded bits, uint8 [num_blocks, n]
    coded: np.ndarray
    #: soft bits log p(1)/p(0), float32 [num_blocks, n]
    soft: np.ndarray
    #: information bits that the decoder got wrong, bool [num_blocks, k]
    wrong: np.ndarray
    #: decoder iterations, int64 [num_blocks]
    iterations: np.ndarray

    @property
    def esn0_db(self) -> np.ndarray | None:
        """Es/N0 in dB that every symbol has behind the equaliser, [S]."""
        if self.noise_variance is None:
            return None
        return -10 * np.log10(np.maximum(self.noise_variance, 1e-30))

    @property
    def flipped(self) -> np.ndarray:
        """Coded bits whose soft bit has the wrong sign, bool [num_blocks, n]."""
        return (self.soft > 0) != (self.coded > 0)


@dataclass(frozen=True, eq=False)
class Inspection:
    """A payload's way: its ``frame``, every attempt, and what :class:`channels.Link` says of it."""

    frame: Frame
    attempts: tuple[Attempt, ...]
    received: bytes | None
    report: LinkReport


def inspect_payload(
    settings: LinkSettings,
    payload: bytes,
    esn0_db: float,
    seed: int,
    position: str | None = None,
) -> Inspection:
    """Send ``payload`` as :meth:`channels.Link.transmit` does, and keep what is met on the way.

    ``position`` is that of the payload along a drive.

    >>> seen = inspect_payload(LinkSettings(rate=0.5), b"hello", esn0_db=6.0, seed=1)
    >>> seen.received, len(seen.attempts), int(seen.attempts[0].wrong.sum())
    (b'hello', 1, 0)
    >>> bool(abs(seen.attempts[0].esn0_db - 6).max() < 1e-5)
    True
    """
    import torch

    if not math.isfinite(esn0_db) or seed < 0:
        raise ValueError("esn0_db must be finite and the seed not negative")
    if settings.block_errors is not None:
        raise ValueError("a payload that was lost by a table (block_errors) met nothing to look at")
    link = Link(settings)
    frame = link.frame(len(payload))
    code = code_of(settings, frame.transport_block_bits, frame.block_bits)
    path = path_of(settings)
    blocks = split(payload, frame)
    bits = torch.as_tensor(blocks, device=settings.device)
    snr = torch.tensor([esn0_db], dtype=torch.float64, device=settings.device)
    soft: list[torch.Tensor] = []
    attempts: list[Attempt] = []
    spent = 0
    for number in range(settings.attempts):
        coded = code.encode(bits, number)
        sent, received, variance, one = _send(path, coded, (snr, [seed], number), position)
        soft.append(one.view(len(blocks), -1))
        decided_bits, iterations = code.decode(*soft)
        decided = decided_bits.cpu().numpy()
        spent += int(iterations.sum())
        wrong = blocks != decided
        attempts.append(
            Attempt(
                sent, received, variance, coded.cpu().numpy(), soft[-1].cpu().numpy(), wrong,
                iterations.cpu().numpy(),
            )
        )  # fmt: skip
        arrived = join(decided, frame)
        uses = (number + 1) * link.channel_uses(len(payload))
        report = account(payload, arrived, wrong, frame, number + 1, uses, spent)
        if arrived is not None:
            break
    return Inspection(frame, tuple(attempts), arrived, report)


def _send(
    path: Path, coded: torch.Tensor, occasion: tuple[Any, ...], position: str | None
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None, torch.Tensor]:
    """Symbols sent and received, their noise variance, and the soft bits [1, n]."""
    import torch

    from channels.modulation import watched

    # only a path along a drive takes positions
    where: dict[str, Any] = {} if position is None else {"positions": [position]}
    with watched() as seen:
        soft = path.send(coded.view(1, -1), *occasion, **where)

    def joined(parts: list[torch.Tensor]) -> np.ndarray | None:
        if not parts or not seen.received:
            return None
        found: np.ndarray = torch.cat([part.reshape(-1) for part in parts]).cpu().numpy()
        return found

    return joined(seen.sent), joined(seen.received), joined(seen.noise_variance), soft
