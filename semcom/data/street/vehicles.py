"""Cars, vans and buses, lofted from a side profile and a cross-section."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcom.data.street.mesh import Mesh, box, grid, join, lathe, quads, srgb
from semcom.data.street.stage import Part

__all__ = ["BODIES", "Body", "draw_vehicle"]


@dataclass(frozen=True)
class Body:
    """A car's side view, x from the tail to the nose in metres.

    ``roofline`` and ``beltline`` are (x, z) points; glass lies between the beltline and the roof,
    except at the ``pillars`` (x). ``wheels`` are (x, radius).
    """

    length: float
    width: float
    roofline: tuple[tuple[float, float], ...]
    beltline: tuple[tuple[float, float], ...]
    pillars: tuple[float, ...]
    wheels: tuple[tuple[float, float], ...]
    doors: tuple[float, ...]
    lean: float = 0.26
    clearance: float = 0.2


BODIES: dict[str, tuple[Body, float]] = {
    "hatchback": (
        Body(
            3.9, 1.7,
            ((-1.95, 0.72), (-1.9, 0.98), (-1.55, 1.36), (-1.1, 1.44), (0.1, 1.46), (0.45, 1.38),
             (1.05, 0.98), (1.6, 0.86), (1.88, 0.72), (1.95, 0.55)),
            ((-1.95, 0.98), (0.0, 0.94), (1.3, 0.90)), (-0.95, 0.02), ((-1.2, 0.31), (1.25, 0.31)),
            (-0.95, 0.05, 0.95),
        ),
        0.36,
    ),
    "saloon": (
        Body(
            4.6, 1.78,
            ((-2.3, 0.7), (-2.26, 0.95), (-1.65, 1.02), (-0.95, 1.38), (-0.4, 1.44), (0.2, 1.43),
             (0.5, 1.36), (1.2, 0.98), (2.0, 0.84), (2.25, 0.7), (2.3, 0.55)),
            ((-2.3, 1.02), (0.0, 0.95), (1.5, 0.90)), (-0.42, 0.0), ((-1.4, 0.32), (1.4, 0.32)),
            (-1.2, -0.2, 0.85),
        ),
        0.2,
    ),
    "estate": (
        Body(
            4.5, 1.76,
            ((-2.25, 0.7), (-2.2, 1.0), (-1.95, 1.36), (-1.4, 1.46), (0.2, 1.46), (0.5, 1.38),
             (1.2, 0.98), (1.95, 0.85), (2.2, 0.7), (2.25, 0.55)),
            ((-2.25, 1.0), (0.0, 0.95), (1.5, 0.9)), (-1.3, -0.4), ((-1.35, 0.32), (1.38, 0.32)),
            (-1.25, -0.2, 0.85),
        ),
        0.14,
    ),
    "off-roader": (
        Body(
            4.5, 1.86,
            ((-2.25, 0.8), (-2.22, 1.15), (-2.05, 1.66), (-1.6, 1.76), (0.25, 1.76), (0.55, 1.66),
             (1.05, 1.16), (1.95, 1.06), (2.2, 0.92), (2.25, 0.65)),
            ((-2.25, 1.18), (0.0, 1.12), (1.5, 1.1)), (-1.25, -0.3), ((-1.35, 0.38), (1.4, 0.38)),
            (-1.2, -0.25, 0.8), 0.2, 0.28,
        ),
        0.14,
    ),
    "van": (
        Body(
            5.2, 1.96,
            ((-2.6, 0.8), (-2.58, 1.9), (-2.45, 2.24), (-1.0, 2.32), (1.0, 2.28), (1.35, 2.1),
             (1.85, 1.25), (2.4, 1.05), (2.57, 0.85), (2.6, 0.6)),
            ((-2.6, 2.6), (0.55, 2.6), (0.6, 1.2), (2.0, 1.12)), (), ((-1.7, 0.34), (1.7, 0.34)),
            (-0.6, 0.5, 1.4), 0.1, 0.24,
        ),
        0.1,
    ),
    "bus": (
        Body(
            10.5, 2.5,
            ((-5.25, 0.9), (-5.22, 2.7), (-5.1, 2.95), (-4.0, 3.02), (4.2, 3.02), (5.05, 2.92),
             (5.2, 2.4), (5.25, 0.6)),
            ((-5.25, 1.45), (5.25, 1.3)), (-3.6, -2.0, -0.4, 1.2, 2.8, 4.1),
            ((-3.1, 0.48), (3.3, 0.48)), (4.2,), 0.06, 0.3,
        ),
        0.06,
    ),
}  # fmt: skip
_PAINTS = [
    (150, 152, 156),
    (60, 62, 66),
    (22, 22, 24),
    (205, 206, 204),
    (120, 16, 20),
    (24, 44, 96),
    (30, 66, 50),
    (52, 84, 126),
    (168, 160, 140),
    (100, 26, 40),
]
_BUS_PAINTS = [(150, 24, 28), (30, 70, 140), (200, 198, 190), (40, 110, 90), (190, 140, 40)]
RUBBER = np.array([0.018, 0.018, 0.019])


def draw_vehicle(
    rng: np.random.Generator,
    kind: str | None = None,
    *,
    lights: bool = False,
    braking: bool = False,
) -> tuple[list[Part], float]:
    """A vehicle heading +x with its wheels on z = 0, and its length in metres."""
    if kind is None:
        kind = str(rng.choice(list(BODIES), p=[share for _, share in BODIES.values()]))
    body, _ = BODIES[kind]
    scale = float(rng.uniform(0.94, 1.06))
    paints = _BUS_PAINTS if kind == "bus" else _PAINTS
    paint = srgb(*paints[rng.integers(len(paints))]) * rng.uniform(0.85, 1.15)
    if kind == "van" and rng.random() < 0.6:
        paint = srgb(215, 216, 214)
    parts = _shell(body, paint, rng)
    parts += _wheels(body) + _ends(body, lights, braking)
    mirrors = [
        box((body.length * 0.17, y - 0.1, 0.95), (body.length * 0.17 + 0.12, y + 0.1, 1.1), paint)
        for y in (-body.width / 2 - 0.02, body.width / 2 + 0.02)
    ]
    parts.append(("gloss", "car", join(mirrors)))
    return [(s, c, m.scaled(scale)) for s, c, m in parts], body.length * scale


def _shell(body: Body, paint: np.ndarray, rng: np.random.Generator) -> list[Part]:
    """Sheet metal and glass: facets of one lofted surface, sorted by where they are."""
    half = body.length / 2
    x = np.sort(np.concatenate([np.linspace(-half, half, 76), [-half + 0.01, half - 0.01]]))
    top = np.interp(x, *np.array(body.roofline).T)
    belt = np.interp(x, *np.array(body.beltline).T)
    plan = body.width / 2 * (1 - 0.16 * np.abs(x / half) ** 7 - 0.03 * np.abs(x / half) ** 2)
    low = body.clearance + 0.06 * np.clip((np.abs(x / half) - 0.8) / 0.2, 0, 1)
    # half cross-section: up the side, round the edge of the roof, to the middle
    rise = np.concatenate([np.linspace(0, 1, 22), np.ones(7)])
    arc = np.concatenate([np.zeros(17), np.linspace(0, 1, 5) ** 1.2, np.ones(7)])
    inward = np.concatenate([np.zeros(22), np.linspace(0, 1, 8)[1:]])
    z = low[:, None] + (top - 0.02 - low)[:, None] * rise
    above = np.clip((z - belt[:, None]) / np.maximum(1.45 - 0.95, 0.1), 0, 2)
    bulge = 1 - 0.05 * ((z - 0.6) / 0.5) ** 2 * (z < 0.95) - body.lean * above * 0.6
    y = plan[:, None] * np.clip(bulge, 0.3, 1)
    y = y - 0.07 * (arc**2)[None] * (rise > 0.8)
    y = y * (1 - inward)
    z = z - 0.05 * (arc * (1 - inward))[None] + 0.025 * np.sin(inward * np.pi / 2)[None]
    side = np.stack([np.broadcast_to(x[:, None], y.shape), y, z], axis=-1)
    surface = np.concatenate([side, (side * [1, -1, 1])[:, -2::-1]], axis=1)
    sheet = grid(surface, paint)
    # the two triangles of a facet are judged together: edges of the glass stay straight
    centre = sheet.vertices[sheet.faces].mean(axis=1)
    centre = np.tile((centre[: len(centre) // 2] + centre[len(centre) // 2 :]) / 2, (2, 1))
    cx, cy, cz = centre.T
    roof, sill = np.interp(cx, x, top), np.interp(cx, x, belt)
    steep = np.gradient(top, x)
    slope = np.abs(np.interp(cx, x, steep))
    at_side = np.abs(cy) > 0.36 * body.width
    tall = roof - sill > 0.16
    window = at_side & tall & (cz > sill + 0.03) & (cz < roof - 0.10)
    for pillar in body.pillars:
        window &= np.abs(cx - pillar) > 0.045
    screen = ~at_side & (slope > 0.3) & (cz > sill + 0.02) & (cz < roof + 0.1)
    high = np.max(top)
    screen &= (cz < high - 0.07) & (np.abs(cy) < 0.41 * body.width)
    glazed = window | screen
    dark = cz < body.clearance + 0.12
    for wx, radius in body.wheels:
        dark |= (np.hypot(cx - wx, cz - radius) < radius * 1.18) & (np.abs(cy) > 0.3 * body.width)
    seam = np.zeros(len(cx), bool)
    for at in body.doors:
        seam |= (np.abs(cx - at) < 0.03) & at_side & (cz < sill) & (cz > body.clearance + 0.18)
    colours = sheet.colours.copy()
    parts: list[Part] = []
    parts.append(("paint", "car", _facets(sheet, ~glazed & ~dark & ~seam, colours)))
    tint = np.array([0.012, 0.015, 0.017]) * rng.uniform(0.7, 2.5)
    parts.append(("glass", "car", _facets(sheet, glazed, np.broadcast_to(tint, colours.shape))))
    black = np.broadcast_to(RUBBER * 1.4, colours.shape)
    parts.append(("matt", "car", _facets(sheet, dark | seam, black)))
    under = box(
        (-half + 0.1, -0.4 * body.width, body.clearance - 0.04),
        (half - 0.1, 0.4 * body.width, body.clearance + 0.1),
        RUBBER,
    )
    parts.append(("matt", "car", under))
    caps = [_cap(surface[0]), _cap(surface[-1])]
    parts.append(("paint", "car", join(caps).coloured(paint)))
    return parts


def _facets(sheet: Mesh, chosen: np.ndarray, colours: np.ndarray) -> Mesh:
    """The ``chosen`` faces of ``sheet`` as a mesh of their own."""
    used, index = np.unique(sheet.faces[chosen], return_inverse=True)
    return Mesh(
        sheet.vertices[used],
        sheet.normals[used],
        sheet.uv[used],
        np.ascontiguousarray(colours[used], np.float32),
        index.reshape(-1, 3),
    )


def _cap(ring: np.ndarray) -> Mesh:
    """Closes an end of the shell: the half-sections left and right joined by quads."""
    n = len(ring) // 2
    left, right = ring[:n], ring[::-1][:n]
    corners = np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=1)
    return quads(corners)


def _wheels(body: Body) -> list[Part]:
    tyres, rims = [], []
    turn = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
    for x, r in body.wheels:
        for side in (1, -1):
            y = side * (body.width / 2 - 0.1)
            tyre = lathe(
                [
                    (0.01, -0.1),
                    (r * 0.9, -0.1),
                    (r, -0.06),
                    (r, 0.06),
                    (r * 0.9, 0.1),
                    (r * 0.62, 0.1),
                ],
                RUBBER,
                20,
            )
            rim = lathe(
                [(r * 0.64, 0.1), (r * 0.58, 0.075), (0.05, 0.085), (0.01, 0.085)],
                (0.38, 0.38, 0.4),
                20,
            )
            spokes = join(
                [
                    box((-0.02, r * 0.2, 0.084), (0.02, r * 0.52, 0.092), RUBBER * 2).turned(a)
                    for a in np.arange(5) * 2 * np.pi / 5
                ]
            )
            mirror = np.diag([1, side, 1]) @ turn
            tyres.append(tyre.transformed(mirror).moved(x, y, r))
            rims += [m.transformed(mirror).moved(x, y, r) for m in (rim, spokes)]
    return [("matt", "car", join(tyres)), ("gloss", "car", join(rims))]


def _plaque(x: float, y: tuple[float, float], z: tuple[float, float]) -> Mesh:
    """An upright quad across the car at ``x``."""
    (a, b), (c, d) = y, z
    return quads(np.array([[[x, a, c], [x, b, c], [x, b, d], [x, a, d]]]))


def _ends(body: Body, lights: bool, braking: bool) -> list[Part]:
    """Lamps, grille, bumpers and number plates."""
    half, w = body.length / 2, body.width / 2
    nose = float(np.interp(half - 0.02, *np.array(body.roofline).T))
    tail = float(np.interp(-half + 0.02, *np.array(body.roofline).T))
    z0 = min(nose - 0.08, 0.78)
    front, back = half + 0.012, -half - 0.012
    parts: list[Part] = []
    head = [_wrap(front - 0.05, s, w, z0 - 0.12, z0, 0.3) for s in (1, -1)]
    parts.append(
        ("headlamp" if lights else "glass", "car", join(head).coloured((0.75, 0.76, 0.78)))
    )
    top = min(tail + 0.1, 1.05)
    tails = [_wrap(back + 0.05, s, w, top - 0.2, top, 0.2) for s in (1, -1)]
    surface = "brake lamp" if braking or lights else "gloss"
    parts.append((surface, "car", join(tails).coloured(srgb(190, 16, 18))))
    dark = [
        _plaque(front, (-0.5 * w, 0.5 * w), (z0 - 0.16, z0 - 0.02)),
        _plaque(front, (-0.7 * w, 0.7 * w), (body.clearance + 0.06, body.clearance + 0.2)),
        _plaque(back, (-0.75 * w, 0.75 * w), (body.clearance + 0.03, body.clearance + 0.14)),
    ]
    parts.append(("matt", "car", join(dark).coloured(RUBBER * 1.5)))
    plates = [
        (front + 0.005, (0.8, 0.8, 0.76), 0.42),
        (back - 0.005, (0.75, 0.52, 0.05), min(0.62, tail - 0.1)),
    ]
    for x, colour, z in plates:
        parts.append(("matt", "car", _plaque(x, (-0.26, 0.26), (z, z + 0.11)).coloured(colour)))
        letters = [
            _plaque(x * 1.001, (y - 0.022, y + 0.018), (z + 0.025, z + 0.085))
            for y in (-0.19, -0.13, -0.07, 0.05, 0.11, 0.17)
        ]
        parts.append(("matt", "car", join(letters).coloured(RUBBER)))
    return parts


def _wrap(x: float, side: int, w: float, z0: float, z1: float, span: float) -> Mesh:
    """A lamp that wraps round a corner of the body."""
    inward = np.sign(x)
    out, mid = side * w * 0.86, side * (w * 0.86 - span)
    corners = np.array(
        [
            [
                [x + 0.05 * inward, out, z0],
                [x + 0.05 * inward, mid, z0],
                [x + 0.05 * inward, mid, z1],
                [x + 0.05 * inward, out, z1],
            ],
            [
                [x - 0.22 * inward, side * w * 0.985, z0 + 0.03],
                [x + 0.05 * inward, out, z0],
                [x + 0.05 * inward, out, z1],
                [x - 0.22 * inward, side * w * 0.985, z1],
            ],
        ]
    )
    return quads(corners)
