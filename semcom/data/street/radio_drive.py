"""A drive as pictures and as radio: what the camera sees at each position, and its channel."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from semcom.data.street.camera import denoise, develop, haze
from semcom.data.street.generate import SIZE, encode_picture
from semcom.data.street.render import Camera, class_ids, load_scene, render_layers
from semcom.data.street.scene import Scene, build_scene
from semcom.data.street.trajectory import drive, export_radio_scene
from semcom.data.street.variant import activate
from semcom.files import write_atomically

if TYPE_CHECKING:
    from channels.drives import Drive

__all__ = ["FILE", "SEED", "make_drive", "mast"]

#: file of the propagation paths in the folder of a drive
FILE = "drive.safetensors"
#: a street of which the drive meets no vehicle in its lane; of no other split
SEED = 3_000_000_004
#: metres by which the antenna stands above the roof, and how far from the street the roof may be
_ABOVE, _BESIDE = 5.0, 14.0


def make_drive(
    out: str | os.PathLike[str],
    *,
    seed: int = SEED,
    frames: int = 16,
    spacing: float = 8.0,
    speed: float = 8.0,
    carrier_ghz: float = 3.5,
    spp: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> Drive:
    """Trace and render a drive through the street of ``seed`` into the folder ``out``.

    ``frames`` positions ``spacing`` metres apart, passed at ``speed`` m/s. Writes the paths from an
    antenna on a roof to ``drive.safetensors`` and the pictures as split ``drive`` of a street set;
    what is there already is kept. ``progress`` is called with (pictures there, pictures in all).

    Raises ImportError or ValueError where rays cannot be traced, ValueError where the drive is
    longer than the street or the folder holds another drive.
    """
    from channels.drives import Drive
    from channels.trace import trace_drive

    folder = Path(out)
    scene = build_scene(seed)
    cameras = drive(scene, frames=frames, rate=speed / spacing, speed=speed)
    names = tuple(f"drive_{number:05d}" for number in range(frames))
    positions = np.array([camera.position for camera in cameras])
    if (folder / FILE).is_file():
        paths = Drive.load(folder / FILE)
        same = paths.names == names and np.allclose(paths.positions, positions)
        if not same or paths.carrier_hz != 1e9 * carrier_ghz or paths.speed != speed:
            raise ValueError(f"{folder} holds another drive: choose another folder")
    else:
        with tempfile.TemporaryDirectory() as place:
            xml = export_radio_scene(scene, place).xml
            paths = trace_drive(
                xml, mast(scene, positions), positions, names, speed=speed, carrier_ghz=carrier_ghz
            )
        paths.save(folder / FILE)
    _render(folder, scene, dict(zip(names, cameras, strict=True)), spp, progress)
    return paths


def mast(scene: Scene, positions: np.ndarray) -> list[float]:
    """Where the antenna is: over the highest roof beside the middle of the way, [3] in metres."""
    roofs = np.concatenate(
        [mesh.vertices for _, label, mesh in scene.stage.shapes() if label == "building"]
    )
    quarter = len(positions) // 4
    middle = positions[quarter : len(positions) - quarter, :2]
    away = np.linalg.norm(roofs[:, None, :2] - middle, axis=2).min(1)
    near = roofs[away < _BESIDE]
    if not len(near):
        raise ValueError(f"no building within {_BESIDE:g} m of the way carries an antenna")
    x, y, z = (float(value) for value in near[near[:, 2].argmax()])
    return [x, y, z + _ABOVE]


def _render(
    folder: Path,
    scene: Scene,
    cameras: dict[str, Camera],
    spp: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    files = {
        name: (folder / "images/drive" / f"{name}.webp", folder / "labels/drive" / f"{name}.png")
        for name in cameras
    }
    missing = [name for name, pair in files.items() if not all(file.is_file() for file in pair)]
    if not missing:
        return
    activate()
    loaded, labels = load_scene(scene.stage, scene.weather, scene.sky)
    air = np.array(scene.weather.horizon)
    for done, name in enumerate(missing, start=len(cameras) - len(missing) + 1):
        number = list(cameras).index(name)
        label_map = class_ids(loaded, labels, cameras[name], SIZE)
        layers = render_layers(loaded, cameras[name], SIZE, spp, (scene.seed + number) % 2**31)
        radiance = haze(denoise(layers), layers.depth, scene.weather.visibility, air)
        noise = np.random.default_rng([scene.seed, 7, number])
        image = develop(radiance, noise, dark=scene.weather.dark)
        picture, labelled = files[name]
        write_atomically(labelled, encode_picture(label_map, ".png"))
        write_atomically(picture, encode_picture(image, ".webp"))
        if progress is not None:
            progress(done, len(cameras))
