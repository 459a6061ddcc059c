"""The engine: nothing lost, nothing computed twice, the same numbers in any order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from semcom.events import Finished, Point, Started
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run

pytestmark = pytest.mark.usefixtures("simple_parts")


def complete(text: str, folder: Path, **options: Any) -> Finished:
    *_, last = run(Scenario.from_text(text), folder, text=text, **options)
    assert isinstance(last, Finished)
    return last


def rows_without_times(folder: Path) -> set[str]:
    rows = map(json.loads, (folder / "counts.jsonl").read_text().splitlines())
    return {
        json.dumps({k: v for k, v in row.items() if k not in ("ms", "started", "run")})
        for row in rows
        if row["kind"] != "run"
    }


def test_a_run_has_a_row_per_transmitter_and_point_and_one_without_channel(
    scenario_text: str, tmp_path: Path
) -> None:
    complete(scenario_text, tmp_path / "out")
    rows = read_summary(tmp_path / "out" / "summary.csv")
    points = [None, -6, -3, 0, 3, 6]
    assert [(row["label"], row["esn0_db"]) for row in rows] == [
        (label, point) for label in ("one packet", "three packets") for point in points
    ]
    assert all(row["images"] == 4 for row in rows)
    assert (tmp_path / "out" / "scenario.yaml").read_text() == scenario_text


def test_pictures_are_coded_and_measured_one_after_another(
    scenario_text: str, tmp_path: Path
) -> None:
    """What is found in an original (label map, features) then serves every transmitter."""
    complete(scenario_text, tmp_path)
    rows = list(map(json.loads, (tmp_path / "counts.jsonl").read_text().splitlines()))
    coded = [row["image"] for row in rows if row["kind"] == "encoding"]
    assert coded == sorted(coded)
    on_air = next(n for n, row in enumerate(rows) if row.get("esn0_db") is not None)
    measured = [row["image"] for row in rows[:on_air] if row["kind"] == "measurement"]
    assert measured == sorted(measured)
    assert measured


def test_above_the_cliff_a_row_equals_the_row_without_channel(
    scenario_text: str, tmp_path: Path
) -> None:
    complete(scenario_text, tmp_path)
    rows = {(r["label"], r["esn0_db"]): r for r in read_summary(tmp_path / "summary.csv")}
    for label in ("one packet", "three packets"):
        assert rows[label, 6]["payloads_lost"] == 0
        assert rows[label, 6]["mse"] == rows[label, None]["mse"]
        assert rows[label, -6]["payloads_lost"] == rows[label, -6]["payloads"]
        assert rows[label, -6]["mse"] > rows[label, None]["mse"]


def test_pictures_are_coded_once_and_rebuilt_once_per_set_of_received_packets(
    scenario_text: str, tmp_path: Path
) -> None:
    from semcom.codecs import CODECS

    complete(scenario_text, tmp_path)
    results = Results.read(tmp_path)
    assert CODECS["blockmeans"].encoded == 4 * 2
    distinct = {
        (row["encoding"] if "1" in row["arrived"] else row["transmitter"], row["arrived"])
        for row in results.transmissions.values()
    }
    assert CODECS["blockmeans"].decoded == len(distinct) < len(results.transmissions)


def test_a_picture_received_alike_by_two_transmitters_is_measured_once(
    scenario_text: str, tmp_path: Path
) -> None:
    from semcom.metrics import METRICS

    complete(scenario_text, tmp_path)
    results = Results.read(tmp_path)
    pairs = {
        (row["sample"], results.receipts[row["receipt"]]["picture"])
        for row in results.transmissions.values()
    }
    assert METRICS["mean_error"].measured == len(pairs) < len(results.receipts)


def test_all_payloads_of_a_point_cross_the_link_in_one_batch(
    scenario_text: str, tmp_path: Path
) -> None:
    import channels

    complete(scenario_text, tmp_path)
    assert channels.Link.calls == 5


def test_a_complete_run_computes_nothing(scenario_text: str, tmp_path: Path) -> None:
    from semcom.codecs import CODECS
    from semcom.metrics import METRICS

    complete(scenario_text, tmp_path)
    before = (tmp_path / "counts.jsonl").read_bytes()
    counters = CODECS["blockmeans"].encoded, METRICS["mean_error"].measured
    events = list(run(Scenario.from_text(scenario_text), tmp_path, text=scenario_text))
    assert isinstance(events[0], Started)
    assert events[0].done == events[0].tasks
    assert isinstance(events[-1], Finished)
    assert events[-1].computed == 0
    assert (tmp_path / "counts.jsonl").read_bytes() == before
    assert (CODECS["blockmeans"].encoded, METRICS["mean_error"].measured) == counters


def test_more_points_add_to_what_is_there(scenario_text: str, tmp_path: Path) -> None:
    from semcom.codecs import CODECS

    complete(scenario_text, tmp_path / "grown")
    encoded = CODECS["blockmeans"].encoded
    wider = scenario_text.replace("stop: 6, step: 3", "stop: 9, step: 1.5")
    complete(wider, tmp_path / "grown")
    assert CODECS["blockmeans"].encoded == encoded
    complete(wider, tmp_path / "fresh")
    assert rows_without_times(tmp_path / "grown") == rows_without_times(tmp_path / "fresh")
    assert len(read_summary(tmp_path / "grown" / "summary.csv")) == 2 * 12


def test_another_scenario_in_the_folder_is_summed_up_alone(
    scenario_text: str, tmp_path: Path
) -> None:
    complete(scenario_text, tmp_path)
    narrow = scenario_text.replace("{start: -6, stop: 6, step: 3}", "[0]")
    narrow = narrow.replace("seed: 1", "seed: 2")
    complete(narrow, tmp_path)
    rows = read_summary(tmp_path / "summary.csv")
    assert [row["esn0_db"] for row in rows] == [None, 0, None, 0]
    assert all(row["images"] == 4 for row in rows)


def test_the_same_numbers_whatever_the_order_of_transmitters(
    scenario_text: str, tmp_path: Path
) -> None:
    one, two = scenario_text.split("  - codec")[1:3]
    two, rest = two.split("link:")
    turned = scenario_text.split("  - codec")[0] + f"  - codec{two}  - codec{one}link:{rest}"
    complete(scenario_text, tmp_path / "a")
    complete(turned, tmp_path / "b")
    assert rows_without_times(tmp_path / "a") == rows_without_times(tmp_path / "b")


def test_all_transmitters_meet_the_same_noise(scenario_text: str, tmp_path: Path) -> None:
    complete(scenario_text, tmp_path)
    results = Results.read(tmp_path)
    fates: dict[tuple[str, float], set[str]] = {}
    for row in results.transmissions.values():
        if row["esn0_db"] is not None:
            fates.setdefault((row["image"], row["esn0_db"]), set()).add(row["arrived"][0])
    assert all(len(first_packets) == 1 for first_packets in fates.values())
    assert {next(iter(fate)) for fate in fates.values()} == {"0", "1"}


def test_realisations_draw_anew(scenario_text: str, tmp_path: Path) -> None:
    text = scenario_text.replace("sweep: {", "sweep: {realisations: 20, ").replace(
        "{start: -6, stop: 6, step: 3}", "0"
    )
    complete(text, tmp_path)
    row = read_summary(tmp_path / "summary.csv")[1]
    assert (row["images"], row["realisations"], row["payloads"]) == (4, 20, 80)
    assert row["bler_low"] < 0.5 < row["bler_high"]


def test_the_original_pictures_are_measured_without_crossing_the_link(
    scenario_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semcom.codecs import CODECS
    from semcom.codecs.conventional import Original

    monkeypatch.setitem(CODECS, "original", Original)
    complete(scenario_text.replace("reference: false", "reference: true"), tmp_path)
    rows = read_summary(tmp_path / "summary.csv")
    assert [row["label"] for row in rows].count("original pictures") == 1
    assert (rows[-1]["esn0_db"], rows[-1]["mse"]) == (None, 0)


def test_a_point_event_comes_for_every_point_in_order(scenario_text: str, tmp_path: Path) -> None:
    events = run(Scenario.from_text(scenario_text), tmp_path)
    points = [event for event in events if isinstance(event, Point)]
    assert [point.esn0_db for point in points] == [None, -6, -3, 0, 3, 6]
    assert all(len(point.rows) == 2 for point in points)


def test_a_metric_added_later_is_measured_on_the_pictures_kept(
    scenario_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semcom.codecs import CODECS
    from semcom.metrics import METRICS

    class Second(METRICS["mean_error"]):  # type: ignore[misc]
        columns = ("second",)

        def summarise(self, rows: Any) -> dict[str, float | None]:
            return {"second": super().summarise(rows)["mse"]}

    complete(scenario_text, tmp_path)
    decoded = CODECS["blockmeans"].decoded
    monkeypatch.setitem(METRICS, "second", Second)
    complete(scenario_text.replace("[mean_error]", "[mean_error, second]"), tmp_path)
    assert CODECS["blockmeans"].decoded == decoded
    assert all(row["second"] == row["mse"] for row in read_summary(tmp_path / "summary.csv"))


def test_an_error_that_the_crc_missed_reaches_the_decoder(
    scenario_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import channels

    class Liar(channels.Link):  # type: ignore[misc]
        def transmit(self, payloads: Any, esn0_db: float, seeds: Any) -> Any:
            sent = super().transmit(payloads, 9.0, seeds)
            return type(sent)([bytes(len(p)) for p in payloads], sent.reports)

    monkeypatch.setattr("channels.Link", Liar)
    complete(scenario_text.replace("{start: -6, stop: 6, step: 3}", "0"), tmp_path)
    rows = read_summary(tmp_path / "summary.csv")
    assert rows[1]["payloads_lost"] == 0
    assert rows[1]["mse"] > rows[0]["mse"]


def test_two_runs_at_once_in_one_folder_are_refused(scenario_text: str, tmp_path: Path) -> None:
    first = run(Scenario.from_text(scenario_text), tmp_path)
    next(first)
    with pytest.raises(ValueError, match="another run is writing here"):
        next(run(Scenario.from_text(scenario_text), tmp_path))
    first.close()
    complete(scenario_text, tmp_path)


def test_a_file_in_the_way_and_missing_data_leave_nothing_behind(
    scenario_text: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="a file is in the way"):
        complete(scenario_text, tmp_path / "file")
    nowhere = scenario_text.replace("photos,", "nowhere,")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        complete(nowhere, tmp_path / "out")
    assert not (tmp_path / "out").exists()


KILLED_RUN = """
    import sys, time
    sys.path[:0] = {path!r}
    from conftest import BlockMeans, Coin, MeanError
    import channels, semcom.codecs, semcom.metrics
    semcom.codecs.CODECS = {{"blockmeans": BlockMeans}}
    semcom.metrics.METRICS = {{"mean_error": MeanError}}
    channels.Link = Coin
    from pathlib import Path
    from semcom.scenario import Scenario
    from semcom.sweep import run
    text = Path({scenario!r}).read_text()
    for event in run(Scenario.from_text(text), {out!r}):
        print(event, flush=True)
        time.sleep(0.002)
"""


@pytest.mark.parametrize("kill_after", [2, 11, 17])
def test_a_killed_run_goes_on_and_ends_with_the_same_rows(
    scenario_text: str, tmp_path: Path, kill_after: int
) -> None:
    (tmp_path / "scenario.yaml").write_text(scenario_text)
    root = Path(__file__).parent
    program = KILLED_RUN.format(
        path=[str(root), str(root.parent)],
        scenario=str(tmp_path / "scenario.yaml"),
        out=str(tmp_path / "out"),
    )
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(kill_after):
        process.stdout.readline()
    time.sleep(0.001 * kill_after)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with (tmp_path / "out" / "counts.jsonl").open("ab") as file:
        file.write(b'{"v":1,"kind":"transm')  # as if killed in the middle of a line
    left = len(Results.read(tmp_path / "out").encodings)
    complete(scenario_text, tmp_path / "out")
    complete(scenario_text, tmp_path / "whole")
    assert left <= 8
    assert rows_without_times(tmp_path / "out") == rows_without_times(tmp_path / "whole")
