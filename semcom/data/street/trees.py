"""Trees, bushes and hedges whose foliage is thousands of single leaves."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from semcom.data.street.mesh import Mesh, join, tube
from semcom.data.street.stage import Part

__all__ = ["KINDS", "Grove", "draw_bush", "draw_hedge", "draw_tree", "leaves"]

#: kinds of trees and how often they are planted
KINDS = {"broadleaf": 0.62, "column": 0.12, "conifer": 0.1, "bare": 0.16}
_GREENS = np.array(
    [(0.085, 0.16, 0.03), (0.06, 0.12, 0.025), (0.12, 0.17, 0.035), (0.10, 0.13, 0.045),
     (0.17, 0.15, 0.03)]
)  # fmt: skip
#: how many different trees there are
SPECIMENS = 48
_BARK = np.array([0.11, 0.085, 0.062])


def leaves(
    rng: np.random.Generator,
    centres: np.ndarray,
    outward: np.ndarray,
    size: float,
    colour: np.ndarray,
) -> Mesh:
    """One rhombic leaf (a tuft seen from afar) at each of ``centres`` [n, 3].

    Their shading normals lean ``outward`` [n, 3], as the surface of the whole crown would, which
    gives the crown a lit and a shaded side.
    """
    n = len(centres)
    axis = rng.standard_normal((n, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    side = np.cross(axis, rng.standard_normal((n, 3)))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    half = size * rng.uniform(0.6, 1.3, (n, 1))
    tips = np.stack(
        [centres - axis * half, centres - side * half * 0.6, centres + axis * half,
         centres + side * half * 0.6], axis=1)  # fmt: skip
    normals = outward + 0.55 * rng.standard_normal((n, 3)) + [0, 0, 0.25]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    tone = colour * rng.uniform(0.6, 1.45, (n, 1)) * (1 + 0.12 * rng.standard_normal((n, 3)))
    first = np.arange(n)[:, None] * 4
    return Mesh(
        tips.reshape(-1, 3).astype(np.float32),
        np.repeat(normals, 4, axis=0).astype(np.float32),
        np.zeros((4 * n, 2), np.float32),
        np.repeat(np.clip(tone, 0.004, 0.6), 4, axis=0).astype(np.float32),
        np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])]),
    )


def _limb(
    rng: np.random.Generator, start: np.ndarray, end: np.ndarray, thick: float, colour: np.ndarray
) -> Mesh:
    """A branch, slightly crooked and tapering."""
    steps = np.linspace(0, 1, 4)[:, None]
    path = start + (end - start) * steps
    path[1:-1] += rng.normal(0, 0.06, (2, 3)) * np.linalg.norm(end - start)
    return tube(path, thick * np.linspace(1, 0.45, 4), colour, sides=6)


def draw_tree(rng: np.random.Generator, kind: str | None = None) -> list[Part]:
    """A tree with its foot at the origin."""
    kind = kind or str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind == "conifer":
        return _conifer(rng)
    bark = _BARK * rng.uniform(0.7, 1.5)
    height = float(rng.uniform(6.5, 12))
    trunk = float(height * rng.uniform(0.2, 0.32))
    spread = float(height * (0.13 if kind == "column" else rng.uniform(0.26, 0.4)))
    thick = 0.018 * height + 0.05
    fork = np.array([*rng.normal(0, 0.1, 2), trunk])
    wood = [_limb(rng, np.array([0, 0, -0.3]), fork, thick, bark)]
    tips, levels = [], (3 if kind == "bare" else 2)
    stems = [(fork, np.array([0.0, 0.0, 1.0]), thick * 0.75, 0)]
    centre = np.array([0, 0, trunk + (height - trunk) * 0.52])
    while stems:
        foot, direction, width, level = stems.pop()
        count = (int(rng.integers(5, 8)), 4, 4)[level]
        for i in range(count):
            angle = 2 * np.pi * (i + rng.uniform(-0.3, 0.3)) / count
            lean = rng.uniform(0.35, 1.0) if level == 0 else 0.8
            sideways = np.array([np.cos(angle), np.sin(angle), 0.0]) * lean
            heading = direction * rng.uniform(0.7, 1.1) + sideways * (
                0.4 if kind == "column" else 1
            )
            heading /= np.linalg.norm(heading)
            reach = (height - trunk) * (0.5, 0.3, 0.2)[level] * rng.uniform(0.7, 1.15)
            end = foot + heading * reach
            wood.append(_limb(rng, foot, end, width * 0.62, bark))
            if level + 1 < levels:
                stems.append((end, heading, width * 0.55, level + 1))
            tips.append(end)
    parts: list[Part] = []
    if kind == "bare":
        twigs = []
        for tip in tips:
            for _ in range(8):
                twig = rng.normal(0, 0.05, 3) * height + [0, 0, 0.03 * height]
                twigs.append(
                    tube([tip, tip + twig * 0.6, tip + twig], [0.022, 0.016, 0.008], bark, 4)
                )
        return [("matt", "tree", join(wood + twigs))]
    green = _GREENS[rng.integers(len(_GREENS))] * rng.uniform(0.75, 1.25)
    blobs = [np.array(tip) for tip in tips if tip[2] > trunk * 0.9]
    for _ in range(10):
        offset = rng.standard_normal(3)
        offset *= rng.uniform(0.5, 1.0) / np.linalg.norm(offset)
        blobs.append(centre + offset * [spread, spread, (height - trunk) * 0.45])
    crown = []
    radius = spread * (0.55 if kind == "column" else 0.40)
    for blob in blobs:
        amount = int(rng.uniform(150, 240))
        shell = rng.standard_normal((amount, 3))
        shell /= np.linalg.norm(shell, axis=1, keepdims=True)
        size = radius * rng.uniform(0.75, 1.2)
        where = blob + shell * (size * rng.uniform(0.55, 1.0, (amount, 1)) ** 0.5) * [1, 1, 0.8]
        away = shell * 0.6 + (where - centre) / (
            np.linalg.norm(where - centre, axis=1)[:, None] + 1e-6
        )
        shade = 0.75 + 0.35 * np.clip((where[:, 2:] - trunk) / (height - trunk), 0, 1)
        crown.append(leaves(rng, where, away, 0.028 * height * 0.75, green * shade))
    parts.append(("matt", "tree", join(wood)))
    parts.append(("leaf", "tree", join(crown)))
    return parts


@dataclass(frozen=True)
class Grove:
    """The trees of one scene: a few grown once, planted many times turned and scaled."""

    near: list[list[Part]]
    far: list[list[Part]]

    @staticmethod
    def grow(rng: np.random.Generator, count: int = 5) -> Grove:
        chosen = [_specimen(int(rng.integers(SPECIMENS))) for _ in range(count)]
        return Grove([near for near, _ in chosen], [far for _, far in chosen])

    def plant(self, rng: np.random.Generator, *, distance: float, scale: float = 1.0) -> list[Part]:
        """A tree to be seen from ``distance`` metres; with few, larger leaves beyond 45 m."""
        stock = self.near if distance < 45 else self.far
        tree = stock[rng.integers(len(stock))]
        size, angle = scale * float(rng.uniform(0.8, 1.15)), float(rng.uniform(0, 2 * np.pi))
        return [(s, c, mesh.scaled(size).turned(angle)) for s, c, mesh in tree]


@functools.cache
def _specimen(index: int) -> tuple[list[Part], list[Part]]:
    """Tree ``index`` of the nursery that all scenes take theirs from, and its view from afar."""
    rng = np.random.default_rng([0x7EE, index])
    near = draw_tree(rng)
    return near, [_thinned(rng, part) for part in near]


def _thinned(rng: np.random.Generator, part: Part) -> Part:
    """A third of the leaves, each of 1.75 times the size; wood stays as it is."""
    surface, label, mesh = part
    if surface != "leaf":
        return part
    kept = np.sort(rng.permutation(len(mesh.vertices) // 4)[: len(mesh.vertices) // 12])
    corner = (kept[:, None] * 4 + np.arange(4)).ravel()
    tips = mesh.vertices[corner].reshape(-1, 4, 3)
    middle = tips.mean(axis=1, keepdims=True)
    first = np.arange(len(kept))[:, None] * 4
    return (
        surface,
        label,
        replace(
            mesh,
            vertices=(middle + 1.75 * (tips - middle)).reshape(-1, 3).astype(np.float32),
            normals=mesh.normals[corner],
            uv=mesh.uv[corner],
            colours=mesh.colours[corner],
            faces=np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])]),
        ),
    )


def _conifer(rng: np.random.Generator) -> list[Part]:
    """A spruce: layers of drooping branches on a straight stem."""
    height, spread = float(rng.uniform(7, 13)), float(rng.uniform(1.5, 2.3))
    stem = tube([[0, 0, -0.3], [0, 0, height]], [0.17, 0.03], _BARK)
    n = 5200
    level = 1 - np.sqrt(rng.uniform(0.0, 1.0, n))
    angle = rng.uniform(0, 2 * np.pi, n)
    reach = spread * (1 - level) * rng.uniform(0.35, 1.0, n) ** 0.5
    reach *= 0.8 + 0.25 * np.sin(level * 60 + np.cos(angle * 5))
    where = np.stack(
        [reach * np.cos(angle), reach * np.sin(angle), 0.8 + level * (height - 0.8) - 0.25 * reach],
        -1,
    )
    away = np.stack([np.cos(angle), np.sin(angle), np.full(n, 0.4)], axis=-1)
    green = np.array([0.035, 0.07, 0.03]) * rng.uniform(0.8, 1.4)
    return [("matt", "tree", stem), ("leaf", "tree", leaves(rng, where, away, 0.17, green))]


def draw_hedge(rng: np.random.Generator, length: float, height: float, depth: float) -> list[Part]:
    """A clipped hedge along x from 0 to ``length``, y from 0 to ``depth``."""
    n = int(length * height * 260)
    top = rng.random(n) < depth / (depth + 2 * height)
    x, y, z = rng.uniform(0, length, n), rng.uniform(0, depth, n), rng.uniform(0, height, n)
    front = rng.random(n) < 0.5
    y = np.where(top, y, np.where(front, 0, depth)) + rng.normal(0, 0.05, n)
    z = np.where(top, height, z) + rng.normal(0, 0.05, n)
    where = np.stack([x, y, np.maximum(z, 0.02)], axis=-1)
    up, sideways = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    away = np.where(top[:, None], up, np.where(front[:, None], -sideways, sideways))
    green = _GREENS[rng.integers(3)] * rng.uniform(0.7, 1.1)
    return [("leaf", "tree", leaves(rng, where, away, 0.10, green))]


def draw_bush(rng: np.random.Generator) -> list[Part]:
    """A round shrub, half to one and a half metres high."""
    radius = float(rng.uniform(0.4, 1.0))
    n = 650
    shell = rng.standard_normal((n, 3))
    shell /= np.linalg.norm(shell, axis=1, keepdims=True)
    shell[:, 2] = np.abs(shell[:, 2])
    where = shell * radius * rng.uniform(0.7, 1.05, (n, 1)) * [1, 1, 1.2]
    green = _GREENS[rng.integers(len(_GREENS))]
    return [("leaf", "tree", leaves(rng, where, shell, 0.11, green))]
