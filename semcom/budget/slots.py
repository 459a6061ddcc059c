"""Frames over OFDM: all transport blocks of a frame in the same slots, interleaved.

A fixed interleaver spreads every block over all slots and subcarriers of the frame, so that its
blocks meet one and the same channel, as they do over block fading. Steps of the golden section keep
the symbols of a short block apart (Crozier, "New high-spread high-distance interleavers for
turbo-codes", Biennial Symposium on Communications 2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
import torch

from channels import Link, LinkSettings
from channels.account import account
from channels.analog import AnalogLink, ReceivedSymbols
from channels.framing import Frame as CodeBlocks
from channels.framing import join, split
from channels.inspection import Attempt, Inspection
from channels.modulation import build_modulation
from channels.parts import code_of

__all__ = ["CodedBlock", "encode_block", "interleaver", "receive_block", "send_slots"]


@lru_cache(maxsize=16)
def interleaver(count: int) -> np.ndarray:
    """Places in a frame of ``count`` symbols of its blocks' symbols in order, int64 [count].

    >>> interleaver(8).tolist()
    [0, 5, 2, 7, 4, 1, 6, 3]
    """
    step = max(1, round(count * (5**0.5 - 1) / 2))
    while gcd(step, count) != 1:
        step += 1
    return np.arange(count, dtype=np.int64) * step % count


@dataclass(frozen=True, eq=False)
class CodedBlock:
    """A transport block on its way: code ``blocks`` uint8 [C, k], their code words uint8 [C, n]
    and its symbols complex64 [S].
    """

    settings: LinkSettings
    payload: bytes
    frame: CodeBlocks
    blocks: np.ndarray
    coded: torch.Tensor
    symbols: np.ndarray


def encode_block(settings: LinkSettings, payload: bytes) -> CodedBlock:
    """``payload`` as coded symbols of the modulation, code and rate of ``settings``."""
    frame = Link(settings).frame(len(payload))
    blocks = split(payload, frame)
    code = code_of(settings, frame.transport_block_bits, frame.block_bits)
    coded = code.encode(torch.as_tensor(blocks, device=settings.device))
    bits = torch.nn.functional.pad(
        coded.reshape(-1), (0, -coded.numel() % settings.bits_per_symbol)
    )
    symbols = build_modulation(settings.modulation, settings.device).map(bits).cpu().numpy()
    return CodedBlock(settings, payload, frame, blocks, coded, symbols)


def receive_block(sent: CodedBlock, received: ReceivedSymbols) -> Inspection:
    """What becomes of a block whose symbols were ``received``."""
    settings, frame = sent.settings, sent.frame
    modulation = build_modulation(settings.modulation, settings.device)
    soft = modulation.demap(
        torch.as_tensor(received.symbols, device=settings.device),
        torch.as_tensor(received.noise_variance, device=settings.device),
    )
    soft = soft[: sent.coded.numel()].view(sent.coded.shape)
    code = code_of(settings, frame.transport_block_bits, frame.block_bits)
    bits, iterations = code.decode(soft)
    decided = bits.cpu().numpy()
    arrived, wrong = join(decided, frame), sent.blocks != decided
    report = account(
        sent.payload, arrived, wrong, frame, 1, len(sent.symbols), int(iterations.sum())
    )
    attempt = Attempt(
        sent.symbols, received.symbols, received.noise_variance, sent.coded.cpu().numpy(),
        soft.cpu().numpy(), wrong, iterations.cpu().numpy(),
    )  # fmt: skip
    return Inspection(frame, (attempt,), arrived, report)


def send_slots(
    link: AnalogLink, blocks: Sequence[np.ndarray], uses: Sequence[int], esn0_db: float, seed: int
) -> tuple[list[ReceivedSymbols], np.ndarray]:
    """Symbols of every block behind the equaliser of a frame of ``sum(uses)`` data symbols.

    ``blocks`` are complex64, none longer than its share of ``uses``; what they leave of it is
    silent. ``seed`` draws the one channel of the frame and its noise. Also returns Es/N0 in dB of
    all symbols of the frame, [sum(uses)].
    """
    total, starts = sum(uses), np.cumsum([0, *uses])
    places, frame = interleaver(total), np.zeros(total, np.complex64)
    for own, start in zip(blocks, starts, strict=False):
        frame[places[start : start + len(own)]] = own
    (met,) = link.transmit([frame], esn0_db, [seed])
    found = []
    for own, start in zip(blocks, starts, strict=False):
        where = places[start : start + len(own)]
        part = ReceivedSymbols(met.symbols[where], met.noise_variance[where])
        found.append(part)
    return found, -10 * np.log10(np.maximum(met.noise_variance, 1e-12))
