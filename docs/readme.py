"""Bring the numbers in README.md up to date with ``results/``: ``python docs/readme.py``.

Everything between ``<!-- results -->`` and ``<!-- end of results -->`` is made from the kept
summaries, so that a number stands in one place.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_BLOCK = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end of results -->)", re.S)

Row = dict[str, str]


def updated(text: str) -> str:
    """``text`` of the README with the numbers of today."""
    return _BLOCK.sub(lambda _: _numbers(), text)


def _rows(name: str) -> list[Row]:
    path = ROOT / "results" / name / "summary.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _numbers() -> str:
    rows = _rows("camvid_awgn")
    intact = [row for row in rows if not row["esn0_db"]]
    original = next(row for row in intact if row["label"] == "original pictures")
    lines = [
        "| transmitter | bits / pixel | mIoU of the received picture (95 %) | share of the "
        "originals' | mIoU of the received map | Fréchet distance | PSNR dB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in [original, *(row for row in intact if row is not original)]:
        share = float(row["miou"]) / float(original["miou"])
        known = row is not original
        cells = [
            row["label"] + (" (HEVC intra)" if "hevc" in row["codec"] else ""),
            f"{float(row['bits_per_pixel']):.4f}" if known else "24",
            f"{float(row['miou']):.3f} ({float(row['miou_low']):.3f} to "
            f"{float(row['miou_high']):.3f})",
            f"{share:.0%}",
            f"{float(row['miou_map']):.3f}" if row["miou_map"] and known else "",
            f"{float(row['frechet_efficientnet_lite0']):.0f}",
            f"{float(row['psnr_db']):.1f}" if known else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["", *lines, "", *_below(rows), "", *_rate_for_rate(), "", ""])


def _below(rows: Sequence[Row]) -> list[str]:
    """What is left where every payload is lost, which is the same for all rates of a codec."""
    lost = {r["codec"]: r for r in rows if r["bler"] and float(r["bler"]) == 1}
    words = ", ".join(f"{row['group']} {float(row['miou']):.2f}" for row in lost.values())
    return [f"Below the cliff every payload is lost; mIoU is then {words}."] if lost else []


def _rate_for_rate() -> list[str]:
    """Bits that SQ-GAN takes for the best mIoU of BPG."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in _rows("rate_camvid"):
        point = (float(row["miou"]), float(row["bits_per_pixel"]))
        curves.setdefault(row["group"], []).append(point)
    if not {"SQ-GAN", "BPG"} <= set(curves):
        return []
    miou, bits = max(curves["BPG"])
    as_good = [few for other, few in curves["SQ-GAN"] if other >= miou]
    if not as_good:
        return []
    return [
        f"Without a channel (`scenarios/rate_camvid.yaml`) BPG has an mIoU of {miou:.2f} at "
        f"{bits:.2f} bits per pixel,",
        f"the most it was given; SQ-GAN has it at {min(as_good):.4f}, "
        f"with {bits / min(as_good):.0f} times fewer.",
    ]


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
