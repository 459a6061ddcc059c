"""Roofs: flat behind a parapet, or pitched with ridge, gables, chimneys and dormers."""

from __future__ import annotations

import numpy as np

from semcom.data.street.facades import Style, windows
from semcom.data.street.mesh import box, join, quads, srgb
from semcom.data.street.stage import Part

__all__ = ["flat_roof", "pitched_roof"]


def flat_roof(style: Style, length: float, depth: float, height: float) -> list[Part]:
    """A roof behind a parapet, with a plant room on top."""
    rim = [
        box((-0.06, -0.08, height), (length + 0.06, 0.22, height + 0.12), style.trim),
        box((-0.06, depth - 0.2, height), (length + 0.06, depth + 0.06, height + 0.12), style.trim),
        box((-0.06, 0, height), (0.2, depth, height + 0.12), style.trim),
        box((length - 0.2, 0, height), (length + 0.06, depth, height + 0.12), style.trim),
        box((0, 0, height - 0.5), (length, depth, height - 0.45), (0.2, 0.2, 0.2)),
    ]
    return [("matt", "building", join(rim))]


def pitched_roof(
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
