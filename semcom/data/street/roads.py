"""Carriageway, kerbs, pavements, side streets and road markings."""

from __future__ import annotations

import functools

import numpy as np

from semcom.data.street.alignment import Alignment
from semcom.data.street.mesh import Mesh, quads
from semcom.data.street.plan import BEHIND, LENGTH, SIDES, Plan
from semcom.data.street.sky import Weather
from semcom.data.street.stage import Stage, Surface
from semcom.data.street.textures import asphalt, grass, paving, worn_paint

__all__ = ["KERB", "build_roads", "strip"]

#: height of the pavement above the road, and of paint above the asphalt, in metres
KERB, PAINT = 0.12, 0.006
#: how far side streets and open ground reach
REACH = 90.0
CORNER = 2.0


def strip(s: np.ndarray, inner: np.ndarray | float, outer: np.ndarray | float, z: float) -> Mesh:
    """Flat band between t = ``inner`` and ``outer`` along the stations ``s``; uv = (t, s)."""
    low, high = np.broadcast_to(inner, s.shape), np.broadcast_to(outer, s.shape)
    points = np.stack(
        [
            np.stack([s, low, np.full_like(s, z)], axis=1),
            np.stack([s, high, np.full_like(s, z)], axis=1),
        ],
        axis=1,
    )
    corners = np.stack([points[:-1, 0], points[1:, 0], points[1:, 1], points[:-1, 1]], axis=1)
    return quads(corners, uv=corners[..., [1, 0]])


def wall(s: np.ndarray, t: np.ndarray | float, low: float, high: float) -> Mesh:
    """Upright band along (s, t); uv = (s, z)."""
    line = np.stack([s, np.broadcast_to(t, s.shape)], axis=1)
    bottom = np.column_stack([line, np.full(len(s), low)])
    top = np.column_stack([line, np.full(len(s), high)])
    corners = np.stack([bottom[:-1], bottom[1:], top[1:], top[:-1]], axis=1)
    return quads(corners, uv=corners[..., [0, 2]])


def build_roads(
    stage: Stage, plan: Plan, course: Alignment, weather: Weather, rng: np.random.Generator
) -> None:
    """Everything one drives or walks on."""
    _surfaces(stage, plan, weather, rng)
    stations = np.arange(-BEHIND - 20, LENGTH + 150, 2.0)
    w = plan.half_width
    stage.add("asphalt", "road", course.lay(strip(stations, -w - 0.5, w + 0.5, 0.0)))
    for side in SIDES:
        _pavement(stage, plan, course, side)
    for street in plan.side_streets:
        s = np.linspace(street.start - 2.5, street.end + 2.5, 6)
        for side in street.sides:
            t0, t1 = side * (w + 0.3), side * (w + REACH)
            stage.add("asphalt", "road", course.lay(strip(s, t0, t1, 0.0)))
    _markings(stage, plan, course, rng)


def _surfaces(stage: Stage, plan: Plan, weather: Weather, rng: np.random.Generator) -> None:
    """The ground textures of a scene, out of a few that are drawn once."""
    colour, rough = _asphalt(int(rng.integers(6)), weather.wet)
    width = 2 * plan.half_width
    stage.surfaces["asphalt"] = Surface("ground", colour, rough, (width, 4 * width))
    kinds = ("slabs", "slabs", "bricks", "tarmac") if rng.random() < 0.9 else ("tarmac",)
    kind = kinds[rng.integers(len(kinds))]
    tile = 6.0 if kind == "tarmac" else 4.8
    stage.texture("slabs", _ground(kind, int(rng.integers(3)), weather.wet), tile)
    stage.texture("lawn", _ground("lawn", int(rng.integers(3)), weather.wet), 5.0)
    stage.texture("white paint", _ground("white", int(rng.integers(3)), weather.wet), 4.0)
    stage.texture("yellow paint", _ground("yellow", int(rng.integers(3)), weather.wet), 4.0)


@functools.cache
def _asphalt(index: int, wet: bool) -> tuple[np.ndarray, np.ndarray]:
    """Colour [H, W, 3] and roughness [H, W], the middle of the road at u = 0."""
    rng = np.random.default_rng([0xA5, index])
    colour, rough = asphalt(rng, (0.085, 0.1, 0.115, 0.13, 0.15, 0.17)[index], wet=wet)
    half = colour.shape[1] // 2
    return np.roll(colour, half, axis=1), np.roll(rough, half, axis=1)


@functools.cache
def _ground(kind: str, index: int, wet: bool) -> np.ndarray:
    rng = np.random.default_rng([len(kind), ord(kind[0]), index])
    dim = 0.6 if wet else 1.0
    tone = dim * (0.7, 0.95, 1.2)[index]
    if kind == "slabs":
        return paving(rng, np.array([0.27, 0.255, 0.235]) * tone)
    if kind == "bricks":
        return paving(rng, np.array([0.30, 0.20, 0.15]) * tone)
    if kind == "tarmac":
        return asphalt(rng, 0.14 * tone, wet=False, shape=(2048, 512))[0][:512]
    if kind == "lawn":
        return grass(rng, np.array([0.085, 0.14, 0.035]) * (0.7, 0.95, 1.2)[index])
    paint = [0.66, 0.66, 0.62] if kind == "white" else [0.62, 0.42, 0.06]
    return worn_paint(rng, np.array(paint) * (0.8 + 0.2 * dim))


def _kerb_line(plan: Plan, side: int, s: np.ndarray) -> np.ndarray:
    """|t| of the kerb at ``s``, rounded off where a side street begins and ends."""
    kerb = np.full_like(s, plan.half_width)
    for street in plan.side_streets:
        if side in street.sides:
            for gap in (street.start - s, s - street.end):
                inside = (gap >= 0) & (gap < CORNER)
                rounding = CORNER - np.sqrt(
                    np.maximum(CORNER**2 - (CORNER - np.clip(gap, 0, CORNER)) ** 2, 0)
                )
                kerb = np.where(inside, plan.half_width + rounding, kerb)
    return kerb


def _pavement(stage: Stage, plan: Plan, course: Alignment, side: int) -> None:
    """Slabs and kerbstones of one side, broken by side streets, and the side streets' own."""
    gaps = [(x.start, x.end) for x in plan.side_streets if side in x.sides]
    edges = [-BEHIND - 20, *[e for gap in gaps for e in gap], LENGTH + 148]
    outer = abs(plan.frontage(side))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        near = np.concatenate([np.linspace(0, CORNER, 9), np.arange(CORNER + 1, 1e3, 2.0)])
        middle = (start + end) / 2
        s = np.concatenate(
            [start + near[start + near < middle], (end - near[end - near > middle])[::-1]]
        )
        kerb = _kerb_line(plan, side, s)
        open_ground = strip(s, side * (outer - 0.02), side * (outer + REACH), KERB - 0.03)
        green = plan.character in ("suburb", "edge")
        surface, label = ("lawn", "tree") if green else ("slabs", "pavement")
        stage.add(surface, label, course.lay(open_ground))
        slabs = strip(s, side * (kerb + 0.13), side * outer, KERB)
        stage.add("slabs", "pavement", course.lay(slabs))
        stone = strip(s, side * kerb, side * (kerb + 0.14), KERB + 0.004)
        face = wall(s, side * kerb, -0.02, KERB + 0.004)
        grey = np.array([0.36, 0.35, 0.33])
        stage.add(
            "matt",
            "pavement",
            course.lay(stone.coloured(grey)),
            course.lay(face.coloured(grey * 0.8)),
        )
    for start, end in gaps:
        for edge, out in ((start, -1), (end, 1)):
            t = np.arange(plan.half_width + CORNER, plan.half_width + REACH, 4.0)
            lane = np.stack([np.full_like(t, edge), side * t], axis=1)
            level = np.full(len(t), KERB)
            for a, b, surface in ((0, 0.14, "matt"), (0.13, 2.6, "slabs")):
                near, far = (
                    np.column_stack([lane + np.array([out * d, 0]), level]) for d in (a, b)
                )
                corners = np.stack([near[:-1], near[1:], far[1:], far[:-1]], axis=1)
                band = quads(corners, (0.36, 0.35, 0.33), corners[..., [1, 0]])
                stage.add(surface, "pavement", course.lay(band))
            upright = np.stack(
                [
                    np.column_stack([lane[:-1], np.zeros(len(t) - 1)]),
                    np.column_stack([lane[1:], np.zeros(len(t) - 1)]),
                    np.column_stack([lane[1:], np.full(len(t) - 1, KERB)]),
                    np.column_stack([lane[:-1], np.full(len(t) - 1, KERB)]),
                ],
                axis=1,
            )
            stage.add("matt", "pavement", course.lay(quads(upright, (0.3, 0.29, 0.27))))


def _patch(s0: float, s1: float, t0: float, t1: float) -> Mesh:
    """A painted rectangle in street coordinates."""
    count = max(2, int(abs(s1 - s0) / 2) + 2)
    return strip(np.linspace(s0, s1, count), t0, t1, PAINT)


def _arrow(s: float, t: float, turn: int) -> list[Mesh]:
    """A lane arrow whose tail is at ``s``, straight (0) or bent to the left (1) or right (-1)."""
    stem = _patch(s, s + 2.4, t - 0.08, t + 0.08)
    if turn == 0:
        head = [[s + 2.2, t - 0.45], [s + 4.0, t], [s + 4.0, t], [s + 2.2, t + 0.45]]
    else:
        stem = _patch(s, s + 1.8, t - 0.08, t + 0.08)
        head = [[s + 1.2, t + turn * 0.3], [s + 2.0, t + turn * 1.0],
                [s + 2.0, t + turn * 1.0], [s + 3.0, t + turn * 0.3]]  # fmt: skip
    corners = np.column_stack([np.array(head), np.full(4, PAINT)])[None]
    link = (
        []
        if turn == 0
        else [_patch(s + 1.7, s + 2.3, min(t, t + turn * 0.35), max(t, t + turn * 0.35))]
    )
    return [stem, quads(corners, uv=corners[..., [1, 0]]), *link]


def _markings(stage: Stage, plan: Plan, course: Alignment, rng: np.random.Generator) -> None:
    """Centre line, edge lines, give-way lines, crossings and arrows."""
    w = plan.half_width
    white: list[Mesh] = []
    yellow: list[Mesh] = []
    dash, gap = (4.0, 2.0) if rng.random() < 0.5 else (2.0, 4.0)
    width = float(rng.uniform(0.05, 0.08))
    open_spans = [(x.start - 1, x.end + 1) for x in plan.side_streets]
    centre = rng.choice(["dashed", "double", "none"], p=[0.75, 0.15, 0.1])
    for s in np.arange(-BEHIND, LENGTH + 100, dash + gap):
        if any(a < s + dash / 2 < b for a, b in open_spans):
            continue
        if centre == "dashed":
            white.append(_patch(s, s + dash, -width, width))
        elif centre == "double":
            for t in (-0.17, 0.17):
                white.append(_patch(s, s + dash + gap, t - 0.05, t + 0.05))
    edge_line = rng.choice(
        ["none", "double yellow", "single yellow", "white"], p=[0.3, 0.3, 0.2, 0.2]
    )
    for side in SIDES:
        if edge_line == "none" or plan.parking[side]:
            continue
        gaps = [(x.start - CORNER, x.end + CORNER) for x in plan.side_streets if side in x.sides]
        edges = [-BEHIND, *[e for g in gaps for e in g], LENGTH + 100]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            for offset in (0.25, 0.48) if edge_line == "double yellow" else (0.3,):
                line = _patch(start, end, side * (w - offset - 0.05), side * (w - offset + 0.05))
                (white if edge_line == "white" else yellow).append(line)
        if plan.bus_lane and side == 1 and w > 5.5:
            white.append(_patch(-BEHIND, LENGTH, side * (w - 3.1), side * (w - 2.9)))
    for street in plan.side_streets:
        for side in street.sides:
            for row in (0.1, 0.45):
                for s in np.arange(street.start + 0.2, street.end - 0.6, 1.0):
                    t = side * (w + row)
                    white.append(_patch(s, s + 0.6, t - 0.1, t + 0.1))
            dashes = np.arange(w + 2.5, w + 60, 6.0)
            middle = (street.start + street.end) / 2
            white += [
                _patch(middle - 0.06, middle + 0.06, side * a, side * (a + 3)) for a in dashes
            ]
        if rng.random() < 0.6:
            white += _crossing(plan, street.start - rng.uniform(3, 6), rng)
    if rng.random() < 0.35:
        white += _crossing(plan, float(rng.uniform(9, 40)), rng)
    if rng.random() < 0.5:
        for s in rng.uniform(8, 90, 3):
            if not any(a - 4 < s < b for a, b in open_spans):
                white += _arrow(float(s), w / 2, int(rng.choice([0, 0, 1, -1])))
    if rng.random() < 0.3:
        s = float(rng.uniform(12, 40))
        white += [_patch(s + i * 0.9, s + i * 0.9 + 0.25, 0.4, w - 0.4) for i in range(4)]
    for name, meshes in (("white paint", white), ("yellow paint", yellow)):
        if meshes:
            stage.add(name, "road", *(course.lay(mesh) for mesh in meshes))


def _crossing(plan: Plan, s: float, rng: np.random.Generator) -> list[Mesh]:
    """Zebra stripes, or two rows of studs with a stop line, across the road at ``s``."""
    w = plan.half_width
    if rng.random() < 0.5:
        return [_patch(s, s + 2.6, t, t + 0.55) for t in np.arange(-w + 0.5, w - 0.9, 1.1)]
    studs = [
        _patch(a, a + 0.12, t, t + 0.12)
        for a in (s, s + 2.6)
        for t in np.arange(-w + 0.3, w - 0.3, 0.45)
    ]
    return [*studs, _patch(s - 2.0, s - 1.7, 0.2, w - 0.2)]
