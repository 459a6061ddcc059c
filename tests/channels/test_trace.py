"""Tracing the paths of a drive with Sionna RT."""

from __future__ import annotations

import numpy as np
import pytest

from channels import llvm, trace
from channels.trace import trace_drive

# in Sionna's scene "floor_wall", 4 m by 4 m with a wall across the middle, on one side of it
MAST = [-1.8, 0.0, 2.0]
WAY = np.array([[-1.0, -1.0, 0.5], [-1.0, 0.0, 0.5], [-1.0, 1.0, 0.5]])
NAMES = ["first", "second", "third"]


@pytest.fixture(scope="module")
def works() -> None:
    if llvm.find() is None:
        pytest.skip(f"ray tracing {llvm.MISSING}")


@pytest.mark.usefixtures("works")
def test_there_are_the_paths_of_theory() -> None:
    drive = trace_drive("floor_wall", MAST, WAY, NAMES, speed=10.0, bounces=1, rays=20_000)
    assert drive.names == tuple(NAMES)
    np.testing.assert_allclose(drive.metres, [0, 1, 2])
    light, wavelength = 299_792_458.0, 299_792_458.0 / 3.5e9
    distance = np.linalg.norm(WAY - MAST, axis=1)
    # the direct path is the strongest: its delay, free-space loss and Doppler shift
    np.testing.assert_allclose(drive.delays[:, 0], distance / light, rtol=1e-4)
    free = wavelength / (4 * np.pi * distance)
    np.testing.assert_allclose(np.abs(drive.amplitudes[:, 0]), free, rtol=1e-3)
    closing = -10.0 * (WAY[:, 1] - MAST[1]) / distance
    np.testing.assert_allclose(drive.dopplers[:, 0], closing / wavelength, atol=0.5)
    # floor and wall reflect: paths as long as those from the mast's mirror images
    for image in ([-1.8, 0.0, -2.0], [1.8, 0.0, 2.0]):
        length = np.linalg.norm(WAY - image, axis=1)
        assert (np.abs(drive.delays - length[:, None] / light).min(1) < 1e-11).all()


@pytest.mark.usefixtures("works")
def test_what_the_tracer_refuses_comes_back_as_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"no_such_scene.xml: ray tracing failed \("):
        trace_drive("no_such_scene.xml", [0, 0, 9], WAY, NAMES, speed=8.0)


def test_without_an_llvm_one_sentence_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(llvm, "find", lambda: None)
    with pytest.raises(ValueError, match=r"libLLVM of version 19 or newer.*libllvm19 on Debian"):
        trace_drive("floor_wall", MAST, WAY, NAMES, speed=8.0)


def test_without_sionna_rt_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'semcom\[raytracing\]'"):
        trace_drive("floor_wall", MAST, WAY, NAMES, speed=8.0)


@pytest.mark.parametrize("way", [WAY[:1], WAY[:, :2], WAY[:2]])
def test_a_way_without_a_name_for_every_position_is_refused(way: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"two positions .* and a name for each"):
        trace_drive("floor_wall", MAST, way, NAMES, speed=8.0)
