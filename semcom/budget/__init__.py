"""Bandwidth budgets: what to send, and how to protect it, with N channel uses per picture.

================== =================================================================================
module             what it knows
================== =================================================================================
settings           what a scenario may ask for
quality            how good a picture is by the bytes that arrived, from measured counts
measure            the table of that, from a run without a link
frame              how a frame of N channel uses is divided into transport blocks
gaps               what real codes lose against the normal approximation, measured
states             the states of the channel that a frame may meet
block_errors       how often a transport block is lost at an SNR
prospect           what a plan for a frame promises
allocator          the frame with the best expected score, and why
fitting            a codec that fills the transport blocks of a frame
link               frames over the link, by real codes or ideal ones
slots              the blocks of a frame interleaved in the slots of an OFDM grid
transmitters       the transmitters of a scenario with a budget
================== =================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["sends_frames"]


def sends_frames(identity: Mapping[str, Any] | None) -> bool:
    """Whether a link's identity is that of one with a budget, as kept in a run's plan.

    >>> sends_frames({"frames": 1}), sends_frames({"code": "ldpc"}), sends_frames(None)
    (True, False, False)
    """
    return identity is not None and "frames" in identity
