"""Renders samples and whole sets of them to disk, going on where an earlier run stopped."""

from __future__ import annotations

import gc
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semcom.data.classes import CAMVID_CLASSES
from semcom.data.street.camera import denoise, develop, haze
from semcom.data.street.render import Camera, class_ids, load_scene, render_layers
from semcom.data.street.scene import build_scene
from semcom.data.street.variant import activate, choose
from semcom.files import write_atomically

__all__ = [
    "SEEDS",
    "SIZE",
    "StreetSample",
    "encode_picture",
    "render_sample",
    "render_set",
    "scene_seeds",
]

SIZE = (256, 512)
#: first scene seed of each split; a scene belongs to one split for ever
SEEDS = {"train": 0, "val": 1_000_000_000, "test": 2_000_000_000}
#: scenes tried for one sample before the last is taken as it is
TRIES = 4
#: progress(done, total, seconds left)
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class StreetSample:
    """``image`` [H, W, 3] and ``label_map`` [H, W] uint8, with the pose of the camera."""

    image: np.ndarray
    label_map: np.ndarray
    camera: Camera
    seed: int
    weather: str


def scene_seeds(split: str, index: int) -> range:
    """Seeds of the scenes for sample ``index``, in the order in which they are tried.

    >>> list(scene_seeds("train", 2))
    [8, 9, 10, 11]
    """
    if split not in SEEDS:
        raise ValueError(f"street has the splits {', '.join(SEEDS)}, not {split!r}")
    return range(SEEDS[split] + TRIES * index, SEEDS[split] + TRIES * (index + 1))


def _worth_showing(label_map: np.ndarray) -> bool:
    """Whether a frame shows a street: no wall or bus right in front of the camera."""
    share = np.bincount(label_map.ravel(), minlength=12) / label_map.size
    sky, building, road, car = (share[CAMVID_CLASSES.index(c)] for c in
                                ("sky", "building", "road", "car"))  # fmt: skip
    return bool(road > 0.12 and building < 0.55 and car < 0.25 and 0.02 < sky < 0.45)


def render_sample(
    seeds: range, *, size: tuple[int, int] = SIZE, spp: int = 16, variant: str | None = None
) -> StreetSample:
    """Render the first of the scenes ``seeds`` that is worth showing, at ``size`` (H, W).

    ``spp`` paths are traced through each pixel. ``variant`` is a Mitsuba variant, by default the
    fastest that works here.
    """
    activate(variant)
    scene: Any = None
    for seed in seeds:
        street = build_scene(seed)
        scene = None
        # the renderer's numbers for objects are part of its compiled code: free the old ones first
        gc.collect()
        scene, labels = load_scene(street.stage, street.weather, street.sky)
        label_map = class_ids(scene, labels, street.camera, size)
        if _worth_showing(label_map):
            break
    layers = render_layers(scene, street.camera, size, spp, seed % 2**31)
    scene = None
    gc.collect()
    air = np.array(street.weather.horizon)
    radiance = haze(denoise(layers), layers.depth, street.weather.visibility, air)
    image = develop(radiance, np.random.default_rng([seed, 7]), dark=street.weather.dark)
    return StreetSample(image, label_map, street.camera, seed, street.weather.kind)


def encode_picture(image: np.ndarray, suffix: str) -> bytes:
    """``image`` [H, W] or [H, W, 3] uint8 as the bytes of a lossless ``.webp`` or ``.png``."""
    buffer = io.BytesIO()
    if suffix == ".webp":
        Image.fromarray(image).save(buffer, "WEBP", lossless=True, quality=100, method=4)
    else:
        Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _job(split: str, index: int, spp: int, variant: str, library: str | None) -> dict[str, Any]:
    """One sample, encoded: what a worker hands back."""
    activate(variant, library)
    started = time.monotonic()
    sample = render_sample(scene_seeds(split, index), spp=spp, variant=variant)
    share = np.bincount(sample.label_map.ravel(), minlength=12)[:11] / sample.label_map.size
    row = {
        "name": f"{split}_{index:05d}",
        "split": split,
        "seed": sample.seed,
        "weather": sample.weather,
        "camera": asdict(sample.camera),
        "spp": spp,
        "variant": variant,
        "seconds": round(time.monotonic() - started, 2),
        "shares": dict(zip(CAMVID_CLASSES, share.round(5).tolist(), strict=True)),
    }
    return {
        "row": row,
        "image": encode_picture(sample.image, ".webp"),
        "label_map": encode_picture(sample.label_map, ".png"),
    }


def _finished(out: Path, split: str) -> set[str]:
    """Names of the samples whose row and files are all there."""
    manifest = out / "manifest.jsonl"
    names = set()
    for line in manifest.read_text(encoding="utf-8").splitlines() if manifest.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # a row that was cut off: its sample is rendered again
        files = (out / "images" / split / f"{row['name']}.webp",
                 out / "labels" / split / f"{row['name']}.png")  # fmt: skip
        if row["split"] == split and all(file.exists() for file in files):
            names.add(row["name"])
    return names


def render_set(
    count: int,
    out: str | os.PathLike[str],
    *,
    split: str = "train",
    workers: int = 1,
    spp: int = 16,
    progress: Progress | None = None,
) -> int:
    """Render samples 0 .. ``count`` - 1 of ``split`` into the folder ``out``; those there are kept.

    Writes ``images/<split>/*.webp`` (lossless), ``labels/<split>/*.png`` and a row for each sample
    in ``manifest.jsonl`` (seed, camera, weather, class shares, seconds); read it back with
    ``semcom.data.load("street", split, root=out)``. Returns how many samples were rendered now.

    Args:
        workers: processes that render; each takes some 2 GB.
        spp: paths traced through each pixel.
        progress: called after each sample with (done, total, seconds left).
    """
    if count < 1 or workers < 1 or spp < 1:
        raise ValueError("count, workers and spp must each be 1 or more")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    scene_seeds(split, 0)
    there = _finished(folder, split)
    missing = [i for i in range(count) if f"{split}_{i:05d}" not in there]
    if not missing:
        return 0
    variant, library = choose()
    started = time.monotonic()
    for done, result in enumerate(_results(split, missing, spp, variant, library, workers), 1):
        name = result["row"]["name"]
        write_atomically(folder / "images" / split / f"{name}.webp", result["image"])
        write_atomically(folder / "labels" / split / f"{name}.png", result["label_map"])
        with (folder / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
            manifest.write(json.dumps(result["row"]) + "\n")
        if progress is not None:
            left = (time.monotonic() - started) / done * (len(missing) - done)
            progress(count - len(missing) + done, count, left)
    return len(missing)


def _results(
    split: str, indices: list[int], spp: int, variant: str, library: str | None, workers: int
) -> Iterator[dict[str, Any]]:
    if workers == 1:
        for index in indices:
            yield _job(split, index, spp, variant, library)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_job, split, i, spp, variant, library) for i in indices]
        for job in as_completed(jobs):
            yield job.result()
