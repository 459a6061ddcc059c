"""Pedestrians and cyclists: limbs, clothes and a gait."""

from __future__ import annotations

import numpy as np

from semcom.data.street.mesh import Mesh, box, ellipsoid, join, srgb, tube
from semcom.data.street.stage import Part

__all__ = ["draw_cyclist", "draw_pedestrian"]

_SKIN = [(224, 184, 158), (198, 150, 120), (140, 98, 74), (92, 62, 48)]
_TOPS = [
    (40, 44, 56),
    (120, 30, 34),
    (60, 84, 120),
    (30, 30, 32),
    (150, 140, 124),
    (196, 190, 180),
    (90, 100, 70),
    (200, 120, 40),
    (70, 40, 80),
    (210, 196, 60),
]
_TROUSERS = [(40, 48, 66), (30, 30, 34), (70, 66, 60), (110, 100, 84), (54, 62, 84)]
_HAIR = [(40, 28, 20), (20, 16, 14), (110, 80, 44), (150, 146, 140), (90, 50, 30)]


def _by(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z])


def _colour(rng: np.random.Generator, choices: list[tuple[int, int, int]]) -> np.ndarray:
    return srgb(*choices[rng.integers(len(choices))]) * rng.uniform(0.8, 1.15)


def _limb(a: np.ndarray, b: np.ndarray, start: float, end: float, colour: np.ndarray) -> Mesh:
    """A rounded limb from ``a`` to ``b``."""
    path = a + (b - a) * np.array([[0.0], [0.08], [0.35], [0.75], [0.95], [1.0]])
    widths = [start * 0.6, start, start * 1.03, (start + end) / 2, end, end * 0.6]
    return tube(path, widths, colour, sides=9)


def _bend(upper: np.ndarray, angle: float, length: float) -> np.ndarray:
    """The point ``length`` from ``upper``, swung forward by ``angle`` from hanging down."""
    return upper + length * np.array([np.sin(angle), 0, -np.cos(angle)])


def _head(at: np.ndarray, skin: np.ndarray, hair: np.ndarray, long_hair: bool) -> list[Mesh]:
    face = ellipsoid((0.01, 0, 0), (0.1, 0.078, 0.122), skin)
    scalp = ellipsoid((-0.022, 0, 0.03), (0.105, 0.09, 0.112), hair)
    parts = [face, scalp]
    if long_hair:
        parts.append(ellipsoid((-0.07, 0, -0.09), (0.06, 0.09, 0.15), hair))
    return [m.moved(*at) for m in parts]


def _trunk(hip: np.ndarray, neck: np.ndarray, width: float, colour: np.ndarray) -> Mesh:
    """Torso as a stack of ellipses from the ``hip`` to the ``neck``."""
    share = np.array([0.0, 0.05, 0.2, 0.42, 0.7, 0.88, 0.96, 1.0])
    half = np.array([0.6, 0.9, 0.92, 0.86, 1.05, 1.02, 0.6, 0.25]) * width
    body = tube(np.zeros((8, 3)) + share[:, None] * [0, 0, 1.0], half, colour, sides=12)
    squashed = body.scaled(0.62, 1.0, 1.0)
    along = neck - hip
    length = float(np.linalg.norm(along))
    lean = np.arctan2(along[0], along[2])
    c, s = np.cos(lean), np.sin(lean)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.diag([1, 1, length])
    return squashed.transformed(turn).moved(*hip)


def draw_pedestrian(rng: np.random.Generator) -> list[Part]:
    """Someone walking or standing, facing +x, feet on z = 0."""
    height = float(rng.normal(1.71, 0.09))
    child = rng.random() < 0.08
    stride = float(rng.choice([0.08, rng.uniform(0.3, 0.5)], p=[0.3, 0.7]))
    build = float(rng.uniform(0.9, 1.15))
    top, trousers = _colour(rng, _TOPS), _colour(rng, _TROUSERS)
    skin, hair = _colour(rng, _SKIN), _colour(rng, _HAIR)
    hip, neck = np.array([0, 0, 0.93]), np.array([0.02, 0, 1.48])
    parts = [_trunk(hip - _by(0, 0, 0.05), neck, 0.185 * build, top)]
    parts += [_limb(neck - _by(0, 0, 0.03), neck + _by(0.01, 0, 0.1), 0.055, 0.05, skin)]
    parts += _head(neck + _by(0.025, 0, 0.19), skin, hair, bool(rng.random() < 0.4))
    skirt = rng.random() < 0.15
    for side, swing in ((1, stride), (-1, -stride)):
        joint = hip + _by(0, side * 0.095, -0.02)
        knee = _bend(joint, swing + 0.08, 0.44)
        foot = _bend(knee, swing * (0.35 if swing > 0 else 1.5), 0.44)
        leg = skin if skirt else trousers
        parts.append(_limb(joint, knee, 0.095 * build, 0.062, trousers if not skirt else top * 0.7))
        parts.append(_limb(knee, foot, 0.062, 0.045, leg))
        shoe = ellipsoid((0.06, 0, 0), (0.135, 0.048, 0.05), srgb(30, 26, 24)).moved(
            foot[0], foot[1], foot[2] - 0.01
        )
        parts.append(shoe)
        shoulder = neck + _by(0, side * 0.2 * build, -0.09)
        elbow = _bend(shoulder, -swing * 0.9, 0.3) + _by(0, side * 0.04, 0)
        hand = _bend(elbow, -swing * 0.7 + 0.3, 0.27)
        parts.append(_limb(shoulder, elbow, 0.058 * build, 0.048, top))
        parts.append(_limb(elbow, hand, 0.047, 0.035, top))
        parts.append(ellipsoid(tuple(hand - _by(0, 0, 0.05)), (0.035, 0.03, 0.06), skin))
    if rng.random() < 0.35:
        low = hip[2] - 0.4 if rng.random() < 0.5 else hip[2] - 0.15
        parts.append(
            _trunk(np.array([0, 0, low]), np.array([0.01, 0, 1.35]), 0.2 * build, top * 0.9)
        )
    if rng.random() < 0.35:
        bag = box((-0.14, -0.14, 1.02), (-0.30, 0.14, 1.42), _colour(rng, _TOPS))
        parts.append(bag)
    elif rng.random() < 0.3:
        parts.append(box((-0.12, -0.38, 0.42), (0.16, -0.3, 0.72), _colour(rng, _TOPS)))
    scale = height / 1.79 * (0.68 if child else 1.0)
    person = join(parts).scaled(scale)
    lowest = float(person.vertices[:, 2].min())
    return [("matt", "pedestrian", person.moved(z=-lowest))]


def _ring(centre: tuple[float, float], radius: float, thick: float, colour: np.ndarray) -> Mesh:
    """A wheel rim in the x-z plane."""
    angle = np.linspace(0, 2 * np.pi, 29)
    path = np.stack(
        [centre[0] + radius * np.cos(angle), np.zeros(29), centre[1] + radius * np.sin(angle)], -1
    )
    return tube(path, thick, colour, sides=6)


def draw_bicycle(rng: np.random.Generator) -> list[Mesh]:
    """A bicycle that heads +x, rear axle at x = -0.5."""
    black, frame = np.array([0.02, 0.02, 0.02]), _colour(rng, _TOPS)
    axle_back, axle_front = np.array([-0.5, 0, 0.34]), np.array([0.52, 0, 0.34])
    crank, seat, head = (
        np.array([-0.08, 0, 0.3]),
        np.array([-0.22, 0, 0.86]),
        np.array([0.36, 0, 0.88]),
    )
    tubes = [
        (crank, seat),
        (crank, head - _by(0, 0, 0.06)),
        (seat - _by(0, 0, 0.1), head),
        (head, axle_front),
        (axle_back, crank),
        (axle_back, seat - _by(0, 0, 0.1)),
    ]
    meshes = [tube([a, b], 0.021, frame, 6) for a, b in tubes]
    meshes += [_ring((float(a[0]), 0.34), 0.32, 0.02, black) for a in (axle_back, axle_front)]
    for axle in (axle_back, axle_front):
        for angle in np.arange(8) * np.pi / 4:
            rim = axle + 0.32 * np.array([np.cos(angle), 0, np.sin(angle)])
            meshes.append(tube([axle, rim], 0.004, (0.3, 0.3, 0.3), 3))
    meshes.append(tube([head, head + _by(0.03, 0, 0.14)], 0.017, black, 6))
    bar = head + _by(0.03, 0, 0.14)
    meshes.append(tube([bar + _by(0, -0.28, 0), bar + _by(0, 0.28, 0)], 0.017, black, 6))
    meshes.append(ellipsoid((-0.24, 0, 0.94), (0.14, 0.08, 0.035), black, 8))
    return meshes


def draw_cyclist(rng: np.random.Generator) -> list[Part]:
    """Someone riding a bicycle towards +x; all of it belongs to the class bicyclist."""
    top = srgb(214, 226, 40) if rng.random() < 0.3 else _colour(rng, _TOPS)
    trousers, skin, hair = _colour(rng, _TROUSERS), _colour(rng, _SKIN), _colour(rng, _HAIR)
    hip, neck = np.array([-0.2, 0, 0.98]), np.array([0.14, 0, 1.46])
    parts = draw_bicycle(rng)
    parts.append(_trunk(hip, neck, 0.18, top))
    parts += _head(neck + _by(0.07, 0, 0.17), skin, hair, False)
    if rng.random() < 0.5:
        parts.append(
            ellipsoid(tuple(neck + _by(0.05, 0, 0.25)), (0.15, 0.1, 0.08), _colour(rng, _TOPS))
        )
    phase = float(rng.uniform(0, 2 * np.pi))
    for side, turn in ((1, phase), (-1, phase + np.pi)):
        joint = hip + _by(0.02, side * 0.09, -0.02)
        pedal = np.array([-0.08 + 0.16 * np.cos(turn), side * 0.11, 0.33 + 0.16 * np.sin(turn)])
        middle = (joint + pedal) / 2
        reach = float(np.linalg.norm(pedal - joint))
        knee = middle + _by(max(0.45**2 - (reach / 2) ** 2, 0.0) ** 0.5, 0, 0.05)
        parts.append(_limb(joint, knee, 0.09, 0.06, trousers))
        parts.append(_limb(knee, pedal, 0.058, 0.042, trousers))
        parts.append(
            ellipsoid(tuple(pedal + _by(0.05, 0, -0.01)), (0.13, 0.045, 0.045), srgb(28, 26, 26))
        )
        shoulder = neck + _by(-0.03, side * 0.18, -0.07)
        hand = np.array([0.39, side * 0.25, 1.03])
        elbow = (shoulder + hand) / 2 + _by(-0.03, side * 0.06, -0.07)
        parts.append(_limb(shoulder, elbow, 0.055, 0.045, top))
        parts.append(_limb(elbow, hand, 0.045, 0.035, top))
    return [("matt", "bicyclist", join(parts))]
