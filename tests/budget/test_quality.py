"""Tables of measured quality: what lies between cells, expectations, and files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semcom.budget.quality import QualityTable, load_table
from semcom.metrics.segmentation import mean_iou
from tests.budget.conftest import AXIS, RIGHT, confusion, picture_curve, semantic_curve


def test_a_measured_cell_comes_back_as_it_is() -> None:
    curve = semantic_curve()
    for row, column in ((0, 0), (2, 3), (4, 4)):
        counts, columns = curve.at([AXIS[row], AXIS[column]])
        assert np.array_equal(counts, confusion(RIGHT)[row, column])
        assert columns["psnr_db"] == pytest.approx(10 + 10 * RIGHT[row, column])


def test_between_cells_quality_goes_with_the_logarithm_of_the_bytes() -> None:
    counts, columns = picture_curve().at([200.0])  # half way from 100 to 400
    assert columns["psnr_db"] == pytest.approx(20.0)
    assert counts[0, 0] == pytest.approx(450)


def test_below_the_least_quality_falls_to_that_of_nothing_and_above_the_most_it_stays() -> None:
    curve = picture_curve()
    assert curve.at([50.0])[1]["psnr_db"] == pytest.approx(13.0)
    assert curve.at([1e6])[1]["psnr_db"] == pytest.approx(26.0)
    assert curve.least, curve.most == ((100,), (1600,))


def test_the_expected_miou_is_that_of_the_mixture_of_counts() -> None:
    curve = picture_curve()
    mixed = 0.25 * curve.confusion[0] + 0.75 * curve.confusion[3]
    expected = curve.score([(0.25, [0.0]), (0.75, [1600.0])], {"miou": 1.0})
    assert expected == pytest.approx(float(mean_iou(mixed)))
    assert curve.score([(1.0, [1600.0])], {"psnr_db": 0.5, "miou": 0.0}) == pytest.approx(13.0)


def test_a_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    table = QualityTable({"name": "street"}, "abc", (semantic_curve(), picture_curve()))
    table.save(tmp_path / "table.json")
    read = load_table(str(tmp_path / "table.json"))
    assert read.to_json() == table.to_json()
    assert read.curve("sqgan", {}).paths == ("label_map", "image")
    with pytest.raises(ValueError, match="no codec 'jpeg', only bpg, sqgan"):
        read.curve("jpeg", {})


def test_of_several_curves_the_one_is_taken_that_was_measured_with_these_settings() -> None:
    one, other = (replace(semantic_curve(), settings={"palette": on}) for on in (None, False))
    table = QualityTable({}, None, (one, other))
    assert table.curve("sqgan", {"palette": False}) is other
    newer = {"palette": False, "residual": None}  # a setting that came after the table
    assert table.curve("sqgan", newer) is other
    assert table.curve("sqgan", {"palette": True}) is one, "the first, where none was"


def test_a_damaged_table_is_refused_in_one_sentence(tmp_path: Path) -> None:
    good = json.loads(QualityTable({}, None, (picture_curve(),)).to_json())
    for number, (change, reason) in enumerate(
        [
            ({"format": "quality table 9"}, "unknown format"),
            ({"curves": [{}]}, "codec"),
            ({"curves": [good["curves"][0] | {"num_bytes": [[0, 5, 3, 9]]}]}, "begin with 0"),
            ({"curves": [good["curves"][0] | {"paths": ["image", "map"]}]}, "one axis of bytes"),
            ({"curves": [good["curves"][0] | {"columns": {"psnr_db": [1]}}]}, "columns"),
        ]
    ):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(good | change))
        with pytest.raises(ValueError, match=rf"not a table of measured quality .*{reason}"):
            load_table(str(file))


def test_an_unknown_table_names_those_that_come_with_the_package() -> None:
    with pytest.raises(FileNotFoundError, match="shipped are camvid, street"):
        load_table("nowhere.json")


@pytest.mark.parametrize("name", ["street", "camvid"])
def test_a_shipped_table_says_that_more_bytes_are_worth_more(name: str) -> None:
    table = load_table(name)
    assert table.data["split"] in ("train", "val")
    for curve in table.curves:
        nothing, everything = (0.0,) * len(curve.paths), curve.most
        assert curve.score([(1.0, everything)], {"miou": 1.0}) > 2 * curve.score(
            [(1.0, nothing)], {"miou": 1.0}
        )
    sqgan = table.curve("sqgan", {})
    whole = [(1.0, sqgan.most)]
    for score, lost in (
        ({"miou": 1.0}, [0, sqgan.most[1]]),
        ({"psnr_db": 1.0}, [sqgan.most[0], 0]),
    ):
        assert sqgan.score([(1.0, lost)], score) < sqgan.score(whole, score)
