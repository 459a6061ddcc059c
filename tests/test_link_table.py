"""``semcom table`` and runs that draw their losses from what it measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import channels.link
from channels import Link, LinkSettings
from channels.tables import BlockErrorTable
from semcom.link_table import parse_snrs
from tests.command_line import semcom

LINK = "{code: repetition, rate: 0.5, modulation: bpsk, channel: awgn%s}"


@pytest.fixture
def scenario(
    tmp_path: Path, scenario_text: str, simple_parts: None, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The shared scenario with a real link that draws from ``bler.json``, not there yet."""
    monkeypatch.setattr("channels.Link", channels.link.Link)
    monkeypatch.chdir(tmp_path)
    old = "{code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}"
    path = tmp_path / "scenario.yaml"
    text = scenario_text.replace(old, LINK % ", block_errors: bler.json")
    path.write_text(text.replace("{start: -6, stop: 6, step: 3}", "{start: 4, stop: 6, step: 1}"))
    return path


def table_of(path: str = "bler.json", **settings: object) -> BlockErrorTable:
    link = LinkSettings(code="repetition", modulation="bpsk", **settings)
    table = BlockErrorTable.measure(Link(link), [40], [4.0, 5.0], max_payloads=32)
    table.save(path)
    return table


def test_a_scenario_gets_its_table_and_runs_by_it(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("table", scenario, "bler.json", "--run", "out", "--max-payloads", 200)
    assert semcom(monkeypatch, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    # packets of 30, 33 and 96 bytes, the first two in transport blocks of their own
    assert "9 points to measure" in lines
    assert sum(" dB   " in line and line.endswith(" s") for line in lines) == 9
    assert semcom(monkeypatch, *arguments) == 0
    assert "0 points to measure" in capsys.readouterr().out

    def decoding(*_: object) -> None:
        raise AssertionError("a table is there to save decoding")

    monkeypatch.setattr(Link, "_transmit_equal", decoding)
    assert semcom(monkeypatch, "run", scenario, "--out", "out", "--no-plot") == 0
    with Path("out/summary.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["esn0_db"]]
    assert {row["link"] for row in rows} == {"repetition 0.5 bpsk awgn by table"}
    table = BlockErrorTable.load("bler.json")
    for row in rows:
        # 32 blocks of 3 bytes, 96 bytes whole or split 33 + 33 + 30
        rate = table.block_error_rate(
            96 if row["label"] == "one packet" else 33, float(row["esn0_db"])
        )
        assert float(row["bler_low"]) - 0.05 <= rate <= float(row["bler_high"]) + 0.05
        assert float(row["channel_uses"]) > 2 * float(row["information_bits"])
        assert row["code_blocks"] == "0"
    counts = [json.loads(line) for line in Path("out/counts.jsonl").read_text().splitlines()]
    sent = next(row["id"] for row in counts if row["kind"] == "transmission" and row["link"])
    capsys.readouterr()
    assert semcom(monkeypatch, "replay", "out", "--task", sent[:12]) == 2
    assert "lost packets by a table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (None, "bler.json: no such file"),
        ({"rate": 0.25}, "bler.json: the table was measured for another link (rate 0.25, not 0.5)"),
        ({"rate": 0.5}, "bler.json: the table was measured from 4 to 5 dB and cannot tell"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_table_that_does_not_fit_is_refused_before_anything_is_done(
    settings: dict | None, sentence: str, command: str, scenario: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if settings is not None:
        table_of(**settings)
    arguments = ("run", scenario, "--out", "out") if command == "run" else ("check", scenario)
    assert semcom(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not Path("out").exists()


def test_missing_sizes_are_named_all_at_once(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("table", scenario, "bler.json", "--bytes", 96, "--max-payloads", 32)
    assert semcom(monkeypatch, *arguments) == 0
    assert semcom(monkeypatch, "run", scenario, "--out", "out", "--no-plot") == 2
    assert "not measured for payloads of 30, 33 bytes: measure it" in capsys.readouterr().err


def test_a_link_alone_needs_sizes_and_snrs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link.yaml").write_text(f"link: {LINK % ''}\n")
    for arguments, sentence in (
        ((), "no SNRs are given: say which with --esn0-db"),
        (("--esn0-db", "4,5"), "no payload size is given: say which with --bytes"),
        (("--esn0-db", "4:5"), "write start:stop:step"),
        (("--esn0-db", "4", "--run", "out"), "only a scenario has pictures"),
    ):
        assert semcom(monkeypatch, "table", "link.yaml", "t.json", *arguments) == 2
        assert sentence in capsys.readouterr().err
    arguments = ("--bytes", 40, "--esn0-db", "4,5", "--max-payloads", 32)
    assert semcom(monkeypatch, "table", "link.yaml", "t.json", *arguments) == 0
    assert BlockErrorTable.load("t.json") == table_of("other.json")
    table_of("t.json", rate=0.25)
    before = Path("t.json").read_text()
    assert semcom(monkeypatch, "table", "link.yaml", "t.json", *arguments) == 2
    assert "measure one for this link, in a file of its own" in capsys.readouterr().err
    assert Path("t.json").read_text() == before


def test_an_interrupted_table_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link.yaml").write_text(f"link: {LINK % ''}\n")
    whole, sent = Link.transmit, []

    def impatient(self: Link, *rest: object) -> object:
        sent.append(1)
        if len(sent) == 2:
            raise KeyboardInterrupt
        return whole(self, *rest)

    monkeypatch.setattr(Link, "transmit", impatient)
    arguments = ("link.yaml", "t.json", "--bytes", 40, "--esn0-db", "4,5", "--max-payloads", 32)
    assert semcom(monkeypatch, "table", *arguments) == 130
    assert "kept in t.json" in capsys.readouterr().err
    assert len(json.loads(Path("t.json").read_text())["frames"][0]["counts"]) == 1
    assert semcom(monkeypatch, "table", *arguments) == 0
    assert "1 points to measure" in capsys.readouterr().out


def test_a_curve_is_not_measured_out_of_a_table(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert semcom(monkeypatch, "link", scenario) == 2
    assert "names a table, so there is nothing to measure" in capsys.readouterr().err


def test_snrs_are_written_as_a_range_or_one_by_one() -> None:
    assert parse_snrs("-1:0.5:0.5", None) == [-1, -0.5, 0, 0.5]
    assert parse_snrs("3,1", None) == [1, 3]
    with pytest.raises(ValueError, match="numbers with commas between"):
        parse_snrs("one", None)
