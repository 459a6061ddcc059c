"""Points that stop when they are precise enough: by one rule, whatever the order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semcom.events import Finished
from semcom.plan import Shard, picture_order
from semcom.scenario import Scenario
from semcom.stop import Stop, stages
from semcom.summary import read_summary, wilson
from semcom.sweep import run


@given(st.integers(1, 5000))
def test_a_rule_is_looked_at_whenever_the_pictures_have_doubled(images: int) -> None:
    counts = stages(images)
    assert counts[-1] == images
    assert counts[:-1] == [8 << number for number in range(len(counts) - 1)]
    assert all(count < images for count in counts[:-1])


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.05, 2))
def test_the_width_of_the_bler_is_that_of_its_wilson_interval(
    lost: int, more: int, width: float
) -> None:
    low, high = wilson(lost, lost + more)
    bler = lost / (lost + more)
    row = {"esn0_db": 1.0, "images": 9, "payloads_lost": lost, "bler": bler}
    row |= {"bler_low": low, "bler_high": high}
    met = Stop(bler_relative_half_width=width).met(row)
    assert met == (lost > 0 and (high - low) / 2 <= width * bler)


def test_everything_that_a_rule_names_must_hold() -> None:
    row: dict[str, Any] = {"esn0_db": 1.0, "images": 16, "miou_low": 0.40, "miou_high": 0.44}
    row |= {"payloads_lost": 40, "bler": 0.5, "bler_low": 0.4, "bler_high": 0.6}
    assert Stop(miou_half_width=0.021, payloads_lost=40, pictures=16).met(row)
    assert not Stop(miou_half_width=0.019, payloads_lost=40, pictures=16).met(row)
    assert not Stop(miou_half_width=0.021, payloads_lost=41, pictures=16).met(row)
    assert not Stop(miou_half_width=0.021, payloads_lost=40, pictures=17).met(row)
    assert not Stop(miou_half_width=0.021).met(row | {"miou_low": None, "miou_high": None})
    ideal = row | {"esn0_db": None, "bler": None, "bler_low": None, "bler_high": None}
    assert Stop(miou_half_width=0.021).met(ideal)
    assert not Stop(payloads_lost=1).met(ideal)


def test_pictures_come_in_an_order_that_the_seed_draws() -> None:
    samples = [f"{number:032x}" for number in range(40)]
    order = picture_order(1, samples)
    assert sorted(order) == list(range(40))
    assert order == picture_order(1, samples) != picture_order(2, samples)
    # another set of pictures leaves those of both in their order
    fewer = picture_order(1, samples[:20])
    assert fewer == [index for index in order if index < 20]


@pytest.fixture
def stop_text(simple_parts: None, scenario_text: str, tmp_path: Path) -> str:
    """Twenty pictures; at 0 dB half of the packets are lost."""
    rng = np.random.default_rng(3)
    for number in range(4, 20):
        pixels = rng.integers(0, 256, (4, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"p{number}.png")
    return scenario_text.replace("step: 3}}", "step: 3}, stop: {payloads_lost: 6}}")


def complete(text: str, folder: Path, **options: Any) -> Finished:
    *_, last = run(Scenario.from_text(text), folder, text=text, **options)
    assert isinstance(last, Finished)
    return last


def timeless(folder: Path) -> list[dict[str, Any]]:
    rows = read_summary(folder / "summary.csv")
    return [{k: v for k, v in row.items() if not k.endswith("_ms")} for row in rows]


def test_a_point_takes_as_many_pictures_as_it_needs(stop_text: str, tmp_path: Path) -> None:
    complete(stop_text, tmp_path / "out")
    rows = {(r["label"], r["esn0_db"]): r for r in timeless(tmp_path / "out")}
    one = {point: row for (label, point), row in rows.items() if label == "one packet"}
    # below the cliff 8 pictures are 8 lost payloads; above it nothing is lost, so all are sent
    assert [one[point]["images"] for point in (None, -6, 6)] == [20, 8, 20]
    for row in rows.values():
        assert row["images"] in (8, 16, 20)
        if row["images"] < 20:
            assert row["payloads_lost"] >= 6
    assert rows["three packets", 0]["images"] == 8


def test_what_a_folder_held_before_changes_nothing(stop_text: str, tmp_path: Path) -> None:
    complete(stop_text, tmp_path / "fresh")
    everything = stop_text.replace(", stop: {payloads_lost: 6}", "")
    complete(everything, tmp_path / "more")
    assert all(row["images"] == 20 for row in timeless(tmp_path / "more"))
    assert complete(stop_text, tmp_path / "more").computed == 0
    assert timeless(tmp_path / "more") == timeless(tmp_path / "fresh")
    looser = stop_text.replace("payloads_lost: 6", "payloads_lost: 1")
    complete(looser, tmp_path / "grown")
    complete(stop_text, tmp_path / "grown")
    assert timeless(tmp_path / "grown") == timeless(tmp_path / "fresh")


def test_a_complete_run_computes_nothing(stop_text: str, tmp_path: Path) -> None:
    from semcom.codecs import CODECS

    assert complete(stop_text, tmp_path).computed > 0
    before = (tmp_path / "counts.jsonl").read_bytes()
    counts = CODECS["blockmeans"].encoded, CODECS["blockmeans"].decoded  # type: ignore[attr-defined]
    assert complete(stop_text, tmp_path).computed == 0
    assert (tmp_path / "counts.jsonl").read_bytes() == before
    assert counts == (CODECS["blockmeans"].encoded, CODECS["blockmeans"].decoded)  # type: ignore[attr-defined]


@pytest.mark.parametrize("steps", [3, 9, 30, 70])
def test_a_run_cut_short_ends_with_the_same_numbers(
    stop_text: str, tmp_path: Path, steps: int
) -> None:
    begun = run(Scenario.from_text(stop_text), tmp_path / "cut")
    for _, _ in zip(range(steps), begun, strict=False):
        pass
    begun.close()
    complete(stop_text, tmp_path / "cut")
    complete(stop_text, tmp_path / "whole")
    assert timeless(tmp_path / "cut") == timeless(tmp_path / "whole")


def test_points_that_are_found_may_stop_too(stop_text: str, tmp_path: Path) -> None:
    text = stop_text.replace("{start: -6, stop: 6, step: 3}", "auto")
    complete(text, tmp_path)
    counts = [row["images"] for row in timeless(tmp_path) if row["esn0_db"] is not None]
    assert {8, 20} <= set(counts) <= {8, 16, 20}
    assert complete(text, tmp_path).computed == 0


def test_a_shard_cannot_stop_alone(stop_text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a shard cannot tell when a point has enough pictures"):
        complete(stop_text, tmp_path / "part", shard=Shard(1, 2))


def scenario(stop: str, metrics: str) -> Scenario:
    return Scenario.from_text(
        "data: {name: street}\n"
        "transmitters: [{codec: bpg, settings: {bits_per_pixel: lowest}}]\n"
        "link: {channel: awgn}\n"
        f"sweep: {{esn0_db: 1, stop: {stop}}}\n"
        f"metrics: {metrics}\n"
    )


def test_a_frechet_distance_is_not_asked_for_where_points_have_different_numbers() -> None:
    rule = "{payloads_lost: 100}"
    assert scenario(rule, "[miou, kid_efficientnet_lite0]").sweep is not None
    with pytest.raises(ValueError, match=r"biased.*kid_efficientnet_lite0, which is unbiased"):
        scenario(rule, "[miou, frechet_efficientnet_lite0]")


def test_rules_that_cannot_be_followed_are_refused() -> None:
    with pytest.raises(ValueError, match="needs miou among the metrics"):
        scenario("{miou_half_width: 0.02}", "[psnr]")
    with pytest.raises(ValueError, match="stop says nothing: give one of miou_half_width"):
        scenario("{}", "[psnr]")
    with pytest.raises(ValueError, match="unknown key 'lost'"):
        scenario("{lost: 3}", "[psnr]")
