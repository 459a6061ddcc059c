"""Sum-product decoding of LDPC codes, many code words at a time.

The same algorithm as the textbook flooding decoder (Kschischang, Frey, Loeliger, "Factor graphs
and the sum-product algorithm", 2001), arranged for speed: edges are sorted by the degree of their
check node, so no message is padded; the batch is the last dimension, so every gather copies whole
rows; the hyperbolic tangents become one logistic function and one logit per edge; and code words
leave the batch as soon as all their checks hold.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
import torch

__all__ = ["SumProductDecoder"]

# Messages held at a time; keeps the working set of an iteration within the caches of a CPU core.
_MESSAGES_IN_CACHE = 1 << 19
_MESSAGES_ON_DEVICE = 1 << 26
# With fewer code words than this at a time, gathering their short rows costs more than caches save.
_FEWEST_AT_ONCE = 32

# Log-likelihood ratios of the channel are limited to this magnitude.
_LLR_LIMIT = 20.0
# Half a unit in the last place of a float32 just below 1: limits check messages to 16.6.
_SMALLEST_PROBABILITY = 6e-8


class SumProductDecoder:
    """Decoder of the binary code with parity-check matrix ``parity_check`` [checks, bits].

    ``iterations`` is the most that is spent on one code word.

    >>> hamming = scipy.sparse.csr_matrix(
    ...     [[1, 1, 0, 1, 1, 0, 0], [1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 1, 0, 0, 1]])
    >>> llr = torch.tensor([[-3.0, -3.0, 0.5, -3.0, -3.0, -3.0, -3.0]])
    >>> bits, spent = SumProductDecoder(hamming, iterations=10)(llr)
    >>> bits.int().tolist(), spent.tolist()
    ([[0, 0, 0, 0, 0, 0, 0]], [1])
    """

    def __init__(
        self, parity_check: scipy.sparse.spmatrix, iterations: int = 20, device: str = "cpu"
    ) -> None:
        matrix = scipy.sparse.coo_matrix(parity_check)
        self.num_checks, self.num_bits = matrix.shape
        self.iterations = iterations
        check, bit = matrix.row, matrix.col
        degree = np.bincount(check, minlength=self.num_checks)
        by_check = np.lexsort((bit, check))
        first = np.concatenate([[0], np.cumsum(degree)])
        #: (degree, number of check nodes) of each block of edges
        self._groups: list[tuple[int, int]] = []
        order = []
        for d in np.unique(degree[degree > 0]):
            nodes = np.flatnonzero(degree == d)
            order.append((first[nodes] + np.arange(d)[:, None]).ravel())
            self._groups.append((int(d), len(nodes)))
        bit_of_edge = bit[by_check][np.concatenate(order)]
        self.num_edges = len(bit_of_edge)
        self._bit_of_edge = torch.as_tensor(bit_of_edge, dtype=torch.int64, device=device)
        self._edges_of_bits = torch.as_tensor(
            np.argsort(bit_of_edge, kind="stable"), dtype=torch.int64, device=device
        )
        count = np.bincount(bit_of_edge, minlength=self.num_bits)
        self._first_edge = torch.as_tensor(
            np.concatenate([[0], np.cumsum(count)[:-1]]), dtype=torch.int64, device=device
        )
        messages = _MESSAGES_IN_CACHE if device == "cpu" else _MESSAGES_ON_DEVICE
        self.batch_size = max(_FEWEST_AT_ONCE, messages // self.num_edges // 8 * 8)

    @torch.no_grad()
    def __call__(self, llr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Decide ``llr`` [B, bits], log p(1)/p(0), into bool [B, bits] and iterations spent [B].

        A bit that nothing is known about (sum of exactly 0) is decided as 1.
        """
        bits = torch.empty(llr.shape, dtype=torch.bool, device=llr.device)
        spent = torch.empty(len(llr), dtype=torch.int64, device=llr.device)
        for start in range(0, len(llr), self.batch_size):
            part = slice(start, start + self.batch_size)
            channel = llr[part].float().clamp(-_LLR_LIMIT, _LLR_LIMIT).T.contiguous()
            self._decode(channel, bits[part], spent[part])
        return bits, spent

    def _decode(self, channel: torch.Tensor, bits: torch.Tensor, spent: torch.Tensor) -> None:
        """Decode ``channel`` [bits, B] and write ``bits`` [B, bits] and ``spent`` [B]."""
        active = torch.arange(channel.shape[1], device=channel.device)
        running = torch.ones(len(active), dtype=torch.bool, device=channel.device)
        total, to_bit = channel, None
        for iteration in range(1, self.iterations + 1):
            message = total.index_select(0, self._bit_of_edge)
            if to_bit is not None:
                message.sub_(to_bit)
            to_bit = self._update_checks(message)
            total = torch.nn.functional.embedding_bag(
                self._edges_of_bits, to_bit, self._first_edge, mode="sum"
            ).add_(channel)
            decided = total >= 0
            finished = running & (self._satisfied(decided) | (iteration == self.iterations))
            if not finished.any():
                continue
            bits[active[finished]] = decided[:, finished].T
            spent[active[finished]] = iteration
            running &= ~finished
            left = int(running.sum())
            if left == 0:
                return
            # dropping columns copies the state, so wait until it saves a good part of the work
            if left <= 0.75 * len(active):
                kept = torch.nonzero(running).squeeze(1)
                total = total.index_select(1, kept)
                to_bit = to_bit.index_select(1, kept)
                channel = channel.index_select(1, kept)
                active, running = active[kept], running[kept]

    def _update_checks(self, message: torch.Tensor) -> torch.Tensor:
        """Messages [edges, B] of bits to those of checks, in place.

        With p = P(bit = 1) on an edge and u = p - 1/2, the outgoing message of a check of degree d
        is the logit of P(the other d - 1 bits have odd parity), which is 1/2 - 1/2 (-2)^(d-1) times
        the product of the other u (Gallager, "Low-density parity-check codes", 1963, lemma 4.1).
        """
        u = message.sigmoid_().sub_(0.5)
        # never exactly 0, so that one factor can be taken out of the product by division
        u.add_(1e-8)
        start = 0
        for degree, nodes in self._groups:
            end = start + degree * nodes
            group = u[start:end].view(degree, nodes, -1)
            product = group.prod(0).mul_(-0.5 * (-2.0) ** (degree - 1))
            torch.div(product, group, out=group)
            start = end
        return torch.logit(u.add_(0.5), eps=_SMALLEST_PROBABILITY, out=u)

    def _satisfied(self, decided: torch.Tensor) -> torch.Tensor:
        """Which columns of ``decided`` [bits, B] are code words, bool [B]."""
        failures = torch.zeros(decided.shape[1], dtype=torch.int32, device=decided.device)
        end = self.num_edges
        # checks of high degree fail most often: far from convergence they settle it alone
        for degree, nodes in reversed(self._groups):
            start = end - degree * nodes
            bits = decided.index_select(0, self._bit_of_edge[start:end]).view(degree, nodes, -1)
            parity = bits[0]
            for row in bits[1:]:
                parity ^= row
            failures += parity.view(torch.uint8).sum(0, dtype=torch.int32)
            if bool((failures > 0).all()):
                break
            end = start
        return failures == 0
