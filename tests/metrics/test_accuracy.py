"""Accuracy: objects come from the ground truth, the answer from the received picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom import data
from semcom.classification import OBJECTS, Classifier, ClassifierNet, cut, object_crops
from semcom.classification.crops import LEAST_AREA
from semcom.codecs.codec import Reconstruction
from semcom.data.classes import CAMVID_CLASSES, CITYSCAPES_CLASSES
from semcom.data.sample import Sample
from semcom.metrics import build
from semcom.metrics.accuracy import Accuracy

ROAD, CAR, TREE = (CAMVID_CLASSES.index(name) for name in ("road", "car", "tree"))


class SaysCar(Classifier):
    """Names every object a car."""

    def __call__(self, image, crops):
        return np.full(len(crops), OBJECTS.index("car"))


def street() -> Sample:
    """Two cars and a tree on a road."""
    label_map = np.full((64, 128), ROAD, np.uint8)
    label_map[10:30, 10:40] = label_map[40:60, 60:90] = CAR
    label_map[5:35, 100:120] = TREE
    return Sample("street", np.full((64, 128, 3), 90, np.uint8), label_map)


def test_objects_are_the_connected_regions_that_are_large_enough() -> None:
    label_map = street().label_map
    label_map[0:10, 50:59] = TREE  # 90 pixels
    assert LEAST_AREA > 90
    found = sorted(OBJECTS[crop.object] for crop in object_crops(label_map, CAMVID_CLASSES))
    assert found == ["car", "car", "tree"]


@given(st.integers(0, 40), st.integers(0, 100), st.integers(2, 24), st.integers(2, 28))
def test_a_crop_lies_in_the_picture_and_has_its_object_in_the_middle(
    top: int, left: int, height: int, width: int
) -> None:
    label_map = np.full((64, 128), ROAD, np.uint8)
    label_map[top : top + height, left : left + width] = CAR
    crops = object_crops(label_map, CAMVID_CLASSES)
    assert len(crops) == (height * width >= LEAST_AREA)
    for crop in crops:
        assert 24 <= crop.side <= 64
        assert 0 <= crop.top <= 64 - crop.side
        assert 0 <= crop.left <= 128 - crop.side
        inside = label_map[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side]
        if 12 <= top <= 64 - 36 and 24 <= left <= 128 - 52:  # away from the edges
            assert inside[crop.side // 2, crop.side // 2] == CAR
        assert (inside == CAR).sum() >= 0.15 * crop.side**2


def test_crops_are_scaled_to_what_the_classifier_reads() -> None:
    s = street()
    crops = object_crops(s.label_map, CAMVID_CLASSES)
    assert cut(s.image, crops).shape == (3, 32, 32, 3)
    assert (cut(s.image, crops) == 90).all()


def test_a_share_by_hand() -> None:
    metric = Accuracy(classifier=SaysCar(ClassifierNet()))
    row = json.loads(json.dumps(metric.measure(street(), Reconstruction(street().image))))
    values = metric.summarise([row, row])
    assert values["accuracy"] == pytest.approx(2 / 3)
    assert values["accuracy_car"] == 1
    assert values["accuracy_tree"] == 0
    assert values["accuracy_bicyclist"] is None
    assert values["accuracy_low"] == values["accuracy_high"] == values["accuracy"]  # one picture
    assert set(values) == set(metric.columns)


def test_what_has_no_ground_truth_has_no_accuracy() -> None:
    metric, s = Accuracy(classifier=SaysCar(ClassifierNet())), street()
    row = metric.measure(Sample("photo", s.image), Reconstruction(s.image))
    assert set(metric.summarise([row]).values()) == {None}
    assert set(metric.summarise([]).values()) == {None}
    assert build("accuracy", classes=()).name == "accuracy"  # of a folder of photographs
    with pytest.raises(ValueError, match="cannot be compared"):
        metric.measure(s, Reconstruction(s.image[:32]))
    with pytest.raises(ValueError, match="leave it out"):
        build("accuracy", classes=CITYSCAPES_CLASSES)


def test_the_shipped_classifier_knows_streets_and_loses_them_behind_noise() -> None:
    metric, g = Accuracy(), np.random.default_rng(0)
    samples = data.load("street", split="test", count=8)
    found = []
    for deviation in (0, 20, 60):
        rows = []
        for sample in samples:
            noisy = sample.image + g.normal(0, deviation, sample.image.shape)
            image = noisy.clip(0, 255).astype(np.uint8)
            rows.append(metric.measure(sample, Reconstruction(image)))
        found.append(metric.summarise(rows)["accuracy"])
    assert found[0] > 0.7
    assert found[0] > found[1] > found[2]
