"""Draw the figures of docs/channels.md: python docs/figures/channels/draw.py [NAME ...]."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from channels import Link, LinkSettings
from channels.curves import find_cliff, references, sweep
from channels.drives import load_drive
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
    "places": Sweep(
        "LDPC 1/2, QPSK, OFDM, Wiener estimation",
        {name: {"channel": name.lower()} for name in ("UMi", "UMa", "RMa")}, 0, 18, 3,
    ),
    "antennas": Sweep(
        "LDPC 1/2, 16-QAM, Rayleigh fading",
        {
            f"{sent}x{received}{detector and ', ' + detector}": {
                "modulation": "16qam",
                "channel": "rayleigh",
                "transmit_antennas": sent,
                "receive_antennas": received,
                **({"detector": detector} if detector else {}),
            }
            for sent, received, detector in (
                (1, 1, ""), (1, 2, ""), (2, 2, "lmmse"), (2, 2, "k-best"), (2, 4, "lmmse"),
            )
        },
        0, 24, 3,
    ),
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


def draw_ray_traced(path: Path) -> None:
    """The street's drive: Es/N0 and block error rate against the way, with both estimators."""
    drive = load_drive("street")
    figure = Figure(figsize=(7.4, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.4])
    above.axhline(0, color="#8A8A8A", linestyle="--", linewidth=1)
    above.plot(drive.metres, drive.gains_db, color="#222222", marker=".")
    above.set_ylabel("gain over the\nmean position (dB)")
    count = 96
    payloads = [np.random.default_rng(number).bytes(40) for number in range(count)]
    for esn0_db, colour in ((0.0, "#D55E00"), (10.0, "#E69F00"), (20.0, "#0072B2")):
        for estimation, line in (("wiener", "-"), ("perfect", ":")):
            options = {"channel": "ray_traced", "ofdm": {"estimation": estimation}}
            link = Link(LinkSettings(**options))
            lost = [
                sum(link.transmit(payloads, esn0_db, range(count), [name] * count).reports)
                for name in drive.names
            ]
            rates = [report.payloads_lost / count for report in lost]
            label = f"{esn0_db:g} dB, {'Wiener' if estimation == 'wiener' else 'known channel'}"
            below.plot(drive.metres, rates, line, color=colour, marker="o", ms=4, label=label)
    below.set_ylabel("block error rate")
    below.set_xlabel("metres driven")
    below.legend(title="Es/N0 of the mean position", fontsize=8.5, frameon=False, ncols=3)
    below.set_ylim(-0.03, 1.45)
    below.set_yticks([0, 0.25, 0.5, 0.75, 1])
    above.set_title("40 bytes, LDPC 1/2, QPSK, along the street's drive", loc="left", fontsize=11)
    for axis in (above, below):
        axis.grid(color="#E4E4E4")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


ALONE = {"cliff": draw_cliff, "ray_traced": draw_ray_traced}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or [*ALONE, *SWEEPS]:
        draw = ALONE[chosen] if chosen in ALONE else SWEEPS[chosen].draw
        draw(HERE / f"{chosen}.png")
