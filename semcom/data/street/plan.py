"""What goes where: widths of road and pavements, side streets, the plots along both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["LENGTH", "Plan", "Plot", "SideStreet", "draw_plan"]

#: metres of street ahead of and behind the camera
LENGTH, BEHIND = 170.0, 25.0
SIDES = (1, -1)


@dataclass(frozen=True)
class SideStreet:
    """A street that leaves between ``start`` and ``end`` on the sides in ``sides`` (1 left, -1)."""

    start: float
    end: float
    sides: tuple[int, ...]


@dataclass(frozen=True)
class Plot:
    """Ground on one side, ``start`` to ``end``; ``use`` is house, terrace, office, park or lot."""

    side: int
    start: float
    end: float
    use: str
    setback: float


@dataclass(frozen=True)
class Plan:
    """``half_width`` of the carriageway and ``pavement`` width by side, metres."""

    character: str
    half_width: float
    pavement: dict[int, float]
    side_streets: tuple[SideStreet, ...]
    plots: tuple[Plot, ...]
    parking: dict[int, bool]
    bus_lane: bool

    def kerb(self, side: int) -> float:
        return side * self.half_width

    def frontage(self, side: int) -> float:
        """Where the plots begin."""
        return side * (self.half_width + self.pavement[side])

    def lane(self, side: int) -> float:
        """Middle of the lane that moving traffic keeps to, beside a row of parked cars if any."""
        parked = 2.1 if self.parking[side] else 0.0
        return side * (self.half_width - parked) / 2

    def is_open(self, side: int, s: float, margin: float = 0.0) -> bool:
        """Whether a side street leaves at ``s``."""
        return any(
            side in street.sides and street.start - margin < s < street.end + margin
            for street in self.side_streets
        )


#: share of plot uses by the character of the street
USES = {
    "centre": {"terrace": 0.62, "office": 0.3, "lot": 0.04, "park": 0.04},
    "mixed": {"terrace": 0.4, "office": 0.2, "house": 0.2, "park": 0.14, "lot": 0.06},
    "suburb": {"house": 0.62, "terrace": 0.13, "park": 0.2, "office": 0.05},
    "edge": {"park": 0.5, "office": 0.22, "house": 0.16, "lot": 0.12},
}


def draw_plan(rng: np.random.Generator) -> Plan:
    """A random street."""
    character = str(rng.choice(list(USES), p=[0.36, 0.34, 0.18, 0.12]))
    half_width = float(rng.uniform(3.6, 5.6) + (rng.random() < 0.25) * rng.uniform(1, 2.5))
    pavement = {side: float(rng.uniform(2.0, 4.2)) for side in SIDES}
    streets: list[SideStreet] = []
    s = float(rng.uniform(10, 60))
    while s < LENGTH - 40:
        width = float(rng.uniform(6.5, 9))
        sides = [(1, -1), (1,), (-1,)][rng.choice(3, p=[0.5, 0.25, 0.25])]
        streets.append(SideStreet(s, s + width, sides))
        s += width + float(rng.uniform(45, 90))
    plots = []
    for side in SIDES:
        gaps = [(x.start, x.end) for x in streets if side in x.sides]
        plots += _row(rng, side, gaps, USES[character])
    busy = {"centre": 0.55, "mixed": 0.5, "suburb": 0.6, "edge": 0.15}[character]
    parking = {side: bool(rng.random() < busy and half_width > 4.9) for side in SIDES}
    return Plan(character, half_width, pavement, tuple(streets), tuple(plots), parking,
                bool(rng.random() < 0.1))  # fmt: skip


def _row(
    rng: np.random.Generator, side: int, gaps: list[tuple[float, float]], uses: dict[str, float]
) -> list[Plot]:
    """Plots of one side, leaving out the side streets and their pavements."""
    plots = []
    edges = [-BEHIND, *[edge for gap in gaps for edge in (gap[0] - 2.6, gap[1] + 2.6)], LENGTH]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        s = start
        while s < end - 3:
            use = str(rng.choice(list(uses), p=np.array(list(uses.values())) / sum(uses.values())))
            length = {"terrace": rng.uniform(6, 14), "house": rng.uniform(11, 17)}.get(
                use, rng.uniform(16, 34)
            )
            stop = min(s + length, end)
            if end - stop < 5:
                stop = end
            if stop - s < 9 and use != "terrace":
                use = "terrace"
            setback = {"house": rng.uniform(3.5, 7), "office": rng.choice([0.0, 2.0, 4.0]),
                       "terrace": 0.0}.get(use, 0.0)  # fmt: skip
            plots.append(Plot(side, s, stop, use, float(setback)))
            s = stop
    return plots
