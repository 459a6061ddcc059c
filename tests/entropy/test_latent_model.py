"""Whole-number networks, logistic tables and the latent model built on both."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.entropy import LatentModel, RangeReader, RangeWriter
from semcom.entropy.integer_conv import IntegerConv
from semcom.entropy.logistic_tables import (
    FIRST_SCALE,
    HIGHEST_SYMBOL,
    LOG_STEP,
    information,
    tables,
)


def model(seed: int = 0, hidden: int = 6) -> LatentModel:
    """Slices of 3 and 5 channels, side information of 2."""
    g = np.random.default_rng(seed)
    shapes = {
        "hyper_scale": (2, 1, 1),
        "hyper.0": (hidden, 3, 3),
        "hyper.1": (hidden, hidden, 3),
        "slice_in.0": (hidden, hidden + 1 + 3, 3),
        "slice_out.0": (6, hidden, 1),
        "slice_in.1": (hidden, hidden + 1 + 8, 3),
        "slice_out.1": (10, hidden, 1),
    }
    weights: dict[str, np.ndarray] = {}
    for name, (outputs, inputs, k) in shapes.items():
        weights[f"{name}.weight"] = g.integers(-60, 61, (outputs, inputs, k, k)).astype(np.int8)
        weights[f"{name}.bias"] = g.integers(-99, 100, outputs).astype(np.int16)
    return LatentModel(weights)


def test_tables_are_the_same_on_every_machine() -> None:
    # the frequencies are part of the format: a change makes old packets unreadable
    assert zlib.crc32(tables().astype("<i8").tobytes()) == TABLES_SUM


TABLES_SUM = 0x1D48E642


def test_tables_are_those_of_the_logistic_distribution() -> None:
    share = tables() / 2**20  # before every symbol is made possible
    for k in (0, 20, 40, 63):
        b = FIRST_SCALE * np.exp(k * LOG_STEP)
        s = np.arange(-254, 255)
        # stable in both tails: F(u) - F(v) = (tanh(u / 2) - tanh(v / 2)) / 2
        expected = (np.tanh((s + 0.5) / (2 * b)) - np.tanh((s - 0.5) / (2 * b))) / 2
        assert share[k, 1:-1] == pytest.approx(expected, abs=2e-6)
        assert (tables()[k] > 0).all()


def test_integer_convolutions_are_convolutions() -> None:
    import torch

    g = np.random.default_rng(0)
    weight = g.integers(-127, 128, (5, 4, 3, 3))
    x, bias = g.integers(-2000, 4096, (4, 7, 9)), g.integers(-999, 999, 5)
    conv = IntegerConv({"weight": weight, "bias": bias})
    expected = torch.nn.functional.conv2d(
        torch.tensor(x)[None].double(),
        torch.tensor(weight).double(),
        16 * torch.tensor(bias).double(),
        padding=1,
    )[0]
    assert np.array_equal(conv(x), expected.numpy())
    with pytest.raises(ValueError, match="3 channels where 4"):
        conv(x[:3])


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 255), st.floats(0.01, 200))
@settings(max_examples=15, deadline=None)
def test_what_is_read_is_what_was_written(height, width, level, spread) -> None:
    g = np.random.default_rng(height * width)
    m = model()
    y = g.normal(0, spread, (8, height, width))
    z = g.integers(-9, 10, (2, -(-height // 4), -(-width // 4)))
    sent = m.quantise(y, z, level)
    data = m.write(sent)
    found = m.read(data, level, (height, width))
    assert np.array_equal(found.latent, sent.latent)
    # the stream is as long as its information, but for the last word and the coder's rounding
    assert 8 * len(data) <= 1.001 * sent.bits() + 64
    largest = max(int(np.abs(symbols).max(initial=0)) for symbols, _ in sent.passes[1:])
    if largest < HIGHEST_SYMBOL:  # nothing was cut
        assert np.abs(found.latent - y).max() <= 0.5 + 1e-4


def test_golden_bytes() -> None:
    """Bytes are the format: what was written once must be read for ever, on every machine."""
    m, y, z = model(), np.arange(-24, 24).reshape(8, 2, 3) / 4, np.array([[[-1]], [[2]]])
    data = m.write(m.quantise(y, z, 77))
    assert data.hex() == GOLDEN
    assert np.abs(m.read(bytes.fromhex(GOLDEN), 77, (2, 3)).latent - y).max() <= 0.5


GOLDEN = (
    "145fd3ff91fbd3e45e2f0a3ca158260acfb1d30f81dbefa0491ef7e2aa437a4719566c53384c78bf"
    "0af3bd512d95744de699dd48863f9d379c26e0058fc58bbea1e5774af15a3adf29f27abf400b8a7c"
)


def test_a_stream_of_other_contents_is_refused() -> None:
    m = model()
    g = np.random.default_rng(1)
    data = m.write(m.quantise(g.normal(0, 3, (8, 5, 6)), np.zeros((2, 2, 2)), 9))
    for wrong in (data[:-4], data + bytes(4), data[:-3], bytes(len(data)), b""):
        with pytest.raises(ValueError, match=r"damaged|cut"):
            m.read(wrong, 9, (5, 6))


def test_arrays_and_single_symbols_are_coded_alike() -> None:
    frequencies = np.array([5, 1, 9, 3])
    symbols = np.array([0, 2, 2, 3, 1, 0])
    one, many = RangeWriter(), RangeWriter()
    for s in symbols:
        one.write_symbol(int(s), frequencies)
    many.write_symbols(symbols, frequencies)
    assert one.getvalue() == many.getvalue()
    assert one.information == pytest.approx(many.information)
    assert np.array_equal(RangeReader(many.getvalue()).read_symbols(6, frequencies), symbols)


def test_a_likely_value_costs_little_and_an_outlier_is_still_possible() -> None:
    assert information(np.zeros(1000, int), np.zeros(1000, int)) < 1
    assert information(np.array([200]), np.array([0])) == pytest.approx(20, abs=0.1)
