"""A scenario with a budget from its file to its figures, by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from semcom.budget.quality import QualityTable
from semcom.results import Results
from semcom.scenario import Scenario, ScenarioError
from semcom.summary import read_summary
from tests.budget.conftest import picture_curve

SCENARIO = """\
title: two budgets
data: {{name: street, split: test, count: 2, size: [64, 128]}}
transmitters:
  - codec: bpg
    label: BPG
    allocation: {{protection: equal}}
  - codec: bpg
    label: BPG, ideal code
    allocation: {{code: capacity}}
link: {{code: ldpc, channel: awgn, budget: {{channel_uses: {uses}, quality: {table}}}}}
sweep: {{esn0_db: [0, 10]}}
metrics: [miou, psnr]
seed: 1
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    QualityTable({"name": "street"}, None, (picture_curve(),)).save(tmp_path / "table.json")
    return tmp_path / "table.json"


def semcom(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "semcom.cli", *map(str, arguments)], capture_output=True, text=True
    )


def test_a_run_says_what_it_chose_and_every_row_keeps_to_the_budget(
    tmp_path: Path, table: Path
) -> None:
    file, out = tmp_path / "budget.yaml", tmp_path / "out"
    file.write_text(SCENARIO.format(uses="[600, 1500]", table=table))
    checked = semcom("check", file)
    assert checked.returncode == 0, checked.stderr
    done = semcom("run", file, "--out", out)
    assert done.returncode == 0, done.stderr
    for shown in (checked.stdout, done.stdout):
        assert "BPG, 600 uses at 0 dB: picture" in shown
        assert "QPSK at rate" in shown
        assert "expected mIoU" in shown
    rows = [row for row in read_summary(out / "summary.csv") if row["esn0_db"] is not None]
    assert [(r["label"], r["esn0_db"]) for r in rows] == [
        (f"{label}, {uses} uses", snr)
        for label in ("BPG", "BPG, ideal code")
        for uses in (600, 1500)
        for snr in (0, 10)
    ]
    for row in rows:
        uses = int(row["label"].split(", ")[-1].split()[0])
        assert row["channel_uses"] == uses * 2
        assert row["link"].endswith("awgn")
    kept = json.loads((out / "allocation.json").read_text())["choices"]
    assert len(kept) == 8
    assert all(one["reasons"] and one["frame"]["channel_uses"] in (600, 1500) for one in kept)
    for name in ("miou_against_budget", "miou_against_snr"):
        assert (out / "figures" / f"{name}.png").stat().st_size > 10_000
    page = (out / "report.html").read_text()
    data = json.loads(page.split('id="data">', 1)[1].split("</script>", 1)[0])
    shown = data["pictures"]["images"][0]["receivers"]
    assert len(shown) == 4
    assert {tuple(one["esn0_db"] for one in many) for many in shown.values()} == {(0, 10)}
    again = semcom("run", file, "--out", out)
    assert "complete already" in again.stdout, again.stderr
    assert len(Results.read(out).transmissions) == 2 * 9


def test_a_budget_too_small_is_one_line_that_names_the_least(tmp_path: Path, table: Path) -> None:
    file = tmp_path / "budget.yaml"
    file.write_text(SCENARIO.format(uses=10, table=table))
    done = semcom("check", file)
    assert done.returncode == 2
    assert "BPG: a budget of 10 channel uses carries nothing of bpg" in done.stderr
    assert "the least that works is" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("allocation: {protection: equal}", "settings: {bits_per_pixel: 1}"), "link has a budget"),
        (
            (
                "allocation: {protection: equal}",
                "allocation: {protection: equal}\n    settings: {bits_per_pixel: 1}",
            ),
            "stands beside an allocation",
        ),
        (("{protection: equal}", "{protection: most}"), "'equal' or 'unequal'"),
        (("[0, 10]", "auto"), "a budget decides at each point"),
        (("channel: awgn", "channel: awgn, rate: 0.5"), "rate stands beside a budget"),
    ],
)
def test_what_contradicts_a_budget_is_refused_with_its_place(
    change: tuple[str, str], complaint: str
) -> None:
    text = SCENARIO.format(uses=100, table="street")
    assert change[0] in text
    with pytest.raises(ScenarioError, match=complaint):
        Scenario.from_text(text.replace(*change))
