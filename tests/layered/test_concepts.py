"""Quantisation levels of semantic concepts: what is sent, what it does, and how it is found."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from semcom.codecs.layered.bitstream import ENHANCEMENT_BYTES, EnhancementHeader
from semcom.codecs.layered.codec import LayeredSettings
from semcom.codecs.layered.concepts import (
    APART,
    HIGHEST,
    LOWEST,
    class_levels,
    offsets,
    read_levels,
    write_levels,
)
from semcom.codecs.layered.layers import cell_levels, residual_levels
from semcom.data.classes import CAMVID_CLASSES
from semcom.data.sample import Sample
from semcom.segmentation.segmenter import SEGMENTERS, SegmentationNet, Segmenter
from semcom.training.semantic_levels import LayeredBench, greedy_levels
from tests.layered.test_codec import scene, squared_error
from tests.layered.tiny import LOADED, tiny_codec

LEVEL = st.integers(LOWEST, HIGHEST)
#: road on the left, car on the right
HALVES = np.repeat(np.array([[3, 8]], np.uint8), 64, 0).repeat(48, 1)


@given(st.lists(LEVEL, min_size=12, max_size=12), st.sets(st.integers(0, 11), min_size=1))
def test_levels_of_the_classes_in_the_map_come_back(levels, present) -> None:
    labels = np.array([sorted(present)], np.uint8)
    data = write_levels(levels, labels)
    assert len(data) == -(-3 * len(present) // 8)
    found, used = read_levels(data + b"more", labels, 11)
    assert used == len(data)
    assert found == tuple(level if k in present else 0 for k, level in enumerate(levels))


def test_damaged_levels_are_refused() -> None:
    labels = np.array([[0, 1, 2, 3]], np.uint8)
    data = write_levels([1, 2, 3, -4], labels)
    with pytest.raises(ValueError, match="cut short or damaged"):
        read_levels(data[:-1], labels, 11)
    with pytest.raises(ValueError, match="cut short or damaged"):
        read_levels(data[:-1] + bytes([data[-1] | 1]), labels, 11)


def test_a_cell_has_the_mean_level_of_its_pixels_within_the_networks_range() -> None:
    labels = np.zeros((16, 32), np.uint8)
    labels[:8, 16:] = 1
    apart = offsets(labels, (1, -3))
    assert apart.tolist() == [[APART, -APART]]
    assert cell_levels(100, apart).tolist() == [[[100 + APART, 100 - APART]]]
    assert cell_levels(250, apart).tolist() == [[[255, 250 - APART]]]
    assert cell_levels(7, None).tolist() == [7]


def test_finer_classes_are_coded_more_exactly_for_more_bits() -> None:
    image, _ = scene()
    base, latent = torch.zeros(1, 3, 64, 96), LOADED.network.residual_latent
    wanted = LOADED.network.refiner.analysis(torch.tensor(image[None]).movedim(3, 1) / 127.5 - 1)
    errors, bits = {}, {}
    for name, levels in (("road", (0, 0, 0, 3, 0, 0, 0, 0, -4)), ("neither", (0,) * 9)):
        apart = offsets(HALVES, levels)
        coded = residual_levels(LOADED, image, base, apart).coded(120)
        found = torch.tensor(coded.latent) * latent.inverse_gain(cell_levels(120, apart))[0]
        error = (found - wanted[0]).abs().mean(0)
        errors[name] = error[:, :3].mean().item(), error[:, 3:].mean().item()
        bits[name] = coded.bits()
    assert errors["road"][0] < 0.7 * errors["neither"][0]
    assert errors["road"][1] > 1.4 * errors["neither"][1]
    finer = residual_levels(LOADED, image, base, offsets(HALVES, (0,) * 8 + (3,))).coded(120)
    assert finer.bits() > bits["neither"]


def test_bytes_alone_tell_the_receiver_the_levels_and_both_keep_to_the_rate() -> None:
    image, _ = scene()
    codec = tiny_codec((64, 96), quantisation={"road": 3, "car": -4})
    payloads = [p.payload for p in codec.encode(image, HALVES)]
    assert 8 * sum(map(len, payloads)) <= 2 * 64 * 96
    received = tiny_codec(None).decode(payloads).image
    assert squared_error(received, image) < squared_error(codec.decode(payloads[:1]).image, image)
    assert np.array_equal(received, codec.decode(payloads).image)


def test_levels_are_in_the_packet_and_counted() -> None:
    image, _ = scene()
    base, uniform = tiny_codec((64, 96)).encode(image, HALVES)
    same_base, packet = tiny_codec((64, 96), quantisation={"car": 1}).encode(image, HALVES)
    assert same_base.payload == base.payload
    assert EnhancementHeader.from_bytes(packet.payload).concepts
    assert not EnhancementHeader.from_bytes(uniform.payload).concepts
    assert packet.payload[ENHANCEMENT_BYTES] == 0b100_101_00
    assert packet.bits["levels"] == 8
    assert sum(packet.bits.values()) == 8 * len(packet.payload)


def test_a_flag_that_does_not_belong_there_is_refused() -> None:
    image, _ = scene()
    base, uniform = (p.payload for p in tiny_codec((64, 96)).encode(image, HALVES))
    with pytest.raises(ValueError, match="cut short or damaged"):
        tiny_codec(None).decode([base, bytes([uniform[0] | 2]) + uniform[1:]])


def test_identity_names_the_levels_but_where_there_are_none() -> None:
    def identity(**settings):
        return tiny_codec(None, **settings).identity()

    assert "quantisation" not in identity()
    assert identity(quantisation={"car": 2})["quantisation"] == [0] * 8 + [2, 0, 0, 0]
    found = class_levels("semantic", CAMVID_CLASSES)
    assert found is not None
    assert any(found)
    assert identity(quantisation="semantic")["quantisation"] == list(found)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("fine", "choose uniform, semantic or levels by class"),
        ({"dog": 1}, "classes are sky"),
        ({"car": 4}, "must be -4 to 3"),
    ],
)
def test_wrong_levels_are_refused_in_words(wrong, message) -> None:
    with pytest.raises(ValidationError, match=message):
        LayeredSettings(bits_per_pixel=1, quantisation=wrong)


@given(st.lists(st.tuples(LEVEL, st.integers(1, 9)), min_size=1, max_size=5))
def test_greedy_steps_climb_to_the_best_levels_of_classes_that_gain_apart(wanted) -> None:
    asked = set()

    def score(levels):
        asked.update(levels)
        return -sum(w * (v - best) ** 2 for v, (best, w) in zip(levels, wanted, strict=True))

    names = [str(k) for k in range(len(wanted))]
    found, climbed = dict.fromkeys(names, 0), score([0] * len(names))
    for step in greedy_levels(score, names):
        assert step.gain > 0
        found[step.name], climbed = step.level, climbed + step.gain
        assert climbed == score(list(found.values()))
    assert list(found.values()) == [best for best, _ in wanted]
    assert asked <= set(range(LOWEST, HIGHEST + 1))


def test_finer_levels_take_bits_and_are_measured_beside_a_uniform_rate() -> None:
    samples = []
    for seed in range(2):
        image, labels = scene(seed=seed)
        samples.append(Sample(str(seed), image, labels))
    torch.manual_seed(0)  # of a segmenter that finds more than one class
    tiny = Segmenter("tiny", SegmentationNet(SEGMENTERS["tiny"]))
    bench = LayeredBench(LOADED, samples, tiny, rates=[(160, 190)])
    uniform, none = bench.measured(None), bench.measured((0,) * 12)
    assert uniform == none
    fine = bench.measured((HIGHEST,) * 12)
    assert fine.bits_per_pixel > uniform.bits_per_pixel
    assert fine.semantic != uniform.semantic
    assert fine.perceptual != uniform.perceptual
    assert bench.score((0,) * 11) == uniform.quality - bench.worth * uniform.bits_per_pixel
