"""A whole street from one seed: course, plots, what stands and moves on it, light and camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcom.data.street import trees
from semcom.data.street.alignment import Alignment, draw_alignment
from semcom.data.street.buildings import draw_building, placed, register_walls
from semcom.data.street.furniture import draw_fence
from semcom.data.street.mesh import srgb
from semcom.data.street.plan import LENGTH, SIDES, Plan, Plot, draw_plan
from semcom.data.street.render import Camera
from semcom.data.street.roads import KERB, build_roads
from semcom.data.street.signs import fascia_picture, shop_picture, sign_picture
from semcom.data.street.sky import Weather, draw_weather, sky_picture
from semcom.data.street.stage import Part, Stage, Surface
from semcom.data.street.textures import planks
from semcom.data.street.traffic import build_furniture, build_people, build_traffic

__all__ = ["Scene", "build_scene"]


@dataclass(frozen=True)
class Scene:
    """Everything a renderer needs; ``sky`` [h, 2h, 3] is the environment picture."""

    seed: int
    stage: Stage
    plan: Plan
    course: Alignment
    weather: Weather
    sky: np.ndarray
    camera: Camera


def build_scene(seed: int) -> Scene:
    """The street of ``seed``. The same seed always gives the same street."""
    plan_rng, light_rng, wall_rng, thing_rng, people_rng, camera_rng = (
        np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(6)
    )
    stage = Stage()
    grove = trees.Grove.grow(thing_rng)
    course = draw_alignment(plan_rng, LENGTH)
    plan = draw_plan(plan_rng)
    weather = draw_weather(light_rng)
    _register(stage, wall_rng, weather)
    build_roads(stage, plan, course, weather, wall_rng)
    for plot in plan.plots:
        _build_plot(stage, plan, course, plot, wall_rng, grove, weather.dark)
    _close_the_view(stage, plan, course, wall_rng, grove, weather.dark)
    build_furniture(stage, plan, course, thing_rng, grove, lit=weather.dark)
    build_traffic(stage, plan, course, thing_rng, lights=weather.dark or weather.wet)
    build_people(stage, plan, course, people_rng)
    sky = sky_picture(light_rng, weather)
    return Scene(seed, stage, plan, course, weather, sky, draw_camera(camera_rng, plan, course))


def _register(stage: Stage, rng: np.random.Generator, weather: Weather) -> None:
    """Textures and lamps of this scene."""
    register_walls(stage, rng)
    stage.surfaces["shop window"] = Surface("glass", shop_picture(rng), tile=(4.0, 2.0))
    stage.surfaces["fascia"] = Surface("gloss", fascia_picture(rng))
    stage.surfaces["signs"] = Surface("matt", sign_picture(rng))
    wood = srgb(112, 90, 66) if rng.random() < 0.6 else srgb(64, 72, 60)
    stage.texture("boards", planks(rng, wood * rng.uniform(0.7, 1.2)), 2.0)
    glow = 0.45 if weather.dark else 1.0
    lamps = {
        "red lamp": (9, 0.5, 0.3),
        "amber lamp": (9, 4, 0.3),
        "green lamp": (0.5, 7, 4),
        "brake lamp": (2.0, 0.1, 0.07) if weather.dark else (1.3, 0.06, 0.05),
        "headlamp": (6, 6, 5.4),
        "warm lamp": (14, 9, 5),
        "lit window": (2.2, 1.5, 0.8),
    }
    for name, (red, green, blue) in lamps.items():
        stage.surfaces[name] = Surface("gloss", radiance=(red * glow, green * glow, blue * glow))


def _put(stage: Stage, course: Alignment, parts: list[Part], s: float, t: float, turn: float = 0.0,
         z: float = 0.0) -> None:  # fmt: skip
    for surface, label, mesh in parts:
        stage.add(surface, label, course.stand(mesh.moved(z=z), s, t, turn))


def _build_plot(
    stage: Stage,
    plan: Plan,
    course: Alignment,
    plot: Plot,
    rng: np.random.Generator,
    grove: trees.Grove,
    dark: bool,
) -> None:
    length, middle = plot.end - plot.start, (plot.start + plot.end) / 2
    front = abs(plan.frontage(plot.side))
    if plot.use in ("terrace", "office", "house"):
        shops = {"centre": 0.85, "mixed": 0.5, "suburb": 0.1, "edge": 0.3}[plan.character]
        parts = draw_building(plot.use, length, rng, shops=shops, dark=dark)
        foot = [(s, c, m.moved(z=KERB - 0.02)) for s, c, m in parts]
        for surface, label, mesh in placed(
            foot, plot.side, plot.start, plot.end, front + plot.setback
        ):
            stage.add(surface, label, course.plant(mesh, middle))
    if plot.use == "house":
        _border(stage, course, plot, front, rng, gate=True)
        for _ in range(rng.integers(1, 4)):
            s = rng.uniform(plot.start + 1, plot.end - 1)
            _put(
                stage,
                course,
                trees.draw_bush(rng),
                s,
                plot.side * (front + plot.setback - 0.9),
                0,
                KERB,
            )
    elif plot.use in ("park", "lot"):
        _border(stage, course, plot, front, rng, gate=False)
        step = 7.0 if plot.use == "park" else 14.0
        for s in np.arange(plot.start + 2.5, plot.end - 2, step):
            for row in (3.5, 12.0):
                where = s + rng.uniform(-2, 2)
                tree = grove.plant(rng, distance=abs(where))
                _put(stage, course, tree, where, plot.side * (front + row + rng.uniform(-1, 1)),
                     0, KERB)  # fmt: skip
        parts = draw_building("office", max(length, 12.0), rng, shops=0, dark=dark)
        for surface, label, mesh in placed(parts, plot.side, plot.start, plot.end, front + 32):
            stage.add(surface, label, course.plant(mesh, middle))


def _border(
    stage: Stage,
    course: Alignment,
    plot: Plot,
    front: float,
    rng: np.random.Generator,
    *,
    gate: bool,
) -> None:
    """A fence or a hedge between the pavement and the plot."""
    length = plot.end - plot.start
    runs = [(plot.start + 0.1, plot.end - 0.1)]
    if gate:
        at = plot.start + length * rng.uniform(0.2, 0.7)
        runs = [(plot.start + 0.1, at), (at + rng.choice([1.2, 3.2]), plot.end - 0.1)]
    hedge = rng.random() < 0.35
    height = rng.uniform(0.8, 1.7)
    for start, end in runs:
        if end - start < 0.8:
            continue
        if hedge:
            parts = trees.draw_hedge(rng, end - start, height, 0.7)
        else:
            parts = draw_fence(rng, end - start)
        for surface, label, mesh in parts:
            moved = mesh.moved(
                start, plot.side * (front + 0.2) - (0.7 if plot.side < 0 and hedge else 0), KERB
            )
            stage.add(surface, label, course.lay(moved))


def _close_the_view(
    stage: Stage,
    plan: Plan,
    course: Alignment,
    rng: np.random.Generator,
    grove: trees.Grove,
    dark: bool,
) -> None:
    """Buildings and trees beyond the modelled part, so that no street ends in nothing."""
    for s, t, turn in (
        (LENGTH + 60, -28, 0.5), (LENGTH + 75, 0, np.pi / 2), (LENGTH + 60, 34, 0.3),
        (LENGTH + 40, 55, 0.2), (LENGTH + 40, -50, -0.2),
    ):  # fmt: skip
        parts = draw_building(
            "office" if rng.random() < 0.4 else "terrace", 28.0, rng, shops=0, dark=dark
        )
        for surface, label, mesh in parts:
            stage.add(
                surface,
                label,
                course.stand(mesh.moved(-14, 0), s, t, turn - np.pi / 2 if t == 0 else turn),
            )
    for side in SIDES:
        for s in np.arange(LENGTH + 3, LENGTH + 50, 9.0):
            beside = side * (plan.half_width + plan.pavement[side] + rng.uniform(1, 8))
            _put(stage, course, grove.plant(rng, distance=s), s, beside, 0, KERB)
        for street in plan.side_streets:
            if side in street.sides:
                middle = (street.start + street.end) / 2
                for ds in (-7.5, 7.5):
                    for out in np.arange(plan.half_width + 20, plan.half_width + 60, 11.0):
                        where = side * (out + rng.uniform(-2, 2))
                        _put(
                            stage,
                            course,
                            grove.plant(rng, distance=100),
                            middle + ds,
                            where,
                            0,
                            KERB,
                        )
                parts = draw_building("terrace", 26.0, rng, shops=0, dark=dark)
                for surface, label, mesh in placed(
                    parts, side, middle - 13, middle + 13, plan.half_width + 75
                ):
                    stage.add(surface, label, course.plant(mesh, middle))


def draw_camera(rng: np.random.Generator, plan: Plan, course: Alignment) -> Camera:
    """On the left lane at s = 0, as if on a car's windscreen."""
    t = plan.lane(1) + rng.normal(0, 0.2)
    height = float(rng.uniform(1.25, 1.75))
    yaw, pitch = np.radians(rng.normal(0, 3.5)), np.radians(rng.normal(-0.6, 1.4))
    (here, ahead), _ = course.bend(np.array([[0.0, t, height], [12.0, t, height]]))
    forward = ahead - here
    forward /= np.linalg.norm(forward)
    c, s = np.cos(yaw), np.sin(yaw)
    forward = np.array([c * forward[0] - s * forward[1], s * forward[0] + c * forward[1],
                        forward[2] + np.tan(pitch)])  # fmt: skip
    target = here + 10 * forward
    return Camera(
        (float(here[0]), float(here[1]), float(here[2])),
        (float(target[0]), float(target[1]), float(target[2])),
        float(rng.uniform(52, 70)),
    )
