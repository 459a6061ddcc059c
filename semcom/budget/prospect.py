"""What a plan promises: how often each of its blocks is lost, and the score that is expected.

The blocks that are lost decide which bytes of every path arrive, and measured quality says what
they are worth; the expectation is over the losses and over the states of the channel.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import comb, prod
from typing import Any

import numpy as np

from semcom.budget.block_errors import block_error_rate, ideal_block_error_rate
from semcom.budget.choice import Choice, Plan
from semcom.budget.frame import Frame, TransportBlock, shares
from semcom.budget.quality import Curve
from semcom.budget.settings import Allocation, BudgetLinkSettings
from semcom.budget.states import ChannelStates
from semcom.codecs.sqgan.bitstream import HEADER_BYTES

__all__ = ["CRC_BYTES", "Prospect", "protection_classes"]

#: bytes of every transport block that are its CRC
CRC_BYTES = 4
#: share of the states that the tail looks at
_TAIL = 0.05


@dataclass
class Prospect:
    """The plans of one codec over ``states``: its ``curve``, the ``packets`` by path, the link."""

    curve: Curve
    packets: Sequence[str]
    settings: BudgetLinkSettings
    allocation: Allocation
    channel_uses: int
    states: ChannelStates
    #: protection class of every packet
    classes: list[int] = field(init=False)
    considered: int = field(init=False, default=0)
    _known: dict[Any, np.ndarray | None] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.classes = protection_classes(self.packets, self.allocation)

    def objective(self, plan: Plan) -> float | None:
        """What is maximised, of ``plan`` over ``states``; None where it cannot be sent."""
        self.considered += 1
        losses = self.losses(plan)
        if losses is None:
            return None
        weight = self.settings.budget.tail_weight
        value = (1 - weight) * self.expected(plan, losses) if weight < 1 else 0.0
        return value + weight * self.expected(plan, _tail(losses)) if weight > 0 else value

    def choice(self, plan: Plan, others: Sequence[tuple[str, float]]) -> Choice:
        """``plan`` as the one that is taken, with what is expected of it."""
        losses = self.losses(plan)
        assert losses is not None
        whole = [(1.0, [float(size) for size in plan.num_bytes])]
        return Choice(
            frame=self.divide(plan),
            plan=plan,
            expected=self.expected(plan, losses),
            tail=self.expected(plan, _tail(losses)),
            intact=self.curve.score(whole, self.settings.budget.score),
            block_error_rates=tuple(float(loss.mean()) for loss in losses),
            considered=self.considered,
            others=tuple(others),
        )

    def divide(self, plan: Plan) -> Frame:
        """The transport blocks of ``plan``; they take all symbols."""
        sizes, uses = self.packet_bytes(plan.num_bytes), self.uses(plan)
        assert uses is not None
        code = self.settings.code if self.allocation.code == "link" else self.allocation.code
        blocks = tuple(
            TransportBlock(
                path=path,
                num_bytes=size,
                channel_uses=own,
                modulation=plan.modulations[c] if size else None,
                protection=c,
            )
            for path, size, own, c in zip(self.packets, sizes, uses, self.classes, strict=True)
        )
        spent = self.settings.spent(self.channel_uses)
        return Frame(channel_uses=spent, code=code, blocks=blocks)

    def uses(self, plan: Plan) -> list[int] | None:
        """Channel uses of every packet; None where one that is sent gets none."""
        sizes = self.packet_bytes(plan.num_bytes)
        classes = sorted({c for c, size in zip(self.classes, sizes, strict=True) if size})
        if not classes:
            return None
        uses = [0] * len(sizes)
        symbols = self.settings.symbols(self.channel_uses)
        parts = shares([plan.shares[c] for c in classes], symbols)
        for c, part in zip(classes, parts, strict=True):
            members = [p for p, size in enumerate(sizes) if size and self.classes[p] == c]
            # some bytes of every block are its CRC
            within = shares([sizes[p] + CRC_BYTES for p in members], part)
            for packet, own in zip(members, within, strict=True):
                uses[packet] = own
                if own == 0:
                    return None
        return uses

    def packet_bytes(self, num_bytes: Sequence[int]) -> list[int]:
        """Bytes of every packet, where ``num_bytes`` are those of every path."""
        found: list[int] = []
        for path, size in zip(self.curve.paths, num_bytes, strict=True):
            count = list(self.packets).count(path)
            found += shares([1] * count, size) if size else [0] * count
        return found

    def losses(self, plan: Plan) -> np.ndarray | None:
        """Block error rates [P, S] of the packets of ``plan``; None where one cannot be sent."""
        uses = self.uses(plan)
        if uses is None:
            return None
        found = []
        for size, own, c in zip(self.packet_bytes(plan.num_bytes), uses, self.classes, strict=True):
            loss = self.loss(size, own, plan.modulations[c])
            if loss is None:
                return None
            found.append(loss)
        return np.stack(found)

    def loss(self, num_bytes: int, channel_uses: int, modulation: str | None) -> np.ndarray | None:
        """Block error rates [S] of one block; None where it cannot be sent."""
        if not num_bytes:
            return np.ones(len(self.states))
        key = (num_bytes, channel_uses, modulation)
        if key not in self._known:
            esn0_db = self.states.effective_esn0_db(modulation)
            if modulation is None:
                self._known[key] = ideal_block_error_rate(
                    self.allocation.code, num_bytes, channel_uses, esn0_db
                )
            else:
                margin = self.settings.budget.margin_db
                self._known[key] = block_error_rate(
                    self.settings.code, modulation, num_bytes, channel_uses, esn0_db, margin
                )
        return self._known[key]

    def expected(self, plan: Plan, losses: np.ndarray) -> float:
        """Expected score, where the packets are lost as ``losses`` [P, S] say."""
        return self.curve.score(self.outcomes(plan, losses), self.settings.budget.score)

    def outcomes(self, plan: Plan, losses: np.ndarray) -> Iterator[tuple[float, tuple[float, ...]]]:
        """Probability and bytes per path of everything that may arrive; ``losses`` [P, S]."""
        groups: dict[tuple[str, int, bytes], list[int]] = {}
        for packet, size in enumerate(self.packet_bytes(plan.num_bytes)):
            if size:
                key = (self.packets[packet], size, losses[packet].tobytes())
                groups.setdefault(key, []).append(packet)
        options = []
        for (path, whole, _), members in groups.items():
            n, lost = len(members), losses[members[0]]
            count = list(self.packets).count(path)
            # the end mark says nothing, and quality was measured with one header a path
            useful = max(0.0, whole - 1 - HEADER_BYTES * (count - 1) / count)
            options.append(
                [
                    (path, k * useful, comb(n, k) * (1 - lost) ** k * lost ** (n - k))
                    for k in range(n + 1)
                ]
            )
        for combination in itertools.product(*options):
            probability = float(np.mean(prod(chance for _, _, chance in combination)))
            received = tuple(
                float(sum(size for path, size, _ in combination if path == own))
                for own in self.curve.paths
            )
            yield probability, received


def _tail(losses: np.ndarray) -> np.ndarray:
    """The worst 5 % of the states, which come first."""
    return losses[:, : max(1, round(_TAIL * losses.shape[1]))]


def protection_classes(packets: Sequence[str], allocation: Allocation) -> list[int]:
    """Protection class of every packet: the first path's, then the other's in their order."""
    if allocation.protection == "equal":
        return [0] * len(packets)
    paths = list(dict.fromkeys(packets))
    maps = [len(paths) > 1 and path == paths[0] for path in packets]
    pictures = maps.count(False)
    further = allocation.classes - any(maps)
    if pictures < further:
        raise ValueError(
            f"{allocation.classes} protection classes need at least {further} packets of the "
            f"picture, not {pictures}: raise settings.packets.image or lower allocation.classes"
        )
    found, seen = [], 0
    for is_map in maps:
        found.append(0 if is_map else any(maps) + seen * further // pictures)
        seen += not is_map
    return found
