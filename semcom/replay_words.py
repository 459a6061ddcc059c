"""A replayed transmission in sentences: what packets met, and why they arrived or did not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semcom.replay import PacketReplay, Replay

__all__ = ["reason", "symbols_in_words"]


def reason(packet: PacketReplay, mean_esn0_db: float | None) -> str:
    """Why a packet arrived or did not, in one sentence.

    ``mean_esn0_db`` is that of the point, from which the packet's own differs by its fade.
    """
    if mean_esn0_db is None:
        return "no channel: it arrives"
    if packet.inspection is None:
        verdict = "lost" if packet.received is None else "arrived"
        return f"{verdict}: {'an ideal code' if packet.sent else 'nothing was sent'}"
    blocks = packet.inspection.attempts[-1]
    count, wrong = len(blocks.wrong), np.flatnonzero(blocks.wrong.any(axis=1))
    parts = []
    if packet.received is None and len(wrong):
        which = f"{len(wrong)} of {count} code blocks ({_list(wrong + 1)}) still have"
        which = "its code block still has" if count == 1 else which
        parts.append(
            f"lost: {which} {blocks.wrong.sum()} wrong bits after "
            f"{blocks.iterations[wrong].max()} iterations"
        )
    elif packet.received is None:
        parts.append("lost: a check sum fails")
    elif packet.received != packet.sent:
        parts.append("arrived wrong: the CRC did not notice")
    else:
        parts.append(f"arrived after {blocks.iterations.max()} iterations")
    parts.append(f"{100 * blocks.flipped.mean():.1f} % of the coded bits came with the wrong sign")
    if len(packet.inspection.attempts) > 1:
        parts.append(f"attempt {len(packet.inspection.attempts)}")
    snr = packet.esn0_db
    if snr is not None:
        parts.append(_snr_in_words(snr, mean_esn0_db))
        best = _best_code(packet, snr)
        if best is not None:
            parts.append(best)
    return "; ".join(parts)


def symbols_in_words(made: Replay) -> str:
    """How many symbols an analog transmitter sent, and what they met."""
    assert made.symbols is not None
    sent, got = made.symbols
    text = f"{len(sent)} of mean power {np.mean(np.abs(sent) ** 2):.3f}"
    if made.task["esn0_db"] is None:
        return f"{text}, without a channel"
    snr = -10 * np.log10(np.maximum(got.noise_variance, 1e-30))
    return f"{text}; {_snr_in_words(snr, made.task['esn0_db'])}"


def _snr_in_words(snr: np.ndarray, mean_esn0_db: float) -> str:
    low, high = np.quantile(snr, [0.05, 0.95])
    if high - low < 0.05:
        fade = low - mean_esn0_db
        faded = f", a fade of {fade:+.1f} dB" if abs(fade) > 0.005 else ""
        return f"Es/N0 {low:.2f} dB{faded}"
    middle = np.median(snr)
    return f"Es/N0 of nine in ten symbols {low:.1f} to {high:.1f} dB, of half above {middle:.1f} dB"


def _best_code(packet: PacketReplay, snr: np.ndarray) -> str | None:
    """What the best code of this length would do where all symbols have the same Es/N0."""
    from channels.limits import normal_approximation

    inspection, settings = packet.inspection, packet.settings
    assert inspection is not None
    assert settings is not None
    if len(inspection.attempts) > 1 or np.ptp(snr) > 0.05 or settings.code == "uncoded":
        return None
    uses = inspection.attempts[0].coded.shape[1] / settings.bits_per_symbol
    bits = inspection.frame.block_bits
    rate = normal_approximation(settings.modulation, float(snr[0]), bits, round(uses))
    whole = 1 - (1 - min(rate, 1.0)) ** inspection.frame.num_blocks
    return f"the best code of this length would lose {_share(whole)} here"


def _share(value: float) -> str:
    if value < 0.001:
        return "fewer than 1 in 1000"
    return "more than 99.9 %" if value > 0.999 else f"{100 * value:.3g} %"


def _list(numbers: Sequence[int] | np.ndarray, most: int = 6) -> str:
    shown = ", ".join(str(number) for number in numbers[:most])
    return shown if len(numbers) <= most else f"{shown}, ..."
