"""Curves of measured quality simple enough to reason about, and links with budgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from semcom.budget.allocator import Allocator
from semcom.budget.quality import Curve
from semcom.budget.settings import Allocation, BudgetLinkSettings

AXIS = (0.0, 20.0, 60.0, 150.0, 300.0)
#: share of right pixels by what arrived of the map (rows) and of the picture (columns)
RIGHT = np.array(
    [
        [0.10, 0.14, 0.18, 0.24, 0.30],
        [0.30, 0.42, 0.47, 0.50, 0.52],
        [0.42, 0.52, 0.58, 0.64, 0.67],
        [0.50, 0.60, 0.68, 0.74, 0.78],
        [0.52, 0.62, 0.70, 0.77, 0.82],
    ]
)


def confusion(right: np.ndarray, pixels: int = 1000) -> np.ndarray:
    """Two classes, equally often right, with an empty column for abstentions."""
    hits = np.round(pixels * right)
    misses = pixels - hits
    zero = np.zeros_like(hits)
    rows = np.stack([np.stack([hits, misses, zero], -1), np.stack([misses, hits, zero], -1)], -2)
    return np.asarray(rows)


def semantic_curve() -> Curve:
    """A codec with a label map and a picture, which is worth more under its map."""
    axes = (np.array(AXIS), np.array(AXIS))
    return Curve(
        codec="sqgan",
        settings={},
        weights=None,
        images=4,
        paths=("label_map", "image"),
        num_bytes=axes,
        confusion=confusion(RIGHT),
        columns={"psnr_db": 10 + 10 * RIGHT},
    )


def picture_curve() -> Curve:
    """A codec that sends one packet."""
    return Curve(
        codec="bpg",
        settings={},
        weights=None,
        images=4,
        paths=("image",),
        num_bytes=(np.array([0.0, 100.0, 400.0, 1600.0]),),
        confusion=confusion(np.array([0.1, 0.3, 0.6, 0.8])),
        columns={"psnr_db": np.array([8.0, 18.0, 22.0, 26.0])},
    )


def settings(channel_uses: int = 1000, channel: str = "awgn", **budget: Any) -> BudgetLinkSettings:
    return BudgetLinkSettings.model_validate(
        {"channel": channel, "budget": {"channel_uses": channel_uses, **budget}}
    )


@pytest.fixture
def allocator() -> Any:
    """Makes an allocator: ``allocator(uses, channel, packets=..., protection=..., score=...)``."""

    def make(
        channel_uses: int = 1000,
        channel: str = "awgn",
        packets: tuple[str, ...] = ("label_map", "image"),
        budget: dict[str, Any] | None = None,
        **allocation: Any,
    ) -> Allocator:
        curve = semantic_curve() if "label_map" in packets else picture_curve()
        link = settings(channel_uses, channel, **(budget or {}))
        return Allocator(curve, packets, link, Allocation(**allocation), channel_uses)

    return make
