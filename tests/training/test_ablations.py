"""The arms of the training ablations are one recipe but for what their names say."""

from pathlib import Path

import pytest

import semcom.training
from semcom.training.recipe import Recipe, load_recipe

RECIPES = Path(semcom.training.__file__).parent / "recipes" / "ablations"


def arm(name: str) -> Recipe:
    return load_recipe(RECIPES / f"{name}.yaml")


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("map_no_class_weights", {"class_weights"}),
        ("map_no_overlap", {"overlap_weight"}),
        ("map_no_paste", {"paste_rare"}),
    ],
)
def test_an_arm_lacks_what_its_name_says_and_nothing_else(name: str, without: set[str]) -> None:
    whole, less = (dict(arm(one)) for one in ("map_whole", name))
    assert {key for key in whole if whole[key] != less[key]} == without | {"name"}
    assert not any(less[key] for key in without)
