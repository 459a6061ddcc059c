"""From a stage and a camera to radiance and to class ids, by Mitsuba."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from semcom.data.classes import CAMVID_CLASSES
from semcom.data.street.materials import bsdf
from semcom.data.street.mesh import Mesh, quads
from semcom.data.street.sky import Weather, sun_direction
from semcom.data.street.stage import Stage

__all__ = ["Camera", "Layers", "class_ids", "load_scene", "render_layers"]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: ``position``, ``target`` in metres, horizontal field of view in degrees."""

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view: float

    def sensor(self, size: tuple[int, int], spp: int) -> dict[str, Any]:
        """Mitsuba description; a box filter, so that a pixel is the mean over its area."""
        import mitsuba as mi

        return {
            "type": "perspective",
            "fov": self.field_of_view,
            "fov_axis": "x",
            "near_clip": 0.05,
            "far_clip": 4000.0,
            "to_world": mi.ScalarTransform4f().look_at(
                origin=list(self.position), target=list(self.target), up=[0, 0, 1]
            ),
            "film": {
                "type": "hdrfilm",
                "width": size[1],
                "height": size[0],
                "rfilter": {"type": "box"},
                "pixel_format": "rgb",
                "component_format": "float32",
            },
            "sampler": {"type": "independent", "sample_count": spp},
        }


@dataclass(frozen=True)
class Layers:
    """What one render gives: linear ``radiance`` and the guides for denoising, each [H, W, ...]."""

    radiance: np.ndarray
    albedo: np.ndarray
    normal: np.ndarray
    depth: np.ndarray


def _mi_mesh(name: str, mesh: Mesh, reflection: Any, radiance: Sequence[float] | None) -> Any:
    """The Mitsuba mesh of ``mesh`` with colours as a vertex attribute."""
    import mitsuba as mi

    properties = mi.Properties()
    properties["bsdf"] = reflection
    if radiance is not None:
        # found by rays that hit it only: a hundred dim lamps are not worth shadow rays
        properties["emitter"] = mi.load_dict(
            {
                "type": "area",
                "radiance": {"type": "rgb", "value": list(radiance)},
                "sampling_weight": 0.0,
            }
        )
    shape = mi.Mesh(
        name,
        len(mesh.vertices),
        len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=True,
        props=properties,
    )
    colours: Any = np.ascontiguousarray(mesh.colours.ravel(), np.float32)
    shape.add_attribute("vertex_color", 3, colours)
    values = mi.traverse(shape)
    values["vertex_positions"] = np.ascontiguousarray(mesh.vertices.ravel(), np.float32)
    values["vertex_normals"] = np.ascontiguousarray(mesh.normals.ravel(), np.float32)
    values["vertex_texcoords"] = np.ascontiguousarray(mesh.uv.ravel(), np.float32)
    values["faces"] = np.ascontiguousarray(mesh.faces.ravel(), np.uint32)
    values.update()
    return shape


#: every scene has this many shapes at least
SHAPES = 56
#: specks at the corners of a fixed box, deep under and high above the street: they stand in for the
#: surfaces a scene does not use, and give every scene the same bounds
_CORNERS = np.array([[x, y, z] for x in (-600, 600) for y in (-600, 600) for z in (-90, 500)])
_UNUSED = quads(
    _CORNERS[:, None] + np.array([[0, 0, 0], [0.01, 0, 0], [0.01, 0.01, 0], [0, 0.01, 0]])
)


def load_scene(stage: Stage, weather: Weather, sky: np.ndarray) -> tuple[Any, list[str]]:
    """The Mitsuba scene and the class of each of its shapes, in the order of ``scene.shapes()``.

    Every surface is always there, and the sun too: scenes of the same make-up share compiled code.
    """
    import drjit as dr
    import mitsuba as mi

    shapes = stage.shapes()
    used = {surface for surface, _, _ in shapes}
    shapes += [(surface, "road", _UNUSED) for surface in stage.surfaces if surface not in used]
    shapes += [("gloss", f"spare{i}", _UNUSED) for i in range(SHAPES - len(shapes))]
    reflections = {name: mi.load_dict(bsdf(surface)) for name, surface in stage.surfaces.items()}
    description: dict[str, Any] = {"type": "scene"}
    labels = {}
    for surface, label, mesh in shapes:
        name = f"{surface} {label}"
        look = stage.surfaces[surface]
        mesh = replace(mesh, uv=mesh.uv / np.array(look.tile, np.float32))
        description[name] = _mi_mesh(name, mesh, reflections[surface], look.radiance)
        labels[name] = label if label in CAMVID_CLASSES else "road"
    description["sky"] = {
        "type": "envmap",
        "bitmap": mi.Bitmap(_for_envmap(sky)),
        "to_world": mi.ScalarTransform4f().rotate([1, 0, 0], 90),
    }
    description["sun"] = {
        "type": "directional",
        "direction": (-sun_direction(weather)).tolist(),
        "irradiance": {"type": "rgb", "value": [max(v, 1e-4) for v in weather.sun]},
    }
    scene = mi.load_dict(description)
    if "scalar" not in str(mi.variant()):
        # as data, not as constants: another sun must not mean another compilation
        values = mi.traverse(scene)
        dr.make_opaque(values["sun.to_world"])
        values["sun.to_world"] = values["sun.to_world"]
        values.update()
    return scene, [labels[shape.id()] for shape in scene.shapes()]


def _for_envmap(sky: np.ndarray) -> np.ndarray:
    """Columns reordered from azimuth about z to Mitsuba's: u grows from -z over x in its own frame.

    With the frame rotated by 90 degrees about x, column u looks along azimuth 3/4 - u turns.
    """
    width = sky.shape[1]
    columns = (width * 3 // 4 - 1 - np.arange(width)) % width
    return np.ascontiguousarray(sky[:, columns], np.float32)


def render_layers(
    scene: Any, camera: Camera, size: tuple[int, int], spp: int, seed: int, depth: int = 3
) -> Layers:
    """Path-traced radiance with ``spp`` paths a pixel and ``depth`` bounces, and its guides."""
    import mitsuba as mi

    sensor = mi.load_dict(camera.sensor(size, spp))
    start: Any = seed

    def picture(integrator: dict[str, Any], samples: int) -> np.ndarray:
        pixels = mi.render(
            scene, sensor=sensor, integrator=mi.load_dict(integrator), spp=samples, seed=start
        )
        return np.nan_to_num(np.array(pixels), nan=0.0, posinf=1e3, neginf=0.0)

    radiance = picture({"type": "path", "max_depth": depth, "rr_depth": 3}, spp)
    aovs = {"type": "aov", "aovs": "albedo:albedo,normal:sh_normal,depth:depth"}
    guides = picture(aovs, min(spp, 8))
    return Layers(radiance, guides[..., :3], guides[..., 3:6], guides[..., 6])


def class_ids(
    scene: Any, labels: list[str], camera: Camera, size: tuple[int, int], subdivision: int = 4
) -> np.ndarray:
    """Label map [H, W] uint8: the class most of ``subdivision``**2 rays of a pixel meet first.

    Rays that meet nothing see the sky. In a tie the lower class id wins.
    """
    import drjit as dr
    import mitsuba as mi

    fine = (size[0] * subdivision, size[1] * subdivision)
    ids = np.array([CAMVID_CLASSES.index(label) for label in labels], np.uint8)
    sensor = mi.load_dict(camera.sensor(fine, 1))
    sky = CAMVID_CLASSES.index("sky")
    if "scalar" in str(mi.variant()):
        integrator = mi.load_dict({"type": "aov", "aovs": "shape:shape_index"})
        index = np.array(mi.render(scene, sensor=sensor, integrator=integrator, spp=1))[..., 0]
        # a shape's index is its place in scene.shapes(), counted from 1; 0 is no shape
        table = np.concatenate([[sky], ids])
        hits = table[np.rint(index).astype(int)]
    else:
        rows, columns = fine
        pixel = dr.arange(mi.UInt32, rows * columns)
        x = (mi.Float(pixel % columns) + 0.5) / columns
        y = (mi.Float(pixel // columns) + 0.5) / rows
        rays, _ = sensor.sample_ray(0.0, 0.5, mi.Point2f(x, y), mi.Point2f(0.5, 0.5))
        met = np.array(dr.reinterpret_array(mi.UInt32, scene.ray_intersect(rays).shape))
        # a shape is known by its registry number, which is not its place in scene.shapes()
        registry = np.array(dr.reinterpret_array(mi.UInt32, scene.shapes_dr()))
        table = np.full(max(registry.max(), met.max()) + 1, 255, np.uint8)
        table[0] = sky
        table[registry] = ids
        hits = table[met].reshape(fine)
    return majority(hits, subdivision)


def majority(ids: np.ndarray, factor: int) -> np.ndarray:
    """Most frequent value in each ``factor`` x ``factor`` block of ``ids`` [H, W]; lowest in a tie.

    >>> majority(np.array([[3, 3, 1, 0], [3, 5, 0, 1]], np.uint8), 2).tolist()
    [[3, 0]]
    """
    rows, columns = ids.shape[0] // factor, ids.shape[1] // factor
    blocks = ids.reshape(rows, factor, columns, factor)
    values = np.unique(ids)
    votes = np.stack([(blocks == value).sum(axis=(1, 3)) for value in values])
    return values[votes.argmax(axis=0)].astype(np.uint8)
