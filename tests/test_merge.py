"""Shards of a run, and runs of several machines, join into the run that one machine would do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom.events import Finished
from semcom.merge import merge
from semcom.plan import Shard
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run

pytestmark = pytest.mark.usefixtures("simple_parts")


def complete(text: str, folder: Path, **options: Any) -> Finished:
    *_, last = run(Scenario.from_text(text), folder, text=text, **options)
    assert isinstance(last, Finished)
    return last


def untimed(summary: Path) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row.items() if not key.endswith("_ms")}
        for row in read_summary(summary)
    ]


def edit(path: Path, change: Any) -> None:
    """Write the rows of a counts file again after ``change(row)``."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        change(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@given(st.integers(1, 12), st.integers(0, 40))
def test_shards_hold_everything_once_and_equal_shares(of: int, count: int) -> None:
    parts = [[i for i in range(count) if Shard(number, of).holds(i)] for number in range(1, of + 1)]
    assert sorted(i for part in parts for i in part) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "a/b", "1/2/3", "-1/2", ""])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write number/of"):
        Shard.parse(text)


def test_merged_shards_are_the_run_of_one_machine_in_any_order(
    scenario_text: str, tmp_path: Path
) -> None:
    from semcom.codecs import CODECS

    complete(scenario_text, tmp_path / "whole")
    encoded = CODECS["blockmeans"].encoded
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    for number, part in enumerate(parts, start=1):
        complete(scenario_text, part, shard=Shard(number, 3))
    assert CODECS["blockmeans"].encoded == 2 * encoded  # no picture is coded by two shards
    there = merge(parts, tmp_path / "there")
    back = merge(parts[::-1], tmp_path / "back")
    assert there.read_bytes() == back.read_bytes()
    assert untimed(there) == untimed(tmp_path / "whole" / "summary.csv")
    assert (tmp_path / "there" / "scenario.yaml").read_text() == scenario_text


def test_the_summary_of_a_shard_is_of_its_own_pictures(scenario_text: str, tmp_path: Path) -> None:
    complete(scenario_text, tmp_path, shard=Shard(1, 3))
    rows = read_summary(tmp_path / "summary.csv")
    assert len(rows) == 12
    assert {row["images"] for row in rows} == {2}  # pictures 0 and 3 of four
    complete(scenario_text, tmp_path, shard=Shard(2, 3))
    assert {row["images"] for row in read_summary(tmp_path / "summary.csv")} == {1}
    complete(scenario_text, tmp_path)
    assert {row["images"] for row in read_summary(tmp_path / "summary.csv")} == {4}


def test_a_merged_folder_goes_on_as_one_run(scenario_text: str, tmp_path: Path) -> None:
    for number in (1, 2):
        complete(scenario_text, tmp_path / str(number), shard=Shard(number, 2))
    merge([tmp_path / "1", tmp_path / "2"], tmp_path / "all")
    before = (tmp_path / "all" / "counts.jsonl").read_bytes()
    assert complete(scenario_text, tmp_path / "all").computed == 0
    assert (tmp_path / "all" / "counts.jsonl").read_bytes() == before
    wider = scenario_text.replace("stop: 6", "stop: 9")
    assert complete(wider, tmp_path / "all").computed > 0


def test_points_realisations_and_transmitters_of_two_machines_join(
    scenario_text: str, tmp_path: Path
) -> None:
    every = "{start: -6, stop: 6, step: 3}"
    third = "  - {codec: blockmeans, label: five packets, settings: {packets: 5}}\nlink:"
    more = scenario_text.replace("link:", third, 1)
    complete(scenario_text.replace(every, "[-6, 0]"), tmp_path / "a")
    complete(more.replace(every, "[-3, 3, 6]"), tmp_path / "b")
    summary = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    found = {(row["label"], row["esn0_db"]) for row in read_summary(summary)}
    assert ("one packet", -6) in found
    assert ("one packet", 6) in found
    assert ("five packets", 3) in found
    joined = Scenario.load(tmp_path / "c" / "scenario.yaml")
    assert joined.sweep is not None
    assert joined.sweep.esn0_db == (-6, -3, 0, 3, 6)
    complete(joined.to_yaml(), tmp_path / "c")
    complete(joined.to_yaml(), tmp_path / "fresh")
    assert untimed(summary) == untimed(tmp_path / "fresh" / "summary.csv")


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("transmission", {"arrived": "0"}, "another arrived"),
        ("transmission", {"link": {}}, "another link"),
        ("encoding", {"packets": []}, "another packets"),
        ("receipt", {"picture": "0"}, "another picture"),
        ("measurement", {"metrics": {"mean_error": {}}}, "another count of mean_error"),
    ],
)
def test_a_contradiction_names_both_folders_and_leaves_no_results(
    scenario_text: str, tmp_path: Path, kind: str, change: dict[str, Any], said: str
) -> None:
    complete(scenario_text, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    edit(
        tmp_path / "b" / "counts.jsonl",
        lambda row: row.update(change) if row["kind"] == kind else None,
    )
    with pytest.raises(ValueError, match=said) as refused:
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    assert f"{tmp_path / 'a'} and {tmp_path / 'b'} contradict" in str(refused.value)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed: 1", "seed: 2", "differ in `seed`"),
        ("rate: 0.5", "rate: 0.75", "differ in `link`"),
        ("packets: 3", "packets: 4", "three packets"),
        ("[32, 64]", "[16, 64]", "differ in `data`"),
    ],
)
def test_runs_of_different_experiments_do_not_merge(
    scenario_text: str, tmp_path: Path, old: str, new: str, said: str
) -> None:
    complete(scenario_text, tmp_path / "a")
    complete(scenario_text.replace(old, new), tmp_path / "b")
    with pytest.raises(ValueError, match=said):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")


def test_times_may_differ_and_the_shortest_is_kept(scenario_text: str, tmp_path: Path) -> None:
    complete(scenario_text, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    edit(
        tmp_path / "b" / "counts.jsonl",
        lambda row: row.update(ms=0.001) if "ms" in row else None,
    )
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    assert {row["ms"] for row in Results.read(tmp_path / "c").encodings.values()} == {0.001}


def test_a_kept_picture_that_differs_is_refused(scenario_text: str, tmp_path: Path) -> None:
    from PIL import Image

    complete(scenario_text, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    path = min((tmp_path / "b" / "pictures").iterdir())
    with Image.open(path) as image:
        pixels = np.array(image)
    Image.fromarray(pixels).save(path, compress_level=0)  # the same picture, other bytes
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    Image.fromarray(255 - pixels).save(path)
    with pytest.raises(ValueError, match="contradict each other"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "d")
    assert not (tmp_path / "d" / "counts.jsonl").exists()


def test_what_cannot_be_merged_is_said(scenario_text: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there are no results here"):
        merge([tmp_path], tmp_path / "c")
    complete(scenario_text, tmp_path / "a")
    with pytest.raises(ValueError, match="merge into a new folder"):
        merge([tmp_path / "a"], tmp_path / "a")
