"""Block error rates of one link of every kind, as once counted: ``reference_points.csv``.

A row says what was sent, how often and how often it was lost; the test beside it sends it again
with other noise. Links without a row are measured by

    python tests/channels/reference_points.py

and a row that is deleted, because its link is meant to answer differently, is measured again.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from channels import Link, LinkSettings
from channels.curves import measure

PATH = Path(__file__).with_name("reference_points.csv")
COLUMNS = ("payload_bytes", "k", "settings", "esn0_db", "payloads", "errors")

_TWO_BY_TWO = {"transmit_antennas": 2, "receive_antennas": 2}

#: bytes of a payload and what the link is made of
LINKS: tuple[tuple[int, dict[str, Any]], ...] = (
    (125, {"rate": 0.5, "modulation": "qpsk"}),
    (100, {"rate": 0.75, "modulation": "64qam"}),
    (60, {"rate": 0.5, "modulation": "1024qam"}),
    (40, {"rate": 0.15, "modulation": "bpsk"}),
    (20, {"code": "polar", "rate": 0.5}),
    (20, {"code": "convolutional", "rate": 0.5}),
    (10, {"code": "turbo", "rate": 1 / 3}),
    (20, {"code": "repetition", "rate": 0.25, "channel": "bec"}),
    (20, {"code": "uncoded", "modulation": "16qam"}),
    (60, {"modulation": "256qam", "channel": "rician", "rician_k_db": 9.0}),
    (60, {"modulation": "16qam", "channel": "tdl-a", "receive_antennas": 2}),
    (60, {"rate": 0.75, "attempts": 2, "combining": "ir"}),
    (40, {"channel": "bsc"}),
    (60, {"modulation": "16qam", "channel": "rayleigh", **_TWO_BY_TWO}),
    (60, {"modulation": "16qam", "channel": "rayleigh", **_TWO_BY_TWO, "detector": "k-best"}),
    (60, {"modulation": "16qam", "channel": "tdl-b", **_TWO_BY_TWO, "detector": "k-best"}),
    (60, {"channel": "cdl-c"}),
    (60, {"channel": "cdl-d", **_TWO_BY_TWO}),
    (60, {"channel": "umi"}),
    (60, {"channel": "uma", "ofdm": {"estimation": "ls"}}),
    (60, {"channel": "rma", **_TWO_BY_TWO}),
    (60, {"channel": "ray_traced", "position": "drive_00004"}),
)


def main() -> None:
    """Look for the SNR of every link where about one payload in five is lost, and count there."""
    with PATH.open(newline="", encoding="utf-8") as file:
        known = {row["settings"]: row for row in csv.DictReader(file)}
    rows: list[dict[str, Any]] = []
    for num_bytes, settings in LINKS:
        if row := known.get(json.dumps(settings)):
            rows.append(row)
            continue
        link = Link(LinkSettings(**settings))
        low, high = -15.0, 35.0
        while high - low > 0.2:
            snr = (low + high) / 2
            lost = measure(link, num_bytes, snr, seed=1, max_errors=16, max_payloads=32)
            low, high = (snr, high) if lost.block_error_rate > 0.2 else (low, snr)
        snr = round(high, 1)
        point = measure(link, num_bytes, snr, seed=2, max_errors=100, max_payloads=1000)
        k = link.frame(num_bytes).block_bits
        content = (num_bytes, k, json.dumps(settings), snr, point.report.payloads, point.errors)
        rows.append(dict(zip(COLUMNS, content, strict=True)))
        print(*content, flush=True)
        with PATH.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
