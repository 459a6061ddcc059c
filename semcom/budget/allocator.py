"""Choose the frame with the best expected score: how many bytes of each path, and how protected.

What is chosen: the bytes of every path (SQ-GAN's m_s and m_x follow picture by picture), and for
every protection class a modulation and its share of the channel uses; the code rate follows, since
a transport block fills its share exactly. A grid over all of it is searched, then the best few are
improved step by step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from channels.settings import BITS_PER_SYMBOL
from semcom.budget.choice import Choice, Plan
from semcom.budget.prospect import CRC_BYTES, Prospect, protection_classes
from semcom.budget.quality import Curve
from semcom.budget.settings import Allocation, BudgetLinkSettings
from semcom.budget.states import ChannelStates, channel_states
from semcom.codecs.sqgan.bitstream import HEADER_BYTES

__all__ = ["Allocator"]

#: sizes of a path and steps of a share on the grid, by number of classes
_GRID = {1: (14, 1), 2: (12, 20), 3: (7, 12), 4: (5, 10)}


@dataclass
class Allocator:
    """Search for one codec: its ``curve``, the ``packets`` it sends by path, and the link.

    Raises ValueError for packets of other paths than those of the curve, or too few for the
    classes.
    """

    curve: Curve
    packets: Sequence[str]
    settings: BudgetLinkSettings
    allocation: Allocation
    channel_uses: int

    def __post_init__(self) -> None:
        if tuple(dict.fromkeys(self.packets)) != self.curve.paths:
            raise ValueError(
                f"{self.curve.codec} sends {', '.join(dict.fromkeys(self.packets))}, but "
                f"quality was measured for {', '.join(self.curve.paths)}"
            )
        protection_classes(self.packets, self.allocation)

    def choose(self, esn0_db: float) -> Choice:
        """The best frame at ``esn0_db``; ValueError where no frame carries anything.

        The sentence of the error says the least budget that works.
        """
        prospect = self.prospect(
            channel_states(self.settings, self.allocation, esn0_db, self.channel_uses)
        )
        found = _search(prospect)
        if not found:
            raise ValueError(_too_small(prospect))
        others = {prospect.divide(plan).words(): value for value, plan in reversed(found)}
        others.pop(prospect.divide(found[0][1]).words())
        ranked = sorted(others.items(), key=lambda pair: pair[1], reverse=True)
        return prospect.choice(found[0][1], ranked)

    def prospect(self, states: ChannelStates) -> Prospect:
        """What plans promise over ``states``."""
        return Prospect(
            self.curve, self.packets, self.settings, self.allocation, self.channel_uses, states
        )


def _search(prospect: Prospect) -> list[tuple[float, Plan]]:
    """Values and plans of the best few choices of modulations, the best one first."""
    best: dict[tuple[str | None, ...], tuple[float, Plan]] = {}
    for plan in itertools.chain(_grid(prospect), _equal(prospect)):
        value = prospect.objective(plan)
        if value is not None and value > best.get(plan.modulations, (-np.inf,))[0]:
            best[plan.modulations] = value, plan
    ranked = sorted(best.values(), key=lambda pair: pair[0], reverse=True)
    refined = [_refine(prospect, *pair) for pair in ranked[:4]]
    return sorted(refined, key=lambda pair: pair[0], reverse=True)


def _equal(prospect: Prospect) -> Iterator[Plan]:
    """What equal protection would do, for several classes: they need do no worse."""
    count = max(prospect.classes) + 1
    if count == 1:
        return
    equal = prospect.allocation.model_copy(update={"protection": "equal"})
    for _, plan in _search(replace(prospect, allocation=equal))[:2]:
        sizes = prospect.packet_bytes(plan.num_bytes)
        weights = [0] * count
        for size, c in zip(sizes, prospect.classes, strict=True):
            weights[c] += size + CRC_BYTES if size else 0
        parts = tuple(weight / sum(weights) for weight in weights)
        yield Plan(plan.num_bytes, plan.modulations * count, parts)


def _grid(prospect: Prospect) -> Iterator[Plan]:
    count = max(prospect.classes) + 1
    sizes, steps = _GRID[count]
    per_path = [_sizes(*limits, sizes) for limits in _limits(prospect)]
    for num_bytes in itertools.product(*per_path):
        if any(num_bytes):
            yield from _plans(prospect, num_bytes, steps)


def _plans(prospect: Prospect, num_bytes: tuple[int, ...], steps: int) -> Iterator[Plan]:
    """Plans for these bytes, with shares in ``steps`` equal parts."""
    count = max(prospect.classes) + 1
    modulations = _modulations(prospect)
    if count == 1:
        for modulation in modulations:
            yield Plan(num_bytes, (modulation,), (1.0,))
        return
    for cut in itertools.combinations(range(1, steps), count - 1):
        parts = tuple((b - a) / steps for a, b in itertools.pairwise((0, *cut, steps)))
        yield _robust(prospect, Plan(num_bytes, (None,) * count, parts))


def _modulations(prospect: Prospect) -> tuple[str | None, ...]:
    return prospect.settings.budget.modulations if prospect.allocation.code == "link" else (None,)


def _robust(prospect: Prospect, plan: Plan) -> Plan:
    """``plan`` with the modulation for every class that loses its blocks least often."""
    uses = prospect.uses(plan)
    if prospect.allocation.code != "link" or uses is None:
        return plan
    sizes = prospect.packet_bytes(plan.num_bytes)
    chosen: list[str | None] = []
    for number in range(len(plan.shares)):
        first = prospect.classes.index(number)
        rates = []
        for modulation in prospect.settings.budget.modulations:
            loss = prospect.loss(sizes[first], uses[first], modulation)
            if loss is not None:
                rates.append((float(loss.mean()), BITS_PER_SYMBOL[modulation], modulation))
        chosen.append(min(rates)[2] if rates else prospect.settings.budget.modulations[-1])
    return replace(plan, modulations=tuple(chosen))


def _refine(prospect: Prospect, value: float, plan: Plan) -> tuple[float, Plan]:
    """Change sizes and shares in ever smaller steps as long as that helps."""
    for step in (0.25, 0.1, 0.04, 0.015):
        better = True
        while better:
            better = False
            for neighbour in list(_neighbours(prospect, plan, step)):
                found = prospect.objective(neighbour)
                if found is not None and found > value + 1e-7:
                    value, plan, better = found, neighbour, True
    return value, plan


def _neighbours(prospect: Prospect, plan: Plan, step: float) -> Iterator[Plan]:
    for path, (least, most) in enumerate(_limits(prospect)):
        for factor in (1 + step, 1 / (1 + step)):
            size = round(plan.num_bytes[path] * factor)
            if least <= size <= most:
                sizes = (*plan.num_bytes[:path], size, *plan.num_bytes[path + 1 :])
                yield replace(plan, num_bytes=sizes)
    for c, modulation in itertools.product(range(len(plan.modulations)), _modulations(prospect)):
        if len(plan.modulations) > 1 and modulation != plan.modulations[c]:
            changed = (*plan.modulations[:c], modulation, *plan.modulations[c + 1 :])
            yield replace(plan, modulations=changed)
    for a, b in itertools.permutations(range(len(plan.shares)), 2):
        moved = list(plan.shares)
        moved[a], moved[b] = moved[a] + step / 4, moved[b] - step / 4
        if moved[b] > 0:
            yield replace(plan, shares=tuple(moved))


def _limits(prospect: Prospect) -> list[tuple[int, int]]:
    """Fewest and most bytes of every path that were measured, and what packets add to them."""
    found = []
    for path, least, most in zip(
        prospect.curve.paths, prospect.curve.least, prospect.curve.most, strict=True
    ):
        count = list(prospect.packets).count(path)
        further = count + HEADER_BYTES * (count - 1)
        found.append((least + further, most + further))
    return found


def _too_small(prospect: Prospect) -> str:
    low, high = prospect.channel_uses, prospect.channel_uses
    plan = None
    while plan is None:
        high *= 2
        plan = _smallest(replace(prospect, channel_uses=high))
    while high - low > 1:
        middle = (low + high) // 2
        found = _smallest(replace(prospect, channel_uses=middle))
        low, high, plan = (low, middle, found) if found else (middle, high, plan)
    frame, codec = replace(prospect, channel_uses=high).divide(plan), prospect.curve.codec
    return (
        f"a budget of {prospect.channel_uses} channel uses carries nothing of {codec}: "
        f"the least that works is {high} channel uses ({frame.words()})"
    )


def _smallest(prospect: Prospect) -> Plan | None:
    """A plan that sends the least that was measured of one path; None where none can be."""
    for path, (least, _) in enumerate(_limits(prospect)):
        num_bytes = tuple(least if p == path else 0 for p in range(len(prospect.curve.paths)))
        for plan in _plans(prospect, num_bytes, _GRID[max(prospect.classes) + 1][1]):
            if prospect.losses(plan) is not None:
                return plan
    return None


def _sizes(least: int, most: int, count: int) -> list[int]:
    """Bytes to try of a path: nothing, and evenly on a logarithmic scale what was measured."""
    spaced = np.geomspace(least, most, count)
    return [0, *sorted({round(float(value)) for value in spaced})]
