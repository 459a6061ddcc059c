"""Floors of the conventional codecs on real road photos, as published for them."""

from __future__ import annotations

import os

import numpy as np
import pytest

import semcom.data
from semcom.codecs.codec import bits_per_pixel
from semcom.codecs.conventional import CONVENTIONAL
from semcom.metrics import METRICS

pytestmark = pytest.mark.skipif(
    "SEMCOM_DATA" not in os.environ, reason="SEMCOM_DATA names no folder with CamVid"
)

#: bits per pixel at the lowest setting, 256x512, between these for every road photo looked at
FLOORS = {
    "jpeg": (0.085, 0.115),
    "jpeg2000": (0.008, 0.013),
    "webp": (0.07, 0.14),
    "bpg": (0.012, 0.045),
    "avif": (0.05, 0.12),
    "jpegxl": (0.09, 0.2),
}


@pytest.fixture(scope="module")
def photos():
    return [sample.image for sample in semcom.data.load("camvid", "test", count=3)]


def received(name, rate, image):
    codec = CONVENTIONAL[name](CONVENTIONAL[name].Settings(bits_per_pixel=rate))
    packets = codec.encode(image)
    return bits_per_pixel(packets, image), codec.decode([packets[0].payload])


@pytest.mark.parametrize("name", FLOORS)
def test_lowest_setting(name, photos):
    low, high = FLOORS[name]
    for image in photos:
        assert low < received(name, "lowest", image)[0] < high


def test_bpg_leads_at_low_rates_as_the_literature_says(photos):
    """At 0.1 bits per pixel: BPG (HEVC intra) before AVIF, WebP, JPEG 2000 and JPEG."""
    psnr = METRICS["psnr"]()
    quality = {}
    for name in ("bpg", "avif", "webp", "jpeg2000", "jpeg"):
        rows = []
        for image in photos:
            rate, picture = received(name, 0.1, image)
            assert rate <= 0.1
            rows.append(psnr.measure(semcom.data.Sample("photo", image), picture))
        quality[name] = psnr.summarise(rows)["psnr_db"]
    assert max(quality, key=quality.get) == "bpg"
    assert min(quality, key=quality.get) == "jpeg"
    assert np.ptp(list(quality.values())) > 3
