"""Buildings of the kinds that line a street: terraces with shops, offices, detached houses."""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np

from semcom.data.street import textures
from semcom.data.street.facades import (
    Style,
    balconies,
    curtain_wall,
    door,
    shop_front,
    wall_panel,
    windows,
)
from semcom.data.street.mesh import Mesh, box, join, quads, srgb
from semcom.data.street.stage import Part, Stage

__all__ = ["WALLS", "draw_building", "register_walls"]

FOUNDATION = 2.5

#: wall surfaces of a scene: (maker, tile in metres, candidate display colours)
WALLS = {
    "red brick": (textures.brick, 3.0, [(150, 84, 62), (128, 70, 55), (165, 98, 72)]),
    "yellow brick": (textures.brick, 3.0, [(178, 156, 116), (190, 172, 136), (150, 130, 100)]),
    "dark brick": (textures.brick, 3.0, [(98, 74, 62), (84, 70, 64)]),
    "white render": (textures.plaster, 6.0, [(226, 222, 212), (236, 234, 228), (214, 208, 192)]),
    "tinted render": (
        textures.plaster,
        6.0,
        [(214, 190, 146), (200, 164, 140), (168, 184, 176), (206, 196, 170), (190, 140, 112)],
    ),
    "concrete": (textures.concrete, 6.0, [(168, 164, 156), (140, 138, 134), (188, 182, 170)]),
    "stone": (textures.ashlar, 4.8, [(196, 182, 152), (176, 166, 146), (158, 150, 138)]),
}
_TERRACE = {
    "red brick": 0.25,
    "yellow brick": 0.25,
    "dark brick": 0.1,
    "white render": 0.18,
    "tinted render": 0.14,
    "stone": 0.08,
}
_OFFICE = {
    "concrete": 0.32,
    "red brick": 0.2,
    "yellow brick": 0.18,
    "stone": 0.14,
    "white render": 0.16,
}
_DOORS = [
    (28, 60, 44),
    (120, 24, 28),
    (30, 44, 84),
    (40, 40, 44),
    (210, 206, 196),
    (60, 36, 26),
    (20, 90, 96),
    (150, 110, 30),
]


def register_walls(stage: Stage, rng: np.random.Generator) -> None:
    """Put this scene's wall and roof textures on ``stage``."""
    for name, (_, tile, colours) in WALLS.items():
        stage.texture(name, _wall_texture(name, int(rng.integers(len(colours)))), tile)
    for name in ("slate", "clay tiles"):
        stage.texture(name, _wall_texture(name, int(rng.integers(2))), 4.0)


@functools.cache
def _wall_texture(name: str, variant: int) -> np.ndarray:
    """The same for every scene, and drawn once."""
    rng = np.random.default_rng([len(name), ord(name[0]), variant])
    if name in ("slate", "clay tiles"):
        colour = srgb(84, 86, 94) if name == "slate" else srgb(140, 82, 60)
        return textures.roof_tiles(rng, colour * rng.uniform(0.7, 1.2))
    maker, _, colours = WALLS[name]
    return maker(rng, srgb(*colours[variant]) * rng.uniform(0.85, 1.1))


def _pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))


def draw_style(rng: np.random.Generator, walls: dict[str, float], dark: bool) -> Style:
    """Random measures and colours of a building."""
    tall = rng.random() < 0.7
    size = (
        (rng.uniform(0.85, 1.25), rng.uniform(1.45, 1.9))
        if tall
        else (rng.uniform(1.5, 2.4), rng.uniform(1.1, 1.5))
    )
    frame = np.array([0.72, 0.71, 0.68]) if rng.random() < 0.7 else srgb(52, 50, 50)
    trims = [(224, 220, 208), (196, 186, 164), (150, 146, 140), (236, 234, 230)]
    return Style(
        wall=_pick(rng, walls),
        trim=srgb(*trims[rng.integers(len(trims))]),
        frame=frame,
        door=srgb(*_DOORS[rng.integers(len(_DOORS))]),
        window=(float(size[0]), float(size[1])),
        bay=float(size[0] + rng.uniform(0.8, 1.7)),
        storey=float(rng.uniform(2.9, 3.5)),
        bars=(1, 2) if tall else (2, 1),
        sill=bool(rng.random() < 0.8),
        lintel=bool(rng.random() < 0.55),
        lit=0.3 if dark else 0.0,
    )


def draw_building(
    use: str, length: float, rng: np.random.Generator, *, shops: float, dark: bool
) -> list[Part]:
    """A building ``length`` metres long at x = 0.., y = 0.. with its foot at z = 0."""
    if use == "office":
        return _office(length, rng, dark)
    if use == "house":
        return _house(length, rng, dark)
    return _terrace(length, rng, shops, dark)


def _rows(style: Style, length: float, floors: list[float]) -> np.ndarray:
    """Lower left corners [k, 2] of the windows: one row on each of ``floors`` (heights)."""
    count = max(1, int((length - 0.8) / style.bay))
    margin = (length - (count - 1) * style.bay - style.window[0]) / 2
    x = margin + style.bay * np.arange(count)
    return np.array([(a, floor + 0.85) for floor in floors for a in x]).reshape(-1, 2)


def _openings(places: np.ndarray, width: float, height: float) -> np.ndarray:
    x, z = places.T
    return np.stack([x, x + width, z, z + height], axis=1)


def _shell(style: Style, length: float, depth: float, height: float) -> list[Part]:
    """Side and back walls, 2.5 m into the ground for sloping streets."""
    z0, z1 = -FOUNDATION, height
    corners = np.array(
        [
            [[0, depth, z0], [0, 0, z0], [0, 0, z1], [0, depth, z1]],
            [[length, 0, z0], [length, depth, z0], [length, depth, z1], [length, 0, z1]],
            [[length, depth, z0], [0, depth, z0], [0, depth, z1], [length, depth, z1]],
        ]
    )
    uv = np.stack([corners[..., 0] + corners[..., 1], corners[..., 2]], axis=-1)
    return [(style.wall, "building", quads(corners, uv=uv))]


def _flat_roof(style: Style, length: float, depth: float, height: float) -> list[Part]:
    """A roof behind a parapet, with a plant room on top."""
    rim = [
        box((-0.06, -0.08, height), (length + 0.06, 0.22, height + 0.12), style.trim),
        box((-0.06, depth - 0.2, height), (length + 0.06, depth + 0.06, height + 0.12), style.trim),
        box((-0.06, 0, height), (0.2, depth, height + 0.12), style.trim),
        box((length - 0.2, 0, height), (length + 0.06, depth, height + 0.12), style.trim),
        box((0, 0, height - 0.5), (length, depth, height - 0.45), (0.2, 0.2, 0.2)),
    ]
    return [("matt", "building", join(rim))]


def _pitched_roof(
    style: Style, length: float, depth: float, height: float, rng: np.random.Generator
) -> list[Part]:
    """A ridge along the street, gable walls, gutters, chimneys and now and then dormers."""
    rise = depth / 2 * np.tan(np.radians(rng.uniform(32, 46)))
    e, middle, ridge = 0.35, depth / 2, height + rise
    drop = e * rise / middle
    tiles = "slate" if rng.random() < 0.6 else "clay tiles"
    front = [
        [-0.15, -e, height - drop],
        [length + 0.15, -e, height - drop],
        [length + 0.15, middle, ridge],
        [-0.15, middle, ridge],
    ]
    back = [
        [length + 0.15, depth + e, height - drop],
        [-0.15, depth + e, height - drop],
        [-0.15, middle, ridge],
        [length + 0.15, middle, ridge],
    ]
    pitch = float(np.hypot(middle + e, rise + drop))
    uv = np.array([[0, 0], [length, 0], [length, pitch], [0, pitch]])
    gable = np.array(
        [
            [[x, 0, height], [x, depth, height], [x, middle, ridge], [x, middle, ridge]]
            for x in (0.0, length)
        ]
    )
    parts: list[Part] = [
        (tiles, "building", quads(np.array([front, back]), uv=np.stack([uv, uv]))),
        (style.wall, "building", quads(gable, uv=gable[..., 1:])),
        (
            "matt",
            "building",
            join(
                [
                    box(
                        (-0.1, -e - 0.1, height - drop - 0.06),
                        (length + 0.1, -e + 0.04, height - drop + 0.06),
                        srgb(70, 70, 72),
                    ),
                    box(
                        (0, -e, height - drop - 0.03), (length, 0, height - drop + 0.0), style.frame
                    ),
                    box(
                        (length - 0.16, -0.12, -0.3),
                        (length - 0.06, -0.02, height - drop),
                        srgb(60, 60, 62),
                    ),
                ]
            ),
        ),
    ]
    for x in (0.5, length - 1.4) if rng.random() < 0.6 else (0.5,):
        if rng.random() < 0.75:
            stack = box((x, middle - 0.5, ridge - 1.0), (x + 0.9, middle + 0.5, ridge + 1.1))
            pots = [
                box(
                    (x + 0.1 + 0.25 * i, middle - 0.1, ridge + 1.1),
                    (x + 0.28 + 0.25 * i, middle + 0.1, ridge + 1.5),
                    srgb(150, 90, 66),
                )
                for i in range(3)
            ]
            parts += [(style.wall, "building", stack), ("matt", "building", join(pots))]
    if rng.random() < 0.35 and length > 5:
        parts += _dormers(style, length, height, rise / middle, tiles, rng)
    return parts


def _dormers(
    style: Style, length: float, height: float, slope: float, tiles: str, rng: np.random.Generator
) -> list[Part]:
    """Small gabled windows in the front slope of the roof."""
    parts: list[Part] = []
    y = 1.0
    foot = height + slope * y
    for x in np.arange(1.2, length - 2.0, rng.uniform(2.4, 3.6)):
        w, h = 1.25, 1.35
        back = y + h / slope
        cheeks = np.array(
            [
                [[a, y, foot], [a, back, foot + h], [a, y, foot + h], [a, y, foot + h]]
                for a in (x, x + w)
            ]
        )
        roof = np.array(
            [
                [
                    [a, y - 0.2, foot + h - 0.08],
                    [x + w / 2, y - 0.2, foot + h + 0.5],
                    [x + w / 2, back + 0.6, foot + h + 0.5],
                    [a, back + 0.3, foot + h - 0.08],
                ]
                for a in (x - 0.15, x + w + 0.15)
            ]
        )
        face = [
            [x, y, foot + h],
            [x + w, y, foot + h],
            [x + w / 2, y, foot + h + 0.5],
            [x + w / 2, y, foot + h + 0.5],
        ]
        parts += [
            ("slate", "building", quads(cheeks, uv=cheeks[..., 1:])),
            (tiles, "building", quads(roof, uv=roof[..., 1:])),
            ("matt", "building", quads(np.array([face]), style.frame)),
        ]
        pane = windows(np.array([[0.12, 0.1]]), w - 0.24, h - 0.15, style, rng)
        parts += [(s, c, m.moved(x, y - 0.1, foot)) for s, c, m in pane]
        parts.append(
            (
                "matt",
                "building",
                box((x, y - 0.02, foot - 0.2), (x + w, y + 0.03, foot + h), style.frame * 0.9),
            )
        )
    return parts


def _terrace(length: float, rng: np.random.Generator, shops: float, dark: bool) -> list[Part]:
    style = draw_style(rng, _TERRACE, dark)
    floors = int(rng.choice([2, 3, 4], p=[0.45, 0.42, 0.13]))
    shop = rng.random() < shops and length > 3.5
    ground = float(rng.uniform(3.3, 4.1)) if shop else style.storey
    height = ground + (floors - 1) * style.storey + 0.5
    width, tall = style.window
    upper = [ground + i * style.storey for i in range(floors - 1)]
    places = _rows(style, length, upper)
    parts = _shell(style, length, 10.0, height)
    openings = _openings(places, width, tall)
    if shop:
        count = max(1, round(length / rng.uniform(5, 8)))
        edges = np.linspace(0, length, count + 1)
        for a, b in pairwise(edges):
            front = draw_style(rng, _TERRACE, dark)
            parts += shop_front((a + 0.05, b - 0.05), ground, int(rng.integers(16)), front, rng)
        openings = np.concatenate([openings, [[0, length, 0.0, ground]]])
    else:
        below = _rows(style, length, [0.15])
        entrances = below[:: max(2, round(5.5 / style.bay))]
        kept = np.array([p for p in below if not any(abs(p[0] - e[0]) < 0.1 for e in entrances)])
        for x, _ in entrances:
            parts += [(s, c, m) for s, c, m in door(float(x), style, rng)]
            openings = np.concatenate([openings, [[x, x + 1.0, 0.0, 2.5]]])
        kept = kept.reshape(-1, 2)
        parts += windows(kept, width, tall, style, rng)
        openings = np.concatenate([openings, _openings(kept, width, tall)])
        if rng.random() < 0.4:
            plinth = box((0, -0.05, -FOUNDATION), (length, 0.0, 0.5), style.trim * 0.5)
            parts.append(("matt", "building", plinth))
    parts.append((style.wall, "building", wall_panel((0, length), (-FOUNDATION, height), openings)))
    parts += windows(places, width, tall, style, rng)
    if rng.random() < 0.45:
        for z in [ground - 0.1, *upper[1:]] if rng.random() < 0.5 else [height - 0.6]:
            course = box((0, -0.06, z), (length, 0.0, z + 0.2), style.trim)
            parts.append(("matt", "building", course))
    if rng.random() < 0.14 and floors > 2:
        chosen = places[:: 2 if rng.random() < 0.5 else 1] - [0.3, 0.8]
        parts += balconies(chosen, width + 0.6, srgb(40, 42, 46))
    if rng.random() < 0.78:
        parts += _pitched_roof(style, length, 10.0, height, rng)
    else:
        parts += _flat_roof(style, length, 10.0, height)
    return parts


def _office(length: float, rng: np.random.Generator, dark: bool) -> list[Part]:
    style = draw_style(rng, _OFFICE, dark)
    floors = int(rng.choice([2, 3, 4, 5, 6], p=[0.25, 0.3, 0.25, 0.12, 0.08]))
    ground = float(rng.uniform(3.4, 4.5))
    height = ground + (floors - 1) * style.storey + 0.6
    depth = 14.0
    parts = _shell(style, length, depth, height) + _flat_roof(style, length, depth, height)
    bays = np.arange(0.5, length - 2.6, 3.0)
    glazed = np.column_stack([bays, np.full(len(bays), 0.35)])
    parts += windows(glazed, 2.5, ground - 1.0, style, rng)
    openings = _openings(glazed, 2.5, ground - 1.0)
    x = float(bays[len(bays) // 2])
    canopy = box((x - 0.5, -1.6, ground - 0.6), (x + 3.0, 0.0, ground - 0.4), style.trim * 0.6)
    parts.append(("gloss", "building", canopy))
    if rng.random() < 0.35:
        parts += curtain_wall((0.3, length - 0.3), (ground, height - 0.5), style.storey, rng, style)
        openings = np.concatenate([openings, [[0.3, length - 0.3, ground, height - 0.5]]])
    else:
        strip = rng.random() < 0.45
        width, tall = (2.6, 1.6) if strip else (style.window[0] + 0.3, style.window[1])
        gap = 0.12 if strip else rng.uniform(0.7, 1.5)
        x0 = np.arange(0.6, length - width - 0.4, width + gap)
        x0 = x0 + (length - x0[-1] - width - x0[0]) / 2
        levels = [ground + i * style.storey + 0.9 for i in range(floors - 1)]
        places = np.array([(a, z) for z in levels for a in x0]).reshape(-1, 2)
        parts += windows(places, width, tall, style, rng)
        openings = np.concatenate([openings, _openings(places, width, tall)])
        if not strip and rng.random() < 0.4:
            parts += balconies(places[::2] - [0.3, 0.85], width + 0.6, srgb(60, 62, 66))
    parts.append((style.wall, "building", wall_panel((0, length), (-FOUNDATION, height), openings)))
    return parts


def _house(length: float, rng: np.random.Generator, dark: bool) -> list[Part]:
    """A detached or semi-detached house, 1.5 m from the edges of its plot."""
    style = draw_style(rng, {"red brick": 0.4, "yellow brick": 0.25, "white render": 0.35}, dark)
    inset, storey = 1.5, style.storey
    size = length - 2 * inset
    height = 2 * storey
    width, tall = style.window
    places = _rows(style, size, [storey])
    below = _rows(style, size, [0.1])
    at = int(rng.integers(len(below)))
    kept = np.delete(below, at, axis=0)
    entrance = float(below[at, 0])
    openings = np.concatenate(
        [
            _openings(places, width, tall),
            _openings(kept, width, tall),
            [[entrance, entrance + 1, 0, 2.5]],
        ]
    )
    depth = 8.5
    parts = _shell(style, size, depth, height)
    parts.append((style.wall, "building", wall_panel((0, size), (-FOUNDATION, height), openings)))
    parts += windows(np.concatenate([places, kept]), width, tall, style, rng)
    parts += door(entrance, style, rng)
    parts += _pitched_roof(style, size, depth, height, rng)
    return [(surface, label, mesh.moved(inset)) for surface, label, mesh in parts]


def placed(
    parts: list[Part], side: int, start: float, end: float, front: float
) -> list[tuple[str, str, Mesh]]:
    """``parts`` in street coordinates: the front at |t| = ``front``, facing the road."""
    if side > 0:
        return [(s, c, m.moved(start, front)) for s, c, m in parts]
    return [(s, c, m.turned(np.pi).moved(end, -front)) for s, c, m in parts]
