"""Channel codes: information bits of a code block to coded bits, soft values back to bits.

Every code has ``k`` information bits, ``n`` coded bits, ``encode(bits [B, k] uint8) -> [B, n]``
and ``decode(llr [B, n]) -> (bits [B, k], iterations [B])``. Log-likelihood ratios are
log p(1)/p(0): positive means 1.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Protocol

import torch

from channels.ldpc_decoder import SumProductDecoder

__all__ = ["Code", "LdpcCode", "build_code"]


class Code(Protocol):
    """A block code with rate matching."""

    k: int
    n: int

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Information ``bits`` uint8 [B, k] to coded bits uint8 [B, n]."""
        ...

    def decode(self, llr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``llr`` float [B, n] to decided bits uint8 [B, k] and decoder iterations int64 [B]."""
        ...


class LdpcCode:
    """5G NR LDPC code with the rate matching and bit interleaving of TS 38.212, 5.3.2 and 5.4.2.

    Below the rate of the mother code (1/3 for base graph 1, 1/5 for 2) the circular buffer wraps
    around and repeats bits, as in the standard.

    >>> code = LdpcCode(k=24, n=48, base_graph="bg2")
    >>> bits = torch.randint(0, 2, (3, 24), dtype=torch.uint8)
    >>> decided, iterations = code.decode(8.0 * code.encode(bits) - 4.0)
    >>> torch.equal(decided, bits), iterations.tolist()
    (True, [1, 1, 1])
    """

    def __init__(
        self,
        k: int,
        n: int,
        base_graph: str,
        bits_per_symbol: int = 1,
        iterations: int = 20,
        device: str = "cpu",
    ) -> None:
        from sionna.phy.fec.ldpc import LDPC5GEncoder

        if n % bits_per_symbol:
            raise ValueError(f"{n} coded bits do not fill symbols of {bits_per_symbol} bits")
        self.k, self.n = k, n
        self._bits_per_symbol = bits_per_symbol
        longest = 3 * k if base_graph == "bg1" else 5 * k
        with warnings.catch_warnings():
            # rates between 948/1024 and 0.95 are allowed, only unusual
            warnings.simplefilter("ignore", UserWarning)
            self._encoder = LDPC5GEncoder(
                k, min(n, longest), bg=base_graph, device=device, check_input=False
            )
        encoder = self._encoder
        self._repeats = n > longest
        buffer = encoder.n_cb_comp
        self._position = torch.arange(n, device=device) % buffer
        # Extension bits that were never sent, and the checks that define them, tell nothing.
        core = encoder.k_ldpc + 4 * encoder.z
        self._num_sent = min(n, buffer)
        self._fillers = encoder.k_filler
        last = max(core, 2 * encoder.z + self._fillers + self._num_sent)
        unused = encoder.n_ldpc - last
        matrix = encoder.pcm[: encoder.pcm.shape[0] - unused, :last]
        self._decoder = SumProductDecoder(matrix, iterations, device)

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Information ``bits`` uint8 [B, k] to coded bits uint8 [B, n]."""
        information = bits.float()
        if self._repeats:
            sent = self._circular_buffer(information)[:, self._position]
        else:
            sent = self._encoder(information)
        sent = sent.to(torch.uint8)
        columns = self.n // self._bits_per_symbol
        symbols = sent.view(-1, self._bits_per_symbol, columns).transpose(1, 2)
        return symbols.reshape(-1, self.n)

    def _circular_buffer(self, information: torch.Tensor) -> torch.Tensor:
        """All bits of the mother code but the punctured and filler bits, in buffer order."""
        encoder = self._encoder
        length = encoder.n_cb_comp
        buffer = torch.empty(len(information), length, device=information.device)
        versions = [0, 1, 2, 3]
        windows = encoder(information, rv=versions)
        offsets = torch.arange(encoder.n, device=information.device)
        for version, start in enumerate(encoder.get_start_positions_comp(versions)):
            buffer[:, (start + offsets) % length] = windows[:, version]
        return buffer

    def decode(self, llr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``llr`` float [B, n] to decided bits uint8 [B, k] and decoder iterations int64 [B]."""
        encoder, batch = self._encoder, len(llr)
        columns = self.n // self._bits_per_symbol
        received = llr.view(-1, columns, self._bits_per_symbol).transpose(1, 2)
        received = received.reshape(-1, self.n)
        buffer = torch.zeros(batch, self._num_sent, device=llr.device)
        for start in range(0, self.n, self._num_sent):
            part = received[:, start : start + self._num_sent]
            buffer[:, : part.shape[1]] += part
        word = torch.zeros(batch, self._decoder.num_bits, device=llr.device)
        systematic = self.k - 2 * encoder.z
        word[:, 2 * encoder.z : self.k] = buffer[:, :systematic]
        word[:, self.k : encoder.k_ldpc] = -math.inf
        after = encoder.k_ldpc
        parity = buffer[:, systematic:]
        word[:, after : after + parity.shape[1]] = parity
        bits, iterations = self._decoder(word)
        return bits[:, : self.k].to(torch.uint8), iterations


@lru_cache(maxsize=128)
def build_code(
    name: str, k: int, n: int, base_graph: str, bits_per_symbol: int, iterations: int, device: str
) -> Code:
    """The code ``name`` of these parameters, built once."""
    if name != "ldpc":
        raise ValueError(f"unknown code {name!r}")
    return LdpcCode(k, n, base_graph, bits_per_symbol, iterations, device)
