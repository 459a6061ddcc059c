"""Meaning against SNR is a mixture: every loss pattern by its probability."""

import numpy as np
import pytest

import semcom.data
from channels import Link, LinkSettings
from semcom.codecs import CODECS
from semcom.segmentation import load_segmenter


def _confusion(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    inside = truth < 11
    pairs = 11 * truth[inside].astype(int) + predicted[inside]
    return np.bincount(pairs, minlength=121).reshape(11, 11)


def _miou(confusion: np.ndarray) -> float:
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    return float((np.diag(confusion)[union > 0] / union[union > 0]).mean())


@pytest.mark.parametrize("esn0_db", [0.875, 1.0, 1.125])
def test_miou_on_the_cliff_is_what_the_block_error_rate_predicts(esn0_db: float) -> None:
    codec, score = (
        CODECS["bpg"](CODECS["bpg"].Settings(bits_per_pixel="lowest")),
        load_segmenter("scorer"),
    )
    link, sent = Link(LinkSettings(code="ldpc", rate=0.5, modulation="qpsk")), 60
    measured, predicted = np.zeros((11, 11)), np.zeros((11, 11))
    rates = []
    for sample in semcom.data.load("street", split="test", count=2):
        payload = codec.encode(sample.image)[0].payload
        whole = _confusion(sample.label_map, score(codec.decode([payload]).image[None])[0])
        lost = _confusion(sample.label_map, score(codec.decode([None]).image[None])[0])
        runs = [
            link.transmit([payload] * sent, esn0_db, range(first, first + sent)).payloads
            for first in (0, 1000)  # the rate comes from noise that the measurement never saw
        ]
        for received in runs[0]:
            measured += lost if received is None else whole
        rate = sum(received is None for received in runs[1]) / sent
        predicted += sent * (rate * lost + (1 - rate) * whole)
        rates.append(rate)
    assert 0 < np.mean(rates) < 1
    # three standard errors of a rate from 2 x 60 payloads, times the step from lost to whole
    assert _miou(measured) == pytest.approx(_miou(predicted), abs=0.2 * _miou(predicted) + 0.01)
