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
from semcom.data.street.mesh import Mesh, box, quads, srgb
from semcom.data.street.roofs import flat_roof, pitched_roof
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
        parts += pitched_roof(style, length, 10.0, height, rng)
    else:
        parts += flat_roof(style, length, 10.0, height)
    return parts


def _office(length: float, rng: np.random.Generator, dark: bool) -> list[Part]:
    style = draw_style(rng, _OFFICE, dark)
    floors = int(rng.choice([2, 3, 4, 5, 6], p=[0.25, 0.3, 0.25, 0.12, 0.08]))
    ground = float(rng.uniform(3.4, 4.5))
    height = ground + (floors - 1) * style.storey + 0.6
    depth = 14.0
    parts = _shell(style, length, depth, height) + flat_roof(style, length, depth, height)
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
    parts += pitched_roof(style, size, depth, height, rng)
    return [(surface, label, mesh.moved(inset)) for surface, label, mesh in parts]


def placed(
    parts: list[Part], side: int, start: float, end: float, front: float
) -> list[tuple[str, str, Mesh]]:
    """``parts`` in street coordinates: the front at |t| = ``front``, facing the road."""
    if side > 0:
        return [(s, c, m.moved(start, front)) for s, c, m in parts]
    return [(s, c, m.turned(np.pi).moved(end, -front)) for s, c, m in parts]
