"""Training of the label map's second tokens, and of what goes beside a map that has some."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from semcom.codecs.sqgan.codec import SqganCodec, SqganSettings
from semcom.training.recipe import Recipe
from semcom.training.train import train
from tests.training.test_training import losses, made_set, recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A label-map path that has just begun: nearly all is wrong."""
    out = tmp_path_factory.mktemp("first")
    list(train(recipe(steps=6, name="first", picture_steps=0), out, made_set()))
    return out


@pytest.fixture(scope="module")
def second(folder: Path) -> str:
    """The same with second tokens, after a few steps; its losses are in log.csv."""
    out = folder / "second"
    list(train(second_recipe(folder, steps=40), out, made_set()))
    return str(out / "made.safetensors")


def second_recipe(folder: Path, **change) -> Recipe:
    base = {
        "objective": "map_residual",
        "learning_rate": 1e-2,
        "continuous_steps": 6,
        "quantised_from": 0.3,
        "ema": 0.8,
        "picture_steps": 0,
        "start_from": str(folder / "first.safetensors"),
    }
    return recipe(**(base | change))


def test_second_tokens_learn_what_first_ones_get_wrong(second: str) -> None:
    lines = (Path(second).parent / "log.csv").read_text().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    loss, left = (
        [float(value) for _, name, value in rows if name == wanted]
        for wanted in ("loss", "left_wrong")
    )
    assert np.mean(loss[-5:]) < 0.5 * np.mean(loss[:5])
    assert np.mean(left[:5]) > 0.9  # nothing is better yet
    assert np.mean(left[-5:]) < 0.6


def test_first_tokens_stay_as_they_are_to_the_bit(folder: Path, second: str) -> None:
    before, after = load_file(folder / "first.safetensors"), load_file(second)
    assert {key for key in after if not key.startswith("residual.")} == before.keys()
    for key, value in before.items():
        assert torch.equal(value, after[key]), key
    codebook = after["residual.quantizer.codebook"].float()
    assert codebook.shape == (32, 16)
    assert (codebook.norm(dim=1) > 0.1).all()
    assert not [key for key in after if key.endswith(("ema_count", "ema_sum", "recent"))]


def test_a_stopped_run_goes_on_as_if_it_never_stopped(folder: Path, tmp_path: Path) -> None:
    r = second_recipe(folder, steps=6, continuous_steps=2)
    list(train(r, tmp_path / "whole", made_set()))
    for report in train(r, tmp_path / "parts", made_set()):
        if report.step == 4:
            break
    assert [p.step for p in train(r, tmp_path / "parts", made_set())] == [5, 6]
    whole = load_file(tmp_path / "whole" / "made.safetensors")
    parts = load_file(tmp_path / "parts" / "made.safetensors")
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())


def test_a_strip_shows_the_map_with_and_without(folder: Path, tmp_path: Path) -> None:
    list(train(second_recipe(folder, steps=1, picture_steps=1), tmp_path, made_set()))
    strip = np.asarray(Image.open(tmp_path / "pictures" / "000001.png"))
    assert strip.shape == (3 * 68 + 4, 4 * 100 + 4, 3)


def test_first_tokens_are_needed_and_must_fit(second: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="second tokens need first ones: give start_from"):
        list(train(recipe(objective="map_residual", steps=1), tmp_path, made_set()))
    for objective, network in (("map_path", "compact"), ("image_path", "tiny")):
        r = recipe(objective=objective, network=network, steps=1, start_from=second)
        with pytest.raises(ValueError, match="do not fit"):
            list(train(r, tmp_path, made_set()))


def test_what_goes_on_keeps_the_codebook_it_began_with(second: str, tmp_path: Path) -> None:
    r = second_recipe(tmp_path, steps=1, start_from=second, continuous_steps=0, quantised_from=0)
    list(train(r, tmp_path, made_set()))
    before, after = (
        load_file(file)["residual.quantizer.codebook"].float()
        for file in (second, tmp_path / "made.safetensors")
    )
    assert 0 < (after - before).norm(dim=1).max() < 0.2  # one step of moving averages


def test_first_tokens_train_on_without_the_second_ones_of_their_weights(
    second: str, tmp_path: Path
) -> None:
    accuracy = losses(recipe(steps=2, start_from=second), tmp_path, "pixel_accuracy")
    assert len(accuracy) == 2
    state = load_file(tmp_path / "made.safetensors")
    assert not [key for key in state if key.startswith("residual.")]


def test_everything_trained_beside_such_a_map_takes_its_weights(
    second: str, tmp_path: Path
) -> None:
    """Image path, index models and codec, in the order in which they are made."""
    shared = {"steps": 1, "picture_steps": 0, "map_weights": second}
    r = recipe(objective="image_path", name="image", adversarial_weight=0, **shared)
    list(train(r, tmp_path, made_set()))
    image = str(tmp_path / "image.safetensors")
    r = recipe(objective="index_prior", name="prior", image_weights=image, **shared)
    list(train(r, tmp_path / "prior", made_set()))
    settings = SqganSettings(
        network="tiny",
        image_weights=image,
        map_weights=second,
        prior_weights=str(tmp_path / "prior" / "prior.safetensors"),
        keep_fraction={"residual": 0.5},
    )
    codec, made = SqganCodec(settings, size=(64, 96)), made_set()
    picture, label_map = made.images[0].numpy(), made.label_maps[0].numpy()
    packets = codec.encode(picture, label_map)
    assert packets[0].bits["second"] > 0
    plain = SqganCodec(settings.model_copy(update={"residual": False}), size=(64, 96))
    right = [
        (c.decode([p.payload for p in c.encode(picture, label_map)]).label_map == label_map).mean()
        for c in (plain, codec)
    ]
    assert right[1] > right[0]
