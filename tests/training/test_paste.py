"""Rare objects travel between the pictures of a batch, whole, and never onto each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.data.components import components
from semcom.training.batches import TrainingSet
from semcom.training.paste import paste_rare
from semcom.training.recipe import Recipe

SIGN, PEDESTRIAN = 6, 9


def batch(seed: int, pictures: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Roads with boxes of two rare classes; every picture has a colour of its own."""
    g = torch.Generator().manual_seed(seed)
    label_map = torch.full((pictures, 24, 32), 3)
    for picture in range(pictures):
        for kind in (SIGN, PEDESTRIAN):
            top, left = (int(torch.randint(0, n - 6, (), generator=g)) for n in (24, 32))
            label_map[picture, top : top + 5, left : left + 3] = kind
    own = torch.arange(pictures)[:, None, None, None].expand(-1, 3, 24, 32)
    return own.float() + label_map[:, None] / 100, label_map


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_image_and_label_map_stay_one(seed: int, probability: float) -> None:
    image, label_map = batch(seed)
    g = torch.Generator().manual_seed(seed)
    new_image, new_map = paste_rare(image, label_map, (SIGN, PEDESTRIAN), probability, g)
    # the colour of a pixel says which picture it comes from and which class it has there
    source = new_image[:, 0].floor().long()
    assert torch.equal(new_image[:, 0], image[:, 0].gather(0, source))
    assert torch.equal(new_map, label_map.gather(0, source))
    # nothing rare is lost, only the road is covered, and by rare things alone
    own = torch.arange(4)[:, None, None]
    rare = (label_map == SIGN) | (label_map == PEDESTRIAN)
    assert (source == own)[rare].all()
    changed = source != own
    assert ((new_map == SIGN) | (new_map == PEDESTRIAN))[changed].all()


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_objects_arrive_whole_and_in_the_published_number(seed: int) -> None:
    image, label_map = batch(seed)
    objects = components(np.isin(label_map.numpy(), (SIGN, PEDESTRIAN)))
    g = torch.Generator().manual_seed(seed)
    new_image, _ = paste_rare(image, label_map, (SIGN, PEDESTRIAN), 1.0, g)
    source = new_image[:, 0].floor().long().numpy()
    for picture in range(4):
        arrived = 0
        for thing in objects:
            if thing.picture != picture:
                share = (source[picture][thing.place] == thing.picture)[thing.mask].mean()
                assert share in (0.0, 1.0)
                arrived += int(share)
        assert 0 <= arrived <= len(objects) // 2 + 1


def test_without_probability_or_rare_objects_nothing_changes() -> None:
    image, label_map = batch(1)
    for rare, probability in (((SIGN,), 0.0), ((2,), 1.0)):
        new = paste_rare(image, label_map, rare, probability, torch.Generator().manual_seed(0))
        assert torch.equal(new[0], image)
        assert torch.equal(new[1], label_map)


def test_diagonal_neighbours_are_two_objects() -> None:
    assert [c.area for c in components(np.eye(2, dtype=bool)[None])] == [1, 1]


def recipe(**change: object) -> Recipe:
    base = {
        "name": "made",
        "objective": "map_path",
        "data": [{"name": "street"}],
        "crop": (24, 32),
        "batch": 6,
        "steps": 1,
        "paste_rare": {"classes": ["sign_symbol", "pedestrian"]},
    }
    return Recipe.model_validate(base | change)


def test_batches_of_a_recipe_hold_more_of_what_is_rare() -> None:
    image, label_map = batch(5)
    samples = TrainingSet(
        (image.permute(0, 2, 3, 1) * 50).to(torch.uint8), label_map.to(torch.uint8)
    )
    device = torch.device("cpu")

    def share(r: Recipe) -> float:
        maps = torch.cat([samples.batch(r, step, device).label_map for step in range(8)])
        return float(((maps == SIGN) | (maps == PEDESTRIAN)).float().mean())

    assert share(recipe()) > 1.3 * share(recipe(paste_rare=None))
    again = [samples.batch(recipe(), 3, device).label_map for _ in range(2)]
    assert torch.equal(*again)


def test_what_cannot_be_pasted_is_refused() -> None:
    with pytest.raises(ValueError, match="batch of 2"):
        recipe(batch=1)
    samples = TrainingSet(torch.zeros(2, 24, 32, 3, dtype=torch.uint8), torch.zeros(2, 24, 32))
    with pytest.raises(ValueError, match="unicorn"):
        samples.batch(recipe(paste_rare={"classes": ["unicorn"]}), 0, torch.device("cpu"))
