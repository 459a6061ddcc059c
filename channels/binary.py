"""Channels that know bits only: flipped or erased at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from channels import models

if TYPE_CHECKING:
    from channels.settings import LinkSettings

__all__ = ["BinaryChannel", "crossover_probability", "erasure_probability"]

# Soft value of a bit that is known for certain.
_CERTAIN = 20.0


def crossover_probability(esn0_db: float) -> float:
    """P(bit flipped) of the BSC: BPSK over white noise with hard decisions, Q(sqrt(2 Es/N0)).

    >>> round(crossover_probability(0.0), 4)
    0.0786
    """
    return 0.5 * math.erfc(math.sqrt(10 ** (esn0_db / 10)))


def erasure_probability(esn0_db: float) -> float:
    """P(bit erased) of the BEC: the Bhattacharyya parameter of BPSK, exp(-Es/N0).

    This is the erasure channel that stands in for white noise in the construction of polar codes
    (Arikan 2009).

    >>> round(erasure_probability(0.0), 4)
    0.3679
    """
    return math.exp(-(10 ** (esn0_db / 10)))


class BinaryChannel:
    """Binary symmetric (``bsc``) or binary erasure channel (``bec``)."""

    def __init__(self, settings: LinkSettings) -> None:
        self._erases = settings.channel == "bec"

    def send(
        self, bits: torch.Tensor, esn0_db: torch.Tensor, seeds: Sequence[int], attempt: int
    ) -> torch.Tensor:
        """``bits`` uint8 [P, n] to soft bits [P, n], worst case for each of P payloads."""
        law = erasure_probability if self._erases else crossover_probability
        probability = torch.tensor([law(snr) for snr in esn0_db.tolist()], dtype=torch.float64)
        drawn = torch.from_numpy(models.uniform(seeds, bits.shape[1], attempt))
        hit = (drawn < probability[:, None]).to(bits.device)
        sign = 2.0 * bits - 1.0
        if self._erases:
            return torch.where(hit, 0.0, _CERTAIN * sign)
        certainty = torch.logit(1 - probability, eps=1e-9).float()[:, None].to(bits.device)
        return torch.where(hit, -sign, sign) * certainty
