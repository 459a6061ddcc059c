"""The report: one page that says what ``summary.csv`` says, loads nothing, works in a browser."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semcom.files import write_atomically
from semcom.report import shown, write_report
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.summary import read_summary
from semcom.sweep import run


@pytest.fixture
def folder(simple_parts: None, scenario_text: str, tmp_path: Path) -> Path:
    """A small run whose title could end a script."""
    text = scenario_text.replace("four pictures", "'</script><b>four & pictures'")
    list(run(Scenario.from_text(text), tmp_path / "out", text=text))
    return tmp_path / "out"


def content(page: Path) -> Any:
    """The data block of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    assert found is not None
    return json.loads(found[1])


def test_the_page_holds_the_numbers_of_the_summary(folder: Path) -> None:
    data = content(write_report(folder))
    assert data["rows"] == read_summary(folder / "summary.csv")
    assert [one["label"] for one in data["transmitters"]] == ["one packet", "three packets"]
    assert {one["column"] for one in data["metrics"]} >= {"bler", "mse"}
    assert data["provenance"]["scenario"] == (folder / "scenario.yaml").read_text()
    assert data["provenance"]["seed"] == 1


def test_the_page_loads_nothing_and_text_stays_text(folder: Path) -> None:
    page = write_report(folder).read_text()
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?!data:)[\w/.]""", page.split("<script")[0])
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest|\bimport\(", page)
    assert "default-src 'none'" in page
    assert page.count("</script>") == 2
    assert "<title>&lt;/script&gt;&lt;b&gt;four &amp; pictures" in page


def test_every_picture_is_the_one_that_was_received(folder: Path) -> None:
    pictures = content(write_report(folder))["pictures"]
    results = Results.read(folder)
    assert len(pictures["images"]) == pictures["all"] == 4
    assert len(set(pictures["uris"])) == len(pictures["uris"])
    for image in pictures["images"]:
        for label, received in image["receivers"].items():
            assert [one["esn0_db"] for one in received] == [None, -6, -3, 0, 3, 6]
            for one in received:
                row = results.transmissions[one["task"]]
                assert (row["transmitter"], row["image"]) == (label, image["name"])
                assert len(one["lost"]) == row["arrived"].count("0")
                name = results.receipts[row["receipt"]]["picture"]
                with Image.open(folder / "pictures" / f"{name}.png") as kept:
                    expected = np.asarray(kept).astype(int)
                embedded = pixels(pictures["uris"][one["image"]])
                assert np.abs(embedded - expected).mean() < 12  # WebP is lossy


def pixels(uri: str) -> np.ndarray:
    head, _, body = uri.partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_bits_of_the_budget_are_all_bits_on_the_air(folder: Path) -> None:
    from channels.link import Link

    results, link = Results.read(folder), Link()  # rate 1/2 and QPSK, as in the scenario
    for one in content(write_report(folder))["transmitters"]:
        sent = [r for r in results.encodings.values() if r["transmitter"] == one["label"]]
        packets = [packet["bytes"] for row in sent for packet in row["packets"]]
        pixels = sum(row["pixels"] for row in sent)
        coded = 2 * sum(link.channel_uses(num_bytes) for num_bytes in packets)
        assert sum(one["budget"].values()) == pytest.approx(coded / pixels)
        assert one["budget"]["data"] == pytest.approx(8 * sum(packets) / pixels)
        assert list(one["budget"])[-3:] == ["padding", "crc", "parity"]


def test_fewer_pictures_where_they_are_asked_for_or_too_large(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = content(write_report(folder, images=2))["pictures"]
    assert [image["name"] for image in two["images"]] == ["p0", "p2"]
    monkeypatch.setattr(shown, "MOST_BYTES", 1)
    least = content(write_report(folder))["pictures"]
    assert [image["name"] for image in least["images"]] == ["p0"]
    used = {one["image"] for many in least["images"][0]["receivers"].values() for one in many}
    assert max(used) < len(least["uris"]) < len(two["uris"])


def test_without_counts_the_page_still_has_its_curves(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(folder / "summary.csv", alone)
    data = content(write_report(alone))
    assert data["rows"] == read_summary(folder / "summary.csv")
    assert data["title"] == "alone"
    assert data["pictures"]["images"] == []
    assert data["transmitters"][0]["budget"] is None


@pytest.mark.parametrize("kept", [0, 60])
@pytest.mark.parametrize("which", ["sample-*", "*"])
def test_a_damaged_picture_is_named_with_what_to_do(folder: Path, which: str, kept: int) -> None:
    for path in (folder / "pictures").glob(f"{which}.png"):
        path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"\.png: a damaged picture; remove it, or run into a new"):
        write_report(folder)


def test_no_results_no_page(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="`semcom run` makes it"):
        write_report(tmp_path)
    write_atomically(tmp_path / "summary.csv", "codec,label\n")
    with pytest.raises(ValueError, match="not a whole summary"):
        write_report(tmp_path)


@pytest.fixture
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is in the extra dev")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium with its driver here: install chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.add_argument("--window-size=1200,900")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    opened = webdriver.Chrome(options=options, service=service)
    try:
        yield opened
    finally:
        opened.quit()


def received(browser: Any) -> list[str]:
    """What the page shows as received now."""
    return [
        one.get_attribute("src") for one in browser.find_elements("css selector", "img.received")
    ]


def drawn(browser: Any) -> str:
    return str(browser.find_element("css selector", "#chart svg").get_attribute("innerHTML"))


def test_in_a_browser_the_slider_shows_what_arrived_at_each_point(
    folder: Path, browser: Any
) -> None:
    data = content(write_report(folder))
    browser.get((folder / "report.html").as_uri())
    slider = browser.find_element("id", "snr")
    assert slider.get_attribute("max") == "5"
    seen = []
    for step, point in enumerate([-6, -3, 0, 3, 6, None]):
        keys = "\ue011" if step == 0 else "\ue014"  # Home, then the right arrow
        slider.send_keys(keys)
        expected = [
            data["pictures"]["uris"][one["image"]]
            for many in data["pictures"]["images"][0]["receivers"].values()
            for one in many
            if one["esn0_db"] == point
        ]
        assert received(browser) == expected
        seen.append(received(browser))
        tasks = [one.text for one in browser.find_elements("css selector", "h3 small span")]
        assert tasks == [
            f"task {one['task'][:12]}"
            for many in data["pictures"]["images"][0]["receivers"].values()
            for one in many
            if one["esn0_db"] == point
        ]
    assert seen[0] != seen[-1]
    assert all(
        browser.execute_script("return arguments[0].naturalWidth", one) == 64
        for one in browser.find_elements("css selector", "img")
    )
    browser.find_element("id", "next").click()
    assert received(browser) != seen[-1]
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_in_a_browser_every_metric_and_axis_can_be_drawn(folder: Path, browser: Any) -> None:
    write_report(folder)
    browser.get((folder / "report.html").as_uri())
    pictures = set()
    for axis in ("esn0_db", "ebn0_db", "bits_per_pixel", "channel_uses_per_pixel"):
        for metric in ("bler", "mse", "decode_ms"):
            for name, value in (("axis", axis), ("metric", metric)):
                chosen = browser.find_element("id", name)
                chosen.find_element("css selector", f"option[value={value}]").click()
            assert "NaN" not in drawn(browser)
            pictures.add(drawn(browser))
    assert len(pictures) == 12
    browser.find_element("css selector", "#legend button").click()
    assert drawn(browser) not in pictures
    browser.find_element("id", "theme").click()
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("on_air", [True, False])
def test_in_a_browser_transmitters_of_one_group_keep_apart_over_a_link(
    simple_parts: None, scenario_text: str, tmp_path: Path, browser: Any, on_air: bool
) -> None:
    head, tail = scenario_text.split("transmitters:")
    one = "\n  - {codec: blockmeans, label: means, vary: {packets: [1, 2, 3]}}\n"
    text = head + "transmitters:" + one + tail[tail.index("link:") :]
    if not on_air:
        text = re.sub("link: .*\nsweep: .*\n", "link: none\n", text)
    list(run(Scenario.from_text(text), tmp_path / "out", text=text))
    browser.get(write_report(tmp_path / "out").as_uri())
    lines = browser.find_elements("css selector", "#legend svg line")
    assert len(lines) == 3
    assert len({line.value_of_css_property("stroke") for line in lines}) == (3 if on_air else 1)
