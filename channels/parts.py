"""The parts that a link's settings ask for, each built once: its channel code and its path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from channels.settings import LinkSettings

if TYPE_CHECKING:
    import torch

    from channels.coding import Code

__all__ = ["PATHS", "Path", "code_of", "path_of"]


class Path(Protocol):
    """The way from coded bits to soft bits: modulation, channel, equalisation, demapping."""

    def send(
        self, bits: torch.Tensor, esn0_db: torch.Tensor, seeds: Sequence[int], attempt: int
    ) -> torch.Tensor:
        """``bits`` uint8 [P, n] of P payloads to soft bits log p(1)/p(0) float32 [P, n]."""
        ...


#: channel models from elsewhere: what makes their path; their names stand in ``CHANNELS``, too
PATHS: dict[str, Callable[[LinkSettings], Path]] = {}


@lru_cache(maxsize=128)
def code_of(settings: LinkSettings, transport_block_bits: int, block_bits: int) -> Code:
    """The channel code of one code block, built once."""
    from channels.coding import build_code

    return build_code(
        settings.code,
        block_bits,
        settings.coded_bits(block_bits),
        base_graph=_base_graph(settings, transport_block_bits, block_bits),
        bits_per_symbol=settings.bits_per_symbol,
        iterations=settings.decoder_iterations or 1,
        list_size=settings.list_size or 1,
        versions=(0, 2, 3, 1) if settings.combining == "ir" else (0, 0, 0, 0),
        device=settings.device,
    )


@lru_cache(maxsize=16)
def path_of(settings: LinkSettings) -> Path:
    """The way from coded bits to soft bits, built once."""
    from channels.antennas import FlatAntennas
    from channels.binary import BinaryChannel
    from channels.ofdm import OfdmChannel
    from channels.single_carrier import SingleCarrier

    if settings.channel in PATHS:
        return PATHS[settings.channel](settings)
    if settings.channel in ("bsc", "bec"):
        return BinaryChannel(settings)
    if settings.ofdm is not None:
        return OfdmChannel(settings)
    return SingleCarrier(settings) if settings.receive_antennas == 1 else FlatAntennas(settings)


def _base_graph(settings: LinkSettings, size: int, block_bits: int) -> str:
    """LDPC base graph of TS 38.212, clause 7.2.2, for a transport block of ``size`` bits."""
    if settings.base_graph in ("bg1", "bg2"):
        return settings.base_graph
    small = size <= 292 or (size <= 3824 and settings.rate <= 0.67) or settings.rate <= 0.25
    # Two departures: CRC24A lifts the largest small block just over what graph 2 takes, and above
    # rate 0.9 graph 2 punctures so much that some words cannot be decoded even without noise.
    return "bg2" if small and block_bits <= 3840 and settings.rate <= 0.9 else "bg1"
