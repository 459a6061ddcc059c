"""Figures: all of them are drawn, legible, the same each time, and say what the numbers say."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from semcom.cliff import Cliff, find_cliff
from semcom.contact_sheet import draw_contact_sheets
from semcom.plots import OKABE_ITO, STYLE, draw_all, draw_quality
from semcom.rate_figures import draw_rate, draw_rates
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.summary import COLUMNS, read_summary
from semcom.sweep import run


def row(label: str, esn0_db: float | None, **values: Any) -> dict[str, Any]:
    base = dict.fromkeys(COLUMNS) | {
        "codec": "x", "label": label, "group": label, "images": 32, "esn0_db": esn0_db,
        "bits_per_pixel": 0.04, "miou": 0.5, "miou_low": 0.45, "miou_high": 0.55, "psnr_db": 22.0,
    }  # fmt: skip
    if esn0_db is not None:
        lost = esn0_db < 1
        base |= {"bler": float(lost), "bler_high": 1.0 if lost else 0.1, "bler_low": 0.0}
        base |= {"link": "ldpc 0.5 qpsk awgn"}
    return base | values


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    points = [None, -2.0, 0.0, 1.0, 2.0, 6.0]
    return [row(label, point) for label in ("SQ-GAN", "BPG", "JPEG 2000") for point in points]


def extents(figure: Any) -> list[Any]:
    """Boxes of the figure's texts and legends in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    first = figure.axes[0]
    parts = [*figure.texts, *figure.legends, first.get_legend()]
    parts = [part for part in parts if part is not None]
    return [part.get_window_extent(canvas.get_renderer()) for part in parts]


def test_title_subtitle_and_legend_keep_apart_and_inside(rows: list[dict[str, Any]]) -> None:
    with mpl.rc_context(STYLE):
        for figure in (draw_quality(rows, "A long title of a figure"), draw_rate(rows, "Rate")):
            boxes = extents(figure)
            for number, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[:number])
                assert box.x0 >= 0
                assert box.x1 <= figure.bbox.x1
                assert box.y1 <= figure.bbox.y1


def test_every_curve_has_its_ceiling_dashed(rows: list[dict[str, Any]]) -> None:
    figure = draw_quality(rows)
    assert figure is not None
    lines = figure.axes[0].get_lines()
    dashed = [line for line in lines if line.is_dashed()]
    assert [line.get_color() for line in dashed] == list(OKABE_ITO[:3])
    assert {line.get_ydata()[0] for line in dashed} == {0.5}


@pytest.mark.parametrize("ceilings", [True, False])
def test_the_legend_names_what_is_drawn(rows: list[dict[str, Any]], ceilings: bool) -> None:
    originals = row("original pictures", None, codec="original")
    figure = draw_quality([*(r for r in rows if ceilings or r["esn0_db"] is not None), originals])
    assert figure is not None
    legend = figure.axes[0].get_legend()
    assert legend is not None
    names = [text.get_text().split("  ")[0] for text in legend.get_texts()]
    assert names == ["SQ-GAN", "BPG", "JPEG 2000", *(["no channel errors"] if ceilings else [])]


def test_no_loss_seen_is_drawn_as_an_upper_bound(rows: list[dict[str, Any]]) -> None:
    figure = draw_quality(rows)
    assert figure is not None
    bounds = [line for line in figure.axes[-1].get_lines() if line.get_marker() == "v"]
    assert len(bounds) == 3
    assert set(bounds[0].get_ydata()) == {0.1}


def test_rates_of_one_group_are_joined_and_originals_are_a_line() -> None:
    ideal = [
        row("a 1", None, group="a", bits_per_pixel=0.02, miou=0.3),
        row("a 2", None, group="a", bits_per_pixel=0.01, miou=0.2),
        row("originals", None, codec="original", bits_per_pixel=24.0, miou=0.6),
    ]
    figure = draw_rate(ideal)
    assert figure is not None
    curve, line = figure.axes[0].get_lines()
    assert list(curve.get_xdata()) == [0.01, 0.02]
    assert list(line.get_ydata()) == [0.6, 0.6]


def test_without_a_link_there_is_no_curve_against_snr() -> None:
    assert draw_quality([row("a", None)]) is None
    assert draw_rate([row("a", None, miou=None, psnr_db=None)]) is None


@pytest.mark.parametrize(
    ("blers", "cliff"),
    [
        ([1, 1, 0.5, 0, 0], Cliff(1.2, 2, 2.8)),
        ([1, 0.9, 0.3, 0.2, 0.05], Cliff(1, 1 + 0.4 / 0.6, 3 + 0.1 / 0.15)),
        ([1, 1, 1, 1, 1], None),
        ([0, 0, 0, 0, 0], None),
        ([1, 1, 1, 1, 0.2], None),
    ],
)
def test_the_cliff_lies_between_all_lost_and_all_received(
    blers: list[float], cliff: Cliff | None
) -> None:
    found = find_cliff([{"esn0_db": x, "bler": y} for x, y in enumerate(blers)])
    if cliff is None:
        assert found is None
    else:
        assert found is not None
        assert (found.low, found.half, found.high) == pytest.approx(
            (cliff.low, cliff.half, cliff.high)
        )


@pytest.mark.parametrize("points", ["auto", "{start: -6, stop: 6, step: 3}"])
def test_no_cell_of_a_contact_sheet_is_empty(
    simple_parts: None, scenario_text: str, tmp_path: Path, points: str
) -> None:
    """Transmitters with points of their own are each shown at theirs."""
    text = scenario_text.replace("{start: -6, stop: 6, step: 3}", points)
    list(run(Scenario.from_text(text), tmp_path))
    (_, sheet), *_ = draw_contact_sheets(Results.read(tmp_path), tmp_path)
    heads = [text.get_text() for text in sheet.texts if "received at" in text.get_text()]
    rows = read_summary(tmp_path / "summary.csv")
    known = [{r["esn0_db"] for r in rows if r["label"] == f"{n} packet{s}"} - {None}
             for n, s in (("one", ""), ("three", "s"))]  # fmt: skip
    assert (known[0] != known[1]) == (points == "auto")
    columns = len(heads) // (2 if points == "auto" else 1)
    assert columns >= 3
    # the original, what was sent in two cells, and what was received; no segmenter looks at it
    assert len(sheet.axes) == 2 * (3 + columns)


def test_rates_of_a_codec_stand_side_by_side(
    simple_parts: None, scenario_text: str, tmp_path: Path
) -> None:
    """Without a link: one block for a codec, its rates in columns, and no cell twice."""
    before, after = (
        scenario_text.split("transmitters:")[0],
        "link: none\nmetrics: [mean_error]\nreference: false\n",
    )
    transmitters = """transmitters:
  - codec: blockmeans
    label: blocks
    vary: {packets: [1, 2, 3, 4, 5, 6]}
  - codec: blockmeans
    label: alone
"""
    list(run(Scenario.from_text(before + transmitters + after), tmp_path))
    (_, sheet), *_ = draw_contact_sheets(Results.read(tmp_path), tmp_path)
    words = [text.get_text() for text in sheet.texts]
    assert [word for word in words if word in ("blocks", "alone")] == ["blocks", "alone"]
    shown = [word for word in words if "bits per pixel" in word]
    assert len(shown) == 4 + 1  # at most four rates, the lowest and the highest among them
    assert len(sheet.axes) == 2 + len(shown)  # an original for each block


def test_a_run_is_drawn_whole_and_the_same_again(
    simple_parts: None, scenario_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semcom.contact_sheet.SHEETS", 1)
    list(run(Scenario.from_text(scenario_text), tmp_path / "out"))
    drawn = draw_all(tmp_path / "out")
    assert [path.name for path in drawn] == [
        "quality_against_snr.png",
        "contact_sheet_1.png",
    ]
    first = {path: path.read_bytes() for path in (tmp_path / "out" / "figures").iterdir()}
    assert sorted(path.suffix for path in first) == [".pdf", ".pdf", ".png", ".png", ".svg"]
    for path, content in first.items():
        if path.suffix == ".pdf":
            assert content.startswith(b"%PDF")
        elif path.suffix == ".svg":
            assert ElementTree.fromstring(content).tag.endswith("svg")
        else:
            with Image.open(path) as image:
                assert min(image.size) > 400
                assert np.asarray(image.convert("L")).std() > 5
    draw_all(tmp_path / "out")
    assert all(path.read_bytes() == content for path, content in first.items())


def test_every_quality_has_a_panel_against_rate() -> None:
    ideal = [
        row(f"{group} {rate}", None, group=group, bits_per_pixel=rate, accuracy=0.5 + rate)
        for group in ("SAIC", "BPG")
        for rate in (0.06, 0.03)
    ]
    ideal.append(row("clean", None, codec="original", bits_per_pixel=24.0, accuracy=0.8))
    figure = draw_rates(ideal, "Rates")
    assert figure is not None
    accuracy = next(axis for axis in figure.axes if axis.get_ylabel().startswith("Accuracy"))
    curve, _, line = accuracy.get_lines()
    assert list(curve.get_ydata()) == [0.53, 0.56]
    assert list(line.get_ydata()) == [0.8, 0.8]
    assert len(figure.axes) == 3  # mIoU, accuracy, PSNR
    boxes = extents(figure)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert draw_rates(ideal[:1]) is None  # one rate is no curve


def test_a_rate_panel_says_which_way_is_better() -> None:
    scores = {"hed_vgg": 2.0, "ms_ssim": 0.8, "kid_efficientnet_lite0": 9.0}
    figure = draw_rates([row("SQ-GAN", None, bits_per_pixel=r, **scores) for r in (0.02, 0.04)])
    assert figure is not None
    said = {axis.get_ylabel().split()[0]: axis.texts[-1].get_text() for axis in figure.axes}
    assert said["HED-VGG"] == said["Kernel"] == "lower is better"
    assert said["mIoU"] == said["MS-SSIM"] == "higher is better"
