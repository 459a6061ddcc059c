"""Collects the meshes of a scene by surface and class: few, large shapes for the renderer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semcom.data.classes import CAMVID_CLASSES
from semcom.data.street.mesh import Mesh, join

__all__ = ["Stage", "Surface"]


@dataclass(frozen=True)
class Surface:
    """How a mesh looks: a texture [H, W, 3], or the colours of its vertices where that is ``None``.

    ``kind`` is a key of ``materials.BSDFS``. ``tile`` is the side of the texture in the unit of uv
    (metres, for most). ``radiance`` makes the surface glow.
    """

    kind: str = "matt"
    texture: np.ndarray | None = None
    roughness: np.ndarray | None = None
    tile: tuple[float, float] = (1.0, 1.0)
    radiance: tuple[float, float, float] | None = None


@dataclass
class Stage:
    """Surfaces by name and, for each surface and class, the meshes on it.

    >>> from semcom.data.street.mesh import box
    >>> stage = Stage()
    >>> stage.add("matt", "car", box((0, 0, 0), (1, 1, 1)))
    >>> [(surface, label, len(mesh.faces)) for surface, label, mesh in stage.shapes()]
    [('matt', 'car', 12)]
    """

    surfaces: dict[str, Surface] = field(
        default_factory=lambda: {
            kind: Surface(kind) for kind in ("matt", "gloss", "paint", "glass", "metal", "leaf")
        }
    )
    _meshes: dict[tuple[str, str], list[Mesh]] = field(default_factory=dict)

    def add(self, surface: str, label: str, *meshes: Mesh) -> None:
        """Put ``meshes`` of class ``label`` on the scene. ``KeyError`` if either is unknown."""
        if surface not in self.surfaces or label not in CAMVID_CLASSES:
            raise KeyError(f"no surface {surface!r} or no class {label!r}")
        self._meshes.setdefault((surface, label), []).extend(meshes)

    def shapes(self) -> list[tuple[str, str, Mesh]]:
        """(surface, label, mesh) of everything, sorted by name."""
        return [(s, c, join(meshes)) for (s, c), meshes in sorted(self._meshes.items()) if meshes]

    def texture(self, name: str, texture: np.ndarray, tile: float, **more: Any) -> str:
        """Register a matt surface, its square ``texture`` spanning ``tile`` metres: its name."""
        self.surfaces.setdefault(name, Surface(texture=texture, tile=(tile, tile), **more))
        return name


#: parts of a rigid thing before it is set down: (surface, label, mesh)
Part = tuple[str, str, Mesh]
