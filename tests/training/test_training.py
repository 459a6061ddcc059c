"""Training: it learns, it resumes exactly, it refuses what it cannot do."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from semcom.codecs.sqgan.maps import one_hot_map
from semcom.data.classes import CITYSCAPES_CLASSES, colourise
from semcom.segmentation import load_segmenter
from semcom.training.batches import TrainingSet, load_training_set, step_generator
from semcom.training.masked_paths import ImagePathObjective, draw_keep_fraction, overlap_loss
from semcom.training.recipe import KeepFractions, Recipe, load_recipe
from semcom.training.train import _Checkpoints, learning_rate_factor, train
from tests.test_cli import semcom

RECIPES = Path(__file__).parents[2] / "semcom" / "training" / "recipes"


def made_set() -> TrainingSet:
    """Streets of flat colours: sky above, road below, a car somewhere."""
    g = torch.Generator().manual_seed(0)
    colours = torch.randint(40, 216, (12, 3), generator=g)
    label_maps = torch.zeros(16, 64, 96, dtype=torch.uint8)
    label_maps[:, 24:40] = 1
    label_maps[:, 40:] = 3
    for i in range(16):
        left = int(torch.randint(0, 70, (), generator=g))
        label_maps[i, 36:52, left : left + 26] = 8
    images = colours[label_maps.long()] + torch.randint(-20, 20, (16, 64, 96, 3), generator=g)
    return TrainingSet(images.clamp(0, 255).to(torch.uint8), label_maps)


def recipe(**change) -> Recipe:
    base = {
        "name": "made",
        "objective": "map_path",
        "network": "tiny",
        "data": [{"name": "street"}],
        "crop": (64, 96),
        "batch": 4,
        "steps": 60,
        "warmup": 5,
        "learning_rate": 3e-3,
        "ema": 0.9,
    }
    return Recipe.model_validate(base | change)


def losses(r: Recipe, out: Path, name: str) -> list[float]:
    return [p.losses[name] for p in train(r, out, made_set())]


def test_the_map_path_learns_to_send_maps(tmp_path: Path) -> None:
    accuracy = losses(recipe(keep_fractions={"levels": [1.0]}), tmp_path, "pixel_accuracy")
    assert sum(accuracy[-5:]) / 5 > 0.9
    assert sum(accuracy[:3]) / 3 < 0.6


def test_overlap_counts_classes_alike_and_leaves_void_out() -> None:
    """1 - soft IoU, averaged over the classes that are there: 3/4 of one, nothing of another."""
    truth = torch.tensor([[[0, 0, 0, 0, 1, 2]]])  # 2 is void
    said = torch.tensor([[[0, 0, 0, 1, 0, 1]]])
    logits = 50 * one_hot_map(said, 2)
    both = (1 - 3 / 5) / 2 + (1 - 0) / 2
    assert float(overlap_loss(logits, one_hot_map(truth, 2))) == pytest.approx(both, abs=1e-4)
    alone = overlap_loss(logits[..., :3], one_hot_map(truth, 2)[..., :3])
    assert float(alone) == pytest.approx(0, abs=1e-4)


def test_a_map_path_learns_from_overlaps(tmp_path: Path) -> None:
    r = recipe(overlap_weight=1.0, keep_fractions={"levels": [1.0]})
    accuracy = losses(r, tmp_path, "pixel_accuracy")
    assert sum(accuracy[-5:]) / 5 > 0.9


def test_training_data_may_be_what_a_segmenter_makes_of_the_pictures() -> None:
    data = [
        {"name": "street", "count": 2},
        {"name": "street", "count": 1, "label_map": "segmenter"},
    ]
    made = load_training_set(recipe(data=data))
    (segmented,) = load_segmenter("transmitter")(made.images[:1].numpy())
    assert (made.label_maps[2].numpy() == segmented).all()
    assert (made.label_maps[0] != made.label_maps[2]).any()


def test_an_index_model_learns_from_economical_tokens(tmp_path: Path) -> None:
    """Trained on tokens that were chosen for its own bits, it needs fewer of them."""
    weights = {}
    for objective in ("map_path", "image_path"):
        r = recipe(objective=objective, steps=4, name=objective, adversarial_weight=0)
        list(train(r, tmp_path / objective, made_set()))
        weights[objective] = str(tmp_path / objective / f"{objective}.safetensors")
    bits = []
    for rate_weight in (0.0, 2.0):
        r = recipe(
            objective="index_prior",
            steps=40,
            rate_weight=rate_weight,
            keep_fractions={"levels": [0.5, 1.0]},
            map_weights=weights["map_path"],
            image_weights=weights["image_path"],
        )
        out = tmp_path / str(rate_weight)
        bits.append([p.losses["label_map_bits"] for p in train(r, out, made_set())][-10:])
        tables = load_file(out / "made.safetensors")
        assert tables["image.mask"].shape == (8, 16, 2)
    assert sum(bits[1]) < 0.9 * sum(bits[0])


def test_the_image_path_learns_and_its_discriminator_joins(tmp_path: Path) -> None:
    r = recipe(objective="image_path", steps=40, adversarial_start=0.6, continuous_steps=10)
    reports = list(train(r, tmp_path, made_set()))
    pixel = [p.losses["pixel"] for p in reports]
    assert sum(pixel[-5:]) < 0.6 * sum(pixel[:5])
    assert "adversarial" not in reports[20].losses
    assert 0 <= reports[-1].losses["lambda"] <= r.adversarial_limit


def test_a_picture_may_be_learnt_under_maps_sent_at_rates_of_their_own(tmp_path: Path) -> None:
    """Many map tokens and few of the picture, as low rates send them."""
    list(train(recipe(steps=2, name="g_s"), tmp_path, made_set()))
    r = recipe(
        objective="image_path",
        map_weights=str(tmp_path / "g_s.safetensors"),
        keep_fractions={"levels": [0.1]},
        map_keep_fractions={"levels": [0.7]},
        lost_share=0,
    )
    objective, asked = ImagePathObjective(r, torch.device("cpu")), []
    for path in (objective.map_path, objective.network):
        path.samm.register_forward_pre_hook(lambda module, given: asked.append(given[2]))
    g = torch.Generator().manual_seed(0)
    objective.step(lambda: made_set().batch(r, 0, torch.device("cpu")), 0.0, g)
    assert asked == [0.7, 0.1]


def test_a_picture_learns_what_a_segmenter_overlaps(tmp_path: Path) -> None:
    r = recipe(
        objective="image_path",
        steps=12,
        batch=2,
        segmentation_weight=0.1,
        overlap_weight=2.0,
        adversarial_weight=0,
    )
    seen = losses(r, tmp_path, "overlap")
    assert sum(seen[-3:]) < sum(seen[:3])


def test_a_segmenter_learns(tmp_path: Path) -> None:
    r = recipe(objective="segmenter", steps=30)
    accuracy = losses(r, tmp_path, "pixel_accuracy")
    assert sum(accuracy[-5:]) / 5 > 0.85


def test_a_stopped_run_goes_on_as_if_it_never_stopped(tmp_path: Path) -> None:
    r = recipe(objective="image_path", steps=8, adversarial_start=0.3, continuous_steps=2)
    list(train(r, tmp_path / "whole", made_set()))
    for report in train(r, tmp_path / "parts", made_set()):
        if report.step == 5:
            break  # the generator is closed: what an interrupt does
    resumed = [p.step for p in train(r, tmp_path / "parts", made_set())]
    assert resumed == [6, 7, 8]
    whole = load_file(tmp_path / "whole" / "made.safetensors")
    parts = load_file(tmp_path / "parts" / "made.safetensors")
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        assert torch.equal(value, parts[key]), key
    assert list(train(r, tmp_path / "parts", made_set())) == []


def test_legs_end_in_time_and_together_make_the_whole_run(tmp_path: Path) -> None:
    r = recipe(steps=4)
    list(train(r, tmp_path / "whole", made_set()))
    leg = r.model_copy(update={"leg_minutes": 1e-9})  # over after the one step that always runs
    for step in (1, 2, 3, 4):
        assert [p.step for p in train(leg, tmp_path / "legs", made_set())] == [step]
    whole = load_file(tmp_path / "whole" / "made.safetensors")
    legs = load_file(tmp_path / "legs" / "made.safetensors")
    assert all(torch.equal(value, legs[key]) for key, value in whole.items())


def test_a_killed_run_loses_the_current_step_and_nothing_else(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.training.test_training import *\n"
        "list(train(recipe(steps=10_000, checkpoint_minutes=0), Path(sys.argv[1]), made_set()))"
    )
    out = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", script, str(out)], cwd=RECIPES.parents[2])
    try:
        while not (out / "log.csv").exists() or (out / "log.csv").read_text().count("loss,") < 4:
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()  # SIGKILL: nothing is saved on the way out
        process.wait()
    with safe_open(out / "checkpoint.safetensors", "pt") as file:
        kept = int(file.metadata()["step"])
    begun = max(int(line.split(",")[0]) for line in (out / "log.csv").read_text().split()[1:])
    assert kept in (begun - 1, begun)
    (out / "log.csv").open("a").write(f"{begun + 1},lo")  # a torn line
    shorter = recipe(steps=kept + 2)  # the length is no part of a run's identity, nor cooldown
    assert [p.step for p in train(shorter, out, made_set())] == [kept + 1, kept + 2]
    logged = [line.split(",") for line in (out / "log.csv").read_text().splitlines()[1:]]
    assert [int(s) for s, name, _ in logged if name == "loss"] == list(range(1, kept + 3))


def test_long_steps_are_saved_one_by_one_and_short_ones_now_and_then(monkeypatch) -> None:
    now, saved = [0.0], []
    monkeypatch.setattr("semcom.training.train.time.monotonic", lambda: now[0])

    def write(step: int) -> None:
        now[0] += 0.5
        saved.append(step)

    for seconds, expected in ((11.0, [1, 2, 3, 4, 5]), (4.0, [1, 4])):
        saved.clear()
        checkpoints = _Checkpoints(write, None)
        for step in range(1, 6):
            now[0] += seconds
            checkpoints.offer(step)
        assert saved == expected


@pytest.mark.parametrize(
    ("objective", "columns"), [("map_path", 3), ("image_path", 3), ("segmenter", 3)]
)
def test_a_strip_of_pictures_shows_original_map_and_received(
    tmp_path: Path, objective: str, columns: int
) -> None:
    samples = made_set()
    list(train(recipe(objective=objective, steps=2, picture_steps=2), tmp_path, samples))
    assert [p.name for p in (tmp_path / "pictures").iterdir()] == ["000002.png"]
    strip = np.asarray(Image.open(tmp_path / "pictures" / "000002.png"))
    assert strip.shape == (3 * 68 + 4, columns * 100 + 4, 3)
    assert np.array_equal(strip[4:68, 4:100], samples.images[0].numpy())
    assert np.array_equal(strip[4:68, 104:200], colourise(samples.label_maps[0].numpy()))


def test_another_recipe_does_not_continue_this_checkpoint(tmp_path: Path) -> None:
    list(train(recipe(steps=2), tmp_path, made_set()))
    with pytest.raises(ValueError, match="another recipe"):
        list(train(recipe(steps=2, seed=1), tmp_path, made_set()))


def test_shipped_weights_are_half_precision_without_training_state(tmp_path: Path) -> None:
    list(train(recipe(steps=2), tmp_path, made_set()))
    state = load_file(tmp_path / "made.safetensors")
    assert {v.dtype for v in state.values()} == {torch.float16}
    assert "quantizer.codebook" in state
    assert not [k for k in state if k.endswith(("ema_count", "ema_sum", "recent"))]


def test_keep_fractions_follow_the_published_probabilities() -> None:
    # papers: 1.9 %, 53.0 %, 35.0 %, 8.2 %, 2.0 % for mu -0.95, sigma 0.4, five levels
    published, g = KeepFractions(), torch.Generator().manual_seed(0)
    drawn = [draw_keep_fraction(published, g) for _ in range(4000)]
    shares = [drawn.count(level) / 4000 for level in published.levels]
    assert shares == pytest.approx([0.019, 0.530, 0.350, 0.082, 0.020], abs=0.025)


def test_the_learning_rate_rises_holds_and_falls() -> None:
    r = recipe(steps=100, warmup=10, cooldown=0.2)
    factor = [learning_rate_factor(r, s) for s in range(100)]
    assert factor[0] == pytest.approx(0.1)
    assert factor[10] == factor[79] == 1
    assert factor[99] == pytest.approx(0.05)


def test_a_batch_depends_on_the_seed_and_the_step_alone() -> None:
    samples, r = made_set(), recipe(crop=(32, 48), scales=(0.8, 1.25))
    device = torch.device("cpu")
    a, b = samples.batch(r, 3, device), samples.batch(r, 3, device)
    assert torch.equal(a.image, b.image)
    assert torch.equal(a.label_map, b.label_map)
    assert not torch.equal(a.image, samples.batch(r, 4, device).image)
    assert a.image.shape == (4, 3, 32, 48)
    assert step_generator(0, 1).initial_seed() != step_generator(1, 0).initial_seed()


def test_pictures_and_labels_stay_aligned_under_augmentation() -> None:
    label_maps = torch.zeros(2, 64, 96, dtype=torch.uint8)
    label_maps[:, :, 30:60] = 8
    images = torch.where(label_maps[..., None] == 8, 200, 50).expand(-1, -1, -1, 3)
    samples = TrainingSet(images.to(torch.uint8), label_maps)
    r = recipe(crop=(32, 48), scales=(0.7, 1.5), batch=8)
    batch = samples.batch(r, 0, torch.device("cpu"))
    bright = batch.image.mean(1) > batch.image.mean((1, 2, 3))[:, None, None]
    assert ((batch.label_map == 8) == bright).float().mean() > 0.95


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    assert load_recipe(path).steps > 0


def test_a_recipe_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "name: x\nobjective: map_path\nsteps: 1\ndata: [{name: street}]\nbatchsize: 3\n"
    )
    with pytest.raises(ValueError, match=r":5:1: unknown key 'batchsize'; did you mean 'batch'"):
        load_recipe(file)
    file.write_text("objective: map_path\nsteps: 1\ndata: [{nam: street}]\n")
    with pytest.raises(ValueError, match=r":3:9: unknown key 'nam'; did you mean 'name'"):
        load_recipe(file)
    file.write_text("- name: x\n")
    with pytest.raises(ValueError, match="a recipe is a mapping with name"):
        load_recipe(file)


@pytest.mark.parametrize("objective", ["map_path", "crop_classifier", "segmenter"])
def test_a_misspelt_network_is_refused_with_the_names_there_are(
    objective: str, tmp_path: Path
) -> None:
    r = recipe(objective=objective, network="compct")
    with pytest.raises(
        ValueError, match=f"network for the objective {objective}: 'compct'.*There are"
    ):
        list(train(r, tmp_path, made_set()))


@pytest.mark.parametrize(
    ("device", "sentence"),
    [("gpu", "unknown device 'gpu': choose auto"), ("cuda:1", "'cuda:1' is not available here")],
)
def test_a_device_that_is_not_here_is_refused(
    device: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=sentence):
        list(train(recipe(steps=1, device=device), tmp_path, made_set()))


def test_a_network_of_other_classes_than_the_data_is_refused(tmp_path: Path) -> None:
    """Otherwise void of one would be a class of the other."""
    made = made_set()
    other = TrainingSet(made.images, made.label_maps, CITYSCAPES_CLASSES)
    with pytest.raises(ValueError, match="tiny has 11 classes, its data sets 19"):
        list(train(recipe(steps=1), tmp_path, other))


def test_class_weights_name_known_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unicorn"):
        list(train(recipe(class_weights={"unicorn": 2.0}), tmp_path, made_set()))


def transform_recipe(**change) -> Recipe:
    return recipe(objective="transform_codec", crop=(32, 48), learning_rate=2e-3, **change)


def test_the_transform_codec_learns_to_need_fewer_bits(tmp_path: Path) -> None:
    reports = list(train(transform_recipe(steps=60), tmp_path, made_set()))
    loss = [p.losses["loss"] for p in reports]
    assert sum(loss[-8:]) < 0.8 * sum(loss[:8])
    state = load_file(tmp_path / "made.safetensors")
    dtypes = {v.dtype for k, v in state.items() if k.startswith("prior.")}
    assert dtypes == {torch.int8, torch.int16}
    assert "analysis.basis" not in state


@pytest.mark.parametrize("feature", ["perceptual", "semantic"])
def test_the_transform_codec_learns_what_features_need(tmp_path: Path, feature: str) -> None:
    r = transform_recipe(steps=2, batch=2, feature_loss=feature, feature_lambda=(0.5, 2.0))
    _, second = train(r, tmp_path, made_set())
    assert 0 < second.losses["feature"] < 10
    # what is fine-tuned begins where the base ended
    again = r.model_copy(update={"start_from": str(tmp_path / "made.safetensors"), "steps": 1})
    assert [p.step for p in train(again, tmp_path / "again", made_set())] == [1]


def test_the_transform_codec_learns_what_objects_are_told_by(tmp_path: Path) -> None:
    """The step adds ``object_lambda`` times the share of the objects' semantics that is lost."""
    teacher = recipe(objective="crop_classifier", network="wide", steps=2)
    list(train(teacher, tmp_path / "teacher", made_set()))
    weights = str(tmp_path / "teacher" / "made.safetensors")
    with_objects = transform_recipe(steps=1, object_weights=weights, object_lambda=(3.0, 3.0))
    (first,) = train(with_objects, tmp_path / "with", made_set())
    (without,) = train(transform_recipe(steps=1), tmp_path / "without", made_set())
    assert first.losses["objects"] > 0
    difference = first.losses["loss"] - without.losses["loss"]
    assert difference == pytest.approx(3 * first.losses["objects"], rel=1e-2)
    # the classifier that scores lends no loss
    scorer = with_objects.model_copy(update={"object_weights": "crop_classifier"})
    with pytest.raises(ValueError, match="do not fit the wide crop classifier"):
        list(train(scorer, tmp_path / "scorer", made_set()))


def test_the_command_says_what_a_run_costs_and_that_a_leg_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "r.yaml", tmp_path / "run"
    file.write_text(
        "{name: made, objective: map_path, network: tiny, data: [{name: street, split: train,"
        " count: 2}], size: [64, 128], crop: [64, 96], batch: 2, steps: 2, leg_minutes: 1.0e-9}"
    )
    assert semcom(monkeypatch, "train", file, "--out", out, "--dry-run") == 0
    assert "\n2 steps of " in capsys.readouterr().out
    assert not out.exists()
    assert semcom(monkeypatch, "train", file, "--out", out) == 75
    assert "leg over at step 1/2" in capsys.readouterr().out
    assert semcom(monkeypatch, "train", file, "--out", out) == 0
    assert "trained: " in capsys.readouterr().out


def test_the_crop_classifier_learns_to_name_objects(tmp_path: Path) -> None:
    r = recipe(objective="crop_classifier", network="compact", steps=30, batch=16)
    accuracy = losses(r, tmp_path, "accuracy")
    assert sum(accuracy[-5:]) / 5 > 0.9
    assert sum(accuracy[:3]) / 3 < 0.6
    empty = TrainingSet(torch.zeros(2, 64, 96, 3, dtype=torch.uint8), torch.zeros(2, 64, 96).byte())
    with pytest.raises(ValueError, match="no object"):
        list(train(r, tmp_path / "empty", empty))
