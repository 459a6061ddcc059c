"""What several test files share: small real pictures, and parts simple enough to reason about."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from semcom.codecs.codec import Packet, Reconstruction

# what is slow on a busy machine is not wrong
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# two cores are shared by the tests; one thread each keeps them steady
os.environ.setdefault("OMP_NUM_THREADS", "1")


class BlockMeans:
    """A codec of the tests: block means in ``packets`` parts, lost parts are grey."""

    name = "blockmeans"
    needs_label_map = False
    encoded = 0
    decoded = 0

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid")
        packets: int = Field(2, ge=1)
        side: int = 8

    def __init__(self, settings: Settings, size: tuple[int, int] = (32, 64)) -> None:
        self.settings, self.size = settings, size

    def identity(self) -> dict[str, Any]:
        return {"codec": self.name, **self.settings.model_dump()}

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        type(self).encoded += 1
        side = self.settings.side
        height, width = self.size
        means = image.reshape(height // side, side, width // side, side, 3).mean((1, 3))
        parts = np.array_split(means.astype(np.uint8).reshape(-1, 3), self.settings.packets)
        return [Packet(part.tobytes(), rank=rank) for rank, part in enumerate(parts)]

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        type(self).decoded += 1
        side = self.settings.side
        height, width = self.size[0] // side, self.size[1] // side
        lengths = [len(p) for p in np.array_split(np.arange(height * width), len(payloads))]
        parts = [
            np.full((length, 3), 128, np.uint8)
            if payload is None
            else np.frombuffer(payload, np.uint8).reshape(length, 3)
            for payload, length in zip(payloads, lengths, strict=True)
        ]
        means = np.concatenate(parts).reshape(height, width, 3)
        kept = np.concatenate(
            [np.full(len(p), q is not None) for p, q in zip(parts, payloads, strict=True)]
        )
        return Reconstruction(
            means.repeat(side, 0).repeat(side, 1),
            extras={"kept_mask": kept.reshape(height, width)},
        )


class MeanError:
    """A metric of the tests: mean squared error as sums."""

    name = "mean_error"
    columns = ("mse",)
    needs_prediction = False
    measured = 0

    def measure(self, sample: Any, received: Reconstruction, predicted: Any) -> dict[str, int]:
        type(self).measured += 1
        difference = sample.image.astype(int) - received.image
        return {"squares": int((difference**2).sum()), "values": int(difference.size)}

    def summarise(self, rows: Sequence[Mapping[str, int]]) -> dict[str, float | None]:
        return {"mse": sum(r["squares"] for r in rows) / sum(r["values"] for r in rows)}


class Coin:
    """A link of the tests: a payload is lost as its seed and Es/N0 say, all above 5 dB arrive."""

    calls = 0

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def identity(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def check_device(self) -> None:
        """Coins need none."""

    def transmit(self, payloads: Sequence[bytes], esn0_db: float, seeds: Sequence[int]) -> Any:
        from channels import LinkReport, Transmission

        type(self).calls += 1
        received: list[bytes | None] = []
        reports = []
        for payload, seed in zip(payloads, seeds, strict=True):
            draw = int(hashlib.sha256(str(seed).encode()).hexdigest()[:8], 16) / 2**32
            lost = draw > (esn0_db + 5) / 10
            received.append(None if lost else payload)
            reports.append(
                LinkReport(
                    payloads=1,
                    payloads_lost=int(lost),
                    information_bits=8 * len(payload),
                    code_blocks=1,
                    block_errors=int(lost),
                    channel_uses=8 * len(payload),
                    iterations=3,
                )
            )
        return Transmission(received, reports)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of four small pictures."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(7)
    for number in range(4):
        pixels = rng.integers(0, 256, (4, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(folder / f"p{number}.png")
    return folder


@pytest.fixture
def simple_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codec, metric and link of this file instead of the project's, with their counters at 0."""
    for part in (BlockMeans, MeanError, Coin):
        for counter in ("encoded", "decoded", "measured", "calls"):
            if hasattr(part, counter):
                monkeypatch.setattr(part, counter, 0)
    monkeypatch.setattr("semcom.codecs.CODECS", {"blockmeans": BlockMeans}, raising=False)
    monkeypatch.setattr("semcom.metrics.METRICS", {"mean_error": MeanError}, raising=False)
    monkeypatch.setattr("channels.Link", Coin)


@pytest.fixture
def scenario_text(pictures: Path) -> str:
    return f"""\
title: four pictures
data: {{name: folder, root: {pictures}, size: [32, 64]}}
transmitters:
  - codec: blockmeans
    label: one packet
    settings: {{packets: 1}}
  - codec: blockmeans
    label: three packets
    settings: {{packets: 3}}
link: {{code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}}
sweep: {{esn0_db: {{start: -6, stop: 6, step: 3}}}}
metrics: [mean_error]
reference: false
seed: 1
"""
