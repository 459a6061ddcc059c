"""A replayed transmission as files: the figure, the pictures, and everything in JSON."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semcom.files import write_atomically
from semcom.replay import PacketReplay, Replay
from semcom.replay_words import reason, symbols_in_words

__all__ = ["reason", "write_replay"]


def write_replay(made: Replay, folder: Path) -> list[Path]:
    """Write ``replay.png``, ``replay.json`` and the pictures to ``folder``; returns their paths."""
    import matplotlib

    from semcom.figure_style import STYLE
    from semcom.replay_figure import draw_replay

    content = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        draw_replay(made).savefig(content, format="png", dpi=130)
    files: dict[str, str | bytes] = {
        "replay.png": content.getvalue(),
        "replay.json": json.dumps(_facts(made), indent=1) + "\n",
        "received.png": _png(made.received.image),
        "complete.png": _png(made.complete.image),
    }
    for name, data in files.items():
        write_atomically(folder / name, data)
    return [folder / name for name in files]


def _facts(made: Replay) -> dict[str, Any]:
    """All that was replayed, as plain data."""
    return {
        "task": made.task,
        "exactly_as_in_the_results": not made.differences,
        "differences": list(made.differences),
        "packets": [_packet_facts(packet, made.task["esn0_db"]) for packet in made.packets],
        **({} if made.symbols is None else {"symbols": symbols_in_words(made)}),
    }


def _packet_facts(packet: PacketReplay, mean_esn0_db: float | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": packet.kind,
        "bits": packet.bits,
        "sent": packet.sent.hex(),
        "received": None if packet.received is None else packet.received.hex(),
        "why": reason(packet, mean_esn0_db),
    }
    if packet.inspection is not None:
        facts["report"] = asdict(packet.inspection.report)
        facts["attempts"] = [
            {
                "esn0_db_median": None if one.esn0_db is None else float(np.median(one.esn0_db)),
                "coded_bits_flipped": one.flipped.sum(axis=1).tolist(),
                "bits_wrong_after_decoding": one.wrong.sum(axis=1).tolist(),
                "iterations": one.iterations.tolist(),
            }
            for one in packet.inspection.attempts
        ]
    return facts


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
