"""A drive down a street, and its geometry for ray-traced radio."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from semcom.data.street import variant
from semcom.data.street.scene import Scene, build_scene
from semcom.data.street.trajectory import drive, export_radio_scene, radio_meshes


@pytest.fixture(scope="module")
def street() -> Scene:
    return build_scene(5)


def test_a_drive_keeps_its_speed_and_height(street: Scene) -> None:
    cameras = drive(street, frames=60, rate=10.0, speed=8.0)
    assert len(cameras) == 60
    np.testing.assert_allclose(cameras[0].position, street.camera.position, atol=1e-6)
    np.testing.assert_allclose(cameras[0].target, street.camera.target, atol=1e-6)
    points = np.array([camera.position for camera in cameras])
    steps = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
    np.testing.assert_allclose(steps, 0.8, rtol=0.05)


def test_a_drive_longer_than_the_street_is_refused(street: Scene) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        drive(street, frames=600)


def test_radio_scene_holds_every_triangle_and_names_itu_materials(
    street: Scene, tmp_path: Path
) -> None:
    radio = export_radio_scene(street, tmp_path)
    root = ElementTree.parse(radio.xml).getroot()
    names = {b.find("string").get("value") for b in root.findall("bsdf")}  # type: ignore[union-attr]
    assert {"brick", "glass", "concrete", "metal"} <= names
    assert len(root.findall("shape")) == len(radio_meshes(street))
    for shape in root.findall("shape"):
        file = tmp_path / shape.find("string").get("value")  # type: ignore[union-attr,operator]
        assert file.read_bytes().startswith(b"ply\n")
    buildings = [m.vertices[:, 2].max() for _, c, m in street.stage.shapes() if c == "building"]
    assert 5 < radio.transmitter[2] <= max(buildings) + 2.0


def test_sionna_traces_paths_from_the_roof_to_the_car(street: Scene, tmp_path: Path) -> None:
    kind, library = variant.choose()
    if kind != variant.FAST or library is None:
        pytest.skip("Sionna RT needs a libLLVM of version 19 or newer")
    import os
    import subprocess
    import sys

    radio = export_radio_scene(street, tmp_path)
    car = drive(street, frames=1)[0].position
    program = f"""
import sionna.rt as rt
scene = rt.load_scene({str(radio.xml)!r})
scene.tx_array = scene.rx_array = rt.PlanarArray(
    num_rows=1, num_cols=1, pattern="iso", polarization="V")
scene.add(rt.Transmitter("tx", position={radio.transmitter.tolist()!r}))
scene.add(rt.Receiver("rx", position={list(car)!r}))
paths = rt.PathSolver()(scene, max_depth=2, samples_per_src=20000, seed=1)
print("paths", int(paths.valid.numpy().sum()))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env=dict(os.environ, DRJIT_LIBLLVM_PATH=library),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr[-500:]
    assert int(answer.stdout.split("paths")[1]) >= 1
