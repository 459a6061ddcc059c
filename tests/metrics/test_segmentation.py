"""mIoU by hand: one confusion matrix, void ignored, absent classes left out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.codec import Reconstruction
from semcom.data.classes import CAMVID_CLASSES, CAMVID_VOID
from semcom.data.sample import Sample
from semcom.metrics import METRICS, build
from semcom.metrics.segmentation import (
    Miou,
    MiouMap,
    bootstrap_miou,
    class_iou,
    confusion_matrix,
    mean_iou,
)

VOID = CAMVID_VOID


def labels(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.uint8)


def sample(label_map: np.ndarray | None, name: str = "a") -> Sample:
    return Sample(name, np.zeros((2, 2, 3), np.uint8), label_map)


def reception(label_map: np.ndarray | None = None) -> Reconstruction:
    return Reconstruction(np.zeros((2, 2, 3), np.uint8), label_map)


def json_round_trip(row):
    return json.loads(json.dumps(row))


def test_an_example_by_hand():
    """Class 0: 2 of 3 pixels of the union; class 1: 1 of 3; class 2: 2 of 2."""
    truth, predicted = labels([0, 0, 1, 1, 2, 2]), labels([0, 0, 0, 1, 2, 2])
    predicted[0, 3], truth[0, 3] = 1, 1
    confusion = confusion_matrix(truth, predicted, 4, VOID)
    assert class_iou(confusion)[:3].tolist() == [2 / 3, 1 / 2, 1.0]
    assert np.isnan(class_iou(confusion)[3])
    assert float(mean_iou(confusion)) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


def test_a_class_that_is_only_predicted_counts_as_zero():
    confusion = confusion_matrix(labels([0, 0, 0, 0]), labels([0, 0, 0, 5]), 11, VOID)
    assert class_iou(confusion)[5] == 0
    assert float(mean_iou(confusion)) == pytest.approx((3 / 4 + 0) / 2)


def test_void_pixels_count_nowhere():
    with_void = confusion_matrix(labels([0, 1, VOID, VOID]), labels([0, 1, 7, 0]), 11, VOID)
    without = confusion_matrix(labels([0, 1]), labels([0, 1]), 11, VOID)
    assert np.array_equal(with_void, without)
    assert float(mean_iou(with_void)) == 1


def test_an_abstention_misses_its_class_and_accuses_no_other():
    confusion = confusion_matrix(labels([0, 0, 1, 1]), labels([0, VOID, 1, 1]), 2, VOID)
    assert class_iou(confusion).tolist() == [1 / 2, 1]


def test_nothing_but_void_has_no_miou():
    confusion = confusion_matrix(labels([VOID]), labels([3]), 11, VOID)
    assert np.isnan(mean_iou(confusion))


def test_the_matrix_is_of_the_data_set_not_a_mean_over_pictures():
    """Two pictures of 3/4 and 0/4 right: 3 hits over a union of 5 + 4, not the mean of ratios."""
    metric = Miou(("a", "b"), VOID)
    rows = [
        metric.measure(sample(labels([0, 0], [0, 0]), "1"), reception(), labels([0, 0], [0, 1])),
        metric.measure(sample(labels([0, 0], [0, 0]), "2"), reception(), labels([1, 1], [1, 1])),
    ]
    found = metric.summarise([json_round_trip(row) for row in rows])
    assert found["iou_a"] == 3 / 8
    assert found["iou_b"] == 0
    assert found["miou"] == 3 / 16


def test_columns_are_what_summarise_returns():
    for name in ("miou", "miou_map"):
        metric = METRICS[name]()
        row = metric.measure(
            sample(labels([0, 1], [2, 3])),
            reception(labels([0, 1], [2, 3])),
            labels([0, 1], [2, 2]),
        )
        assert tuple(metric.summarise([row])) == tuple(metric.columns)
        assert tuple(metric.summarise([])) == tuple(metric.columns)
    assert "iou_sign_symbol" in Miou().columns
    assert len(Miou().columns) == 3 + len(CAMVID_CLASSES)


def test_a_picture_without_ground_truth_has_no_miou():
    row = Miou().measure(sample(None), reception(), labels([0, 1], [2, 2]))
    assert set(Miou().summarise([row]).values()) == {None}


def test_a_codec_without_a_map_has_no_miou_map_and_needs_no_segmenter():
    metric = MiouMap()
    truth = labels([0, 1], [2, 3])
    assert metric.summarise([metric.measure(sample(truth), reception(None))]) == {"miou_map": None}
    assert metric.summarise([metric.measure(sample(truth), reception(truth))]) == {"miou_map": 1.0}


def test_the_prediction_is_scored_by_miou_and_the_map_by_miou_map():
    truth, wrong = labels([0, 0], [0, 0]), labels([1, 1], [1, 1])
    assert Miou().measure(sample(truth), reception(wrong), truth)["confusion"][0][0] == 4
    assert MiouMap().measure(sample(truth), reception(wrong), truth)["confusion"][0][1] == 4


def test_misuse_is_refused():
    truth = labels([0, 1], [2, 3])
    with pytest.raises(ValueError, match="needs the scoring segmenter"):
        Miou().measure(sample(truth), reception())
    with pytest.raises(ValueError, match="must share their classes"):
        Miou(("a", "b"), VOID).measure(sample(truth), reception(), truth)
    with pytest.raises(ValueError, match="cannot be scored"):
        Miou().measure(sample(truth), reception(), labels([0, 1]))
    with pytest.raises(ValueError, match="there is no metric 'iou'"):
        build("iou")


class TestInterval:
    def test_one_picture_has_no_spread(self):
        confusion = confusion_matrix(labels([0, 1]), labels([0, 0]), 2, VOID)[None]
        low, high = bootstrap_miou(confusion)
        assert low == high == float(mean_iou(confusion[0]))

    def test_it_holds_the_estimate_and_narrows_with_more_pictures(self):
        generator = np.random.default_rng(0)

        def pictures(count):
            truth = generator.integers(0, 3, (count, 8, 8)).astype(np.uint8)
            error = generator.random((count, 8, 8)) < generator.random((count, 1, 1))
            predicted = np.where(error, (truth + 1) % 3, truth).astype(np.uint8)
            return np.array(
                [confusion_matrix(t, p, 3, VOID) for t, p in zip(truth, predicted, strict=True)]
            )

        widths = []
        for count in (8, 128):
            confusions = pictures(count)
            low, high = bootstrap_miou(confusions)
            assert low <= float(mean_iou(confusions.sum(0))) <= high
            widths.append(high - low)
        assert widths[1] < widths[0] / 2

    def test_it_covers_the_truth_about_19_times_in_20(self):
        """Every picture is right at each pixel with a probability of its own, mean 1/2."""
        generator = np.random.default_rng(1)
        covered = 0
        for _ in range(200):
            hits = np.rint(64 * generator.random(40)).astype(int)
            confusions = np.zeros((40, 1, 2), int)
            confusions[:, 0, 0], confusions[:, 0, 1] = hits, 64 - hits
            low, high = bootstrap_miou(confusions, resamples=300)
            covered += low <= 0.5 <= high
        assert 178 <= covered <= 200

    def test_several_receptions_of_one_picture_are_no_new_evidence(self):
        metric = Miou(("a", "b"), VOID)
        rows = [
            metric.measure(
                sample(labels([0, 1], [0, 1]), "1"), reception(), labels([0, 1], [0, 0])
            ),
            metric.measure(
                sample(labels([0, 1], [0, 1]), "2"), reception(), labels([1, 1], [0, 1])
            ),
            metric.measure(
                sample(labels([0, 1], [0, 1]), "3"), reception(), labels([0, 1], [0, 1])
            ),
        ]
        once, often = metric.summarise(rows), metric.summarise(rows * 10)
        assert {k: v for k, v in once.items() if v} == pytest.approx(
            {k: v for k, v in often.items() if v}
        )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), pictures=st.integers(1, 4))
def test_counts_add_up_and_order_does_not_matter(seed, pictures):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 12, (pictures, 6, 5)).astype(np.uint8)
    predicted = generator.integers(0, 11, (pictures, 6, 5)).astype(np.uint8)
    parts = [confusion_matrix(t, p, 11, VOID) for t, p in zip(truth, predicted, strict=True)]
    whole = confusion_matrix(truth.reshape(-1, 5), predicted.reshape(-1, 5), 11, VOID)
    assert np.array_equal(sum(parts), whole)
    assert whole.sum() == np.count_nonzero(truth != VOID)
    expected = [
        np.sum((truth == c) & (predicted == c))
        / np.sum(((truth == c) | (predicted == c)) & (truth != VOID))
        for c in range(11)
        if np.any(((truth == c) | (predicted == c)) & (truth != VOID))
    ]
    if expected:
        assert float(mean_iou(whole)) == pytest.approx(np.mean(expected))
    metric = Miou()
    rows = [
        metric.measure(sample(t, str(i)), reception(), p)
        for i, (t, p) in enumerate(zip(truth, predicted, strict=True))
    ]
    forward, backward = metric.summarise(rows), metric.summarise(rows[::-1])
    assert forward["miou"] == backward["miou"]
