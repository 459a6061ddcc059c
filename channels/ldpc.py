"""5G NR LDPC codes: rate matching, bit interleaving and redundancy versions around the encoder."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from functools import lru_cache

import torch

from channels.ldpc_decoder import SumProductDecoder

__all__ = ["LdpcCode"]


class LdpcCode:
    """5G NR LDPC code with the rate matching and bit interleaving of TS 38.212, 5.3.2 and 5.4.2.

    Below the rate of the mother code (1/3 for base graph 1, 1/5 for 2) the circular buffer wraps
    around and repeats bits, as in the standard. Attempt i of a retransmitted block takes its bits
    from the buffer as redundancy version ``versions[i]`` says (TS 38.212, table 5.4.2.1-2).

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
        versions: tuple[int, ...] = (0, 0, 0, 0),
    ) -> None:
        from sionna.phy.fec.ldpc import LDPC5GEncoder

        if n % bits_per_symbol:
            raise ValueError(f"{n} coded bits do not fill symbols of {bits_per_symbol} bits")
        self.k, self.n = k, n
        self._bits_per_symbol = bits_per_symbol
        self._iterations = iterations
        self._device = device
        self._versions = versions
        longest = 3 * k if base_graph == "bg1" else 5 * k
        with warnings.catch_warnings():
            # rates between 948/1024 and 0.95 are allowed, only unusual
            warnings.simplefilter("ignore", UserWarning)
            self._encoder = LDPC5GEncoder(
                k, min(n, longest), bg=base_graph, device=device, check_input=False
            )
        self._repeats = n > longest
        self._buffer_bits = self._encoder.n_cb_comp
        # bound to the instance, so that codes can be freed
        self._decoder = lru_cache(maxsize=None)(self._build_decoder)

    def _build_decoder(self, buffer_bits: int) -> SumProductDecoder:
        """Decoder that knows the first ``buffer_bits`` of the circular buffer.

        Extension bits beyond them were never sent: with the checks that define them they tell
        nothing, and are left out.
        """
        encoder = self._encoder
        core = encoder.k_ldpc + 4 * encoder.z
        last = max(core, 2 * encoder.z + encoder.k_filler + buffer_bits)
        unused = encoder.n_ldpc - last
        matrix = encoder.pcm[: encoder.pcm.shape[0] - unused, :last]
        return SumProductDecoder(matrix, self._iterations, self._device)

    def _segments(self, attempt: int) -> Iterator[tuple[slice, slice]]:
        """Runs of the circular buffer that ``attempt`` sends, with their place in what is sent."""
        version = self._versions[attempt]
        position = self._encoder.get_start_positions_comp([version])[0] if version else 0
        sent = 0
        while sent < self.n:
            length = min(self.n - sent, self._buffer_bits - position)
            yield slice(position, position + length), slice(sent, sent + length)
            sent += length
            position = 0

    def encode(self, bits: torch.Tensor, attempt: int = 0) -> torch.Tensor:
        """Information ``bits`` uint8 [B, k] to the coded bits of one ``attempt``, uint8 [B, n]."""
        information = bits.float()
        if self._repeats:
            buffer = self._circular_buffer(information)
            sent = torch.cat([buffer[:, run] for run, _ in self._segments(attempt)], dim=1)
        elif self._versions[attempt]:
            sent = self._encoder(information, rv=[self._versions[attempt]])[:, 0]
        else:
            sent = self._encoder(information)
        columns = self.n // self._bits_per_symbol
        rows = sent.to(torch.uint8).view(-1, self._bits_per_symbol, columns)
        return rows.transpose(1, 2).reshape(-1, self.n)

    def _circular_buffer(self, information: torch.Tensor) -> torch.Tensor:
        """All bits of the mother code but the punctured and filler bits, in buffer order."""
        encoder = self._encoder
        buffer = torch.empty(len(information), self._buffer_bits, device=information.device)
        versions = [0, 1, 2, 3]
        # the windows of the four redundancy versions cover the buffer between them
        windows = encoder(information, rv=versions)
        offsets = torch.arange(encoder.n, device=information.device)
        for version, start in enumerate(encoder.get_start_positions_comp(versions)):
            buffer[:, (start + offsets) % self._buffer_bits] = windows[:, version]
        return buffer

    def decode(self, *llr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Soft bits [B, n] of every attempt so far to uint8 [B, k] and iterations int64 [B]."""
        encoder, batch = self._encoder, len(llr[0])
        known = max(run.stop for attempt in range(len(llr)) for run, _ in self._segments(attempt))
        buffer = torch.zeros(batch, known, device=llr[0].device)
        columns = self.n // self._bits_per_symbol
        for attempt, received in enumerate(llr):
            symbols = received.view(-1, columns, self._bits_per_symbol)
            sent = symbols.transpose(1, 2).reshape(-1, self.n)
            for run, place in self._segments(attempt):
                buffer[:, run] += sent[:, place]
        decoder = self._decoder(known)
        systematic = self.k - 2 * encoder.z
        parity = buffer[:, systematic:]
        word = torch.zeros(batch, decoder.num_bits, device=buffer.device)
        word[:, 2 * encoder.z : self.k] = buffer[:, :systematic]
        word[:, self.k : encoder.k_ldpc] = -math.inf
        word[:, encoder.k_ldpc : encoder.k_ldpc + parity.shape[1]] = parity
        bits, iterations = decoder(word)
        return bits[:, : self.k].to(torch.uint8), iterations
