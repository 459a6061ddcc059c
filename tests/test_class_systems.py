"""An id means the same class to data, codec and segmenters, or the run is refused.

Ids 0 to 10 are classes of CamVid and of Cityscapes alike, so a picture that happens to hold no
others would pass for either: 0 is sky there and road here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semcom.scenario import Scenario
from semcom.sweep import run


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    """A picture of road under sky, in Cityscapes' train ids."""
    root = tmp_path / "streets"
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    labels = np.repeat(np.array([10, 0], np.uint8), 16)[:, None].repeat(64, 1)
    Image.fromarray(np.full((32, 64, 3), 90, np.uint8)).save(root / "images" / "one.png")
    Image.fromarray(labels).save(root / "labels" / "one.png")
    (root / "classes.json").write_text(json.dumps({"classes": "cityscapes"}))
    return root


@pytest.mark.parametrize(
    ("transmitter", "metrics", "sentence"),
    [
        ("{codec: jpeg, settings: {bits_per_pixel: 4}}", "psnr, miou",
         "the segmenter that scores has 11 classes from sky to bicyclist, but the data set folder "
         "has 19 classes from road to bicycle: leave miou out of the metrics"),
        ("{codec: sqgan, label_map: ground_truth}", "psnr",
         "sqgan has 11 classes from sky to bicyclist, but the data set folder has 19 classes from "
         "road to bicycle: use label_map: segmenter"),
        ("{codec: layered, label_map: ground_truth, settings: {bits_per_pixel: 4}}", "psnr",
         "layered has 11 classes .*: use label_map: segmenter"),
        ("{codec: sqgan}", "psnr, miou_map", "leave miou_map out"),
        ("{codec: sqgan, settings: {network: paper}}", "psnr",
         "sqgan has 19 classes .*, but the segmenter at the transmitter has 11 classes"),
    ],
)  # fmt: skip
def test_ids_of_another_class_system_are_refused_before_anything_is_written(
    cityscapes: Path, tmp_path: Path, transmitter: str, metrics: str, sentence: str
) -> None:
    scenario = Scenario.from_text(
        f"data: {{name: folder, root: {cityscapes}, size: [32, 64]}}\n"
        f"transmitters: [{transmitter}]\nlink: none\nmetrics: [{metrics}]\nreference: false\n"
    )
    with pytest.raises(ValueError, match=sentence):
        list(run(scenario, tmp_path / "out"))
    assert not (tmp_path / "out").exists()
