"""Draw the figures of docs/channels.md: python docs/figures/channels/draw.py [NAME ...]."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from channels import Link, LinkSettings
from channels.curves import find_cliff, references, sweep
from channels.plots import plot_block_error_rates

HERE = Path(__file__).parent
SIZE = 40


def _curves(
    settings: dict[str, dict[str, Any]], snr: Sequence[float], size: int = SIZE
) -> dict[str, list]:
    return {
        name: sweep(Link(LinkSettings(**options)), size, snr, max_errors=40, max_payloads=256)
        for name, options in settings.items()
    }


def cliff() -> None:
    """The LDPC code of rate 1/2 against theory."""
    link = Link(LinkSettings(decoder_iterations=50))
    points = find_cliff(link, 125).points
    plot_block_error_rates(
        {"LDPC, 125 bytes": points}, limits=references(link, 125), title="QPSK, rate 1/2, AWGN"
    ).savefig(HERE / "cliff.png", dpi=110)


def codes() -> None:
    """All codes at rate 1/2 (and none), QPSK over AWGN, short payloads."""
    snr = np.arange(-2.0, 9.1, 1.0).tolist()
    settings = {
        "uncoded": {"code": "uncoded"},
        "repetition 1/2": {"code": "repetition"},
        "convolutional 1/2": {"code": "convolutional"},
        "turbo 1/2": {"code": "turbo"},
        "polar 1/2, list of 8": {"code": "polar"},
        "LDPC 1/2": {"code": "ldpc"},
    }
    plot_block_error_rates(
        _curves(settings, snr, 20),
        limits=references(Link(LinkSettings()), 20),
        title="20 bytes, QPSK, AWGN",
    ).savefig(HERE / "codes.png", dpi=110)


def modulations() -> None:
    """LDPC of rate 1/2 with every modulation."""
    from channels.settings import MODULATIONS

    settings = {name: {"modulation": name} for name in MODULATIONS}
    plot_block_error_rates(
        _curves(settings, np.arange(-3.0, 20.1, 1.0).tolist()),
        title=f"{SIZE} bytes, LDPC 1/2, AWGN",
    ).savefig(HERE / "modulations.png", dpi=110)


def flat() -> None:
    """White noise and one coefficient per payload."""
    settings = {
        "AWGN": {},
        "Rician, K = 10 dB": {"channel": "rician", "rician_k_db": 10},
        "Rician, K = 3 dB": {"channel": "rician", "rician_k_db": 3},
        "Rayleigh": {"channel": "rayleigh"},
    }
    plot_block_error_rates(
        _curves(settings, np.arange(-2.0, 20.1, 2.0).tolist()),
        title=f"{SIZE} bytes, LDPC 1/2, QPSK, block fading",
    ).savefig(HERE / "flat.png", dpi=110)


def binary() -> None:
    """Flipped and erased bits."""
    settings = {
        "soft BPSK over AWGN": {"modulation": "bpsk"},
        "BSC (hard BPSK decisions)": {"channel": "bsc"},
        "BEC": {"channel": "bec"},
    }
    plot_block_error_rates(
        _curves(settings, np.arange(-5.0, 2.1, 0.5).tolist()),
        title=f"{SIZE} bytes, LDPC 1/2",
    ).savefig(HERE / "binary.png", dpi=110)


def tdl() -> None:
    """Tapped delay lines."""
    settings = {f"TDL-{x.upper()}": {"channel": f"tdl-{x}"} for x in "abcde"}
    plot_block_error_rates(
        _curves(settings, np.arange(0.0, 18.1, 2.0).tolist()),
        title=f"{SIZE} bytes, LDPC 1/2, QPSK, OFDM, Wiener estimation",
    ).savefig(HERE / "tdl.png", dpi=110)


def cdl() -> None:
    """Clustered delay lines."""
    settings = {f"CDL-{x.upper()}": {"channel": f"cdl-{x}"} for x in "abcde"}
    plot_block_error_rates(
        _curves(settings, np.arange(0.0, 18.1, 3.0).tolist()),
        title=f"{SIZE} bytes, LDPC 1/2, QPSK, OFDM, Wiener estimation",
    ).savefig(HERE / "cdl.png", dpi=110)


def estimation() -> None:
    """What knowing the channel is worth."""
    settings = {
        name: {"channel": "tdl-a", "ofdm": {"estimation": name}}
        for name in ("perfect", "wiener", "ls")
    }
    plot_block_error_rates(
        _curves(settings, np.arange(0.0, 18.1, 2.0).tolist()),
        title=f"{SIZE} bytes, LDPC 1/2, QPSK, TDL-A",
    ).savefig(HERE / "estimation.png", dpi=110)


def retransmission() -> None:
    """Up to four attempts."""
    settings = {
        "one attempt": {},
        "4 attempts, Chase combining": {"attempts": 4, "combining": "chase"},
        "4 attempts, incremental redundancy": {"attempts": 4},
    }
    plot_block_error_rates(
        _curves(settings, np.arange(-8.0, 3.1, 0.5).tolist()),
        title=f"{SIZE} bytes, LDPC 1/2, QPSK, AWGN",
    ).savefig(HERE / "retransmission.png", dpi=110)


FIGURES: dict[str, Callable[[], None]] = {
    figure.__name__: figure
    for figure in (
        cliff, codes, modulations, flat, binary, tdl, cdl, estimation, retransmission,
    )
}  # fmt: skip


if __name__ == "__main__":
    for chosen in sys.argv[1:] or FIGURES:
        FIGURES[chosen]()
