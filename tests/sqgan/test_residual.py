"""Second tokens of the label map: where they go, which they are, what they change, what they cost.

The networks are random: a second token helps by chance, and the encoder has to find where.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.codecs.sqgan.bitstream import CELL, owned_cells
from semcom.codecs.sqgan.residual import (
    SecondTokens,
    class_worth,
    second_tokens,
    windows,
)
from semcom.entropy import RangeReader, RangeWriter, SecondModel
from tests.entropy.test_entropy import grids, make_grid
from tests.sqgan.tiny import tiny_residual

RESIDUAL = tiny_residual()
CLASSES = RESIDUAL.classes
VOID = CLASSES
ROWS, COLUMNS = 3, 5


def blocks(seed: int, side: int = 4, void: bool = False) -> np.ndarray:
    """A map [48, 80] uint8 of squares of random classes."""
    g = np.random.default_rng(seed)
    shape = (ROWS * CELL // side, COLUMNS * CELL // side)
    return np.kron(g.integers(0, CLASSES + void, shape), np.ones((side, side), int)).astype(
        np.uint8
    )


def cells_of(plane: np.ndarray) -> np.ndarray:
    """Planes [48, 80] as cells [15, 256]."""
    return np.stack(
        [
            plane[r : r + CELL, c : c + CELL].ravel()
            for r in range(0, plane.shape[0], CELL)
            for c in range(0, plane.shape[1], CELL)
        ]
    )


def price(sent: np.ndarray, shown: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """What is wrong in every cell [15], as the docstring of ``second_tokens`` counts it."""
    right = (sent == shown) | (sent == VOID)
    wrong = np.where(right, 0, np.maximum(worth[sent], worth[shown]))
    return cells_of(wrong).sum(1, dtype=np.float64)


def improved(received: np.ndarray, second: SecondTokens) -> np.ndarray:
    cells, indices = (torch.from_numpy(part) for part in second)
    return RESIDUAL.improved(torch.from_numpy(received), cells, indices).numpy()


def test_a_window_is_the_cell_and_eight_pixels_around_void_beyond_the_edges() -> None:
    label_maps = np.stack([blocks(0, 1), blocks(1, 1)])
    found = windows(torch.from_numpy(label_maps).long(), CLASSES).numpy()
    assert found.shape == (2, ROWS * COLUMNS, 32, 32)
    padded = np.pad(label_maps, ((0, 0), (8, 8), (8, 8)), constant_values=VOID)
    for cell in range(ROWS * COLUMNS):
        top, left = cell // COLUMNS * CELL, cell % COLUMNS * CELL
        assert (found[:, cell] == padded[:, top : top + 32, left : left + 32]).all()
    beyond = windows(torch.full((1, 16, 16), 255), CLASSES)
    assert (beyond == VOID).all()


@given(st.integers(0, 10**6), st.integers(1, 48))
@settings(max_examples=25, deadline=None)
def test_the_rarer_class_is_worth_more_and_void_nothing(seed: int, side: int) -> None:
    label_map = np.random.default_rng(seed).integers(0, 4, (side, 80), np.uint8) ** 2
    worth = class_worth(label_map, CLASSES)
    share = np.bincount(label_map.ravel(), minlength=CLASSES)
    assert worth.shape == (CLASSES + 1,)
    assert worth[VOID] == 0
    assert (np.diff(worth[:CLASSES][np.argsort(share, kind="stable")]) <= 0).all()
    assert worth[:CLASSES].min() > 0.99
    assert worth.max() <= 10  # nothing is worth more than ten times a picture full of it


def test_a_map_of_nothing_but_void_has_a_worth_too() -> None:
    assert np.isfinite(class_worth(np.full((16, 16), 255, np.uint8), CLASSES)).all()


@given(st.integers(0, 10**6), st.integers(0, 20), st.booleans())
@settings(max_examples=40, deadline=None)
def test_second_tokens_pay_the_best_first_each_in_its_own_cell(
    seed: int, most: int, void: bool
) -> None:
    sent, received = blocks(seed, void=void), blocks(seed + 1, 8)
    worth = class_worth(sent, CLASSES)
    second = second_tokens(RESIDUAL, sent, received, worth, most)
    assert len(second.cells) == len(set(second.cells)) == len(second.indices) <= most
    assert all(0 <= index < len(RESIDUAL.quantizer.codebook) for index in second.indices)
    shown = improved(received, second)
    others = np.setdiff1d(np.arange(ROWS * COLUMNS), second.cells)
    assert (cells_of(shown)[others] == cells_of(received)[others]).all()
    gain = (price(sent, received, worth) - price(sent, shown, worth))[second.cells]
    assert (gain > 0).all()
    assert (np.diff(gain) <= 1e-3).all()


def test_a_right_map_gets_none() -> None:
    sent = blocks(0)
    assert not len(second_tokens(RESIDUAL, sent, sent, class_worth(sent, CLASSES), 9).cells)
    nothing = np.full_like(sent, VOID)  # says nothing, so nothing of it is wrong
    assert not len(second_tokens(RESIDUAL, nothing, sent, class_worth(sent, CLASSES), 9).cells)
    beyond = np.where(blocks(1) > 5, 255, sent)  # ids from the classes up are all void
    void = np.where(blocks(1) > 5, VOID, sent).astype(np.uint8)
    assert not len(second_tokens(RESIDUAL, beyond, void, class_worth(sent, CLASSES), 9).cells)


def test_the_nearest_code_is_tried_among_others() -> None:
    """As many as there are cells: every one that gains by its nearest code has a token."""
    sent, received = blocks(3), blocks(4, 8)
    worth = class_worth(sent, CLASSES)
    second = second_tokens(RESIDUAL, sent, received, worth, ROWS * COLUMNS)
    wanted, around = (
        windows(torch.from_numpy(m)[None].long(), CLASSES)[0] for m in (sent, received)
    )
    nearest = RESIDUAL.quantizer.indices(RESIDUAL.vectors(wanted, around)).numpy()
    everywhere = SecondTokens(np.arange(ROWS * COLUMNS), nearest)
    before, by_nearest, best = (
        price(sent, shown, worth)
        for shown in (received, improved(received, everywhere), improved(received, second))
    )
    assert (by_nearest < before).any()
    assert set(np.flatnonzero(by_nearest < before)) <= set(second.cells)
    assert (best <= by_nearest + 1e-3)[second.cells].all()


def test_cells_go_where_the_worth_is() -> None:
    sent, received = blocks(5), blocks(6, 8)
    worth = np.zeros(CLASSES + 1, np.float32)
    worth[7] = 1
    held = (cells_of(sent) == 7) | (cells_of(received) == 7)
    second = second_tokens(RESIDUAL, sent, received, worth, 15)
    assert 0 < len(second.cells) < 15
    assert held.any(1)[second.cells].all()


def test_cells_do_not_wait_for_one_another() -> None:
    """What a cell becomes depends on the map as first received, not on its neighbours' tokens."""
    received = blocks(7)
    second = SecondTokens(np.array([6, 7, 1]), np.array([3, 30, 17]))
    together = improved(received, second)
    backwards = improved(
        received, SecondTokens(second.cells[::-1].copy(), second.indices[::-1].copy())
    )
    assert (together == backwards).all()
    for k, cell in enumerate(second.cells):
        alone = improved(received, SecondTokens(second.cells[k : k + 1], second.indices[k : k + 1]))
        assert (cells_of(alone)[cell] == cells_of(together)[cell]).all()
    nothing = improved(received, SecondTokens(np.zeros(0, int), np.zeros(0, int)))
    assert (nothing == received).all()


@given(grids, st.integers(1, 5), st.sampled_from([2, 33, 512]))
@settings(max_examples=40, deadline=None)
def test_the_model_gives_back_what_its_cells_hold(grid, packets, codes) -> None:
    second, model = make_grid(*grid, codes=codes), SecondModel(codes)
    for number in range(packets):
        owned = owned_cells(second.shape, number, packets)
        writer = RangeWriter()
        model.write(writer, second, owned)
        got = model.read(RangeReader(writer.getvalue()), owned)
        assert (got == np.where(owned, second, -1)).all()


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 40), (0.1, 11, 16)])
def test_few_second_tokens_cost_little_more_than_their_codes(share, least, most) -> None:
    """Bits a token, or of the whole mask where there is none, at 16 x 32 cells and 512 codes."""
    second, writer = make_grid(16, 32, share, 3, codes=512), RangeWriter()
    SecondModel(512).write(writer, second, np.ones((16, 32), bool))
    assert least <= writer.information / max(1, (second >= 0).sum()) <= most
