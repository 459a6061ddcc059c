"""Vector quantisation with a codebook that follows the data by moving averages."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["VectorQuantizer"]


class VectorQuantizer(nn.Module):
    """Nearest code in L2, straight-through gradient, EMA codebook, dead codes restarted.

    Van den Oord et al., "Neural discrete representation learning", 2017, appendix A.1. A code is
    dead when its moving count falls below ``restart`` times the mean count, a threshold that does
    not depend on the batch size; it restarts at a random vector of the current batch.
    """

    def __init__(self, codes: int, dim: int, decay: float = 0.99, restart: float = 0.02) -> None:
        super().__init__()
        self.decay, self.restart = decay, restart
        self.register_buffer("codebook", torch.zeros(codes, dim))
        self.register_buffer("ema_count", torch.zeros(codes))
        self.register_buffer("ema_sum", torch.zeros(codes, dim))
        self.codebook: Tensor
        self.ema_count: Tensor
        self.ema_sum: Tensor

    def indices(self, v: Tensor) -> Tensor:
        """Nearest code of each vector; ``v`` [n, D] -> [n] int64."""
        distance = self.codebook.square().sum(1) - 2 * v @ self.codebook.T
        return distance.argmin(1)

    def lookup(self, indices: Tensor) -> Tensor:
        """Code vectors of ``indices`` [...] -> [..., D]."""
        return F.embedding(indices, self.codebook)

    def forward(
        self, v: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise ``v`` [n, D]: codes [n, D] (straight-through), indices [n], commitment loss.

        In training mode the codebook moves; ``generator`` draws the restarts.
        """
        if self.training:
            self._start(v.detach(), generator)
        index = self.indices(v.detach())
        q = self.lookup(index)
        if self.training:
            self._follow(v.detach(), index, generator)
        return v + (q - v).detach(), index, F.mse_loss(v, q)

    @torch.no_grad()
    def _start(self, v: Tensor, generator: torch.Generator | None) -> None:
        if bool(self.ema_count.any()) or not len(v):
            return
        pick = torch.randint(len(v), (len(self.codebook),), generator=generator, device="cpu")
        noise = torch.randn(self.codebook.shape, generator=generator) * 0.01
        self.codebook.copy_(v[pick.to(v.device)] + noise.to(v))
        self.ema_count.fill_(len(v) / len(self.codebook))
        self.ema_sum.copy_(self.codebook * self.ema_count[:, None])

    @torch.no_grad()
    def _follow(self, v: Tensor, index: Tensor, generator: torch.Generator | None) -> None:
        count = torch.bincount(index, minlength=len(self.codebook)).to(v)
        total = torch.zeros_like(self.ema_sum).index_add_(0, index, v)
        self.ema_count.lerp_(count, 1 - self.decay)
        self.ema_sum.lerp_(total, 1 - self.decay)
        mean = self.ema_count.mean()
        dead = self.ema_count < self.restart * mean
        if bool(dead.any()) and len(v):
            pick = torch.randint(len(v), (int(dead.sum()),), generator=generator, device="cpu")
            self.ema_sum[dead] = v[pick.to(v.device)] * mean
            self.ema_count[dead] = mean
        self.codebook.copy_(self.ema_sum / self.ema_count.clamp_min(1e-5)[:, None])
