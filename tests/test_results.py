"""Counts on disk survive crashes; ratios and intervals follow from them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from semcom.results import CountsFile, Results, read_rows
from semcom.summary import COLUMNS, read_summary, wilson, write_summary

ROW = {"kind": "encoding", "id": "a", "ms": 1.5}


def test_rows_are_on_disk_when_append_returns(tmp_path: Path) -> None:
    with CountsFile(tmp_path / "counts.jsonl") as file:
        file.append([ROW, ROW | {"id": "b"}])
        assert [row["id"] for row in read_rows(tmp_path / "counts.jsonl")] == ["a", "b"]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_file_cut_at_any_byte_keeps_its_whole_rows(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "counts.jsonl"
    with CountsFile(path) as file:
        file.append([ROW, ROW | {"id": "b"}])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert [row["id"] for row in read_rows(path)] == ["a"][: 2 - (cut > len(whole) // 2)]
    with CountsFile(path) as file:
        file.append([ROW | {"id": "c"}])
    assert [row["id"] for row in read_rows(path)][-1] == "c"
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_a_torn_line_longer_than_a_disk_block_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "counts.jsonl"
    with CountsFile(path) as file:
        file.append([ROW])
    with path.open("ab") as torn:
        torn.write(b"x" * 200_000)
    with CountsFile(path) as file:
        file.append([ROW | {"id": "b"}])
    assert [row["id"] for row in read_rows(path)] == ["a", "b"]


def test_rows_of_another_version_or_nonsense_are_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "counts.jsonl"
    path.write_text('{"v":1,"kind":"encoding","id":"a"}\n{"v":99,"kind":"encoding","id":"b"}\n')
    with pytest.raises(ValueError, match=r"counts.jsonl:2: written in format 99"):
        Results.read(tmp_path)
    path.write_text('{"v":1,"kind":"encoding","id":"a"}\nnonsense\n')
    with pytest.raises(ValueError, match=r"counts.jsonl:2: not a row of counts"):
        Results.read(tmp_path)


@pytest.mark.parametrize("bad", ["", '{"v":1}, {"v":1}', "[1]", "\xff", "[" * 9999])
@pytest.mark.parametrize("before", [0, 999, 1000, 2500])
def test_a_bad_row_is_named_wherever_it_stands(tmp_path: Path, bad: str, before: int) -> None:
    path = tmp_path / "counts.jsonl"
    good = '{"v":1,"kind":"encoding","id":"a"}\n'
    path.write_text(good * before + bad + "\n" + good * 3, encoding="latin-1")
    with pytest.raises(ValueError, match=rf"counts.jsonl:{before + 1}: not a row of counts"):
        list(read_rows(path))


def test_a_full_disk_leaves_whole_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "counts.jsonl"
    with CountsFile(path) as file:
        file.append([ROW])

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="cannot write results"):
            file.append([ROW | {"id": "b"}])
        monkeypatch.undo()
        file.append([ROW | {"id": "c"}])
    assert [row["id"] for row in read_rows(path)] == ["a", "c"]


def test_a_run_that_writes_nothing_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "counts.jsonl"
    with CountsFile(path):
        assert path.is_file(), "it keeps other runs out"
    assert not list(tmp_path.iterdir())
    path.parent.mkdir(parents=True)
    (tmp_path / "new" / "notes.txt").write_text("mine")
    with CountsFile(path):
        pass
    assert [p.name for p in tmp_path.glob("**/*") if p.is_file()] == ["notes.txt"]
    with CountsFile(path) as file:
        file.append([ROW])
    with CountsFile(path):
        pass
    assert len(list(read_rows(path))) == 1


def test_a_run_that_waited_for_a_refused_one_does_not_write_into_nothing(tmp_path: Path) -> None:
    """Between opening and locking, the other may have taken its empty file away."""
    path = tmp_path / "counts.jsonl"
    flock = fcntl.flock

    def late(file: object, how: int) -> None:
        path.unlink()
        flock(file, how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        with pytest.raises(ValueError, match="another run is writing here"):
            CountsFile(path)


def test_rows_that_come_twice_count_once(tmp_path: Path) -> None:
    with CountsFile(tmp_path / "counts.jsonl") as file:
        file.append([ROW, ROW])
    assert len(Results.read(tmp_path).encodings) == 1


@given(st.integers(1, 10_000), st.data())
def test_the_interval_is_wilsons(trials: int, data: st.DataObject) -> None:
    errors = data.draw(st.integers(0, trials))
    expected = binomtest(errors, trials).proportion_ci(method="wilson")
    assert wilson(errors, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_no_error_seen_is_not_an_error_rate_of_zero() -> None:
    low, high = wilson(0, 32)
    assert low == 0
    assert 0.09 < high < 0.12


@pytest.mark.parametrize("kept", [0, 10, 300, -1, -30])
def test_a_summary_cut_anywhere_is_refused_with_the_way_to_a_whole_one(
    tmp_path: Path, kept: int
) -> None:
    path = tmp_path / "summary.csv"
    row = dict.fromkeys(COLUMNS) | {"codec": "x", "label": "7", "esn0_db": -1.5, "images": 3}
    write_summary([row, row | {"bler": 0.25, "scorer": "b8a1"}], path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"summary.csv: not a whole summary; `semcom run` makes"):
        read_summary(path)
    path.write_bytes(b"\xff\x00\n" * 9)
    with pytest.raises(ValueError, match="not a whole summary"):
        read_summary(path)


def test_a_summary_reads_back_with_empty_fields_as_none(tmp_path: Path) -> None:
    row = dict.fromkeys(COLUMNS) | {"codec": "x", "label": "7", "esn0_db": -1.5, "images": 3}
    write_summary([row | {"extra": 0.5}], tmp_path / "summary.csv")
    assert read_summary(tmp_path / "summary.csv") == [row | {"extra": 0.5}]
    head = (tmp_path / "summary.csv").read_text().splitlines()[0]
    assert head.startswith("codec,label,esn0_db,ebn0_db,images,bits_per_pixel,")
