"""Fréchet distances over different numbers of vectors never stand beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semcom.comparable import comparable
from semcom.plots import draw_quality
from semcom.report.content import collect
from semcom.results import Results
from semcom.summary import COLUMNS

FRECHET = "frechet_efficientnet_lite0"


def row(point: float | None, vectors: int, **values: Any) -> dict[str, Any]:
    base: dict[str, Any] = dict.fromkeys(COLUMNS)
    base |= {"codec": "x", "label": "x", "group": "x", "images": 8, "bits_per_pixel": 0.1}
    base |= {"esn0_db": point, FRECHET: 5.0, f"{FRECHET}_vectors": vectors}
    base |= {"kid_efficientnet_lite0": 0.1, "kid_efficientnet_lite0_vectors": vectors}
    if point is not None:
        lost = float(point < 1)
        base |= {"bler": lost, "bler_low": lost, "bler_high": lost or 0.1, "payloads": 8}
        base |= {"payloads_lost": int(8 * lost), "link": "ldpc 0.5 qpsk awgn"}
    return base | values


def test_rows_of_one_size_stay_as_they_are() -> None:
    rows = [row(point, 512) for point in (None, 0.0, 2.0)]
    assert comparable(rows) == (rows, {})


def test_rows_of_another_size_lose_the_biased_distance_alone() -> None:
    rows = [row(None, 512), *(row(point, 1536) for point in (0.0, 1.0, 2.0)), row(3.0, 1024)]
    kept, why = comparable(rows)
    assert [one[FRECHET] for one in kept] == [None, 5.0, 5.0, 5.0, None]
    assert all(one["kid_efficientnet_lite0"] == 0.1 for one in kept)
    assert rows[0][FRECHET] == 5.0  # what was measured is left alone
    assert why[FRECHET].startswith(
        "2 of 5 points are left out: their number of vectors is not 1536"
    )
    assert "kid_efficientnet_lite0" in why[FRECHET]


def test_figures_and_reports_refuse_and_say_why(tmp_path: Path) -> None:
    rows = [row(None, 512), row(0.0, 512), row(1.0, 512, **{FRECHET: 9.0}), row(2.0, 256)]
    figure = draw_quality(rows)
    assert figure is not None
    panel = figure.axes[0]
    assert "1 of 4 points are left out" in panel.get_xlabel()
    drawn = [line for line in panel.get_lines() if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in drawn] == [[5.0, 9.0]]
    content = collect(rows, Results(), tmp_path)
    notes = {one["column"]: one["note"] for one in content["metrics"]}
    assert "1 of 4 points" in notes[FRECHET]
    assert notes["kid_efficientnet_lite0"] == ""
    assert content["rows"][-1][FRECHET] is None


def test_the_distance_itself_refuses_sets_of_different_sizes() -> None:
    import numpy as np

    from semcom.metrics.frechet import Gaussian, frechet_distance

    draw = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match="biased by an amount that depends on their number"):
        frechet_distance(Gaussian.fit(draw), Gaussian.fit(draw[:20]))
