"""Draw the figures of docs/channels.md: python docs/figures/channels/draw.py [NAME ...]."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from channels import Link, LinkSettings
from channels.curves import find_cliff, references, sweep
from channels.plots import plot_block_error_rates
from channels.settings import MODULATIONS

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sweep:
    """Links by name, what they differ in, at the SNRs from ``start`` to ``stop`` in dB."""

    title: str
    links: dict[str, dict[str, Any]]
    start: float
    stop: float
    step: float
    num_bytes: int = 40
    limits: bool = False

    def draw(self, path: Path) -> None:
        snr = np.arange(self.start, self.stop + self.step / 2, self.step).tolist()
        curves = {
            name: sweep(
                Link(LinkSettings(**options)), self.num_bytes, snr, max_errors=40, max_payloads=256
            )
            for name, options in self.links.items()
        }
        theory = references(Link(), self.num_bytes) if self.limits else None
        title = f"{self.num_bytes} bytes, {self.title}"
        plot_block_error_rates(curves, limits=theory, title=title).savefig(path, dpi=110)


def _fading(family: str) -> dict[str, dict[str, Any]]:
    names = [f"{family}-{letter}" for letter in "abcde"]
    return {f"{family.upper()}-{name[-1].upper()}": {"channel": name} for name in names}


SWEEPS = {
    "codes": Sweep(
        "QPSK, AWGN",
        {
            "uncoded": {"code": "uncoded"},
            "repetition 1/2": {"code": "repetition"},
            "convolutional 1/2": {"code": "convolutional"},
            "turbo 1/2": {"code": "turbo"},
            "polar 1/2, list of 8": {"code": "polar"},
            "LDPC 1/2": {"code": "ldpc"},
        },
        -2, 9, 1, num_bytes=20, limits=True,
    ),
    "modulations": Sweep(
        "LDPC 1/2, AWGN", {name: {"modulation": name} for name in MODULATIONS}, -3, 20, 1
    ),
    "flat": Sweep(
        "LDPC 1/2, QPSK, block fading",
        {
            "AWGN": {},
            "Rician, K = 10 dB": {"channel": "rician", "rician_k_db": 10},
            "Rician, K = 3 dB": {"channel": "rician", "rician_k_db": 3},
            "Rayleigh": {"channel": "rayleigh"},
        },
        -2, 20, 2,
    ),
    "binary": Sweep(
        "LDPC 1/2",
        {
            "soft BPSK over AWGN": {"modulation": "bpsk"},
            "BSC (hard BPSK decisions)": {"channel": "bsc"},
            "BEC": {"channel": "bec"},
        },
        -5, 2, 0.5,
    ),
    "tdl": Sweep("LDPC 1/2, QPSK, OFDM, Wiener estimation", _fading("tdl"), 0, 18, 2),
    "cdl": Sweep("LDPC 1/2, QPSK, OFDM, Wiener estimation", _fading("cdl"), 0, 18, 3),
    "estimation": Sweep(
        "LDPC 1/2, QPSK, TDL-A",
        {
            name: {"channel": "tdl-a", "ofdm": {"estimation": name}}
            for name in ("perfect", "wiener", "ls")
        },
        0, 18, 2,
    ),
    "retransmission": Sweep(
        "LDPC 1/2, QPSK, AWGN",
        {
            "one attempt": {},
            "4 attempts, Chase combining": {"attempts": 4, "combining": "chase"},
            "4 attempts, incremental redundancy": {"attempts": 4},
        },
        -8, 3, 0.5,
    ),
}  # fmt: skip


def draw_cliff(path: Path) -> None:
    """The LDPC code of rate 1/2 against theory."""
    link = Link(LinkSettings(decoder_iterations=50))
    points = find_cliff(link, 125).points
    plot_block_error_rates(
        {"LDPC, 125 bytes": points}, limits=references(link, 125), title="QPSK, rate 1/2, AWGN"
    ).savefig(path, dpi=110)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ["cliff", *SWEEPS]:
        draw = draw_cliff if chosen == "cliff" else SWEEPS[chosen].draw
        draw(HERE / f"{chosen}.png")
