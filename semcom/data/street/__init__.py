"""Procedural street scenes, ray-traced with exact label maps, in CamVid's classes."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["render_set"]


def render_set(
    count: int,
    out: str | os.PathLike[str],
    *,
    split: str = "train",
    workers: int = 1,
    spp: int = 16,
    progress: Callable[[int, int, float], None] | None = None,
) -> int:
    """See :func:`semcom.data.street.generate.render_set`, which this loads only when called."""
    from semcom.data.street import generate

    return generate.render_set(count, out, split=split, workers=workers, spp=spp, progress=progress)
