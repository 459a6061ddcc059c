"""Choose the frame with the best expected score: how many bytes of each path, and how protected.

What is chosen: the bytes of every path (SQ-GAN's m_s and m_x follow picture by picture), and for
every protection class a modulation and its share of the channel uses; the code rate follows, since
a transport block fills its share exactly. A grid over all of it is searched, then the best few are
improved step by step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import comb, prod
from typing import Any

import numpy as np

from channels.settings import BITS_PER_SYMBOL
from semcom.budget.block_errors import block_error_rate, ideal_block_error_rate
from semcom.budget.choice import Choice, Plan
from semcom.budget.frame import Frame, TransportBlock, shares
from semcom.budget.quality import Curve
from semcom.budget.settings import Allocation, BudgetLinkSettings
from semcom.budget.states import ChannelStates, channel_states
from semcom.codecs.sqgan.bitstream import HEADER_BYTES

__all__ = ["Allocator"]

#: sizes of a path and steps of a share on the grid, by number of classes
_GRID = {1: (14, 1), 2: (12, 20), 3: (7, 12), 4: (5, 10)}
#: share of the states that the tail looks at
_TAIL = 0.05
_CRC_BYTES = 4


@dataclass
class Allocator:
    """Search for one codec: its ``curve``, the ``packets`` it sends by path, and the link."""

    curve: Curve
    packets: Sequence[str]
    settings: BudgetLinkSettings
    allocation: Allocation
    channel_uses: int
    #: protection class of every packet
    classes: list[int] = field(init=False)
    considered: int = field(init=False, default=0)
    _known: dict[Any, np.ndarray | None] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if tuple(dict.fromkeys(self.packets)) != self.curve.paths:
            raise ValueError(
                f"{self.curve.codec} sends {', '.join(dict.fromkeys(self.packets))}, but "
                f"quality was measured for {', '.join(self.curve.paths)}"
            )
        self.classes = _classes(self.packets, self.allocation)

    def choose(self, esn0_db: float) -> Choice:
        """The best frame at ``esn0_db``; ValueError where no frame carries anything.

        The sentence of the error says the least budget that works.
        """
        states = channel_states(self.settings, self.allocation, esn0_db, self.channel_uses)
        self._known.clear()
        self.considered = 0
        found = self._search(states)
        if not found:
            raise ValueError(self._too_small(states))
        others = {self._divide(plan).words(): value for value, plan in reversed(found)}
        others.pop(self._divide(found[0][1]).words())
        ranked = sorted(others.items(), key=lambda pair: pair[1], reverse=True)
        return self._choice(found[0][1], states, ranked)

    def _search(self, states: ChannelStates) -> list[tuple[float, Plan]]:
        """Values and plans of the best few choices of modulations, the best one first."""
        best: dict[tuple[str | None, ...], tuple[float, Plan]] = {}
        for plan in itertools.chain(self._grid(states), self._equal(states)):
            value = self.objective(plan, states)
            if value is not None and value > best.get(plan.modulations, (-np.inf,))[0]:
                best[plan.modulations] = value, plan
        ranked = sorted(best.values(), key=lambda pair: pair[0], reverse=True)
        refined = [self._refine(*pair, states) for pair in ranked[:4]]
        return sorted(refined, key=lambda pair: pair[0], reverse=True)

    def _equal(self, states: ChannelStates) -> Iterator[Plan]:
        """What equal protection would do, for several classes: they need do no worse."""
        count = max(self.classes) + 1
        if count == 1:
            return
        equal = self.allocation.model_copy(update={"protection": "equal"})
        for _, plan in replace(self, allocation=equal)._search(states)[:2]:
            sizes = self._packet_bytes(plan.num_bytes)
            weights = [0] * count
            for size, c in zip(sizes, self.classes, strict=True):
                weights[c] += size + _CRC_BYTES if size else 0
            parts = tuple(weight / sum(weights) for weight in weights)
            yield Plan(plan.num_bytes, plan.modulations * count, parts)

    def objective(self, plan: Plan, states: ChannelStates) -> float | None:
        """What is maximised, of ``plan`` over ``states``; None where it cannot be sent."""
        self.considered += 1
        losses = self._losses(plan, states)
        if losses is None:
            return None
        weight = self.settings.budget.tail_weight
        value = (1 - weight) * self._expected(plan, losses) if weight < 1 else 0.0
        return value + weight * self._expected(plan, _tail(losses)) if weight > 0 else value

    def _choice(
        self, plan: Plan, states: ChannelStates, others: Sequence[tuple[str, float]]
    ) -> Choice:
        losses = self._losses(plan, states)
        assert losses is not None
        whole = [(1.0, [float(size) for size in plan.num_bytes])]
        return Choice(
            frame=self._divide(plan),
            plan=plan,
            expected=self._expected(plan, losses),
            tail=self._expected(plan, _tail(losses)),
            intact=self.curve.score(whole, self.settings.budget.score),
            block_error_rates=tuple(float(loss.mean()) for loss in losses),
            considered=self.considered,
            others=tuple(others),
        )

    def _divide(self, plan: Plan) -> Frame:
        """The transport blocks of ``plan``; they take all symbols."""
        sizes, uses = self._packet_bytes(plan.num_bytes), self._uses(plan)
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

    def _uses(self, plan: Plan) -> list[int] | None:
        """Channel uses of every packet; None where one that is sent gets none."""
        sizes = self._packet_bytes(plan.num_bytes)
        classes = sorted({c for c, size in zip(self.classes, sizes, strict=True) if size})
        if not classes:
            return None
        uses = [0] * len(sizes)
        symbols = self.settings.symbols(self.channel_uses)
        parts = shares([plan.shares[c] for c in classes], symbols)
        for c, part in zip(classes, parts, strict=True):
            members = [p for p, size in enumerate(sizes) if size and self.classes[p] == c]
            # some bytes of every block are its CRC
            within = shares([sizes[p] + _CRC_BYTES for p in members], part)
            for packet, own in zip(members, within, strict=True):
                uses[packet] = own
                if own == 0:
                    return None
        return uses

    def _packet_bytes(self, num_bytes: Sequence[int]) -> list[int]:
        found: list[int] = []
        for path, size in zip(self.curve.paths, num_bytes, strict=True):
            count = list(self.packets).count(path)
            found += shares([1] * count, size) if size else [0] * count
        return found

    def _losses(self, plan: Plan, states: ChannelStates) -> np.ndarray | None:
        """Block error rates [P, S] of the packets of ``plan``; None where one cannot be sent."""
        uses = self._uses(plan)
        if uses is None:
            return None
        found = []
        for size, own, c in zip(
            self._packet_bytes(plan.num_bytes), uses, self.classes, strict=True
        ):
            loss = self._loss(size, own, plan.modulations[c], states)
            if loss is None:
                return None
            found.append(loss)
        return np.stack(found)

    def _loss(
        self, num_bytes: int, channel_uses: int, modulation: str | None, states: ChannelStates
    ) -> np.ndarray | None:
        if not num_bytes:
            return np.ones(len(states))
        key = (num_bytes, channel_uses, modulation)
        if key not in self._known:
            esn0_db = states.effective_esn0_db(modulation)
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

    def _expected(self, plan: Plan, losses: np.ndarray) -> float:
        return self.curve.score(self._outcomes(plan, losses), self.settings.budget.score)

    def _outcomes(
        self, plan: Plan, losses: np.ndarray
    ) -> Iterator[tuple[float, tuple[float, ...]]]:
        """Probability and bytes per path of everything that may arrive; ``losses`` [P, S]."""
        groups: dict[tuple[str, int, bytes], list[int]] = {}
        for packet, size in enumerate(self._packet_bytes(plan.num_bytes)):
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

    def _grid(self, states: ChannelStates) -> Iterator[Plan]:
        count = max(self.classes) + 1
        sizes, steps = _GRID[count]
        per_path = [_sizes(*limits, sizes) for limits in self._limits()]
        for num_bytes in itertools.product(*per_path):
            if any(num_bytes):
                yield from self.plans(num_bytes, steps, states)

    def plans(
        self, num_bytes: tuple[int, ...], steps: int, states: ChannelStates
    ) -> Iterator[Plan]:
        """Plans for these bytes, with shares in ``steps`` equal parts."""
        count = max(self.classes) + 1
        modulations = self._modulations()
        if count == 1:
            for modulation in modulations:
                yield Plan(num_bytes, (modulation,), (1.0,))
            return
        for cut in itertools.combinations(range(1, steps), count - 1):
            parts = tuple((b - a) / steps for a, b in itertools.pairwise((0, *cut, steps)))
            yield self._robust(Plan(num_bytes, (None,) * count, parts), states)

    def _modulations(self) -> tuple[str | None, ...]:
        return self.settings.budget.modulations if self.allocation.code == "link" else (None,)

    def _robust(self, plan: Plan, states: ChannelStates) -> Plan:
        """``plan`` with the modulation for every class that loses its blocks least often."""
        uses = self._uses(plan)
        if self.allocation.code != "link" or uses is None:
            return plan
        sizes = self._packet_bytes(plan.num_bytes)
        chosen: list[str | None] = []
        for number in range(len(plan.shares)):
            first = self.classes.index(number)
            rates = []
            for modulation in self.settings.budget.modulations:
                loss = self._loss(sizes[first], uses[first], modulation, states)
                if loss is not None:
                    rates.append((float(loss.mean()), BITS_PER_SYMBOL[modulation], modulation))
            chosen.append(min(rates)[2] if rates else self.settings.budget.modulations[-1])
        return replace(plan, modulations=tuple(chosen))

    def _refine(self, value: float, plan: Plan, states: ChannelStates) -> tuple[float, Plan]:
        """Change sizes and shares in ever smaller steps as long as that helps."""
        for step in (0.25, 0.1, 0.04, 0.015):
            better = True
            while better:
                better = False
                for neighbour in list(self._neighbours(plan, step)):
                    found = self.objective(neighbour, states)
                    if found is not None and found > value + 1e-7:
                        value, plan, better = found, neighbour, True
        return value, plan

    def _neighbours(self, plan: Plan, step: float) -> Iterator[Plan]:
        for path, (least, most) in enumerate(self._limits()):
            for factor in (1 + step, 1 / (1 + step)):
                size = round(plan.num_bytes[path] * factor)
                if least <= size <= most:
                    sizes = (*plan.num_bytes[:path], size, *plan.num_bytes[path + 1 :])
                    yield replace(plan, num_bytes=sizes)
        for c, modulation in itertools.product(range(len(plan.modulations)), self._modulations()):
            if len(plan.modulations) > 1 and modulation != plan.modulations[c]:
                changed = (*plan.modulations[:c], modulation, *plan.modulations[c + 1 :])
                yield replace(plan, modulations=changed)
        for a, b in itertools.permutations(range(len(plan.shares)), 2):
            moved = list(plan.shares)
            moved[a], moved[b] = moved[a] + step / 4, moved[b] - step / 4
            if moved[b] > 0:
                yield replace(plan, shares=tuple(moved))

    def _limits(self) -> list[tuple[int, int]]:
        """Fewest and most bytes of every path that were measured, and what packets add to them."""
        found = []
        for path, least, most in zip(
            self.curve.paths, self.curve.least, self.curve.most, strict=True
        ):
            count = list(self.packets).count(path)
            further = count + HEADER_BYTES * (count - 1)
            found.append((least + further, most + further))
        return found

    def _too_small(self, states: ChannelStates) -> str:
        low, high = self.channel_uses, self.channel_uses
        plan = None
        while plan is None:
            high *= 2
            plan = replace(self, channel_uses=high)._smallest(states)
        while high - low > 1:
            middle = (low + high) // 2
            found = replace(self, channel_uses=middle)._smallest(states)
            low, high, plan = (low, middle, found) if found else (middle, high, plan)
        frame = replace(self, channel_uses=high)._divide(plan)
        return (
            f"a budget of {self.channel_uses} channel uses carries nothing of {self.curve.codec}: "
            f"the least that works is {high} channel uses ({frame.words()})"
        )

    def _smallest(self, states: ChannelStates) -> Plan | None:
        """A plan that sends the least that was measured of one path; None where none can be."""
        for path, (least, _) in enumerate(self._limits()):
            num_bytes = tuple(least if p == path else 0 for p in range(len(self.curve.paths)))
            for plan in self.plans(num_bytes, _GRID[max(self.classes) + 1][1], states):
                if self._losses(plan, states) is not None:
                    return plan
        return None


def _tail(losses: np.ndarray) -> np.ndarray:
    """The worst 5 % of the states, which come first."""
    return losses[:, : max(1, round(_TAIL * losses.shape[1]))]


def _sizes(least: int, most: int, count: int) -> list[int]:
    """Bytes to try of a path: nothing, and evenly on a logarithmic scale what was measured."""
    spaced = np.geomspace(least, most, count)
    return [0, *sorted({round(float(value)) for value in spaced})]


def _classes(packets: Sequence[str], allocation: Allocation) -> list[int]:
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
