"""The course of the street: a gently curved and sloped centre line, and who stands where on it.

Street coordinates are (s, t, z): metres along the centre line, metres to the left of it, metres
above the road. The camera looks along +s; traffic keeps left, so its own lane has t > 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcom.data.street.mesh import Mesh

__all__ = ["Alignment", "draw_alignment"]

STEP = 1.0
BEHIND = 60.0


@dataclass(frozen=True)
class Alignment:
    """Tables over s in steps of ``STEP`` from ``-BEHIND``: x, y, heading in radians, height."""

    x: np.ndarray
    y: np.ndarray
    heading: np.ndarray
    height: np.ndarray

    def at(self, s: float | np.ndarray, table: np.ndarray) -> np.ndarray:
        return np.interp(s, np.arange(len(table)) * STEP - BEHIND, table)

    def bend(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points and headings of street points [n, 3]."""
        s, t, z = points.T.astype(np.float64)
        heading = self.at(s, self.heading)
        world = np.stack(
            [
                self.at(s, self.x) - t * np.sin(heading),
                self.at(s, self.y) + t * np.cos(heading),
                z + self.at(s, self.height),
            ],
            axis=1,
        )
        return world, heading

    def lay(self, mesh: Mesh) -> Mesh:
        """A mesh in street coordinates, following the curve and the slope point by point."""
        return mesh.warped(self.bend)

    def plant(self, mesh: Mesh, s: float) -> Mesh:
        """A long thing that follows the curve but stands level, as high as the road at ``s``."""
        level = float(self.at(s, self.height))

        def bend(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            world, heading = self.bend(points)
            world[:, 2] = points[:, 2] + level
            return world, heading

        return mesh.warped(bend)

    def stand(self, mesh: Mesh, s: float, t: float, turn: float = 0.0) -> Mesh:
        """A rigid mesh (x ahead, y left) set down upright at (s, t), turned by ``turn`` radians."""
        (where,), (heading,) = self.bend(np.array([[s, t, 0.0]]))
        return mesh.turned(heading + turn).moved(*where)

    def drive(self, mesh: Mesh, s: float, t: float, turn: float = 0.0) -> Mesh:
        """As :meth:`stand`, and pitched with the slope of the road."""
        slope = float(self.at(s + 1, self.height) - self.at(s - 1, self.height)) / 2
        facing = slope * np.cos(turn)
        c, d = np.cos(np.arctan(facing)), np.sin(np.arctan(facing))
        pitched = mesh.transformed(np.array([[c, 0, -d], [0, 1, 0], [d, 0, c]]))
        return self.stand(pitched, s, t, turn)


def draw_alignment(rng: np.random.Generator, length: float) -> Alignment:
    """A random course of ``length`` metres ahead of s = 0 (and ``BEHIND`` behind)."""
    s = np.arange(-BEHIND, length + 200, STEP)
    kind = rng.choice(["straight", "bend", "s-bend"], p=[0.45, 0.35, 0.2])
    curvature = np.zeros_like(s)
    if kind != "straight":
        sign = rng.choice([-1, 1])
        start, extent = rng.uniform(15, 60), rng.uniform(60, 120)
        bump = np.clip((s - start) / 15, 0, 1) * np.clip((start + extent - s) / 15, 0, 1)
        curvature += sign * bump * rng.uniform(0.002, 0.007)
        if kind == "s-bend":
            bump = np.clip((s - start - extent) / 15, 0, 1)
            curvature -= sign * bump * rng.uniform(0.002, 0.006)
    heading = np.cumsum(curvature) * STEP
    slope = rng.normal(0, 0.012) + 0.02 * rng.standard_normal() * np.sin(s / rng.uniform(40, 90))
    height = np.cumsum(slope) * STEP
    x, y = np.cumsum(np.cos(heading)) * STEP, np.cumsum(np.sin(heading)) * STEP
    origin = int(BEHIND / STEP)
    return Alignment(x - x[origin], y - y[origin], heading, height - height[origin])
