"""Draw the contact sheet of docs/data.md and print the numbers of the street set's data card.

python docs/figures/data/draw.py
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from semcom import data
from semcom.data import CAMVID_CLASSES
from semcom.data.street import dataset

HERE = Path(__file__).parent
COLUMNS, ROWS, WIDTH, HEIGHT = 4, 8, 320, 160


def contact_sheet() -> None:
    """32 test pictures, evenly spaced over the split."""
    sheet = Image.new("RGB", (COLUMNS * WIDTH, ROWS * HEIGHT))
    for k, sample in enumerate(data.load("street", "test", count=COLUMNS * ROWS)):
        small = Image.fromarray(sample.image).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        sheet.paste(small, (k % COLUMNS * WIDTH, k // COLUMNS * HEIGHT))
    sheet.save(HERE / "street.jpg", quality=88)


def card() -> None:
    """Weather of the set, and the share of pixels of each class by split."""
    lines = (dataset.EMBEDDED / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    print(", ".join(f"{kind} {n}" for kind, n in Counter(r["weather"] for r in rows).most_common()))
    files = [path for path in dataset.EMBEDDED.rglob("*") if path.is_file()]
    print(f"{sum(path.stat().st_size for path in files) / 2**20:.1f} MiB")
    for name in CAMVID_CLASSES:
        shares = [
            np.mean([row["shares"][name] for row in rows if row["split"] == split])
            for split in ("test", "train")
        ]
        print(f"| {name} | " + " | ".join(f"{share:.4f}" for share in shares) + " |")


if __name__ == "__main__":
    contact_sheet()
    card()
