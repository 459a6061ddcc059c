"""Training the layered codec: both layers learn, and what is shipped is what was trained."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from semcom.codecs.layered.codec import LayeredCodec, LayeredSettings
from semcom.codecs.layered.layers import coarse_labels
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.training.layered_codec import coarse_map, disturbed
from semcom.training.objectives import OBJECTIVES
from semcom.training.train import train
from tests.training.test_training import made_set, recipe


def layered_recipe(**change):
    base = {
        "objective": "layered_codec",
        "crop": (32, 48),
        "learning_rate": 2e-3,
        "adversarial_start": 0.5,
        "feature_lambda": (0.1, 1.0),
        "pixel_lambda": (1e-4, 1e-2),
    }
    return recipe(**base | change)


def test_both_layers_learn_and_the_discriminator_joins(tmp_path: Path) -> None:
    reports = [p.losses for p in train(layered_recipe(steps=40), tmp_path, made_set())]

    def mean(key: str, part: slice) -> float:
        values = [r[key] for r in reports[part]]
        return sum(values) / len(values)

    early, late = slice(0, 8), slice(-8, None)
    for layer in ("base", "enhancement"):
        bits = f"{layer}_bits_per_pixel"
        assert mean(bits, late) < 0.8 * mean(bits, early)
    assert mean("psnr_db", late) > mean("base_psnr_db", late)
    assert "adversarial" not in reports[10]
    assert "adversarial" in reports[-1]
    assert any("discriminator" in r for r in reports)

    state = load_file(tmp_path / "made.safetensors")
    whole = {v.dtype for k, v in state.items() if ".prior." in k}
    assert whole == {torch.int8, torch.int16}
    settings = LayeredSettings(
        bits_per_pixel=3, network="tiny", weights=str(tmp_path / "made.safetensors")
    )
    samples = made_set()
    image, labels = samples.images[0].numpy(), samples.label_maps[0].numpy()
    codec = LayeredCodec(settings, (64, 96))
    payloads = [p.payload for p in codec.encode(image, labels)]
    assert len(payloads) == 2
    assert codec.decode(payloads).image.shape == image.shape


@pytest.mark.parametrize("objective", ["layered_codec", "transform_codec"])
def test_gains_and_entropy_models_learn_at_rates_of_their_own(objective: str) -> None:
    """The order of the groups is that of the optimiser's state in checkpoints."""
    own = layered_recipe(objective=objective)
    made = OBJECTIVES[objective](own, torch.device("cpu"))
    names = {id(p): name for name, p in made.network.named_parameters()}
    transforms, gains, priors = (
        [names[id(p)] for p in group["params"]] for group in made.optimizers["network"].param_groups
    )
    assert sorted(transforms + gains + priors) == sorted(names.values())
    assert all("prior." in name for name in priors)
    assert {name.rpartition(".")[2] for name in gains} == {"log_gain", "log_inverse_gain"}
    slow, fast, whole = (g["lr"] for g in made.optimizers["network"].param_groups)
    assert slow == own.learning_rate < fast < whole


def test_training_sees_the_labels_that_will_be_sent() -> None:
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 12, (1, 4, 6), generator=g).repeat_interleave(8, 1)
    labels = labels.repeat_interleave(8, 2)
    labels[:, ::7] = 3
    sent = coarse_labels(labels[0].numpy().astype("uint8"), 8, 11).repeat(8, 0).repeat(8, 1)
    trained = coarse_map(one_hot_map(labels, 11), 8)
    assert torch.equal(trained, one_hot_map(torch.tensor(sent)[None], 11))


def test_wrong_labels_are_rectangles_in_some_pictures() -> None:
    labels = torch.zeros(60, 64, 96, dtype=torch.long)
    changed = disturbed(labels, 11, torch.Generator().manual_seed(0)) != 0
    assert not labels.any()  # a copy
    share = changed.flatten(1).any(1).float().mean()
    assert 0.15 < share < 0.5
    for one in changed:
        rows, columns = one.any(1), one.any(0)
        assert torch.equal(one, rows[:, None] & columns)


def test_entropy_models_may_begin_with_those_of_a_transform_codec(tmp_path: Path) -> None:
    own = {"objective": "transform_codec", "crop": (32, 48), "steps": 1, "batch": 1}
    list(train(recipe(**own), tmp_path / "codec", made_set()))
    start = str(tmp_path / "codec" / "made.safetensors")
    r = layered_recipe(steps=1, learning_rate=1e-9, ema=0, entropy_from=start)
    list(train(r, tmp_path / "layered", made_set()))
    found, given = load_file(tmp_path / "layered" / "made.safetensors"), load_file(start)
    for key in ("slice_in.0.weight", "hyper_scale.bias"):
        assert torch.equal(found[f"residual_latent.prior.{key}"], given[f"prior.{key}"])
    with pytest.raises(ValueError, match="names no transform codec"):
        list(train(layered_recipe(entropy_from="sqgan_map"), tmp_path / "x", made_set()))
