"""What is kept: by a rate to hold, by a task that wants some classes first."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from semcom.codecs.sqgan.codec import SqganSettings
from semcom.codecs.sqgan.rate import WORD, fit, keep, rung
from semcom.codecs.sqgan.stages import MaskStage
from semcom.codecs.sqgan.tasks import TASKS, class_weights
from semcom.data.classes import CAMVID_CLASSES
from tests.sqgan.test_transmission import NETWORKS, codec, picture


@given(st.floats(0.01, 1))
@settings(max_examples=15, deadline=None)
def test_thinning_a_whole_selection_equals_asking_for_less(m: float) -> None:
    image, label_map = picture()
    whole = MaskStage(NETWORKS, {"image": 1.0, "label_map": 1.0})(image, label_map)
    part = MaskStage(NETWORKS, {"image": m, "label_map": m})(image, label_map)
    for path in ("image", "label_map"):
        thinned = keep(whole.selections[path], m)
        assert torch.equal(thinned.kept, part.selections[path].kept)
        assert torch.allclose(thinned.vectors, part.selections[path].vectors)


@pytest.mark.parametrize("bits_per_pixel", [0.15, 0.25, 0.4])
def test_a_rate_is_held_and_used_up(bits_per_pixel: float) -> None:
    image, label_map = picture(64, 128)
    packets = codec((64, 128), bits_per_pixel=bits_per_pixel).encode(image, label_map)
    bits = 8 * sum(len(p.payload) for p in packets)
    assert bits <= bits_per_pixel * 64 * 128
    whole = codec((64, 128), keep_fraction={"image": 1, "label_map": 1}).encode(image, label_map)
    if bits_per_pixel * 64 * 128 < 8 * sum(len(p.payload) for p in whole):
        assert bits > 0.9 * bits_per_pixel * 64 * 128


def test_a_rate_below_one_token_is_refused_with_the_least_that_works() -> None:
    image, label_map = picture()
    with pytest.raises(ValueError, match="one token of each path takes"):
        codec((48, 80), bits_per_pixel=0.001).encode(image, label_map)


@given(st.integers(12, 5000), st.integers(1, 9), st.floats(0.5, 3))
def test_the_highest_rung_that_fits_is_found_in_a_few_trials(
    bits: int, slope: int, bend: float
) -> None:
    asked = []

    def spent(fractions) -> int:
        asked.append(fractions)
        kept = (fractions["image"] + fractions["label_map"]) / 2
        return 10 + round(slope * 200 * kept**bend)

    found = fit(spent, bits)
    assert spent(found) <= bits
    assert len(asked) <= 20
    higher = [rung(step) for step in range(257) if rung(step)["image"] > found["image"]]
    if bits - spent(found) >= WORD and higher:
        assert spent(higher[0]) > bits


def test_a_task_moves_the_mask_to_its_classes_and_leaves_the_rate() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (128, 256, 3), dtype=np.uint8)
    label_map = np.repeat(np.repeat(rng.integers(0, 11, (8, 16), dtype=np.uint8), 16, 0), 16, 1)
    fractions = {"image": 0.3, "label_map": 0.3}
    wanted = np.isin(label_map[::16, ::16].ravel(), [CAMVID_CLASSES.index("car")])
    kept = {}
    for weights in (None, class_weights({"car": 9.0}, CAMVID_CLASSES)):
        stage = MaskStage(NETWORKS, fractions, weights)
        selection = stage(image, label_map).selections["image"]
        kept[weights is None] = wanted[selection.kept[0].numpy()].sum()
        assert selection.kept.shape[1] == int(0.3 * 128)
    assert kept[False] > kept[True]
    assert kept[False] == wanted.sum()


@pytest.mark.parametrize("settings", [{"bits_per_pixel": 0.02}, {"map_coding": "lossless"}])
def test_settings_survive_a_file(settings: dict) -> None:
    once = SqganSettings(**settings)
    assert SqganSettings.model_validate_json(once.model_dump_json()) == once


def test_mistakes_in_rate_and_task_are_named() -> None:
    for task in TASKS:
        assert min(class_weights(task, CAMVID_CLASSES)) > 0
    with pytest.raises(ValidationError, match="not both"):
        SqganSettings(bits_per_pixel=0.02, keep_fraction={"image": 0.2})
    with pytest.raises(ValidationError, match="no task 'parking'"):
        SqganSettings(task="parking")
    with pytest.raises(ValidationError, match="task weight for 'cow'"):
        SqganSettings(task={"cow": 2.0})
    with pytest.raises(ValidationError, match="must be positive"):
        SqganSettings(task={"car": 0.0})
