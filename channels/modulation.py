"""Bits to complex symbols of unit energy and back to soft bits.

Square QAM with Gray labels is two independent amplitude modulations, the even bits of a label on
the real axis and the odd bits on the imaginary one (TS 38.211, 5.1). Its exact soft bits therefore
need two sums over sqrt(M) levels instead of one over M points.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from channels.settings import BITS_PER_SYMBOL

__all__ = ["Modulation", "Symbols", "build_modulation", "watched"]


@dataclass
class Symbols:
    """Symbols that :func:`watched` saw, in the order in which they were mapped and demapped."""

    sent: list[torch.Tensor] = field(default_factory=list)
    received: list[torch.Tensor] = field(default_factory=list)
    noise_variance: list[torch.Tensor] = field(default_factory=list)


_WATCHER: ContextVar[Symbols | None] = ContextVar("_WATCHER", default=None)


@contextmanager
def watched() -> Iterator[Symbols]:
    """Collect what every modulation maps and demaps meanwhile, for constellation diagrams.

    >>> with watched() as seen:
    ...     sent = Modulation("qpsk").map(torch.tensor([0, 0], dtype=torch.uint8))
    >>> torch.equal(seen.sent[0], sent)
    True
    """
    seen = Symbols()
    token = _WATCHER.set(seen)
    try:
        yield seen
    finally:
        _WATCHER.reset(token)


class Modulation:
    """Mapper and exact soft demapper of one constellation.

    >>> qpsk = Modulation("qpsk")
    >>> symbols = qpsk.map(torch.tensor([0, 0, 1, 0], dtype=torch.uint8))
    >>> [f"{s:.3f}" for s in symbols.tolist()]
    ['0.707+0.707j', '-0.707+0.707j']
    >>> qpsk.demap(symbols, torch.tensor(0.5)).round().int().tolist()
    [-4, -4, 4, -4]
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        from sionna.phy.mapping import pam

        self.name = name
        self.bits_per_symbol = BITS_PER_SYMBOL[name]
        #: real dimensions that carry bits
        self._axes = 1 if self.bits_per_symbol == 1 else 2
        self._bits_per_axis = self.bits_per_symbol // self._axes
        levels = torch.as_tensor(pam(self._bits_per_axis, normalize=True).real)
        #: amplitude of every label, [2^bits per axis]
        self._levels = (levels / self._axes**0.5).to(torch.float32).to(device)
        label = torch.arange(len(levels), device=device)
        self._weights = 2 ** torch.arange(self._bits_per_axis - 1, -1, -1, device=device)
        is_one = (label[:, None] & self._weights) != 0
        self._ones = [torch.nonzero(is_one[:, b]).squeeze(1) for b in range(self._bits_per_axis)]
        self._zeros = [torch.nonzero(~is_one[:, b]).squeeze(1) for b in range(self._bits_per_axis)]

    def map(self, bits: torch.Tensor) -> torch.Tensor:
        """``bits`` uint8 [..., n] to complex64 [..., n / bits_per_symbol] of mean energy 1."""
        labels = bits.view(*bits.shape[:-1], -1, self._bits_per_axis, self._axes)
        index = (labels.long() * self._weights[:, None]).sum(-2)
        amplitude = self._levels[index]
        if self._axes == 1:
            amplitude = torch.cat([amplitude, torch.zeros_like(amplitude)], dim=-1)
        symbols = torch.view_as_complex(amplitude.contiguous())
        if (seen := _WATCHER.get()) is not None:
            seen.sent.append(symbols)
        return symbols

    def demap(self, symbols: torch.Tensor, noise_variance: torch.Tensor) -> torch.Tensor:
        """Soft bits log p(1)/p(0) float32 [..., n] of received ``symbols`` complex64 [..., S].

        ``noise_variance`` (of the complex noise) broadcasts against ``symbols``.
        """
        if (seen := _WATCHER.get()) is not None:
            seen.received.append(symbols)
            seen.noise_variance.append(noise_variance.expand(symbols.shape))
        received = torch.view_as_real(symbols)[..., : self._axes]
        scale = 1.0 / noise_variance.to(received.dtype)
        scale = scale.expand(symbols.shape).unsqueeze(-1)
        # one slice per level, so that every operation below runs over whole contiguous blocks
        metric = torch.stack([-((received - level) ** 2) * scale for level in self._levels])
        soft = torch.stack(
            [
                torch.logsumexp(metric[ones], 0) - torch.logsumexp(metric[zeros], 0)
                for ones, zeros in zip(self._ones, self._zeros, strict=True)
            ],
            dim=-2,
        )
        return soft.reshape(*symbols.shape[:-1], -1)


@lru_cache(maxsize=16)
def build_modulation(name: str, device: str) -> Modulation:
    """The modulation ``name``, built once."""
    return Modulation(name, device)
