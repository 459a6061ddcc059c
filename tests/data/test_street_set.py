"""Rendering sets to disk, the set in the package, and labels checked by a second route."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channels import llvm
from semcom import data
from semcom.data import CAMVID_CLASSES
from semcom.data.street import generate, variant
from semcom.data.street.scene import build_scene


def made_up(split: str, index: int, *_: Any) -> dict[str, Any]:
    """What a worker hands back, without a renderer: a picture whose grey is its index."""
    picture = np.full((8, 16, 3), index, np.uint8)
    row = {"name": f"{split}_{index:05d}", "split": split, "seed": index}
    labels = np.full((8, 16), index % 11, np.uint8)
    return {
        "row": row,
        "image": generate.encode_picture(picture, ".webp"),
        "label_map": generate.encode_picture(labels, ".png"),
    }


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts what is rendered, in place of rendering it."""
    rendered: list[int] = []

    def job(split: str, index: int, *rest: Any) -> dict[str, Any]:
        rendered.append(index)
        return made_up(split, index, *rest)

    monkeypatch.setattr(generate, "_job", job)
    monkeypatch.setattr(generate, "choose", lambda: (variant.SLOW, None))
    return rendered


def test_a_rendered_set_is_read_back_without_loss(tmp_path: Path, quick: list[int]) -> None:
    steps: list[tuple[int, int]] = []
    new = generate.render_set(
        3, tmp_path, split="val", progress=lambda done, total, left: steps.append((done, total))
    )
    assert new == 3
    assert steps == [(1, 3), (2, 3), (3, 3)]
    samples = data.load("street", "val", root=tmp_path, size=(8, 16))
    assert samples.names == ("val_00000", "val_00001", "val_00002")
    for index, sample in enumerate(samples):
        assert (sample.image == index).all()
        assert sample.label_map is not None
        assert (sample.label_map == index).all()
    rows = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert [row["seed"] for row in rows] == [0, 1, 2]


def test_an_interrupted_set_goes_on_where_it_stopped(tmp_path: Path, quick: list[int]) -> None:
    generate.render_set(3, tmp_path)
    (tmp_path / "images/train/train_00001.webp").unlink()
    with (tmp_path / "manifest.jsonl").open("a") as manifest:
        manifest.write('{"name": "train_000')
    quick.clear()
    assert generate.render_set(5, tmp_path) == 3
    assert quick == [1, 3, 4]
    assert generate.render_set(5, tmp_path) == 0


def test_splits_never_share_a_scene() -> None:
    seeds = {
        split: {seed for index in range(2000) for seed in generate.scene_seeds(split, index)}
        for split in generate.SEEDS
    }
    assert sum(len(s) for s in seeds.values()) == len(set().union(*seeds.values())) == 3 * 8000


@pytest.mark.parametrize("wrong", [{"count": 0}, {"workers": 0}, {"spp": 0}])
def test_impossible_requests_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        generate.render_set(**{"count": 1, "out": tmp_path, **wrong})
    with pytest.raises(ValueError, match="'fog'"):
        generate.render_set(1, tmp_path, split="fog")


def test_without_a_fit_llvm_the_scalar_renderer_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "libLLVM.so.19.1"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(llvm, "candidates", lambda: [broken])
    llvm.find.cache_clear()
    try:
        assert variant.choose() == (variant.SLOW, None)
    finally:
        llvm.find.cache_clear()


def test_the_set_in_the_package_is_complete_and_plausible() -> None:
    samples = data.load("street", split="test")
    assert len(samples) == 128
    assert len(data.load("street", split="train")) == 24
    assert samples.classes == CAMVID_CLASSES
    counts = np.zeros(12)
    for sample in data.load("street", split="test", count=8):
        assert sample.image.shape == (256, 512, 3)
        assert sample.label_map is not None
        assert sample.image.std() > 15
        assert len(np.unique(sample.label_map)) >= 6
        counts += np.bincount(sample.label_map.ravel(), minlength=12)
    share = dict(zip(CAMVID_CLASSES, counts / counts.sum(), strict=False))
    assert 0.15 < share["road"] < 0.5
    assert 0.08 < share["sky"] < 0.35
    assert 0.08 < share["building"] < 0.45


def test_the_set_in_the_package_is_small_and_splits_by_seed() -> None:
    folder = Path(generate.__file__).parent / "set"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 24 * 2**20
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert len({row["seed"] for row in rows}) == len(rows) == 152
    for row in rows:
        index = int(row["name"].split("_")[1])
        assert row["seed"] in generate.scene_seeds(row["split"], index)


def test_the_data_card_states_the_class_shares_of_the_manifest() -> None:
    folder = Path(generate.__file__).parent / "set"
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    card = (folder / "README.md").read_text()
    for name in CAMVID_CLASSES:
        test, train = (
            np.mean([row["shares"][name] for row in rows if row["split"] == split])
            for split in ("test", "train")
        )
        assert f"| {name} | {test:.4f} | {train:.4f} |" in card


def test_the_same_seed_builds_the_same_street() -> None:
    one, two = build_scene(12), build_scene(12)
    assert one.camera == two.camera
    np.testing.assert_array_equal(one.sky, two.sky)
    shapes = list(zip(one.stage.shapes(), two.stage.shapes(), strict=True))
    assert {label for (_, label, _), _ in shapes} >= {"road", "building", "pavement", "tree", "car"}
    for (surface, label, mesh), (other_surface, other_label, other) in shapes:
        assert (surface, label) == (other_surface, other_label)
        np.testing.assert_array_equal(mesh.vertices, other.vertices)
        np.testing.assert_array_equal(mesh.colours, other.colours)


def test_label_maps_agree_with_a_second_route() -> None:
    """Class ids seen as colours: every class has an albedo of its own and is rendered with it."""
    mi = pytest.importorskip("mitsuba")
    from semcom.data.street.mesh import join
    from semcom.data.street.render import class_ids, load_scene
    from semcom.data.street.stage import Stage

    variant.activate()
    street = build_scene(3)
    size = (64, 128)
    scene, labels = load_scene(street.stage, street.weather, street.sky)
    ids = class_ids(scene, labels, street.camera, size, subdivision=1)

    painted = Stage()
    by_class: dict[str, list[Any]] = {}
    for _, label, part in street.stage.shapes():
        by_class.setdefault(label, []).append(part)
    for label, parts in by_class.items():
        grey = (CAMVID_CLASSES.index(label) + 1) / 16
        painted.add("matt", label, join(parts).coloured((grey, grey**2, 0)))
    flat, _ = load_scene(painted, street.weather, street.sky)
    sensor = mi.load_dict(street.camera.sensor(size, 1))
    integrator = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,depth:depth"})
    # one ray per pixel and shot: a mean over several could look like a third class
    shots = np.stack(
        [
            np.rint(16 * np.array(mi.render(flat, sensor=sensor, integrator=integrator, seed=k)))
            for k in range(8)
        ]
    )[..., 0]
    pure = (shots == shots[0]).all(0)
    second = np.maximum(shots[0] - 1, 0)
    assert pure.mean() > 0.6
    assert (second[pure] == ids[pure]).mean() > 0.995
    assert set(np.unique(ids)) <= set(range(11))


@pytest.mark.slow
def test_two_workers_render_the_pictures_of_the_package_again(tmp_path: Path) -> None:
    """Spawned processes share the work; label maps depend on the seed alone."""
    pytest.importorskip("mitsuba")
    steps: list[int] = []
    out = {"split": "test", "spp": 1, "workers": 2}
    new = generate.render_set(2, tmp_path, progress=lambda done, *_: steps.append(done), **out)
    assert (new, steps) == (2, [1, 2])
    assert generate.render_set(2, tmp_path, **out) == 0
    rendered = data.load("street", "test", root=tmp_path)
    packaged = data.load("street", "test")
    for index in range(2):
        mine, shipped = rendered[index].label_map, packaged[index].label_map
        assert mine is not None
        assert (mine == shipped).mean() > 0.99  # equal where the same renderer variant is at hand
