"""``semcom show``: tables that fit the terminal and say what the summary says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from semcom import cli
from semcom.cliff import find_cliff
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run
from tests.command_line import semcom


@pytest.fixture
def folder(simple_parts: None, scenario_text: str, tmp_path: Path) -> Path:
    list(run(Scenario.from_text(scenario_text), tmp_path / "out"))
    return tmp_path / "out"


def shown(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["semcom", "show", str(folder)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert not stopped.value.code
    return capsys.readouterr().out


def test_every_point_the_cliffs_and_the_bits_are_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(folder, monkeypatch, capsys)
    assert "\x1b" not in text  # no colours in a file
    points, cliffs, bits = text.split("\n\n")[1], *text.split("\n\n")[-2:]
    rows = read_summary(folder / "summary.csv")
    for row in rows:
        cells = [row["label"], "none" if row["esn0_db"] is None else f"{row['esn0_db']:.2f}"]
        if row["esn0_db"] is not None:
            cells += [f"{row['ebn0_db']:.2f}", f"{row['payloads_lost']} of {row['payloads']}"]
        assert any(
            line.startswith(cells[0]) and all(cell in line for cell in cells)
            for line in (points + text).splitlines()
        )
    cliff = find_cliff([r for r in rows if r["label"] == "one packet" and r["bler"] is not None])
    assert cliff is not None
    assert f"{cliff.half:.2f}" in next(x for x in cliffs.splitlines() if x.startswith("one packet"))
    *parts, whole = next(x for x in bits.splitlines() if x.startswith("one packet")).split()[2:]
    assert sum(map(float, parts)) == pytest.approx(float(whole), abs=1e-3)


@pytest.mark.parametrize("width", [50, 70, 100, 160])
def test_a_narrow_terminal_gets_fewer_columns_and_no_torn_numbers(width: int, folder: Path) -> None:
    import io

    from rich.console import Console

    from semcom.commands.show import _points
    from semcom.report.content import by_label

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None)
    console.print(_points(by_label(read_summary(folder / "summary.csv")), console))
    assert "…" not in screen.getvalue()
    assert max(map(len, screen.getvalue().splitlines())) <= width
    assert ("images" in screen.getvalue()) == (width >= 100)


def test_without_results_there_are_no_tasks_to_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert semcom(monkeypatch, "show", tmp_path, "--tasks") == 2
    assert "there are no results here; `semcom run` makes them" in capsys.readouterr().err


def test_what_a_run_left_is_shown_beside_a_damaged_scenario_and_summary(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "scenario.yaml").write_bytes(b"\xff\xfe")
    assert semcom(monkeypatch, "show", folder) == 0
    (folder / "summary.csv").write_bytes((folder / "summary.csv").read_bytes()[:-40])
    assert semcom(monkeypatch, "show", folder, "--tasks") == 0
    assert semcom(monkeypatch, "show", folder) == 2
    error = capsys.readouterr().err
    assert error.startswith("semcom: ")
    assert error.count("\n") == 1
    assert "summary.csv: not a whole summary" in error
