"""Symbols in a run: beside packets, over the same channel, found again exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from channels import LinkSettings
from channels.analog import AnalogLink
from channels.link import path_of
from semcom.codecs.jscc.config import SIZES
from semcom.codecs.jscc.network import JsccNetwork
from semcom.events import Finished
from semcom.replay import replay
from semcom.results import Results
from semcom.scenario import Scenario, ScenarioError
from semcom.summary import read_summary
from semcom.sweep import run
from semcom.training.checkpoint import export, shipped_state


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    export(file, shipped_state(JsccNetwork(SIZES["tiny"])), {})
    return file


@pytest.fixture
def text(pictures: Path, weights: Path) -> str:
    return f"""\
title: symbols and packets
data: {{name: folder, root: {pictures}, size: [32, 64]}}
transmitters:
  - codec: jscc
    label: analog
    settings: {{channel_uses: 50, network: tiny, weights: {weights}}}
  - codec: jpeg
    label: digital
    settings: {{bits_per_pixel: 4}}
link: {{code: ldpc, rate: 0.5, modulation: qpsk, channel: rayleigh}}
sweep: {{esn0_db: [-5, 25], realisations: 2}}
metrics: [psnr]
seed: 1
"""


def complete(text: str, folder: Path, **how: Any) -> tuple[list[dict[str, Any]], int]:
    *_, last = run(Scenario.from_text(text), folder, text=text, **how)
    assert isinstance(last, Finished)
    return read_summary(folder / "summary.csv"), last.computed


def numbers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if not k.endswith("_ms")} for row in rows]


def test_symbols_have_no_losses_and_no_bits_and_get_better_with_snr(
    text: str, tmp_path: Path
) -> None:
    rows, _ = complete(text, tmp_path)
    analog = [row for row in rows if row["label"] == "analog"]
    assert [row["esn0_db"] for row in analog] == [None, -5, 25]
    for row in analog:
        assert row["codec"] == "DeepJSCC"
        assert row["bler"] is row["bler_high"] is row["bits_per_pixel"] is row["ebn0_db"] is None
        assert row["payloads"] == row["payloads_lost"] == 0
    clean, worst, best = analog
    assert worst["psnr_db"] < best["psnr_db"] <= clean["psnr_db"]
    for row in (worst, best):
        assert row["channel_uses"] == 50 * 4 * 2
        assert row["link"] == "analog rayleigh"
    digital = [row for row in rows if row["label"] == "digital"]
    assert digital[1]["payloads"] == 8
    assert digital[1]["link"] == "ldpc 0.5 qpsk rayleigh"


def test_a_run_goes_on_where_it_stopped_and_workers_change_nothing(
    text: str, tmp_path: Path
) -> None:
    whole, computed = complete(text, tmp_path / "whole")
    assert complete(text, tmp_path / "whole")[1] == 0
    stopped = run(Scenario.from_text(text), tmp_path / "parts", text=text)
    for number, _ in enumerate(stopped):
        if number == 12:
            stopped.close()
            break
    again, rest = complete(text, tmp_path / "parts", workers=2)
    assert 0 < rest < computed
    assert numbers(again) == numbers(whole)


def test_what_the_digital_link_is_does_not_concern_symbols(text: str, tmp_path: Path) -> None:
    complete(text, tmp_path)
    other = text.replace("rate: 0.5, modulation: qpsk", "rate: 0.75, modulation: 16qam")
    rows, _ = complete(other, tmp_path)
    sent = Results.read(tmp_path).transmissions.values()
    assert sum(row["transmitter"] == "analog" for row in sent) == 4 + 2 * 4 * 2
    assert sum(row["transmitter"] == "digital" for row in sent) == 4 + 2 * 2 * 4 * 2
    assert len([row for row in rows if row["label"] == "analog"]) == 3


def test_a_transmission_is_made_again_exactly(text: str, tmp_path: Path) -> None:
    from semcom.commands.replay import replay as shown

    complete(text, tmp_path)
    rows = Results.read(tmp_path).transmissions.values()
    for point in (None, 25.0):
        task = next(r["id"] for r in rows if r["transmitter"] == "analog" and r["esn0_db"] == point)
        made = replay(tmp_path, task)
        assert made.differences == ()
        assert made.symbols is not None
        sent, got = made.symbols
        assert sent.shape == got.symbols.shape == (50,)
        assert np.array_equal(sent, got.symbols) == (point is None)
    shown(tmp_path, task, tmp_path / "again")
    assert (tmp_path / "again" / "replay.png").stat().st_size > 10_000


def test_figures_and_a_report_take_symbols_in(text: str, tmp_path: Path) -> None:
    from semcom.plots import draw_all
    from semcom.report.page import write_report

    complete(text, tmp_path)
    assert "quality_against_snr.png" in [path.name for path in draw_all(tmp_path)]
    page = write_report(tmp_path).read_text()
    assert '"symbols":50' in page.replace(" ", "")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("ldpc, rate: 0.5, modulation: qpsk, channel: rayleigh", "ldpc, channel: bsc", "'bsc'"),
        ("channel: rayleigh", "channel: rayleigh, attempts: 2", "leave out attempts"),
        ("channel: rayleigh", "channel: rayleigh, receive_antennas: 2", "one antenna"),
        ("[-5, 25]", "auto", "no cliff to find"),
        ("label: analog\n", "label: analog\n    link: {rate: 0.3}\n", "leave it out"),
    ],
)
def test_links_that_symbols_cannot_cross_are_refused(
    text: str, old: str, new: str, says: str
) -> None:
    with pytest.raises(ValueError, match="analog sends symbols in place of bits") as refused:
        Scenario.from_text(text.replace(old, new))
    assert says in str(refused.value)


def test_a_budget_is_met_to_the_symbol_and_tells_the_transmitter_its_snr(
    text: str, tmp_path: Path
) -> None:
    allocated = (
        text.replace("channel_uses: 50, ", "")
        .replace("label: analog\n", "label: analog\n    allocation: {}\n")
        .replace("  - codec: jpeg\n    label: digital\n    settings: {bits_per_pixel: 4}\n", "")
        .replace("rate: 0.5, modulation: qpsk, ", "budget: {channel_uses: [40, 90]}, ")
    )
    rows, _ = complete(allocated, tmp_path)
    sent = [row for row in rows if row["esn0_db"] is not None]
    assert [(row["label"], row["esn0_db"]) for row in sent] == [
        ("analog, 40 uses", -5), ("analog, 40 uses", 25),
        ("analog, 90 uses", -5), ("analog, 90 uses", 25),
    ]  # fmt: skip
    assert [row["channel_uses"] for row in sent] == [40 * 8, 40 * 8, 90 * 8, 90 * 8]
    plan = Results.read(tmp_path).run["plan"]  # type: ignore[index]
    assert len({one["setup"] for one in plan["transmitters"]}) == 5  # with the originals
    task = next(r for r in Results.read(tmp_path).transmissions.values() if r["esn0_db"] == 25)
    assert replay(tmp_path, task["id"]).differences == ()
    with pytest.raises(ScenarioError) as refused:
        Scenario.from_text(allocated.replace("settings: {", "settings: {channel_uses: 9, "))
    assert "channel_uses stands beside an allocation" in " ".join(refused.value.problems)
    unequal = allocated.replace("allocation: {}", "allocation: {protection: unequal}")
    with pytest.raises(ValueError, match="no packets to protect"):
        complete(unequal, tmp_path / "unequal")


@pytest.mark.parametrize("channel", ["awgn", "rayleigh", "rician"])
def test_symbols_meet_the_noise_and_fades_of_the_digital_link(channel: str) -> None:
    settings = LinkSettings(channel=channel, modulation="qpsk")
    sent = np.exp(0.5j * np.pi * np.random.default_rng(0).integers(0, 4, 400) + 0.25j * np.pi)
    (got,) = AnalogLink(settings).transmit([sent], 7.0, [5])
    path = path_of(settings)
    symbols = torch.as_tensor(sent.astype(np.complex64))[None]
    snr = torch.tensor([7.0], dtype=torch.float64)
    there, variance = path.carry(symbols, snr, [5], 0)  # type: ignore[attr-defined]
    assert np.array_equal(there[0].numpy(), got.symbols)
    disturbed = np.abs(got.symbols - sent) ** 2
    assert disturbed.mean() / variance.mean().item() == pytest.approx(1, rel=0.15)


def test_symbols_over_multipath_pay_for_pilots_and_know_their_noise() -> None:
    settings = LinkSettings(channel="tdl-a", ofdm={"size": 24, "estimation": "wiener"})
    link = AnalogLink(settings)
    rng = np.random.default_rng(0)
    sent = [(rng.normal(size=500) + 1j * rng.normal(size=500)) / 2**0.5 for _ in range(6)]
    assert link.channel_uses(500) == settings.ofdm.channel_uses(2)  # type: ignore[union-attr]
    got = link.transmit(sent, 10.0, range(6))
    errors = [np.abs(g.symbols - s) ** 2 / g.noise_variance for g, s in zip(got, sent, strict=True)]
    assert np.median(np.concatenate(errors)) == pytest.approx(np.log(2), rel=0.25)
    alone = link.transmit(sent[3:4], 10.0, [3])
    assert np.allclose(alone[0].symbols, got[3].symbols)
    assert np.ptp(got[0].noise_variance) > 0


def test_mistakes_are_named() -> None:
    link = AnalogLink(LinkSettings())
    with pytest.raises(ValueError, match="2 payloads"):
        link.transmit([np.ones(3), np.ones(3)], 1.0, [1])
    with pytest.raises(ValueError, match="finite"):
        link.transmit([np.ones(3)], float("nan"), [1])
    with pytest.raises(ValueError, match="payload 0"):
        link.transmit([np.ones((3, 2))], 1.0, [1])
