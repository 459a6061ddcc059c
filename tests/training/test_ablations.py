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
        ("map_no_paste", {"paste_rare"}),
        ("map_neither", {"class_weights", "paste_rare"}),
    ],
)
def test_an_arm_lacks_what_its_name_says_and_nothing_else(name: str, without: set[str]) -> None:
    whole, less = (dict(arm(one)) for one in ("map_whole", name))
    assert {key for key in whole if whole[key] != less[key]} == without | {"name"}
    assert not any(less[key] for key in without)


def test_the_common_start_knows_neither_and_is_the_same_network_on_the_same_pictures() -> None:
    start, whole = arm("map_start"), arm("map_whole")
    assert not start.class_weights
    assert start.paste_rare is None
    assert whole.start_from == f"runs/training_ablations/{start.name}/{start.name}.safetensors"
    for key in ("objective", "network", "data", "crop", "scales", "keep_fractions", "lost_share"):
        assert getattr(start, key) == getattr(whole, key)
