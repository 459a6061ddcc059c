"""The parts of a house front: walls with openings, windows, doors, shop fronts, balconies.

Facade coordinates: x along the front, y into the house, z up; the front wall is at y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcom.data.street.mesh import Mesh, box, join, quads, repeat
from semcom.data.street.stage import Part

__all__ = ["Style", "balconies", "curtain_wall", "door", "shop_front", "wall_panel", "windows"]

RECESS = 0.16
DARK_GLASS = np.array([0.018, 0.024, 0.03])


@dataclass(frozen=True)
class Style:
    """Colours and measures that the fronts of one building share."""

    wall: str
    trim: np.ndarray
    frame: np.ndarray
    door: np.ndarray
    window: tuple[float, float]
    bay: float
    storey: float
    bars: tuple[int, int]
    sill: bool
    lintel: bool
    lit: float


def wall_panel(
    x: tuple[float, float], z: tuple[float, float], openings: np.ndarray, y: float = 0.0
) -> Mesh:
    """The front wall over ``x`` and ``z`` without its ``openings`` [k, 4] = (x0, x1, z0, z1)."""
    openings = np.asarray(openings, np.float64).reshape(-1, 4)
    xs = np.unique(np.clip(np.concatenate([x, openings[:, :2].ravel()]), *x).round(4))
    zs = np.unique(np.clip(np.concatenate([z, openings[:, 2:].ravel()]), *z).round(4))
    cx, cz = (xs[:-1] + xs[1:]) / 2, (zs[:-1] + zs[1:]) / 2
    inside_x = (cx[None] > openings[:, :1]) & (cx[None] < openings[:, 1:2])
    inside_z = (cz[None] > openings[:, 2:3]) & (cz[None] < openings[:, 3:])
    hole = (inside_x[:, :, None] & inside_z[:, None, :]).any(axis=0)
    i, k = np.nonzero(~hole)
    x0, x1, z0, z1 = xs[i], xs[i + 1], zs[k], zs[k + 1]
    depth = np.full_like(x0, y)
    corners = np.stack(
        [
            np.stack([x0, depth, z0], -1),
            np.stack([x1, depth, z0], -1),
            np.stack([x1, depth, z1], -1),
            np.stack([x0, depth, z1], -1),
        ],
        axis=1,
    )
    return quads(corners, uv=corners[..., [0, 2]])


def _reveal(width: float, height: float, depth: float) -> Mesh:
    """The four sides of an opening between the wall and the pane."""
    a, b, d = width, height, depth
    corners = [
        [[0, 0, 0], [0, d, 0], [0, d, b], [0, 0, b]],
        [[a, d, 0], [a, 0, 0], [a, 0, b], [a, d, b]],
        [[0, 0, 0], [a, 0, 0], [a, d, 0], [0, d, 0]],
        [[0, d, b], [a, d, b], [a, 0, b], [0, 0, b]],
    ]
    shape = np.array(corners, float)
    return quads(shape, uv=shape[..., [0, 2]] + shape[..., [1, 1]])


def windows(
    places: np.ndarray, width: float, height: float, style: Style, rng: np.random.Generator
) -> list[Part]:
    """Equal windows whose lower left corners are ``places`` [k, 2] = (x, z)."""
    if not len(places):
        return []
    offsets = np.column_stack([places[:, 0], np.zeros(len(places)), places[:, 1]])
    across, down = style.bars
    y, f = RECESS, 0.055
    frame = [
        box((0, y - 0.04, 0), (f, y + 0.02, height)),
        box((width - f, y - 0.04, 0), (width, y + 0.02, height)),
        box((0, y - 0.04, 0), (width, y + 0.02, f)),
        box((0, y - 0.04, height - f), (width, y + 0.02, height)),
    ]
    frame += [
        box(
            (width * i / across - 0.025, y - 0.03, 0),
            (width * i / across + 0.025, y + 0.01, height),
        )
        for i in range(1, across)
    ]
    frame += [
        box((0, y - 0.03, height * i / down - 0.025), (width, y + 0.01, height * i / down + 0.025))
        for i in range(1, down)
    ]
    parts: list[Part] = [
        (style.wall, "building", repeat(_reveal(width, height, RECESS), offsets)),
        ("matt", "building", repeat(join(frame).coloured(style.frame), offsets)),
    ]
    parts += _panes(offsets, width, height, style, rng)
    trim = []
    if style.sill:
        trim.append(box((-0.08, -0.10, -0.10), (width + 0.08, RECESS, 0.0), style.trim))
    if style.lintel:
        trim.append(box((-0.12, -0.025, height), (width + 0.12, 0.02, height + 0.22), style.trim))
    if trim:
        parts.append(("matt", "building", repeat(join(trim), offsets)))
    return parts


def _pane(x0: float, x1: float, z0: float, z1: float, y: float) -> Mesh:
    return quads(np.array([[[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]]]))


def _panes(
    offsets: np.ndarray, width: float, height: float, style: Style, rng: np.random.Generator
) -> list[Part]:
    """Glass; behind some of it curtains or a blind, and in the dark some rooms are lit."""
    k = len(offsets)
    lit = rng.random(k) < style.lit
    tone = DARK_GLASS * rng.uniform(0.5, 2.2, (k, 1))
    parts: list[Part] = []
    if lit.any():
        parts.append(
            ("lit window", "building", repeat(_pane(0, width, 0, height, RECESS), offsets[lit]))
        )
    if (~lit).any():
        glass = repeat(_pane(0, width, 0, height, RECESS), offsets[~lit], tone[~lit])
        parts.append(("glass", "building", glass))
    curtain = rng.uniform(0.12, 0.42, (k, 1)) * np.array([1.0, 0.97, 0.9])
    kind = rng.random(k)
    for chosen, (x0, x1, z0) in (
        (kind < 0.16, (0.0, 1.0, rng.uniform(0.4, 0.75))),
        ((kind > 0.16) & (kind < 0.32), (0.0, 0.2, 0.0)),
        ((kind > 0.2) & (kind < 0.32), (0.8, 1.0, 0.0)),
        ((kind > 0.32) & (kind < 0.40), (0.0, 1.0, 0.0)),
    ):
        if chosen.any():
            cloth = _pane(x0 * width, x1 * width, z0 * height, height, RECESS - 0.003)
            parts.append(("glass", "building", repeat(cloth, offsets[chosen], curtain[chosen])))
    return parts


def door(x: float, style: Style, rng: np.random.Generator, width: float = 1.0) -> list[Part]:
    """A front door, a light above it and a step; the opening is ``width`` by 2.5 m from z = 0."""
    z = 2.05
    leaf = [box((x + 0.06, 0.12, 0.05), (x + width - 0.06, 0.18, z), style.door)]
    leaf += [
        box((x + width * a, 0.105, b), (x + width * (a + 0.27), 0.13, b + 0.6), style.door * 0.7)
        for a in (0.17, 0.56)
        for b in (0.25, 1.15)
    ]
    frame = [
        box((x, 0.05, 0), (x + 0.07, 0.2, 2.5), style.frame),
        box((x + width - 0.07, 0.05, 0), (x + width, 0.2, 2.5), style.frame),
        box((x, 0.05, z), (x + width, 0.2, z + 0.07), style.frame),
    ]
    step = box((x - 0.15, -0.35, -0.3), (x + width + 0.15, 0.2, 0.04), style.trim * 0.8)
    parts: list[Part] = [
        ("gloss", "building", join(leaf)),
        ("matt", "building", join([*frame, step])),
        ("glass", "building", _pane(x, x + width, z, 2.5, 0.15).coloured(DARK_GLASS)),
        ("matt", "building", _reveal(width, 2.5, 0.16).moved(x).coloured(style.trim * 0.6)),
    ]
    if rng.random() < 0.35:
        hood = box((x - 0.25, -0.7, 2.62), (x + width + 0.25, 0.0, 2.74), style.trim)
        parts.append(("matt", "building", hood))
    return parts


def shop_front(
    x: tuple[float, float], height: float, sign: int, style: Style, rng: np.random.Generator
) -> list[Part]:
    """A shop over ``x``: stall riser, panes, a door, pilasters and a fascia with its name.

    ``sign`` is a row of the fascia picture, see ``signs.fascia_picture``.
    """
    left, right = x
    main = style.door
    fascia = min(0.75, height * 0.2)
    top = height - fascia - 0.15
    riser = float(rng.choice([0.15, 0.5, 0.7]))
    at = float(rng.choice([left + 0.35, (left + right) / 2 - 0.5, right - 1.35]))
    parts: list[Part] = []
    y = 0.22
    for a, b in ((left + 0.3, at), (at + 1.0, right - 0.3)):
        if b - a < 0.5:
            continue
        count = max(1, round((b - a) / 1.6))
        pane = _pane(a, b, riser, top, y)
        uv = np.array([[a, riser], [b, riser], [b, top], [a, top]], np.float32) + rng.uniform(0, 9)
        parts.append(
            (
                "shop window",
                "building",
                Mesh(pane.vertices, pane.normals, uv.astype(np.float32), pane.colours, pane.faces),
            )
        )
        edges = np.linspace(a, b, count + 1)
        bars = [box((e - 0.04, y - 0.06, riser), (e + 0.04, y + 0.02, top), main) for e in edges]
        bars += [
            box((a, y - 0.06, top - 0.5), (b, y + 0.02, top - 0.44), main),
            box((a, y - 0.10, 0), (b, y + 0.02, riser), main * 0.8),
            box((a, y - 0.14, riser - 0.05), (b, y + 0.02, riser), main),
        ]
        parts.append(("gloss", "building", join(bars)))
    parts.append(("glass", "building", _pane(at, at + 1, 0.1, top, y + 0.3).coloured(DARK_GLASS)))
    entry = [
        box((at, y - 0.06, 0), (at + 0.08, y + 0.3, top), main),
        box((at + 0.92, y - 0.06, 0), (at + 1, y + 0.3, top), main),
        box((at, y + 0.2, 0), (at + 1, y + 0.3, 0.25), main),
        box((left, -0.06, 0), (left + 0.3, 0.3, top + 0.1), main),
        box((right - 0.3, -0.06, 0), (right, 0.3, top + 0.1), main),
        box((left, -0.02, top), (right, 0.3, height), main),
        box((left, -0.28, height - 0.14), (right, 0.0, height - 0.04), style.trim),
    ]
    parts.append(("gloss", "building", join(entry)))
    board = np.array(
        [
            [
                [left + 0.12, -0.05, top + 0.05],
                [right - 0.12, -0.05, top + 0.05],
                [right - 0.12, -0.05, height - 0.16],
                [left + 0.12, -0.05, height - 0.16],
            ]
        ]
    )
    share = min(1.0, (right - left) / (fascia * 10))
    low, high = 0.5 - share / 2, 0.5 + share / 2
    v0, v1 = sign / 16, (sign + 1) / 16
    uv = np.array([[low, v1], [high, v1], [high, v0], [low, v0]])
    parts.append(("fascia", "building", quads(board, uv=uv[None])))
    if rng.random() < 0.25:
        parts.append(("matt", "building", _awning(left + 0.2, right - 0.2, top, rng)))
    return parts


def _awning(left: float, right: float, z: float, rng: np.random.Generator) -> Mesh:
    """A striped sunblind."""
    edges = np.linspace(left, right, max(3, round((right - left) / 0.3)))
    colours = np.array([[0.75, 0.72, 0.66], rng.uniform(0.02, 0.5, 3)])[
        np.arange(len(edges) - 1) % 2
    ]
    a, b = edges[:-1], edges[1:]
    slope = [(a, -0.06, z), (b, -0.06, z), (b, -1.1, z - 0.55), (a, -1.1, z - 0.55)]
    drop = [(a, -1.1, z - 0.55), (b, -1.1, z - 0.55), (b, -1.1, z - 0.75), (a, -1.1, z - 0.75)]
    bands = [
        np.stack([np.stack(np.broadcast_arrays(*corner), -1) for corner in side], axis=1)
        for side in (slope, drop)
    ]
    return join([quads(band, colours) for band in bands])


def balconies(places: np.ndarray, width: float, colour: np.ndarray) -> list[Part]:
    """Slabs with railings, their left ends at ``places`` [k, 2] = (x, z of the floor)."""
    if not len(places):
        return []
    depth = 1.1
    offsets = np.column_stack([places[:, 0], np.zeros(len(places)), places[:, 1]])
    bars = [
        box((a - 0.012, -depth + 0.03, 0), (a + 0.012, -depth + 0.055, 1.0))
        for a in np.linspace(0.02, width - 0.02, max(3, round(width / 0.13)))
    ]
    bars += [
        box((a - 0.012, b - 0.012, 0), (a + 0.012, b + 0.012, 1.0))
        for a in (0.02, width - 0.02)
        for b in np.linspace(-depth + 0.1, -0.1, 6)
    ]
    bars.append(box((0, -depth, 1.0), (width, -depth + 0.07, 1.06)))
    slab = box((0, -depth, -0.16), (width, 0.0, 0.0), (0.42, 0.41, 0.39))
    return [
        ("matt", "building", repeat(slab, offsets)),
        ("gloss", "building", repeat(join(bars).coloured(colour), offsets)),
    ]


def curtain_wall(
    x: tuple[float, float],
    z: tuple[float, float],
    storey: float,
    rng: np.random.Generator,
    style: Style,
) -> list[Part]:
    """A front of glass panels between mullions, an opaque band at each floor."""
    columns = max(2, round((x[1] - x[0]) / rng.uniform(1.2, 1.8)))
    xs = np.linspace(x[0], x[1], columns + 1)
    parts: list[Part] = []
    tint = DARK_GLASS * rng.uniform(0.8, 2.0) + rng.uniform(0, 0.02, 3)
    for floor in np.arange(z[0], z[1] - 0.5, storey):
        top = min(floor + storey, z[1])
        a, b = xs[:-1], xs[1:]
        low, high = np.full_like(a, floor + 0.8), np.full_like(a, top)
        y = rng.normal(0, 0.004, (len(a), 4))
        corners = np.stack(
            [
                np.stack([a, y[:, 0], low], -1),
                np.stack([b, y[:, 1], low], -1),
                np.stack([b, y[:, 2], high], -1),
                np.stack([a, y[:, 3], high], -1),
            ],
            axis=1,
        )
        tone = tint * rng.uniform(0.6, 1.7, (len(a), 1))
        parts.append(("glass", "building", quads(corners, tone)))
        band = box((x[0], 0.0, floor), (x[1], 0.06, floor + 0.8), style.trim * 0.7)
        parts.append(("gloss", "building", band))
    bars = [box((e - 0.035, -0.10, z[0]), (e + 0.035, 0.03, z[1]), style.frame) for e in xs]
    bars += [
        box((x[0], -0.07, f + d), (x[1], 0.03, f + d + 0.06), style.frame)
        for f in np.arange(z[0], z[1], storey)
        for d in (0.0, 0.8)
    ]
    parts.append(("metal", "building", join(bars)))
    return parts
