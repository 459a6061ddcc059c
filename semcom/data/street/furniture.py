"""Street furniture: lamps, traffic lights, signs, railings, fences, bollards."""

from __future__ import annotations

import numpy as np

from semcom.data.street.mesh import (
    Mesh,
    box,
    disc,
    ellipsoid,
    join,
    lathe,
    quads,
    repeat,
    srgb,
    tube,
)
from semcom.data.street.signs import ROUND, SIGN_COLUMNS, TRIANGULAR
from semcom.data.street.stage import Part

__all__ = [
    "draw_billboard",
    "draw_bollard",
    "draw_fence",
    "draw_lamp",
    "draw_railing",
    "draw_sign",
    "draw_traffic_light",
]

GREY, DARK, LIGHT = srgb(112, 116, 118), srgb(34, 36, 38), srgb(150, 152, 152)


def draw_lamp(rng: np.random.Generator, *, height: float, lit: bool) -> list[Part]:
    """A street lamp that reaches out to +y."""
    colour = (GREY, DARK, LIGHT)[rng.integers(3)]
    reach = float(rng.uniform(0.9, 1.8))
    bend = np.linspace(0, np.pi / 2, 6)
    arm = np.stack([np.zeros(6), reach * (1 - np.cos(bend)), height - 0.7 + 0.7 * np.sin(bend)], -1)
    pole = tube([[0, 0, -0.2], [0, 0, 1.1], [0, 0, 1.15], [0, 0, height - 0.7]],
                [0.095, 0.095, 0.065, 0.05], colour)  # fmt: skip
    head = ellipsoid((0, reach + 0.25, height), (0.14, 0.42, 0.09), LIGHT)
    glow = box((-0.1, reach, height - 0.1), (0.1, reach + 0.5, height - 0.08), (0.7, 0.7, 0.66))
    parts: list[Part] = [("gloss", "pole", join([pole, tube(arm, 0.045, colour), head]))]
    parts.append(("warm lamp" if lit else "gloss", "pole", glow))
    return parts


def draw_traffic_light(rng: np.random.Generator, signal: str) -> list[Part]:
    """A traffic light that shows ``signal`` (red, amber, green) to those coming from -x."""
    pole = tube([[0, 0, -0.2], [0, 0, 3.3]], 0.055, DARK if rng.random() < 0.5 else GREY)
    case = box((-0.12, -0.16, 2.2), (0.1, 0.16, 3.25), DARK * 0.6)
    plate = box((0.02, -0.26, 2.1), (0.04, 0.26, 3.35), DARK * 0.5)
    rim = box((0.015, -0.28, 2.08), (0.03, 0.28, 3.37), (0.6, 0.6, 0.58))
    hoods: list[Mesh] = []
    parts: list[Part] = [("gloss", "pole", pole)]
    for z, name, off in ((3.05, "red", (0.10, 0.008, 0.008)), (2.73, "amber", (0.10, 0.05, 0.005)),
                         (2.41, "green", (0.006, 0.06, 0.03))):  # fmt: skip
        lens = disc(0.115, off).moved(-0.125, 0, z)
        parts.append((f"{name} lamp" if name == signal else "gloss", "sign_symbol", lens))
        arc = np.linspace(0.1 * np.pi, 0.9 * np.pi, 8)
        ring = np.stack([np.zeros(8), 0.125 * np.cos(arc), z + 0.125 * np.sin(arc)], -1)
        a, b = ring - [0.12, 0, 0], ring - [0.27, 0, 0]
        hoods.append(quads(np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1), DARK * 0.6))
    parts.append(("matt", "sign_symbol", join([case, plate, rim, *hoods])))
    return parts


def _face(cell: int, size: float) -> Mesh:
    """A plate of the sign picture that faces -x, its middle at the origin."""
    if cell in ROUND:
        plate = disc(size / 2)
        uv = plate.uv
    else:
        h = size / 2
        flat = np.array([[[0, h, -h], [0, -h, -h], [0, -h, h], [0, h, h]]])
        uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
        if cell in TRIANGULAR:
            flat = np.array([[[0, h, -0.75 * h], [0, -h, -0.75 * h], [0, 0, h], [0, 0, h]]])
            uv = np.array([[0, 0.875], [1, 0.875], [0.5, 0], [0.5, 0]], np.float32)
        plate = quads(flat)
    corner = np.array([cell % SIGN_COLUMNS, cell // SIGN_COLUMNS])
    inset = 0.01 + 0.98 * uv
    return Mesh(plate.vertices, plate.normals, ((corner + inset) / SIGN_COLUMNS).astype(np.float32),
                plate.colours, plate.faces)  # fmt: skip


def draw_sign(rng: np.random.Generator, cell: int | None = None) -> list[Part]:
    """A traffic sign on its post, facing -x."""
    cell = int(rng.integers(13)) if cell is None else cell
    size = float(rng.uniform(0.6, 0.85) * (1.35 if cell in (10, 11) else 1.0))
    z = float(rng.uniform(2.3, 2.8))
    post = tube([[0.06, 0, -0.2], [0.06, 0, z + size / 2]], 0.035, GREY)
    face = _face(cell, size).moved(-0.01, 0, z)
    back = _face(cell, size).moved(0.01, 0, z).coloured(GREY)
    parts: list[Part] = [("gloss", "pole", post), ("signs", "sign_symbol", face),
                         ("matt", "sign_symbol", back)]  # fmt: skip
    if rng.random() < 0.35:
        low = box(
            (-0.01, -0.26, z - size / 2 - 0.32), (0.01, 0.26, z - size / 2 - 0.06), (0.6, 0.6, 0.58)
        )
        word = box((-0.015, -0.18, z - size / 2 - 0.22), (-0.01, 0.18, z - size / 2 - 0.16), DARK)
        parts.append(("matt", "sign_symbol", join([low, word])))
    return parts


def draw_billboard(rng: np.random.Generator) -> list[Part]:
    """An advertising board on two legs, facing -x."""
    cell, w, h = (
        int(rng.integers(13, 16)),
        float(rng.uniform(1.2, 2.2)),
        float(rng.uniform(1.4, 2.4)),
    )
    foot = float(rng.uniform(0.6, 1.2))
    face = _face(cell, 1.0).scaled(1, w, h).moved(-0.05, 0, foot + h / 2)
    legs = [tube([[0, y, -0.2], [0, y, foot + h]], 0.05, GREY) for y in (-0.4 * w, 0.4 * w)]
    back = box((-0.04, -w / 2, foot), (0.02, w / 2, foot + h), GREY)
    return [
        ("signs", "sign_symbol", face),
        ("gloss", "pole", join(legs)),
        ("matt", "sign_symbol", back),
    ]


def draw_bollard(rng: np.random.Generator) -> list[Part]:
    """A bollard, cast iron or with a yellow lit top."""
    if rng.random() < 0.25:
        body = lathe([(0.18, 0), (0.16, 0.7), (0.15, 1.05), (0.02, 1.1)], srgb(216, 188, 30))
        return [("matt", "sign_symbol", body)]
    body = lathe(
        [(0.1, 0), (0.085, 0.1), (0.07, 0.8), (0.09, 0.84), (0.08, 0.95), (0.01, 1.0)], DARK
    )
    return [("gloss", "pole", body)]


def draw_railing(length: float, colour: np.ndarray, height: float = 1.05) -> list[Part]:
    """A guard rail of upright bars along +x."""
    bars = np.arange(0.0, length, 0.115)
    offsets = np.column_stack([bars, np.zeros((len(bars), 2))])
    bar = box((0, -0.01, 0.12), (0.022, 0.01, height - 0.03))
    posts = np.column_stack(
        [np.arange(0, length + 0.1, 2.0), np.zeros((len(np.arange(0, length + 0.1, 2.0)), 2))]
    )
    post = box((-0.03, -0.03, 0), (0.03, 0.03, height + 0.03))
    rails = [box((0, -0.022, z), (length, 0.022, z + 0.045)) for z in (0.1, height - 0.04)]
    return [
        (
            "gloss",
            "fence",
            join([repeat(bar, offsets), repeat(post, posts), *rails]).coloured(colour),
        )
    ]


def draw_fence(rng: np.random.Generator, length: float) -> list[Part]:
    """A garden fence along +x: boards or palings; or a low brick wall, which counts as building."""
    kind = rng.choice(["boards", "palings", "wall", "bars"], p=[0.3, 0.25, 0.15, 0.3])
    if kind == "boards":
        height = float(rng.uniform(1.2, 1.8))
        posts = [
            box((x - 0.05, -0.06, 0), (x + 0.05, 0.06, height + 0.1))
            for x in np.arange(0, length + 0.1, 2.4)
        ]
        panel = box((0, -0.02, 0.05), (length, 0.02, height))
        return [("boards", "fence", join([panel, *posts]))]
    if kind == "palings":
        x = np.arange(0.0, length, 0.15)
        paling = box((0, -0.012, 0.08), (0.09, 0.012, 0.95))
        rails = [box((0, 0.012, z), (length, 0.05, z + 0.07)) for z in (0.25, 0.7)]
        row = repeat(paling, np.column_stack([x, np.zeros((len(x), 2))]))
        colour = (0.66, 0.65, 0.6) if rng.random() < 0.5 else srgb(104, 84, 62)
        return [("matt", "fence", join([row, *rails]).coloured(colour))]
    if kind == "wall":
        height = float(rng.uniform(0.6, 1.3))
        parts: list[Part] = [("red brick", "building", box((0, -0.11, -1), (length, 0.11, height)))]
        cap = box((-0.03, -0.15, height), (length + 0.03, 0.15, height + 0.06), (0.4, 0.38, 0.34))
        return [*parts, ("matt", "building", cap)]
    return draw_railing(length, (DARK, srgb(30, 60, 44))[rng.integers(2)], 1.25)
