"""A drive down one street: where the camera is, and the same street as seen by radio waves.

The radio scene is written in the form Sionna RT loads (``sionna.rt.load_scene``): one PLY mesh per
material, materials by their names in Recommendation ITU-R P.2040.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from semcom.data.street.mesh import Mesh, join
from semcom.data.street.plan import LENGTH
from semcom.data.street.render import Camera
from semcom.data.street.scene import Scene

__all__ = ["RadioScene", "drive", "export_radio_scene", "radio_meshes"]

#: ITU-R P.2040 material and thickness in metres, by surface; leaves and vehicles are left out
SURFACE_MATERIALS = {
    "red brick": ("brick", 0.25),
    "yellow brick": ("brick", 0.25),
    "dark brick": ("brick", 0.25),
    "white render": ("brick", 0.25),
    "tinted render": ("brick", 0.25),
    "stone": ("marble", 0.3),
    "concrete": ("concrete", 0.3),
    "slate": ("ceiling_board", 0.02),
    "clay tiles": ("brick", 0.02),
    "asphalt": ("concrete", 0.3),
    "slabs": ("concrete", 0.1),
    "lawn": ("medium_dry_ground", 1.0),
    "shop window": ("glass", 0.01),
    "boards": ("wood", 0.02),
}
#: the same by class, for surfaces that only have a colour
CLASS_MATERIALS = {
    ("glass", "building"): ("glass", 0.01),
    ("matt", "building"): ("concrete", 0.2),
    ("metal", "building"): ("metal", 0.01),
    ("gloss", "pole"): ("metal", 0.01),
}


@dataclass(frozen=True)
class RadioScene:
    """``xml`` is the scene file; ``transmitter`` [3] is 2 m above the highest roof, in metres."""

    xml: Path
    transmitter: np.ndarray


def drive(
    scene: Scene, *, frames: int = 60, rate: float = 10.0, speed: float = 8.0
) -> list[Camera]:
    """Poses of the scene's camera moving ahead at ``speed`` m/s, ``rate`` frames a second.

    Raises ``ValueError`` if the way is longer than the street.
    """
    way = (frames - 1) * speed / rate
    if frames < 1 or rate <= 0 or speed < 0 or way > LENGTH - 40:
        raise ValueError(f"a drive of {way:.0f} m does not fit the {LENGTH - 40:.0f} m of street")
    start = np.array(scene.camera.position)
    view = np.array(scene.camera.target) - start
    (origin,), (heading,) = scene.course.bend(np.zeros((1, 3)))
    across = float(-np.sin(heading) * (start - origin)[0] + np.cos(heading) * (start - origin)[1])
    above = float(start[2] - origin[2])
    s = np.arange(frames) * speed / rate
    points, headings = scene.course.bend(
        np.stack([s, np.full(frames, across), np.full(frames, above)], axis=1)
    )
    slopes = scene.course.at(s + 1, scene.course.height) - scene.course.at(s, scene.course.height)
    cameras = []
    for point, turn, rise in zip(points, headings - heading, slopes - slopes[0], strict=True):
        c, d = np.cos(turn), np.sin(turn)
        ahead = [c * view[0] - d * view[1], d * view[0] + c * view[1], view[2] + 10 * rise]
        x, y, z = (float(v) for v in point)
        tx, ty, tz = (float(v) for v in point + ahead)
        cameras.append(Camera((x, y, z), (tx, ty, tz), scene.camera.field_of_view))
    return cameras


def radio_meshes(scene: Scene) -> dict[tuple[str, float], Mesh]:
    """The meshes that reflect radio waves, by ITU material and thickness in metres."""
    found: dict[tuple[str, float], list[Mesh]] = {}
    for surface, label, mesh in scene.stage.shapes():
        material = SURFACE_MATERIALS.get(surface) or CLASS_MATERIALS.get((surface, label))
        if material is not None:
            found.setdefault(material, []).append(mesh)
    return {material: join(meshes) for material, meshes in sorted(found.items())}


def export_radio_scene(scene: Scene, out: str | os.PathLike[str]) -> RadioScene:
    """Write ``street.xml`` and ``meshes/*.ply`` into the folder ``out``."""
    folder = Path(out)
    (folder / "meshes").mkdir(parents=True, exist_ok=True)
    materials, shapes = [], []
    for (name, thickness), mesh in radio_meshes(scene).items():
        identity = f"{name}-{round(1000 * thickness)}mm"
        materials.append(
            f'<bsdf type="itu-radio-material" id={quoteattr(identity)}>'
            f'<string name="type" value={quoteattr(name)}/>'
            f'<float name="thickness" value="{thickness}"/></bsdf>'
        )
        _write_ply(folder / "meshes" / f"{identity}.ply", mesh)
        shapes.append(
            f'<shape type="ply" id={quoteattr("mesh-all-" + identity)}>'
            f'<string name="filename" value={quoteattr(f"meshes/{identity}.ply")}/>'
            f'<boolean name="face_normals" value="true"/>'
            f'<ref id={quoteattr(identity)} name="bsdf"/></shape>'
        )
    lines = ['<scene version="2.1.0">', *materials, *shapes, "</scene>", ""]
    xml = folder / "street.xml"
    xml.write_text("\n".join(lines), encoding="utf-8")
    roofs = np.concatenate(
        [mesh.vertices for _, label, mesh in scene.stage.shapes() if label == "building"]
    )
    near = roofs[(roofs[:, 0] > 20) & (roofs[:, 0] < LENGTH - 30)]
    top = near[near[:, 2].argmax()]
    return RadioScene(xml, top + np.array([0, 0, 2.0]))


def _write_ply(path: Path, mesh: Mesh) -> None:
    """Binary PLY of the triangles that have an area."""
    a, b, c = mesh.vertices[mesh.faces].transpose(1, 0, 2)
    solid = np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-9
    rows = np.empty(int(solid.sum()), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, mesh.faces[solid]
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(mesh.vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(rows)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    vertices = np.ascontiguousarray(mesh.vertices, "<f4")
    path.write_bytes(header.encode() + vertices.tobytes() + rows.tobytes())
