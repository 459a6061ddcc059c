"""How networks lie in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from semcom.memory import keep_memory

if TYPE_CHECKING:
    from torch import nn

__all__ = ["channels_last", "for_inference"]

Network = TypeVar("Network", bound="nn.Module")


def channels_last(network: Network) -> Network:
    """``network`` with channels innermost: convolutions on a CPU run up to twice as fast."""
    import torch

    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def for_inference(network: Network) -> Network:
    """``network`` in evaluation mode and without gradients, channels innermost."""
    keep_memory()
    return channels_last(network.eval().requires_grad_(False))
