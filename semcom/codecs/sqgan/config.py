"""Sizes of the network: ``compact`` is shipped, ``paper`` as published, ``tiny`` for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["SIZES", "PathSize", "ResidualSize", "Size"]


@dataclass(frozen=True)
class PathSize:
    """One path. ``widths``: channels at 1/2, 1/4, 1/8 and 1/16 of the picture's size."""

    widths: tuple[int, int, int, int]
    full: int  # channels at full resolution
    code_dim: int
    codes: int = 1024
    demasking_blocks: int = 4
    spade_hidden: int = 32
    spade_kernel: int = 1
    blocks: int = 1  # residual blocks per level


@dataclass(frozen=True)
class ResidualSize:
    """Second tokens of the map. ``widths``: channels at 1/2, 1/4 and 1/8 of a window's size."""

    widths: tuple[int, int, int]
    code_dim: int = 16
    codes: int = 512


@dataclass(frozen=True)
class Size:
    """Both paths and second tokens; ``classes`` counts label classes without void."""

    image: PathSize
    label_map: PathSize
    residual: ResidualSize = ResidualSize((20, 26, 32))
    classes: int = 11

    def with_classes(self, classes: int) -> Size:
        return replace(self, classes=classes)


SIZES: dict[str, Size] = {
    "tiny": Size(
        image=PathSize((16, 24, 32, 32), 8, 16, codes=64, demasking_blocks=1, spade_hidden=8),
        label_map=PathSize((16, 16, 24, 32), 8, 16, codes=64, demasking_blocks=1, spade_hidden=8),
        residual=ResidualSize((8, 8, 8), codes=32),
    ),
    "compact": Size(
        image=PathSize((48, 64, 96, 144), 24, 16),
        label_map=PathSize((32, 48, 80, 112), 24, 16, demasking_blocks=3),
    ),
    "paper": Size(
        image=PathSize((128, 256, 256, 512), 128, 256, 1024, 8, 128, 3, 2),
        label_map=PathSize((128, 256, 256, 512), 128, 256, 1024, 8, 128, 3, 2),
        residual=ResidualSize((64, 96, 128), 32, 1024),
        classes=19,
    ),
}
