"""Traces the propagation paths of a drive with Sionna RT, in a process of its own.

Dr.Jit holds on to the first LLVM that a process loads, and an unfit one ends the process, so the
work is given to ``python -m channels.trace JOB RESULT`` with a library that works.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from channels import llvm
from channels.drives import Drive

__all__ = ["trace_drive"]

# Paths weaker than this, over the strongest of their position, are left out.
_WEAKEST_DB = -40.0


def trace_drive(
    scene: str | os.PathLike[str],
    transmitter: Sequence[float],
    positions: np.ndarray,
    names: Sequence[str],
    *,
    speed: float,
    carrier_ghz: float = 3.5,
    bounces: int = 5,
    rays: int = 1_000_000,
    seed: int = 1,
) -> Drive:
    """Paths from ``transmitter`` [3] to ``positions`` [F, 3] (metres) in a Sionna RT ``scene``.

    ``scene`` is a scene file or the name of one of Sionna RT's own, such as ``munich``. Antennas
    are isotropic and vertically polarised; reflections are specular, up to ``bounces`` of them, and
    edges diffract. The receiver passes the positions one after the other at ``speed`` m/s. The same
    arguments give the same paths.

    Raises ImportError without Sionna RT, ValueError where no LLVM works or no path was found.
    """
    if find_spec("sionna") is None or find_spec("sionna.rt") is None:
        raise ImportError(
            "ray tracing needs Sionna RT, which is not installed: pip install 'semcom[raytracing]'"
        )
    way = np.asarray(positions, dtype=float)
    if way.ndim != 2 or way.shape[1] != 3 or len(way) < 2 or len(way) != len(names):
        raise ValueError("a drive needs two positions [x, y, z] or more and a name for each")
    job = {
        "scene": str(scene), "transmitter": [float(x) for x in transmitter],
        "positions": way.tolist(), "names": list(names), "speed": speed,
        "carrier_ghz": carrier_ghz, "bounces": bounces, "rays": rays, "seed": seed,
    }  # fmt: skip
    library = llvm.find()
    if library is None:
        raise ValueError(f"ray tracing {llvm.MISSING}")
    with tempfile.TemporaryDirectory() as folder:
        task, result = Path(folder) / "job.json", Path(folder) / "drive.safetensors"
        task.write_text(json.dumps(job), encoding="utf-8")
        answer = subprocess.run(
            [sys.executable, "-m", "channels.trace", str(task), str(result)],
            env=dict(os.environ, DRJIT_LIBLLVM_PATH=str(library)),
            capture_output=True,
            text=True,
            errors="replace",
        )
        if answer.returncode or not result.is_file():
            last = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ValueError(f"{scene}: ray tracing failed ({last})")
        return Drive.load(result)


def _trace(job: dict[str, Any]) -> Drive:
    """The work itself; needs an LLVM that works."""
    import sionna.rt as rt

    own = getattr(rt.scene, job["scene"], None)
    scene = rt.load_scene(own if isinstance(own, str) else job["scene"])
    scene.frequency = 1e9 * job["carrier_ghz"]
    antenna = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.tx_array = scene.rx_array = antenna
    scene.add(rt.Transmitter("transmitter", position=job["transmitter"]))
    way = np.array(job["positions"])
    steps = np.gradient(way, axis=0)
    headings = steps / np.linalg.norm(steps, axis=1, keepdims=True).clip(min=1e-9)
    for number, (place, ahead) in enumerate(zip(way, headings, strict=True)):
        velocity = (job["speed"] * ahead).tolist()
        scene.add(rt.Receiver(f"receiver {number}", position=place.tolist(), velocity=velocity))
    paths = rt.PathSolver()(
        scene, max_depth=job["bounces"], samples_per_src=job["rays"], seed=job["seed"],
        refraction=False, diffraction=True,
    )  # fmt: skip
    a, tau = paths.cir(num_time_steps=1, normalize_delays=False, out_type="numpy")
    amplitudes = np.asarray(a)[:, 0, 0, 0, :, 0].astype(np.complex64)
    delays = np.asarray(tau).reshape(amplitudes.shape).astype(float)
    dopplers = paths.doppler.numpy().reshape(amplitudes.shape).astype(float)
    legs = np.linalg.norm(np.diff(way, axis=0), axis=1)
    drive = Drive(
        tuple(job["names"]), np.concatenate([[0.0], np.cumsum(legs)]), way,
        *_strongest(amplitudes, delays, dopplers), job["speed"], 1e9 * job["carrier_ghz"],
        {
            "scene": Path(job["scene"]).name,
            **{key: job[key] for key in ("transmitter", "bounces", "rays", "seed")},
            "sionna-rt": version("sionna-rt"),
        },
    )  # fmt: skip
    if not drive.amplitudes.any():
        raise ValueError("no path reaches any position")
    return drive


def _strongest(
    amplitudes: np.ndarray, delays: np.ndarray, dopplers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The paths that matter, strongest first; the rest is 0 and columns of nothing are cut."""
    power = np.abs(amplitudes.astype(complex)) ** 2
    there = power > 10 ** (_WEAKEST_DB / 10) * power.max(1, keepdims=True, initial=0.0)
    order = np.argsort(np.where(there, -power, 1.0), axis=1, kind="stable")
    order = order[:, : max(1, int(there.sum(1).max(initial=0)))]
    parts = [np.take_along_axis(np.where(there, part, 0), order, 1)
             for part in (amplitudes, delays, dopplers)]  # fmt: skip
    return parts[0], parts[1], parts[2]


if __name__ == "__main__":
    _trace(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))).save(sys.argv[2])
