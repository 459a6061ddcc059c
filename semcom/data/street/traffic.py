"""Who is out on the street: parked and moving vehicles, people, and the furniture around them."""

from __future__ import annotations

import numpy as np

from semcom.data.street import trees
from semcom.data.street.alignment import Alignment
from semcom.data.street.furniture import (
    DARK,
    GREY,
    draw_billboard,
    draw_bollard,
    draw_lamp,
    draw_railing,
    draw_sign,
    draw_traffic_light,
)
from semcom.data.street.people import draw_cyclist, draw_pedestrian
from semcom.data.street.plan import LENGTH, SIDES, Plan
from semcom.data.street.roads import KERB
from semcom.data.street.stage import Part, Stage
from semcom.data.street.vehicles import draw_vehicle

__all__ = ["build_furniture", "build_people", "build_traffic"]

#: nothing on the road nearer ahead of the camera than this, in metres
CLEAR_AHEAD = 7.0


def _put(stage: Stage, course: Alignment, parts: list[Part], s: float, t: float, turn: float = 0.0,
         z: float = 0.0) -> None:  # fmt: skip
    for surface, label, mesh in parts:
        stage.add(surface, label, course.stand(mesh.moved(z=z), s, t, turn))


def build_furniture(
    stage: Stage,
    plan: Plan,
    course: Alignment,
    rng: np.random.Generator,
    grove: trees.Grove,
    *,
    lit: bool,
) -> None:
    """Lamps, lights, signs, railings, bollards and street trees along the kerbs."""
    spacing, height = float(rng.uniform(20, 32)), float(rng.uniform(6, 9.5))
    planted = rng.random() < 0.55
    tree_step = float(rng.uniform(8, 16))
    railing_colour = (GREY, DARK)[rng.integers(2)]
    for side in SIDES:
        inset = plan.half_width + 0.45
        phase = float(rng.uniform(0, spacing))
        for s in np.arange(-10 + phase, LENGTH, spacing):
            if not plan.is_open(side, s, 3.0):
                _put(stage, course, draw_lamp(rng, height=height, lit=lit), s, side * inset,
                     np.pi if side > 0 else 0.0, KERB)  # fmt: skip
        if planted and plan.pavement[side] > 2.4 and rng.random() < 0.7:
            for s in np.arange(rng.uniform(4, 16), LENGTH, tree_step):
                if not plan.is_open(side, s, 5.0):
                    tree = grove.plant(rng, distance=abs(s), scale=0.8)
                    _put(stage, course, tree, s, side * (inset + 0.5), 0, KERB)
        for s in rng.uniform(8, 75, rng.integers(2, 5)):
            if not plan.is_open(side, s, 1.5):
                turn = rng.normal(0, 0.15) + (np.pi if side < 0 and rng.random() < 0.3 else 0)
                _put(stage, course, draw_sign(rng), float(s), side * (inset + 0.1), turn, KERB)
        if rng.random() < 0.16:
            where = side * (plan.half_width + plan.pavement[side] - 0.9)
            s = float(rng.uniform(12, 50))
            if not plan.is_open(side, s, 1.5):
                _put(stage, course, draw_billboard(rng), s, where, rng.normal(0, 0.2), KERB)
        if rng.random() < 0.45:
            s = float(rng.uniform(6, 50))
            length = float(rng.uniform(8, 22))
            if not any(plan.is_open(side, a, 2.5) for a in np.linspace(s, s + length, 12)):
                for surface, label, mesh in draw_railing(length, railing_colour):
                    stage.add(surface, label, course.lay(mesh.moved(s, side * (inset - 0.2), KERB)))
        elif rng.random() < 0.35:
            kind_seed = int(rng.integers(1 << 30))
            for s in np.arange(rng.uniform(6, 20), rng.uniform(24, 50), 1.8):
                if not plan.is_open(side, s, 1.0):
                    same = np.random.default_rng(kind_seed)
                    _put(stage, course, draw_bollard(same), float(s), side * (inset - 0.1), 0, KERB)
    for street in plan.side_streets:
        if rng.random() < 0.55:
            signal = str(rng.choice(["red", "amber", "green"], p=[0.35, 0.15, 0.5]))
            for side in SIDES:
                where = street.start - (3.2 if side in street.sides else 2.0)
                _put(stage, course, draw_traffic_light(rng, signal), where, side * inset, 0, KERB)
                _put(stage, course, draw_traffic_light(rng, signal), street.end + 3.0,
                     side * inset, rng.choice([0, np.pi]), KERB)  # fmt: skip
        else:
            for side in street.sides:
                _put(stage, course, draw_sign(rng), street.start - 3.0, side * inset, 0, KERB)


def build_traffic(
    stage: Stage, plan: Plan, course: Alignment, rng: np.random.Generator, *, lights: bool
) -> None:
    """Parked rows, cars ahead on the own lane, and oncoming ones."""
    w = plan.half_width

    def place(parts: list[Part], s: float, t: float, turn: float) -> None:
        for surface, label, mesh in parts:
            stage.add(surface, label, course.drive(mesh, s, t, turn))

    for side in SIDES:
        if not plan.parking[side]:
            continue
        s, density = float(rng.uniform(5, 9)), float(rng.uniform(0.45, 0.95))
        while s < LENGTH - 10:
            parts, length = draw_vehicle(rng, None if rng.random() < 0.95 else "van")
            middle = s + length / 2
            if length < 7 and not plan.is_open(side, middle, 7.0) and rng.random() < density:
                turn = 0.0 if side > 0 or rng.random() < 0.3 else np.pi
                place(parts, middle, side * (w - 1.05), turn + rng.normal(0, 0.012))
            s += min(length, 6.0) + float(rng.uniform(0.8, 2.5))
    for lane, heading, busy in ((1, 0.0, 0.85), (-1, np.pi, 0.9)):
        if rng.random() > busy:
            continue
        t = plan.lane(lane)
        s = float(rng.uniform(CLEAR_AHEAD + 2, 32) if lane > 0 else rng.uniform(7, 28))
        gap = float(rng.uniform(4, 26))
        while s < LENGTH + 20:
            braking = lane > 0 and rng.random() < 0.4
            parts, length = draw_vehicle(rng, lights=lights, braking=braking)
            place(parts, s + length / 2, t + rng.normal(0, 0.12), heading + rng.normal(0, 0.01))
            s += length + gap * float(rng.uniform(0.5, 2.2)) + 3
    for street in plan.side_streets:
        for side in street.sides:
            if rng.random() < 0.5:
                parts, length = draw_vehicle(rng, lights=lights)
                if length < 7:
                    s = street.end - 2.0 if side > 0 else street.start + 2.0
                    place(parts, s, side * (w + 1.5 + length / 2), -side * np.pi / 2)


def build_people(stage: Stage, plan: Plan, course: Alignment, rng: np.random.Generator) -> None:
    """Pedestrians on the pavements and at crossings, cyclists at the edge of the road."""
    w = plan.half_width
    crowd = {"centre": 13, "mixed": 8, "suburb": 4, "edge": 3}[plan.character]
    for _ in range(int(rng.poisson(crowd))):
        side = int(rng.choice(SIDES))
        s = 5 + 75 * float(rng.random()) ** 1.5
        if plan.is_open(side, s, 0.5):
            continue
        t = side * (w + rng.uniform(1.0, max(plan.pavement[side] - 0.35, 1.1)))
        turn = float(rng.choice([0, np.pi])) + rng.normal(0, 0.15)
        _put(stage, course, draw_pedestrian(rng), s, t, turn, KERB)
        if rng.random() < 0.3:
            _put(stage, course, draw_pedestrian(rng), s + rng.normal(0, 0.1), t + 0.55, turn, KERB)
    if rng.random() < 0.18:
        s, turn = float(rng.uniform(10, 30)), float(rng.choice([-1, 1])) * np.pi / 2
        _put(stage, course, draw_pedestrian(rng), s, float(rng.uniform(-w + 0.5, w - 0.5)), turn)
    for _ in range(int(rng.poisson(0.9))):
        side = int(rng.choice(SIDES))
        parked = plan.parking[side]
        t = side * (w - (2.35 if parked else 0.75))
        s = float(rng.uniform(7, 38))
        _put(stage, course, draw_cyclist(rng), s, t, 0.0 if side > 0 else np.pi)
