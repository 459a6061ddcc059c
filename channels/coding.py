"""Channel codes: information bits of a code block to coded bits, soft values back to bits.

Every code encodes ``bits`` uint8 [B, k] to uint8 [B, n] and decodes the soft bits [B, n] of one or
more attempts to (uint8 [B, k], iterations int64 [B]). Soft bits are log p(1)/p(0): positive
means 1. Codes without redundancy versions repeat themselves and add the soft bits up (Chase 1985).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

import torch

from channels.ldpc import LdpcCode

__all__ = ["Code", "ConvolutionalCode", "PolarCode", "RepetitionCode", "TurboCode", "build_code"]


# Limit of the soft bits that Sionna's decoders get; far larger ones overflow in BCJR decoding.
_CERTAIN = 30.0


class Code(Protocol):
    """A block code of ``k`` information bits and ``n`` coded bits."""

    k: int
    n: int

    def encode(self, bits: torch.Tensor, attempt: int = 0) -> torch.Tensor:
        """Information ``bits`` uint8 [B, k] to the coded bits of one ``attempt``, uint8 [B, n]."""
        ...

    def decode(self, *llr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Soft bits [B, n] of every attempt so far to uint8 [B, k] and iterations int64 [B]."""
        ...


class RepetitionCode:
    """Every block sent ``n / k`` times over, soft bits added up; uncoded where n = k.

    >>> code = RepetitionCode(2, 6)
    >>> code.encode(torch.tensor([[1, 0]], dtype=torch.uint8)).tolist()
    [[1, 0, 1, 0, 1, 0]]
    """

    def __init__(self, k: int, n: int) -> None:
        self.k, self.n = k, n

    def encode(self, bits: torch.Tensor, attempt: int = 0) -> torch.Tensor:
        """Information ``bits`` uint8 [B, k] to coded bits uint8 [B, n]."""
        return bits.repeat(1, self.n // self.k)

    def decode(self, *llr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Soft bits [B, n] of every attempt to uint8 [B, k]; one iteration each."""
        total = _sum(llr).view(-1, self.n // self.k, self.k).sum(1)
        return _decide(total), _once(total)


class _SionnaCode:
    """A code whose encoder and decoder Sionna provides ready-made."""

    def __init__(
        self, k: int, n: int, encoder: Callable[..., Any], decoder: Callable[..., Any],
        iterations: int = 1,
    ) -> None:  # fmt: skip
        self.k, self.n = k, n
        self._encoder, self._decoder, self._iterations = encoder, decoder, iterations

    def encode(self, bits: torch.Tensor, attempt: int = 0) -> torch.Tensor:
        """Information ``bits`` uint8 [B, k] to coded bits uint8 [B, n]."""
        coded = self._encoder(bits.float())
        if coded.shape[-1] != self.n:
            raise ValueError(f"the code word has {coded.shape[-1]} bits, {self.n} were planned")
        return coded.to(torch.uint8)

    @torch.no_grad()
    def decode(self, *llr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Soft bits [B, n] of every attempt to uint8 [B, k] and iterations int64 [B]."""
        bits = self._decoder(_sum(llr).clamp(-_CERTAIN, _CERTAIN))
        return bits.to(torch.uint8), _once(bits) * self._iterations


class ConvolutionalCode(_SionnaCode):
    """Convolutional code of constraint length 7, driven back to state 0, Viterbi decoder.

    >>> code = ConvolutionalCode(10, 32)
    >>> bits = torch.ones(1, 10, dtype=torch.uint8)
    >>> torch.equal(code.decode(2.0 * code.encode(bits) - 1.0)[0], bits)
    True
    """

    def __init__(self, k: int, n: int, device: str = "cpu") -> None:
        from sionna.phy.fec.conv import ConvEncoder, ViterbiDecoder

        rate = 1 / round(n / (k + 6))
        encoder = ConvEncoder(rate=rate, constraint_length=7, terminate=True, device=device)
        super().__init__(k, n, encoder, ViterbiDecoder(encoder=encoder, device=device))


class TurboCode(_SionnaCode):
    """LTE turbo code (TS 36.212, 5.1.3) with ``iterations`` rounds of two BCJR decoders."""

    def __init__(self, k: int, n: int, iterations: int, device: str = "cpu") -> None:
        from sionna.phy.fec.turbo import TurboDecoder, TurboEncoder

        rate = 1 / 3 if n > 2.5 * k else 1 / 2
        encoder = TurboEncoder(constraint_length=4, rate=rate, terminate=True, device=device)
        decoder = TurboDecoder(encoder, num_iter=iterations, device=device)
        super().__init__(k, n, encoder, decoder, iterations)


class PolarCode(_SionnaCode):
    """5G NR polar code (TS 38.212, 5.3.1) with its 6 or 11 CRC bits inside.

    ``list_size`` 1 is plain successive cancellation (Arikan 2009), more is list decoding that the
    CRC chooses from (Tal and Vardy 2015).
    """

    def __init__(self, k: int, n: int, list_size: int, device: str = "cpu") -> None:
        from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder

        encoder = Polar5GEncoder(k, n, device=device, check_input=False)
        with warnings.catch_warnings():
            # successive cancellation cannot use the CRC; whoever asks for list size 1 knows
            warnings.simplefilter("ignore", UserWarning)
            decoder = Polar5GDecoder(
                encoder, "SC" if list_size == 1 else "SCL", list_size, device=device
            )
        super().__init__(k, n, encoder, decoder)


def _sum(llr: tuple[torch.Tensor, ...]) -> torch.Tensor:
    total = llr[0]
    for received in llr[1:]:
        total = total + received
    return total


def _decide(llr: torch.Tensor) -> torch.Tensor:
    return (llr > 0).to(torch.uint8)


def _once(rows: torch.Tensor) -> torch.Tensor:
    return torch.ones(len(rows), dtype=torch.int64, device=rows.device)


def build_code(
    name: str, k: int, n: int, *, base_graph: str, bits_per_symbol: int, iterations: int,
    list_size: int, versions: tuple[int, ...], device: str,
) -> Code:  # fmt: skip
    """The code ``name`` of these parameters; each code takes what concerns it."""
    builders: dict[str, Callable[[], Code]] = {
        "uncoded": lambda: RepetitionCode(k, n),
        "repetition": lambda: RepetitionCode(k, n),
        "convolutional": lambda: ConvolutionalCode(k, n, device),
        "turbo": lambda: TurboCode(k, n, iterations, device),
        "polar": lambda: PolarCode(k, n, list_size, device),
        "ldpc": lambda: LdpcCode(k, n, base_graph, bits_per_symbol, iterations, device, versions),
    }
    return builders[name]()
