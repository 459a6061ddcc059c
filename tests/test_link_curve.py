"""``semcom link``: the error rates of a link, kept point by point."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from channels import Link, LinkSettings
from channels.curves import measure, references
from channels.plots import plot_error_rates
from semcom.link_curve import Curve, read_link
from tests.command_line import semcom

TEXT = "link: {code: repetition, rate: 0.5, modulation: bpsk, channel: awgn}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "link.yaml"
    path.write_text(TEXT)
    return path


def test_the_command_prints_each_point_writes_tables_and_figures_and_goes_on(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("link", file, "--out", out, "--bytes", 20, "--low", 0.05, "--max-errors", 30)
    assert semcom(monkeypatch, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "repetition of rate 0.5, bpsk, awgn, 20 bytes"
    assert "Shannon" in lines[1]
    assert any(line.startswith("cliff: block error rate 0.1 at Es/N0") for line in lines)
    with (out / "points.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert sum(line.endswith(" s") for line in lines) == len(rows) > 5
    snr = [float(row["esn0_db"]) for row in rows]
    rates = [float(row["block_error_rate"]) for row in rows]
    assert snr == sorted(snr)
    assert max(rates) >= 0.9
    assert min(rates) <= 0.05
    content = json.loads((out / "curve.json").read_text())
    cliff = content["cliff"]
    assert cliff["0.9"] < cliff["0.1"] < cliff["0.05"]
    assert cliff["0.01"] is None or cliff["0.01"] > cliff["0.05"]
    assert content["limits"]["shannon_db"] < cliff["0.9"]
    # a point is what the library measures by the same rules
    link = Link(read_link(file))
    first = measure(link, 20, snr[0], max_errors=30, max_payloads=80)
    assert {key: str(value) for key, value in first.row().items()} == rows[0]
    assert (out / "error_rates.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "error_rates.pdf").read_bytes().startswith(b"%PDF")

    kept = (out / "points.jsonl").read_text()
    assert semcom(monkeypatch, *arguments) == 0
    again = capsys.readouterr().out.splitlines()
    assert not any(line.endswith(" s") for line in again)
    assert again[-5:] == lines[-5:]
    assert (out / "points.jsonl").read_text() == kept


def test_an_interrupt_keeps_every_point(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, sent = Link.transmit, []

    def impatient(self: Link, *rest: object) -> object:
        sent.append(1)
        if len(sent) > 3:
            raise KeyboardInterrupt
        return whole(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Link, "transmit", impatient)
    out = tmp_path / "out"
    arguments = ("link", file, "--out", out, "--bytes", 20, "--low", 0.1, "--max-errors", 10)
    assert semcom(monkeypatch, *arguments) == 130
    said = capsys.readouterr()
    assert "the same command goes on" in said.err
    kept = len((out / "points.jsonl").read_text().splitlines())
    assert kept == sum(line.endswith(" s") for line in said.out.splitlines()) >= 1
    assert json.loads((out / "curve.json").read_text())["points"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("links: 1\n", "there is no link block"),
        ("link: {rate: 2}\n", ":1:14: "),
        ("link: {ratio: 0.5}\n", "unknown key 'ratio'; did you mean 'rate'?"),
        ("link: {channel: bec, modulation: qpsk}\n", "carries one bit at a time"),
        ("link: {}\ntransmitters: []\n", "'data' is missing"),
        ("data: {name: street}\ntransmitters: [{codec: jpeg, settings: {bits_per_pixel: 1}}]\n"
         "metrics: [psnr]\nlink: none\n", "link is none"),
    ],
)  # fmt: skip
def test_files_without_a_link_that_can_work_are_refused_in_one_sentence(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "link.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"link\.yaml") as mistake:
        read_link(path)
    problems = getattr(mistake.value, "problems", [str(mistake.value)])
    assert any(message in problem for problem in problems), problems


@pytest.mark.parametrize("command", ["link", "check"])
def test_a_device_that_is_not_here_is_refused_before_anything_is_done(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    path = tmp_path / "scenario.yaml"
    path.write_text(
        "data: {name: street}\ntransmitters: [{codec: jpeg2000, settings: {bits_per_pixel: 1}}]\n"
        "metrics: [psnr]\nlink: {device: cuda}\nsweep: {esn0_db: [2]}\n"
    )
    assert semcom(monkeypatch, command, path) == 2
    said = capsys.readouterr()
    assert "device 'cuda' is not available here: choose device 'cpu'" in said.err
    assert not said.out


def test_a_whole_scenario_is_a_link_file_too() -> None:
    scenario = Path(__file__).parent.parent / "scenarios" / "quickstart.yaml"
    assert read_link(scenario) == LinkSettings(code="ldpc", rate=0.5, modulation="qpsk")


def test_points_of_other_links_and_rules_stay_apart(tmp_path: Path) -> None:
    link = Link(LinkSettings(code="repetition", modulation="bpsk"))
    curve = Curve(link, 20, low=0.2, max_errors=5)
    cliff = curve.measure(tmp_path)
    assert curve.points(tmp_path) == cliff.points
    assert Curve(link, 21, low=0.2, max_errors=5).points(tmp_path) == []
    assert Curve(Link(), 20, low=0.2, max_errors=5).points(tmp_path) == []
    assert Curve(link, 20, low=0.2, max_errors=5, seed=1).write(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "title"),
    [
        ({"channel": "bec"}, "ldpc of rate 0.5, bpsk, bec, 20 bytes"),
        ({"attempts": 4}, "ldpc of rate 0.5, qpsk, awgn, 4 attempts (ir), 20 bytes"),
        (
            {"channel": "rayleigh", "receive_antennas": 2},
            "ldpc of rate 0.5, qpsk, rayleigh, 1x2, 20 bytes",
        ),
        (
            {"channel": "rayleigh", "transmit_antennas": 2, "receive_antennas": 3},
            "ldpc of rate 0.5, qpsk, rayleigh, 2x3 lmmse, 20 bytes",
        ),
    ],
)
def test_the_title_names_what_the_link_is_made_of(settings: dict, title: str) -> None:
    assert Curve(Link(LinkSettings(**settings)), 20).title == title


def test_the_figure_has_both_error_rates_and_both_snrs() -> None:
    link = Link(LinkSettings(code="repetition", modulation="bpsk"))
    points = [measure(link, 20, snr, max_errors=10, max_payloads=64) for snr in (-2.0, 2.0, 12.0)]
    axes = plot_error_rates(points, limits=references(link, 20), title="BPSK").axes[0]
    legend = axes.get_legend()
    assert legend is not None
    labels = {text.get_text() for text in legend.get_texts()}
    assert {"block error rate", "bit error rate", "no error: 95 % bound"} <= labels
    (above,) = axes.child_axes
    assert above.get_xlabel() == "Eb/N0 in dB"
    offset = points[0].ebn0_db - points[0].esn0_db
    left = axes.get_xlim()[0]
    assert above._functions[0](left) == pytest.approx(left + offset)  # type: ignore[attr-defined]
