"""The account of a link: what was sent, what went wrong, what it took."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from channels.framing import CRC_BITS, Frame

__all__ = ["LinkReport", "account"]


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
    #: times a payload was sent, retransmissions included
    attempts: int = 0
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


def account(
    sent: bytes,
    received: bytes | None,
    wrong: np.ndarray,
    frame: Frame,
    attempts: int,
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
        attempts=attempts,
        channel_uses=channel_uses,
        iterations=iterations,
    )
