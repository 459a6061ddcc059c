"""A sheet of pictures in rows and columns, with words between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GAP", "TEXT", "Sheet", "coloured", "note"]

#: inches: a picture, a line of words, between two pictures, above the first and below the last row
WIDTH, TEXT, GAP = 2.75, 0.34, 0.06
_HEAD, _FOOT = 0.95, 0.55


class Sheet:
    """``columns`` of pictures of ``shape`` [H, W, ...]; positions count in inches from the top.

    ``rows`` tells from the height of a picture what the rows take in all.
    """

    def __init__(self, columns: int, shape: Sequence[int], rows: Callable[[float], float]) -> None:
        from matplotlib.figure import Figure

        self.height = WIDTH * shape[0] / shape[1]
        self._width = columns * (WIDTH + GAP) + GAP
        self._total = _HEAD + rows(self.height) + _FOOT
        self.figure = Figure(figsize=(self._width, self._total))

    def place(self, column: int, top: float) -> Axes:
        """An empty frame for a picture."""
        left = GAP + column * (WIDTH + GAP)
        axis = self.figure.add_axes(
            (
                left / self._width,
                1 - (top + self.height) / self._total,
                WIDTH / self._width,
                self.height / self._total,
            )
        )
        axis.set_axis_off()
        return axis

    def write(self, text: str, left: float, top: float, **style: Any) -> None:
        """A line of words."""
        self.figure.text(left / self._width, 1 - top / self._total, text, va="top", **style)

    def title(self, text: str) -> None:
        """The first line."""
        self.write(text, GAP, 0.1, fontsize=14, fontweight="bold")

    def head(self, text: str, column: int, top: float) -> None:
        """What a column shows."""
        self.write(text, GAP + column * (WIDTH + GAP), top, fontsize=10.5, color="#555555")

    def legend(self, classes: Sequence[str], palette: np.ndarray) -> None:
        """The colours of ``classes``, below all pictures; ``palette`` [C, 3] uint8."""
        from matplotlib.patches import Patch

        handles = [
            Patch(facecolor=tuple(palette[number] / 255), label=name.replace("_", " "))
            for number, name in enumerate(classes)
        ]
        if handles:
            self.figure.legend(
                handles=handles,
                loc="lower left",
                bbox_to_anchor=(0.0, 0.05 / self._total),
                ncols=min(len(handles), max(3, int(self._width / 1.25))),
                fontsize=9,
                handlelength=1.1,
                columnspacing=1.2,
            )


def coloured(label_map: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """``label_map`` [H, W] uint8 as a picture [H, W, 3] uint8."""
    from semcom.data import colourise

    return colourise(label_map, palette)


def note(axis: Axes, text: str, middle: bool = False) -> None:
    """Words on a picture, in its corner or in its middle."""
    axis.text(
        0.5 if middle else 0.016,
        0.5 if middle else 0.042,
        text,
        transform=axis.transAxes,
        ha="center" if middle else "left",
        va="center" if middle else "bottom",
        fontsize=8,
        color="#555555" if middle else "white",
        bbox=None
        if middle
        else {"facecolor": "#00000099", "edgecolor": "none", "boxstyle": "square,pad=0.25"},
    )
