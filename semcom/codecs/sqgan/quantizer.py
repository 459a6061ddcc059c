"""Vector quantisation with a codebook that follows the data by moving averages."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["TRAINING_ONLY", "VectorQuantizer"]

#: buffers that a shipped network leaves out
TRAINING_ONLY = ("ema_count", "ema_sum", "recent")


class VectorQuantizer(nn.Module):
    """Nearest code in L2, straight-through gradient, EMA codebook, dead codes restarted.

    Van den Oord et al., "Neural discrete representation learning", 2017, appendix A.1. A code is
    dead when its moving count falls below ``restart`` times the mean count, a threshold that does
    not depend on the batch size; it restarts at a random vector of the recent past. The codebook
    begins as such vectors, too: a network that first trains with continuous vectors starts
    quantising with every code in use.
    """

    def __init__(self, codes: int, dim: int, decay: float = 0.99, restart: float = 0.1) -> None:
        super().__init__()
        self.decay, self.restart = decay, restart
        self.register_buffer("codebook", torch.zeros(codes, dim))
        self.register_buffer("ema_count", torch.zeros(codes))
        self.register_buffer("ema_sum", torch.zeros(codes, dim))
        self.register_buffer("recent", torch.zeros(2 * codes, dim))
        self.codebook: Tensor
        self.ema_count: Tensor
        self.ema_sum: Tensor
        self.recent: Tensor

    def distances(self, v: Tensor) -> Tensor:
        """Squared distance of each vector to each code; ``v`` [n, D] -> [n, codes]."""
        with torch.autocast(v.device.type, enabled=False):  # codes lie close together
            v, codes = v.float(), self.codebook
            dots = torch.addmm(codes.square().sum(1), v, codes.T, alpha=-2)
        return dots + v.square().sum(1, keepdim=True)

    def indices(self, v: Tensor) -> Tensor:
        """Nearest code of each vector; ``v`` [n, D] -> [n] int64."""
        return self.distances(v).argmin(1)

    def lookup(self, indices: Tensor) -> Tensor:
        """Code vectors of ``indices`` [...] -> [..., D]."""
        return F.embedding(indices, self.codebook)

    def forward(
        self, v: Tensor, generator: torch.Generator | None = None, share: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise ``v`` [n, D]: codes [n, D] (straight-through), indices [n], commitment loss.

        In training mode the codebook moves; ``generator`` draws the restarts. Only a random
        ``share`` of the vectors is quantised, the others pass: directions that the codebook does
        not know yet still reach the decoder and can prove their worth. At 0 nothing is quantised.
        """
        v = v.float()
        if self.training:
            n = min(len(v), len(self.recent))
            self.recent.copy_(torch.cat([self.recent[n:], v[:n].detach()]))
        if share <= 0:
            return v, torch.zeros(len(v), dtype=torch.long, device=v.device), v.sum() * 0
        if self.training and not bool(self.ema_count.any()):
            self._restart(torch.ones_like(self.ema_count, dtype=torch.bool), 1.0, generator)
        index = self.indices(v.detach())
        q = self.lookup(index)
        if self.training:
            self._follow(v.detach(), index, generator)
        commitment = (v - q).square().sum(1).mean()
        out = v + (q - v).detach()
        if share < 1:
            passed = torch.rand(len(v), 1, generator=generator).to(v.device) >= share
            out = torch.where(passed, v, out)
        return out, index, commitment

    def perplexity(self) -> float:
        """Effective number of codes in use, ``exp`` of the entropy of the moving counts."""
        share = self.ema_count / self.ema_count.sum().clamp_min(1e-9)
        return float(torch.exp(torch.special.entr(share).sum()))

    @torch.no_grad()
    def _follow(self, v: Tensor, index: Tensor, generator: torch.Generator | None) -> None:
        count = torch.bincount(index, minlength=len(self.codebook)).to(v)
        total = torch.zeros_like(self.ema_sum).index_add_(0, index, v)
        self.ema_count.lerp_(count, 1 - self.decay)
        self.ema_sum.lerp_(total, 1 - self.decay)
        mean = float(self.ema_count.mean())
        dead = self.ema_count < self.restart * mean
        self.codebook.copy_(self.ema_sum / self.ema_count.clamp_min(1e-5)[:, None])
        if bool(dead.any()):
            self._restart(dead, mean, generator)

    @torch.no_grad()
    def _restart(self, dead: Tensor, count: float, generator: torch.Generator | None) -> None:
        known = torch.nonzero(self.recent.square().sum(1) > 0)[:, 0]
        if not len(known):
            return
        order = torch.randperm(len(known), generator=generator)
        pick = order[torch.arange(int(dead.sum())) % len(order)].to(known.device)
        fresh = self.recent[known[pick]]
        self.codebook[dead] = fresh
        self.ema_sum[dead] = fresh * count
        self.ema_count[dead] = count
