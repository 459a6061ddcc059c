"""Transmitters with a rate and modulation of their own: coded once, sent and counted apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semcom.events import Finished
from semcom.report.content import collect
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run

pytestmark = pytest.mark.usefixtures("simple_parts")


@pytest.fixture
def ladder(scenario_text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three links of which 64-QAM needs 20 dB more; the link of the tests moves with them."""
    import channels

    class Moved(channels.Link):  # type: ignore[misc]
        def transmit(self, payloads: Any, esn0_db: float, seeds: Any) -> Any:
            shift = 20 if self.settings.modulation == "64qam" else 0
            return super().transmit(payloads, esn0_db - shift, seeds)

    monkeypatch.setattr("channels.Link", Moved)
    one = scenario_text.index("  - codec")
    head, tail = scenario_text[:one], scenario_text[scenario_text.index("link:") :]
    return (
        f"{head}  - codec: blockmeans\n    label: plain\n    settings: {{packets: 3}}\n"
        "  - codec: blockmeans\n    label: ladder\n    settings: {packets: 3}\n"
        "    vary: {link.modulation: [qpsk, 64qam], link.rate: [0.5, 0.75]}\n"
        f"{tail.replace('{start: -6, stop: 6, step: 3}', 'auto')}"
    )


def complete(text: str, folder: Path) -> list[dict[str, Any]]:
    *_, last = run(Scenario.from_text(text), folder, text=text)
    assert isinstance(last, Finished)
    return read_summary(folder / "summary.csv")


def test_each_finds_its_own_cliff_and_names_its_link(ladder: str, tmp_path: Path) -> None:
    rows = complete(ladder, tmp_path)
    points = {
        label: [r["esn0_db"] for r in rows if r["label"] == label and r["esn0_db"] is not None]
        for label in ("plain", "ladder qpsk / 0.5", "ladder 64qam / 0.75")
    }
    assert points["plain"] == points["ladder qpsk / 0.5"]
    assert points["plain"][-1] < 10 < points["ladder 64qam / 0.75"][0]
    links = {row["label"]: row["link"] for row in rows if row["link"]}
    assert links == {
        "plain": "ldpc 0.5 qpsk awgn",
        "ladder qpsk / 0.5": "ldpc 0.5 qpsk awgn",
        "ladder 64qam / 0.75": "ldpc 0.75 64qam awgn",
    }
    assert sum(row["esn0_db"] is None for row in rows) == 3
    # the same noise over the same link does the same, whoever sends
    same = [
        [(r["esn0_db"], r["bler"], r["mse"]) for r in rows if r["label"] == label]
        for label in ("plain", "ladder qpsk / 0.5")
    ]
    assert same[0] == same[1]


def test_a_picture_is_coded_once_and_rebuilt_once_for_all_links(
    ladder: str, tmp_path: Path
) -> None:
    from semcom.codecs import CODECS

    complete(ladder, tmp_path)
    assert CODECS["blockmeans"].encoded == 4  # type: ignore[attr-defined]
    patterns = {
        (row["encoding"] if "1" in row["arrived"] else "", row["arrived"])
        for row in Results.read(tmp_path).transmissions.values()
    }
    assert CODECS["blockmeans"].decoded == len(patterns)  # type: ignore[attr-defined]
    *_, last = run(Scenario.from_text(ladder), tmp_path, text=ladder)
    assert isinstance(last, Finished)
    assert last.computed == 0


def test_the_report_counts_the_bits_of_its_own_link(ladder: str, tmp_path: Path) -> None:
    rows = complete(ladder, tmp_path)
    content = collect(rows, Results.read(tmp_path), tmp_path)
    parity = {one["label"]: one["budget"]["parity"] for one in content["transmitters"]}
    assert parity["ladder 64qam / 0.75"] < parity["ladder qpsk / 0.5"] == parity["plain"]


def test_what_a_link_cannot_be_is_refused(ladder: str) -> None:
    kept = Scenario.from_text(ladder)
    assert Scenario.from_text(kept.to_yaml()) == kept
    for before, after, message in (
        ("64qam]", "63qam]", "ladder 63qam / 0.75: .*unknown modulation '63qam'"),
        ("0.75]", "0.05]", "ladder 64qam / 0.05: .*rate 0.05 is outside"),
        ("link.rate", "link.rat", "unknown key 'rat'; did you mean 'rate'"),
        ("link: {code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}", "link: none",
         "has a rate or modulation of its own, but link is none"),
    ):  # fmt: skip
        text = ladder.replace(before, after)
        if after == "link: none":
            text = text.replace("sweep: {esn0_db: auto}\n", "")
        with pytest.raises(ValueError, match=message):
            Scenario.from_text(text)
