"""A lost label map, guessed from codes, heights and the palette's classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.torch import load_file

from semcom.codecs.sqgan.bitstream import PathTokens
from semcom.codecs.sqgan.codec import SqganCodec, SqganSettings
from semcom.codecs.sqgan.lost_map import LostMap, class_shares, load_lost_map
from semcom.entropy import Colours
from semcom.training.checkpoint import export, shipped_state
from semcom.training.train import train
from tests.sqgan.tiny import tiny_networks
from tests.training.test_training import made_set, recipe

CODES, CLASSES = 8, 4


def table(strength: float = 50.0) -> LostMap:
    """Code 2 k and 2 k + 1 stand for class k; class 0 lies above, class 3 below."""
    codes = np.full((CODES, CLASSES), 1.0)
    codes[np.arange(CODES), np.arange(CODES) // 2] += strength
    heights = np.array([[8.0, 4, 4, 2], [2.0, 4, 4, 8]])
    return LostMap.counted(codes, heights)


def test_counts_become_the_logarithms_of_probabilities() -> None:
    made = table()
    assert np.exp(made.heights).sum(1) == pytest.approx(1)
    assert (made.codes.argmax(1) == np.arange(CODES) // 2).all()
    # a code that was never met says nothing
    unmet = LostMap.counted(np.zeros((1, CLASSES)), np.ones((2, CLASSES)))
    assert unmet.codes == pytest.approx(0)


def test_codes_say_where_the_classes_are() -> None:
    grid = np.zeros((8, 16), int)
    grid[:, 8:] = 5  # class 2
    guess = table()(PathTokens("image", grid))
    assert guess.shape == (128, 256)
    assert guess.dtype == np.uint8
    assert (guess[:, :100] == 0).all()
    assert (guess[:, 156:] == 2).all()


def test_with_few_tokens_their_neighbourhood_follows_and_without_any_the_height_decides() -> None:
    nothing = np.full((8, 16), -1)
    guess = table()(PathTokens("image", nothing))
    assert (guess[:40] == 0).all()
    assert (guess[-40:] == 3).all()
    one = nothing.copy()
    one[1, 3] = 2  # class 1
    guess = table()(PathTokens("image", one))
    assert guess[24, 56] == 1
    assert guess[24, 200] == 0


def test_a_class_that_the_palette_does_not_know_is_not_guessed() -> None:
    grid = np.full((8, 16), 5)
    known = np.zeros((CLASSES, 1, 2), bool)
    known[[0, 1], 0, 0] = True  # the left cell holds classes 0 and 1; the right one is lost
    colours = Colours(np.zeros((CLASSES, 2, 1, 2), int), known)
    guess = table(3.0)(PathTokens("image", grid, colours=colours))
    assert set(np.unique(guess[:, :96])) <= {0, 1}
    assert (guess[:, 160:] == 2).all()


def test_shares_leave_void_out() -> None:
    label_map = np.full((16, 32), 255, np.uint8)
    label_map[:, :4] = 1
    assert class_shares(label_map, 2).tolist() == [[[0.0, 0.25], [0.0, 0.0]]]


def test_the_shipped_table_beats_the_networks_own_idea_and_changes_nothing_else() -> None:
    from semcom import data
    from semcom.segmentation import load_segmenter

    (sample,) = data.load("street", split="test", count=1)
    keep = {"image": 0.45, "label_map": 1}
    made = {
        how: SqganCodec(SqganSettings.model_validate({"keep_fraction": keep, "lost_map": how}))
        for how in ("prior", "picture")
    }
    label_map = load_segmenter("transmitter")(sample.image[None])[0]
    packets = [p.payload for p in made["prior"].encode(sample.image, label_map)]
    right = {
        how: (one.decode([None, *packets[1:]]).label_map == label_map).mean()
        for how, one in made.items()
    }
    assert right["picture"] > right["prior"] + 0.1
    for arrived in (packets, [packets[0], None]):
        a, b = (one.decode(arrived) for one in made.values())
        assert np.array_equal(a.image, b.image)
    assert made["prior"].identity() != made["picture"].identity()
    assert "lost_map" not in made["prior"].identity()


def test_counting_sees_every_cell_of_every_picture(tmp_path: Path) -> None:
    file = tmp_path / "image.safetensors"
    export(file, shipped_state(tiny_networks().image), {})
    r = recipe(objective="lost_map", steps=2, ema=0, image_weights=str(file))
    wrong = [p.losses["loss"] for p in train(r, tmp_path / "out", made_set())]
    assert 0 <= wrong[-1] <= 1
    state = load_file(tmp_path / "out" / "made.safetensors")
    assert state["heights"].float().exp().sum(1).numpy() == pytest.approx(1, abs=0.01)
    # sky above and road below, as in the pictures
    assert state["heights"][0].argmax() == 0
    assert state["heights"][12].argmax() == 3  # the last of four rows of cells
    with pytest.raises(ValueError, match="say ema: 0"):
        next(train(r.model_copy(update={"ema": 0.9}), tmp_path / "other", made_set()))


def test_another_networks_codes_are_refused() -> None:
    with pytest.raises(ValidationError, match="shipped image_weights only"):
        SqganSettings(lost_map="picture", image_weights="mine.safetensors")
    with pytest.raises(ValueError, match="no table of 9 codes"):
        load_lost_map("sqgan_lost_map", 9, 11)
