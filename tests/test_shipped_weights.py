"""The networks that come with the package: small, safe, described, and worth their bits."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from semcom import weights
from semcom.codecs import CODECS, bits_per_pixel

FOLDER = Path(weights.__file__).parent
FILES = sorted(FOLDER.glob("*.safetensors"))


def test_all_weights_together_stay_small() -> None:
    assert sum(f.stat().st_size for f in FILES) < 32 * 2**20


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_network_is_half_precision_or_whole_numbers_and_has_a_card(file: Path) -> None:
    dtypes = {v.dtype for v in load_file(file).values()}
    assert dtypes <= {torch.float16, torch.uint8, torch.int8, torch.int16}
    card = file.with_suffix(".md").read_text()
    assert "Licence of the data" in card
    assert "recipe" in card


def test_an_unknown_network_is_named_beside_the_shipped_ones() -> None:
    with pytest.raises(FileNotFoundError, match="sqgan_image"):
        weights.load("sqgan_picture")


def _samples(count: int):
    if not os.environ.get("SEMCOM_DATA"):
        pytest.skip("needs CamVid below the folder SEMCOM_DATA")
    from semcom import data

    return data.load("camvid", split="test", count=count)


def test_shipped_sqgan_sends_the_meaning_in_fewer_bits_than_its_formula() -> None:
    from semcom.segmentation import load_segmenter

    segment, codec = load_segmenter("transmitter"), CODECS["sqgan"]
    keep = {"image": 0.15, "label_map": 0.3}
    learned = codec(codec.Settings(keep_fraction=keep))
    raw = codec(codec.Settings(keep_fraction=keep, entropy="raw"))
    agreement, rates, formula = [], [], []
    for sample in _samples(6):
        label_map = segment(sample.image[None])[0]
        packets = learned.encode(sample.image, label_map)
        received = learned.decode([p.payload for p in packets])
        agreement.append((received.label_map == label_map).mean())
        rates.append(bits_per_pixel(packets, sample.image))
        formula.append(bits_per_pixel(raw.encode(sample.image, label_map), sample.image))
    assert np.mean(agreement) > 0.8
    assert np.mean(rates) < 0.025
    assert np.mean(rates) < 0.9 * np.mean(formula)


@pytest.mark.parametrize("name", ["transmitter", "scorer"])
def test_segmenters_understand_photographs(name: str) -> None:
    from semcom.segmentation import load_segmenter

    segment, right, all_pixels = load_segmenter(name), 0, 0
    for sample in _samples(4):
        inside = sample.label_map < 11
        right += int((segment(sample.image[None])[0] == sample.label_map)[inside].sum())
        all_pixels += int(inside.sum())
    assert right / all_pixels > 0.8


def test_the_transmitter_sees_more_in_four_views_than_in_one() -> None:
    """Mirrored and enlarged views count alike, so a mirrored street has the mirrored map."""
    from semcom.data import load
    from semcom.metrics.segmentation import confusion_matrix, mean_iou
    from semcom.segmentation import Segmenter, load_segmenter

    four = load_segmenter("transmitter")
    one = Segmenter("plain", four.net)
    scores = []
    for segment in (one, four):
        seen = [(s.label_map, segment(s.image[None])[0]) for s in load("street", count=3)]
        scores.append(float(mean_iou(sum(confusion_matrix(*pair, 11, 11) for pair in seen))))
    assert scores[1] > scores[0] + 0.01
    street = load("street", count=1)[0].image[None]
    there, back = four(street), four(street[:, :, ::-1])[:, :, ::-1]
    assert np.mean(there == back) > 0.999


def test_a_map_does_not_depend_on_its_batch() -> None:
    from semcom.segmentation import load_segmenter

    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    for segment in (load_segmenter("scorer"), load_segmenter("transmitter")):
        assert np.array_equal(segment(images)[1], segment(images[1:])[0])


def test_grey_pictures_are_refused_by_segmenters() -> None:
    from semcom.segmentation import load_segmenter

    with pytest.raises(ValueError, match="uint8 pictures"):
        load_segmenter("scorer")(np.zeros((1, 64, 96), np.uint8))
    with pytest.raises(ValueError, match="there is no segmenter"):
        load_segmenter("judge")


@pytest.mark.parametrize("variant", ["saic", "tdic", "apic"])
def test_shipped_transform_codecs_meet_their_rate_closely(variant: str) -> None:
    from semcom import data

    samples = data.load("street", split="test", count=1)
    codec = CODECS["saic"]
    for rate, least_psnr in ((0.05, 17), (0.125, 19)):
        one = codec(codec.Settings(variant=variant, bits_per_pixel=rate))
        for sample in samples:
            packets = one.encode(sample.image)
            assert 0.93 * rate < bits_per_pixel(packets, sample.image) <= rate
            received = one.decode([p.payload for p in packets]).image.astype(float)
            mse = ((received - sample.image) ** 2).mean()
            assert 10 * np.log10(255**2 / mse) > least_psnr


def test_the_layered_codec_trades_what_is_generated_for_pixels() -> None:
    """At one rate PSNR rises with the share of the enhancement; either layer alone is a picture."""
    from semcom import data
    from semcom.segmentation import load_segmenter

    (sample,) = data.load("street", split="test", count=1)
    labels = load_segmenter("transmitter")(sample.image[None])[0]
    codec, quality = CODECS["layered"], []
    for share in (0.0, 0.3, 0.6, 0.9):
        one = codec(codec.Settings(bits_per_pixel=0.12, enhancement_share=share))
        packets = one.encode(sample.image, labels)
        assert bits_per_pixel(packets, sample.image) <= 0.12
        received = one.decode([p.payload for p in packets]).image.astype(float)
        quality.append(10 * np.log10(255**2 / ((received - sample.image) ** 2).mean()))
    assert quality == sorted(quality)
    assert quality[-1] > quality[0] + 0.5
    assert quality[0] > 18


def test_shipped_deepjscc_needs_no_bits_and_has_no_cliff() -> None:
    from semcom import data

    codec = CODECS["jscc"]
    (sample,) = data.load("street", split="test", count=1)
    quality = []
    for esn0_db in (0, 5, 10, 20):
        one = codec(codec.Settings(channel_uses_per_pixel=0.03, design_esn0_db=esn0_db))
        symbols, rng = one.transmit(sample.image), np.random.default_rng(0)
        variance = 10 ** (-esn0_db / 10)
        noise = rng.normal(size=(2, len(symbols))) * (variance / 2) ** 0.5
        noisy = (symbols + noise[0] + 1j * noise[1]).astype(np.complex64)
        received = one.receive(noisy, np.full(len(symbols), variance, np.float32)).image
        mse = ((received.astype(float) - sample.image) ** 2).mean()
        quality.append(10 * np.log10(255**2 / mse))
    assert quality == sorted(quality)
    assert quality[0] > 20
    assert quality[2] > 23
