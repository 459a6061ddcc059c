"""Memory layout of networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import nn

__all__ = ["channels_last"]

Network = TypeVar("Network", bound="nn.Module")


def channels_last(network: Network) -> Network:
    """``network`` with channels innermost: convolutions on a CPU run up to twice as fast."""
    import torch

    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
