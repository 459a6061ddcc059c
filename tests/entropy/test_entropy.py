"""Range coding under the project's own probability models."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.entropy import IndexModel, MaskModel, RangeReader, RangeWriter, mask_counts
from semcom.training.index_prior import IndexPrior


def random_model(codes: int, seed: int = 0) -> tuple[IndexPrior, IndexModel]:
    torch.manual_seed(seed)
    prior = IndexPrior(codes).eval()
    with torch.no_grad():
        prior.bias.normal_()
        prior.embedding.normal_(std=0.5)
    return prior, IndexModel({k: v.numpy() for k, v in prior.integers().items()})


grids = st.tuples(
    st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32 - 1)
)


def make_grid(rows: int, columns: int, keep: float, seed: int, codes: int) -> np.ndarray:
    g = np.random.default_rng(seed)
    return np.where(g.random((rows, columns)) < keep, g.integers(0, codes, (rows, columns)), -1)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, 0.999)), max_size=300))
@settings(max_examples=60, deadline=None)
def test_bits_come_back_and_cost_their_information(bits: list[tuple[bool, float]]) -> None:
    writer = RangeWriter()
    for bit, p in bits:
        writer.write_bit(int(bit), p)
    data = writer.getvalue()
    reader = RangeReader(data)
    assert [reader.read_bit(p) for _, p in bits] == [int(b) for b, _ in bits]
    assert reader.exhausted()
    assert 8 * len(data) <= 1.01 * writer.information + 34  # a word and the last bits
    assert 8 * len(data) >= np.floor(writer.information)


def test_bits_coded_together_are_the_bytes_of_bits_coded_one_by_one() -> None:
    rng = np.random.default_rng(1)
    bits, p_one = rng.random(400) < 0.4, rng.uniform(0.02, 0.98, 400)
    together, alone = RangeWriter(), RangeWriter()
    together.write_bits(bits, p_one)
    for bit, p in zip(bits.tolist(), p_one.tolist(), strict=True):
        alone.write_bit(int(bit), p)
    assert together.getvalue() == alone.getvalue()
    assert together.information == pytest.approx(alone.information)


def test_symbols_coded_together_are_the_bytes_of_symbols_coded_one_by_one() -> None:
    g = np.random.default_rng(2)
    symbols, frequencies = g.integers(0, 50, 40), g.integers(1, 9999, (40, 50))
    together, single = RangeWriter(), RangeWriter()
    together.write_symbols(symbols, frequencies)
    for symbol, row in zip(symbols, frequencies, strict=True):
        single.write_symbol(int(symbol), row)
    assert together.getvalue() == single.getvalue()
    assert together.information == pytest.approx(single.information)


@given(grids, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_masks_come_back(grid: tuple[int, int, float, int], every: int) -> None:
    mask = make_grid(*grid, codes=2) >= 0
    owned = np.arange(mask.size).reshape(mask.shape) % every == 0
    writer = RangeWriter()
    counts = np.random.default_rng(every).integers(1, 81, (every, 16, 2)) if every > 1 else None
    MaskModel(counts).write(writer, mask, owned)
    back = MaskModel(counts).read(RangeReader(writer.getvalue()), owned)
    assert (back == (mask & owned)).all()


def test_a_sparse_or_clustered_mask_costs_less_than_a_flag_per_cell() -> None:
    clustered = np.zeros((16, 32), bool)
    clustered[6:12, 8:25] = True
    sparse = np.random.default_rng(0).random((16, 32)) < 0.1
    for mask in (clustered, sparse):
        writer = RangeWriter()
        MaskModel().write(writer, mask, np.ones_like(mask))
        assert writer.information < 0.65 * mask.size


def test_a_mask_like_those_that_were_counted_costs_less() -> None:
    def mask(seed: int) -> np.ndarray:
        """Cells along an edge that runs through the lower half of a picture."""
        g = np.random.default_rng(seed)
        middle = 10 + np.cumsum(g.integers(-1, 2, 32)).clip(-2, 3)
        return abs(np.arange(16)[:, None] - middle) <= 1

    counts = mask_counts(np.stack([mask(seed) for seed in range(50)]))
    costs = []
    for model in (MaskModel(), MaskModel(counts)):
        writer = RangeWriter()
        model.write(writer, mask(99), np.ones((16, 32), bool))
        costs.append(writer.information)
    assert costs[1] < 0.8 * costs[0]


def test_masks_are_counted_in_the_contexts_they_are_coded_in() -> None:
    """Counts of one mask, trusted fully, come close to the mask's own statistics."""
    mask = np.zeros((16, 32), bool)
    mask[:, ::2] = True  # every cell follows from its left neighbour
    writer = RangeWriter()
    MaskModel(mask_counts(mask[None], trust=127)).write(writer, mask, np.ones_like(mask))
    assert writer.information < 30


def test_counts_of_another_shape_are_refused() -> None:
    for counts in (np.ones((8, 5, 2), int), np.zeros((8, 16, 2), int)):
        with pytest.raises(ValueError, match="counts of a mask"):
            MaskModel(counts)


@given(grids)
@settings(max_examples=25, deadline=None)
def test_indices_come_back_and_cost_their_information(grid: tuple[int, int, float, int]) -> None:
    _, model = random_model(64)
    tokens = make_grid(*grid, codes=64)
    writer = RangeWriter()
    model.write(writer, tokens)
    data = writer.getvalue()
    assert (model.read(RangeReader(data), tokens >= 0) == tokens).all()
    assert 8 * len(data) <= 1.01 * writer.information + 34  # a word and the last bits


def test_the_integer_model_is_the_trained_one() -> None:
    prior, model = random_model(64)
    tokens = make_grid(8, 16, 0.5, 3, codes=64)
    with torch.no_grad():
        logits = prior(torch.tensor(tokens)[None])
    kept = torch.tensor(tokens[tokens >= 0])
    expected = torch.nn.functional.cross_entropy(logits, kept, reduction="sum").item() / np.log(2)
    writer = RangeWriter()
    model.write(writer, tokens)
    assert writer.information == pytest.approx(expected, rel=0.01)


def test_every_sum_of_the_integer_model_is_exact_in_float32() -> None:
    prior, model = random_model(64)
    with torch.no_grad():  # the largest weights that 8 bits allow
        for p in prior.parameters():
            p.fill_(1e6)
    whole = prior.integers()
    hidden = (len(whole["embedding"]) + 1) * 127
    assert hidden * 127 * whole["output"].shape[0] < 2**24
    assert int(whole["embedding"].max()) == 127
    assert model.codes == 64


def test_cut_range_coded_data_is_refused() -> None:
    with pytest.raises(ValueError, match="cut"):
        RangeReader(b"abc")
