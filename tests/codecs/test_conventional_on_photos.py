"""Conventional codecs on real road photos: their floors, and which is better at low rates."""

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

#: mean bits per pixel at the lowest setting over 24 test photos of 256x512
FLOORS = {
    "jpeg": 0.0998,
    "jpeg2000": 0.0107,
    "webp": 0.1020,
    "bpg": 0.0238,
    "avif": 0.0737,
    "jpegxl": 0.1534,
}


@pytest.fixture(scope="module")
def photos():
    return [sample.image for sample in semcom.data.load("camvid", "test", count=6)]


def received(name, rate, image):
    codec = CONVENTIONAL[name](CONVENTIONAL[name].Settings(bits_per_pixel=rate))
    packets = codec.encode(image)
    return bits_per_pixel(packets, image), codec.decode([packets[0].payload])


@pytest.mark.parametrize("name", FLOORS)
def test_lowest_setting(name, photos):
    rates = [received(name, "lowest", image)[0] for image in photos]
    assert np.mean(rates) == pytest.approx(FLOORS[name], rel=0.25)


def test_bpg_leads_at_low_rates_as_the_literature_says(photos):
    """At 0.1 bits per pixel: BPG (HEVC intra) before AVIF, WebP, JPEG 2000 and JPEG."""
    psnr = METRICS["psnr"]()
    quality = {}
    for name in ("bpg", "avif", "webp", "jpeg2000", "jpeg"):
        rows = []
        for image in photos[::2]:
            rate, picture = received(name, 0.1, image)
            assert rate <= 0.1
            rows.append(psnr.measure(semcom.data.Sample("photo", image), picture))
        quality[name] = psnr.summarise(rows)["psnr_db"]
    assert max(quality, key=quality.get) == "bpg"
    assert min(quality, key=quality.get) == "jpeg"
    assert np.ptp(list(quality.values())) > 3
