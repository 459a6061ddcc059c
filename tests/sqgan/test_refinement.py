"""Successive refinement: the first packets are a picture, and each more makes it truer."""

from __future__ import annotations

import numpy as np

from semcom import data
from semcom.codecs import CODECS
from semcom.segmentation import load_segmenter


def test_every_prefix_is_a_picture_and_comes_closer_to_the_whole() -> None:
    (sample,) = data.load("street", split="test", count=1)
    settings = {
        "keep_fraction": {"image": 0.45, "label_map": 1},
        "packets": {"label_map": 3, "image": 3},
    }
    codec = CODECS["sqgan"](CODECS["sqgan"].Settings.model_validate(settings))
    packets = codec.encode(sample.image, load_segmenter("transmitter")(sample.image[None])[0])
    assert [packet.rank for packet in packets] == list(range(6))
    payloads = [packet.payload for packet in packets]
    whole = codec.decode(payloads)
    image_errors, map_agreement = [], []
    for count in range(1, 7):
        # a packet that never came and one that was cut off are the same to the receiver
        got = codec.decode([*payloads[:count], *[None] * (6 - count)])
        image_errors.append(np.abs(got.image.astype(float) - whole.image).mean())
        map_agreement.append((got.label_map == whole.label_map).mean())
        assert np.array_equal(got.image, codec.decode(payloads[:count]).image)
    assert map_agreement[:3] == sorted(map_agreement[:3])
    assert map_agreement[2:] == [1.0] * 4
    assert image_errors == sorted(image_errors, reverse=True)
    assert image_errors[-1] == 0
