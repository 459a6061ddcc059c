"""Triangle meshes as arrays, and the few solids that everything is put together from.

Metres, z up. Colours are linear RGB reflectances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = [
    "Mesh",
    "box",
    "disc",
    "ellipsoid",
    "grid",
    "join",
    "lathe",
    "quads",
    "repeat",
    "srgb",
    "tube",
]


@dataclass(frozen=True)
class Mesh:
    """``vertices``, ``normals``, ``colours`` [n, 3], ``uv`` [n, 2] float32; ``faces`` [m, 3]."""

    vertices: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    colours: np.ndarray
    faces: np.ndarray

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        return replace(self, vertices=self.vertices + np.array([x, y, z], np.float32))

    def turned(self, angle: float) -> Mesh:
        """Rotated about the z axis by ``angle`` in radians, counter-clockwise from above."""
        c, s = np.cos(angle), np.sin(angle)
        return self.transformed(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]))

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Mesh:
        return self.transformed(np.diag([x, x if y is None else y, x if z is None else z]))

    def transformed(self, matrix: np.ndarray) -> Mesh:
        """Mapped by a 3x3 ``matrix``; a mirroring one keeps the normals outside."""
        normals = self.normals @ np.linalg.inv(matrix)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        return replace(
            self,
            vertices=(self.vertices @ matrix.T).astype(np.float32),
            normals=normals.astype(np.float32),
        )

    def warped(self, bend: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Mesh:
        """Each vertex mapped by ``bend``: points [n, 3] -> (points [n, 3], headings [n])."""
        vertices, heading = bend(self.vertices)
        c, s = np.cos(heading), np.sin(heading)
        x, y, z = self.normals.T
        normals = np.stack([c * x - s * y, s * x + c * y, z], axis=1)
        return replace(
            self, vertices=vertices.astype(np.float32), normals=normals.astype(np.float32)
        )

    def coloured(self, colour: Sequence[float] | np.ndarray) -> Mesh:
        return replace(self, colours=_rows(colour, len(self.vertices)))


def _rows(colour: Sequence[float] | np.ndarray, n: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(colour, np.float32), (n, 3)).copy()


def srgb(red: float, green: float, blue: float) -> np.ndarray:
    """Linear reflectance of a display colour given as 0..255.

    >>> srgb(255, 0, 0).tolist()
    [1.0, 0.0, 0.0]
    """
    return (np.array([red, green, blue], dtype=np.float32) / 255) ** np.float32(2.2)


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All ``meshes`` as one."""
    starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.uv for m in meshes]),
        np.concatenate([m.colours for m in meshes]),
        np.concatenate([m.faces + start for m, start in zip(meshes, starts, strict=True)]),
    )


def repeat(mesh: Mesh, offsets: np.ndarray, colours: np.ndarray | None = None) -> Mesh:
    """Copies of ``mesh`` moved by ``offsets`` [k, 3], in their own ``colours`` [k, 3] if given."""
    offsets = np.asarray(offsets, np.float32).reshape(-1, 3)
    k, n = len(offsets), len(mesh.vertices)
    own = np.tile(mesh.colours, (k, 1)) if colours is None else np.repeat(colours, n, axis=0)
    return Mesh(
        (mesh.vertices[None] + offsets[:, None]).reshape(-1, 3),
        np.tile(mesh.normals, (k, 1)),
        np.tile(mesh.uv, (k, 1)),
        own.astype(np.float32),
        (mesh.faces[None] + np.arange(k)[:, None, None] * n).reshape(-1, 3),
    )


def quads(
    corners: np.ndarray,
    colour: Sequence[float] | np.ndarray = (0.5, 0.5, 0.5),
    uv: np.ndarray | None = None,
) -> Mesh:
    """Flat quadrilaterals from ``corners`` [m, 4, 3], counter-clockwise seen from outside.

    ``colour`` is one colour or [m, 3]; ``uv`` [m, 4, 2].
    """
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 3)
    m = len(corners)
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    colours = np.broadcast_to(np.asarray(colour, np.float32), (m, 3))
    texture = np.zeros((m, 4, 2)) if uv is None else np.asarray(uv).reshape(m, 4, 2)
    first = np.arange(m)[:, None] * 4
    return Mesh(
        corners.reshape(-1, 3),
        np.repeat(normals, 4, axis=0).astype(np.float32),
        texture.reshape(-1, 2).astype(np.float32),
        np.repeat(colours, 4, axis=0).astype(np.float32),
        np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])]),
    )


_BOX = np.array(
    [
        [[0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 0]],
        [[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]],
        [[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]],
        [[1, 1, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]],
        [[0, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 1]],
        [[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 1]],
    ],
    dtype=np.float32,
)
#: the two axes that the texture of each box face runs along
_BOX_AXES = ((0, 1), (0, 1), (0, 2), (0, 2), (1, 2), (1, 2))


def box(
    low: Sequence[float] | np.ndarray,
    high: Sequence[float] | np.ndarray,
    colour: Sequence[float] | np.ndarray = (0.5, 0.5, 0.5),
) -> Mesh:
    """Axis-parallel boxes between the corners ``low`` and ``high`` ([3] or [m, 3]); uv in metres.

    >>> len(box((0, 0, 0), (1, 1, 1)).faces)
    12
    """
    low = np.atleast_2d(np.asarray(low, np.float32))
    high = np.atleast_2d(np.asarray(high, np.float32))
    m = max(len(low), len(high))
    low, high = np.broadcast_to(low, (m, 3)), np.broadcast_to(high, (m, 3))
    corners = low[:, None, None] + _BOX[None] * (high - low)[:, None, None]
    uv = np.stack([corners[:, i][..., list(axes)] for i, axes in enumerate(_BOX_AXES)], axis=1)
    colours = np.repeat(np.broadcast_to(np.asarray(colour, np.float32), (m, 3)), 6, axis=0)
    return quads(corners.reshape(-1, 4, 3), colours, uv.reshape(-1, 4, 2))


def grid(points: np.ndarray, colour: Sequence[float] | np.ndarray, *, closed: bool = False) -> Mesh:
    """Smooth surface through ``points`` [rows, columns, 3]; ``closed`` joins the last column.

    Normals point to the left of the row direction as seen along the columns.
    """
    rows, columns = points.shape[:2]
    ahead = np.gradient(points, axis=0)
    if closed:
        padded = np.concatenate([points[:, -1:], points, points[:, :1]], axis=1)
        across = (padded[:, 2:] - padded[:, :-2]) / 2
    else:
        across = np.gradient(points, axis=1)
    normals = np.cross(across, ahead)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-9
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    )
    n = rows * columns
    return Mesh(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        np.zeros((n, 2), np.float32),
        _rows(np.asarray(colour).reshape(-1, 3) if np.ndim(colour) == 3 else colour, n),
        faces,
    )


def tube(
    path: Sequence[Sequence[float] | np.ndarray] | np.ndarray,
    radii: float | Sequence[float] | np.ndarray,
    colour: Sequence[float] | np.ndarray = (0.5, 0.5, 0.5),
    sides: int = 8,
) -> Mesh:
    """Round bar along the points ``path`` [k, 3], thick by ``radii`` at each of them."""
    points = np.asarray(path, np.float64)
    widths = np.broadcast_to(np.asarray(radii, np.float64), (len(points),))
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    mean = along.mean(axis=0)
    helper = np.eye(3)[np.argmin(np.abs(mean))]
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-12
    up = np.cross(side, along)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = side[:, None] * np.cos(angle)[:, None] + up[:, None] * np.sin(angle)[:, None]
    surface = grid(points[:, None] + ring * widths[:, None, None], colour, closed=True)
    return replace(surface, normals=ring.reshape(-1, 3).astype(np.float32))


def ellipsoid(
    centre: Sequence[float],
    radii: Sequence[float],
    colour: Sequence[float] | np.ndarray,
    sides: int = 10,
) -> Mesh:
    """Ball with half axes ``radii``, standing upright."""
    polar = np.linspace(0.02, np.pi - 0.02, sides // 2 + 2)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    unit = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(angle),
            np.sin(polar)[:, None] * np.sin(angle),
            np.broadcast_to(np.cos(polar)[:, None], (len(polar), sides)),
        ],
        axis=-1,
    )
    ball = grid(unit, colour, closed=True)
    return replace(ball, normals=ball.vertices).transformed(np.diag(radii)).moved(*centre)


def lathe(
    profile: Sequence[tuple[float, float]], colour: Sequence[float] | np.ndarray, sides: int = 12
) -> Mesh:
    """Body of revolution about z through the (radius, height) points of ``profile``."""
    outline = np.asarray(profile, np.float64)
    path = np.stack([np.zeros(len(outline)), np.zeros(len(outline)), outline[:, 1]], axis=1)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides)], axis=-1)
    surface = grid(path[:, None] + outline[:, 0, None, None] * ring, colour, closed=True)
    return replace(surface, normals=-surface.normals)


def disc(
    radius: float, colour: Sequence[float] | np.ndarray = (0.5, 0.5, 0.5), sides: int = 20
) -> Mesh:
    """Disc in the y-z plane that faces -x; uv spans its bounding square, 0..1, v downwards."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    y, z = np.cos(angle), np.sin(angle)
    rim = np.stack([np.zeros(sides), y * radius, z * radius], axis=1)
    vertices = np.concatenate([np.zeros((1, 3)), rim]).astype(np.float32)
    uv = np.concatenate([[[0.5, 0.5]], np.stack([(1 - y) / 2, (1 - z) / 2], axis=1)])
    ring = np.arange(sides)
    faces = np.stack([np.zeros(sides, int), 1 + (ring + 1) % sides, 1 + ring], axis=1)
    n = sides + 1
    normals = np.broadcast_to(np.array([-1, 0, 0], np.float32), (n, 3)).copy()
    return Mesh(vertices, normals, uv.astype(np.float32), _rows(colour, n), faces)
