"""What LDPC codes lose in dB against the normal approximation.

    python benchmarks/code_gaps.py --out semcom/budget/tables/code_gaps.json

Budgets are allocated with this table. A row is a code, a modulation, a code rate and the bits of a
code block; ``gap`` is the Es/N0 beyond that of the normal approximation at a block error rate of
20 %, from ``--payloads`` payloads a point in steps of a quarter of a decibel.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from semcom.budget.gaps import RATES, measure_gaps, to_json
from semcom.files import write_atomically
from semcom.plan import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codes", nargs="+", default=list(RATES), choices=list(RATES))
    parser.add_argument("--payloads", type=int, default=48, help="at every point (default: 48)")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    found = {}
    for code in arguments.codes:
        found[code] = []
        for gap in measure_gaps(code, arguments.payloads):
            found[code].append(gap)
            print(
                f"{code:<6}{gap.modulation:>8}{gap.rate:>7.2f}{gap.information_bits:>7}"
                f"{gap.db:>8.2f} dB",
                flush=True,
            )
    if arguments.out:
        used = {k: v for k, v in versions().items() if k in ("semcom", "sionna", "sionna-no-rt")}
        write_atomically(arguments.out, to_json(found, used))


if __name__ == "__main__":
    main()
