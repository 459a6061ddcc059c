"""Semantic information: exact pictures score 1, and what the task ignores costs little."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics.semantic_information import SemanticInformation
from semcom.segmentation import Segmenter
from semcom.segmentation.segmenter import SEGMENTERS, SegmentationNet
from semcom.segmentation.semantic_weights import semantic_weights


def tiny_segmenter(seed: int = 0) -> Segmenter:
    torch.manual_seed(seed)
    return Segmenter("tiny", SegmentationNet(SEGMENTERS["tiny"]))


def sample(seed: int = 0) -> Sample:
    g = np.random.default_rng(seed)
    return Sample(f"made{seed}", g.integers(0, 256, (32, 64, 3), dtype=np.uint8), None)


def value(metric: SemanticInformation, *pairs: tuple[Sample, np.ndarray]) -> float:
    rows = [metric.measure(s, Reconstruction(image)) for s, image in pairs]
    return metric.summarise(rows)["semantic_information"]


def test_an_exact_picture_keeps_all_and_noise_takes_it_away() -> None:
    metric, s = SemanticInformation(tiny_segmenter()), sample()
    g = np.random.default_rng(1)
    noisy = [
        np.clip(s.image + g.normal(0, deviation, s.image.shape), 0, 255).astype(np.uint8)
        for deviation in (8, 30, 90)
    ]
    scores = [value(metric, (s, image)) for image in noisy]
    assert value(metric, (s, s.image)) == 1
    assert 1 > scores[0] > scores[1] > scores[2]


def test_pictures_are_added_up_before_the_ratio() -> None:
    metric, a, b = SemanticInformation(tiny_segmenter()), sample(0), sample(1)
    dark = np.zeros_like(a.image)
    rows = [metric.measure(a, Reconstruction(dark)), metric.measure(b, Reconstruction(b.image))]
    lost = np.add(rows[0]["semantics_lost"], rows[1]["semantics_lost"])
    whole = np.add(rows[0]["semantics"], rows[1]["semantics"])
    assert metric.summarise(rows)["semantic_information"] == pytest.approx(
        1 - np.mean(lost / whole)
    )
    assert metric.summarise([]) == {"semantic_information": None}


def test_weights_are_the_sensitivity_of_the_task() -> None:
    """A value's weight is the change of the result when that value changes, in absolute size."""
    net = tiny_segmenter().net
    x = torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    features, weights = semantic_weights(net, x)
    for w in weights:
        assert float(w.min()) >= 0
        assert float(w.mean()) == pytest.approx(1, abs=1e-4)
    # finite differences of two values of the coarsest map, classes held fast
    found = net.decode(features).argmax(1)

    def result(moved: list[torch.Tensor]) -> float:
        logits = net.decode(moved)[0]
        classes = found.unique()
        return float(torch.stack([logits[c][found[0] == c].mean() for c in classes]).mean())

    flat = weights[-1].flatten()
    strong, weak = int(flat.argmax()), int(flat.argsort()[len(flat) // 2])
    slopes = []
    for at in (strong, weak):
        ends = []
        for step in (-1e-2, 1e-2):
            moved = [f.clone(memory_format=torch.contiguous_format) for f in features]
            moved[-1].view(-1)[at] += step
            ends.append(result(moved))
        slopes.append(abs(ends[1] - ends[0]))
    assert slopes[0] / slopes[1] == pytest.approx(float(flat[strong] / flat[weak]), rel=0.1)


def test_another_shape_is_refused() -> None:
    s = sample()
    smaller = replace(s, image=s.image[:16]).image
    with pytest.raises(ValueError, match="cannot be compared"):
        SemanticInformation(tiny_segmenter()).measure(s, Reconstruction(smaller))
