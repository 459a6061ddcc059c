"""Replaying one transmission: exactly what the run kept, opened, with reasons."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semcom.replay import DIGITS, find_task, replay
from semcom.replay_report import reason, write_replay
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.sweep import run
from tests.command_line import semcom
from tests.conftest import BlockMeans, MeanError


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, scenario_text: str, tmp_path: Path) -> Path:
    """A run of small pictures over a real link that fades."""
    monkeypatch.setattr("semcom.codecs.CODECS", {"blockmeans": BlockMeans})
    monkeypatch.setattr("semcom.metrics.METRICS", {"mean_error": MeanError})
    text = scenario_text.replace("channel: awgn", "channel: rayleigh").replace(
        "{start: -6, stop: 6, step: 3}", "[0, 6], realisations: 2"
    )
    list(run(Scenario.from_text(text), tmp_path / "out", text=text))
    return tmp_path / "out"


def change(folder: Path, edit: Callable[[dict], None]) -> None:
    """Rewrite the rows of a run."""
    path = folder / "counts.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        edit(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def lost_task(folder: Path) -> str:
    """A task of which some packets were lost and some were not."""
    rows = Results.read(folder).transmissions.values()
    return next(row["id"] for row in rows if {"0", "1"} <= set(row["arrived"]))


def test_every_transmission_of_a_run_comes_out_as_it_did(folder: Path) -> None:
    results = Results.read(folder)
    assert len(results.transmissions) == 4 * 2 * (1 + 2 * 2)
    for name, row in results.transmissions.items():
        made = replay(folder, name)
        assert made.differences == ()
        assert "".join("01"[p.received is not None] for p in made.packets) == row["arrived"]
        reports = [p.inspection.report for p in made.packets if p.inspection is not None]
        if row["link"] is not None:
            counted = sum(reports[1:], start=reports[0])
            assert vars(counted) == row["link"]
        kept = results.receipts[row["receipt"]]["picture"]
        with Image.open(folder / "pictures" / f"{kept}.png") as image:
            assert np.array_equal(np.asarray(image), made.received.image)


def test_a_lost_packet_says_why_and_the_picture_without_it_differs(folder: Path) -> None:
    made = replay(folder, lost_task(folder))
    assert not np.array_equal(made.received.image, made.complete.image)
    assert made.original is not None
    snr = made.task["esn0_db"]
    for packet in made.packets:
        assert packet.inspection is not None
        why = reason(packet, snr)
        fade = packet.esn0_db[0] - snr
        assert f"a fade of {fade:+.1f} dB" in why
        if packet.received is None:
            wrong = packet.inspection.attempts[-1].wrong
            assert why.startswith("lost: its code block still has")
            assert f"{wrong.sum()} wrong bits after 20 iterations" in why
        else:
            assert why.startswith("arrived after")
    # fades are what parts them
    lost = [p.esn0_db[0] for p in made.packets if p.received is None]
    assert max(lost) < max(p.esn0_db[0] for p in made.packets if p.received is not None)


def test_the_files_hold_the_figure_and_every_bit(folder: Path, tmp_path: Path) -> None:
    made = replay(folder, lost_task(folder))
    files = {path.name: path for path in write_replay(made, tmp_path / "made")}
    assert sorted(files) == ["complete.png", "received.png", "replay.json", "replay.png"]
    with Image.open(files["replay.png"]) as figure:
        assert figure.width > 1200
        assert len(np.unique(np.asarray(figure.convert("L")))) > 50
    facts = json.loads(files["replay.json"].read_text())
    assert facts["exactly_as_in_the_results"] is True
    for packet, told in zip(made.packets, facts["packets"], strict=True):
        assert bytes.fromhex(told["sent"]) == packet.sent
        assert (told["received"] is None) == (packet.received is None)
        assert (told["attempts"][-1]["bits_wrong_after_decoding"][0] > 0) == (
            packet.received is None
        )


def test_a_row_that_does_not_come_out_again_is_told_with_what_may_be_the_reason(
    folder: Path,
) -> None:
    name = lost_task(folder)

    def edit(row: dict) -> None:
        if row["id"] == name:
            row["link"]["iterations"] += 1
        if row["kind"] == "run":
            row["versions"]["sionna"] = "1.0"

    change(folder, edit)
    made = replay(folder, name)
    assert made.differences[0] == "the link's counts differ: iterations"
    assert any(text.startswith("sionna was 1.0 and is 2.") for text in made.differences)


def test_packets_of_other_weights_still_show_the_pictures_that_were_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = lost_task(folder)
    before = replay(folder, name)

    def refuse(self: BlockMeans, payloads: object) -> None:
        raise ValueError("this packet was made by another network")

    monkeypatch.setattr(BlockMeans, "decode", refuse)
    made = replay(folder, name)
    assert np.array_equal(made.received.image, before.received.image)
    assert np.array_equal(made.complete.image, before.complete.image)
    assert "made by another network" in made.differences[0]


def test_a_run_along_a_drive_is_replayed_from_where_the_picture_was(
    monkeypatch: pytest.MonkeyPatch, scenario_text: str, pictures: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("semcom.codecs.CODECS", {"blockmeans": BlockMeans})
    monkeypatch.setattr("semcom.metrics.METRICS", {"mean_error": MeanError})
    for number, place in enumerate(("drive_00000", "drive_00007", "drive_00011", "drive_00015")):
        (pictures / f"p{number}.png").rename(pictures / f"{place}.png")
    text = scenario_text.replace("channel: awgn", "channel: ray_traced").replace(
        "{start: -6, stop: 6, step: 3}", "[6]"
    )
    list(run(Scenario.from_text(text), tmp_path / "out", text=text))
    transmissions = Results.read(tmp_path / "out").transmissions
    assert {row["arrived"] for row in transmissions.values()} >= {"0", "1"}
    for name in transmissions:
        assert replay(tmp_path / "out", name).differences == ()


def test_a_frame_is_replayed_block_by_block(tmp_path: Path) -> None:
    from semcom.budget.quality import QualityTable
    from tests.budget.conftest import picture_curve

    table = tmp_path / "table.json"
    QualityTable({"name": "street"}, None, (picture_curve(),)).save(table)
    text = f"""\
data: {{name: street, split: test, count: 2, size: [64, 128]}}
transmitters:
  - {{codec: bpg, label: BPG, allocation: {{design_esn0_db: 8}}}}
  - {{codec: bpg, label: ideal, allocation: {{code: capacity}}}}
link: {{code: ldpc, channel: rayleigh, budget: {{channel_uses: 900, quality: {table}}}}}
sweep: {{esn0_db: [8], realisations: 3}}
metrics: [psnr]
seed: 1
"""
    list(run(Scenario.from_text(text), tmp_path / "out", text=text))
    opened = 0
    for name, row in Results.read(tmp_path / "out").transmissions.items():
        made = replay(tmp_path / "out", name)
        assert made.differences == ()
        for packet in made.packets:
            assert reason(packet, row["esn0_db"])
            if packet.inspection is not None:
                opened += 1
                # the block is the packet filled up, so it arrives if the packet does
                assert (packet.inspection.received is None) == (packet.received is None)
    assert opened == 6


def test_show_lists_the_ids_that_replay_takes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert semcom(monkeypatch, "show", folder, "--tasks") == 0
    _, *lines = capsys.readouterr().out.splitlines()
    results = Results.read(folder)
    assert len(lines) == len(results.transmissions)
    assert {line.split()[0] for line in lines} == {name[:DIGITS] for name in results.transmissions}
    short = lost_task(folder)[:DIGITS]
    line = next(line for line in lines if line.startswith(short))
    assert "three packets" in line
    assert "lost: " in line
    assert semcom(monkeypatch, "replay", folder, "--task", short) == 0
    said = capsys.readouterr().out
    assert "exactly as in the results" in said
    assert said.count("\npacket ") == 3
    assert (folder / "replay" / short / "replay.png").is_file()


def test_a_replay_that_differs_exits_with_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = lost_task(folder)
    change(folder, lambda row: row["id"] == name and row["link"].update(bit_errors=0))
    assert semcom(monkeypatch, "replay", folder, "--task", name) == 1
    assert "the link's counts differ: bit_errors" in capsys.readouterr().out


def test_an_unknown_or_short_id_gets_one_sentence(folder: Path, tmp_path: Path) -> None:
    results = Results.read(folder)
    for text in ("", "xyz"):
        with pytest.raises(ValueError, match="--tasks` lists them"):
            find_task(results, text)
    digits = {name[0] for name in results.transmissions}
    twice = next(d for d in digits if sum(n.startswith(d) for n in results.transmissions) > 1)
    with pytest.raises(ValueError, match=f"tasks begin with '{twice}'"):
        find_task(results, twice)
    with pytest.raises(FileNotFoundError, match="there are no results here"):
        replay(tmp_path, "00")
    packets = next(
        (folder / "packets").glob(f"{results.transmissions[lost_task(folder)]['encoding']}*")
    )
    packets.unlink()
    with pytest.raises(FileNotFoundError, match="no such file"):
        replay(folder, lost_task(folder))


@pytest.mark.parametrize("kind", ["encoding", "receipt"])
def test_what_a_damaged_line_took_with_it_is_said_and_made_again(
    kind: str,
    folder: Path,
    scenario_text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task, path = lost_task(folder), folder / "counts.jsonl"
    name = Results.read(folder).transmissions[task][kind]
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in whole if json.loads(line)["id"] != name))
    assert semcom(monkeypatch, "show", folder) == 0
    assert semcom(monkeypatch, "show", folder, "--tasks") == 0
    assert task[:DIGITS] not in capsys.readouterr().out
    with pytest.raises(ValueError, match="the same `semcom run` makes what is missing"):
        replay(folder, task)
    text = (folder / "scenario.yaml").read_text()
    list(run(Scenario.from_text(text), folder, text=text))
    assert replay(folder, task).differences == ()


def test_damaged_packets_end_a_run_with_the_way_on(folder: Path) -> None:
    text = (folder / "scenario.yaml").read_text()
    further = text.replace("[0, 6]", "[0, 3, 6]")
    for packets in (folder / "packets").iterdir():
        packets.write_bytes(packets.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"not a whole coded picture.*remove it, and the same run"):
        list(run(Scenario.from_text(further), folder))
    for packets in (folder / "packets").iterdir():
        packets.unlink()
    list(run(Scenario.from_text(further), folder))
    assert {point for _, point in Results.read(folder).by_point} == {None, 0, 3, 6}
