"""How good a picture is by the bytes that arrived of each path: tables of measured counts.

A table holds, for every codec, a grid over the bytes of its paths (``image``; SQ-GAN's
``label_map`` and ``image``), 0 bytes for a path that was lost. Each cell holds the confusion matrix
summed over the pictures and the other metrics' columns. What lies between cells is interpolated
over the logarithm of the bytes; mIoU is derived from counts at the very end, so that the
expectation over what may arrive is the mIoU of the mixture, not a mixture of ratios.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from semcom.files import write_atomically
from semcom.metrics.segmentation import mean_iou

__all__ = ["Curve", "QualityTable", "Score", "load_table"]

_FORMAT = "quality table 1"
_MOST_BYTES = 32 << 20
#: interpolated cells that are kept
_MOST_CELLS = 20_000

#: what a column is weighed with
Score = Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """One codec's grid.

    ``num_bytes`` holds, per path, the rising mean bytes of its grid with 0 (lost) first.
    ``confusion`` is [*grid, K, K + 1] summed over ``images`` pictures, ``columns`` maps further
    metrics to [*grid].
    """

    codec: str
    settings: dict[str, Any]
    weights: str | None
    images: int
    paths: tuple[str, ...]
    num_bytes: tuple[np.ndarray, ...]
    confusion: np.ndarray
    columns: dict[str, np.ndarray]
    _cells: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def least(self) -> tuple[int, ...]:
        """The fewest bytes per path that were measured."""
        return tuple(int(np.ceil(axis[1])) for axis in self.num_bytes)

    @property
    def most(self) -> tuple[int, ...]:
        """The most bytes per path that were measured: beyond, no better quality is known."""
        return tuple(int(np.ceil(axis[-1])) for axis in self.num_bytes)

    def record(self) -> dict[str, Any]:
        """The curve, JSON-able, counts as whole numbers."""
        return {
            "codec": self.codec,
            "settings": self.settings,
            "weights": self.weights,
            "images": self.images,
            "paths": list(self.paths),
            "num_bytes": [np.round(axis, 2).tolist() for axis in self.num_bytes],
            "confusion": self.confusion.astype(np.int64).tolist(),
            "columns": {k: np.round(v, 6).tolist() for k, v in self.columns.items()},
        }

    def at(self, num_bytes: Sequence[float]) -> tuple[np.ndarray, dict[str, float]]:
        """Confusion matrix and columns with ``num_bytes`` of each path received."""
        key = tuple(map(float, num_bytes))
        if key not in self._cells:
            if len(self._cells) > _MOST_CELLS:
                self._cells.clear()
            self._cells[key] = self._interpolate(key)
        return self._cells[key]

    def _interpolate(self, num_bytes: tuple[float, ...]) -> tuple[np.ndarray, dict[str, float]]:
        corners: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
        for axis, value in zip(self.num_bytes, num_bytes, strict=True):
            corners = [
                ((*index, i), share * part)
                for index, share in corners
                for i, part in _between(axis, value)
            ]
        confusion = sum(share * self.confusion[index] for index, share in corners)
        columns = {
            name: float(sum(share * grid[index] for index, share in corners))
            for name, grid in self.columns.items()
        }
        return np.asarray(confusion), columns

    def score(self, outcomes: Iterable[tuple[float, Sequence[float]]], score: Score) -> float:
        """Expected score of ``outcomes``: probability and bytes received of each path.

        Raises ValueError for a column that was not measured.
        """
        total, columns = np.zeros(self.confusion.shape[-2:]), dict.fromkeys(self.columns, 0.0)
        for probability, received in outcomes:
            if probability > 0:
                confusion, values = self.at(received)
                total += probability * confusion
                for name, value in values.items():
                    columns[name] += probability * value
        columns["miou"] = float(mean_iou(total))
        for name in score:
            if name not in columns:
                raise ValueError(
                    f"the score weighs {name!r}, which was not measured: the table of quality has "
                    + ", ".join(sorted(columns))
                )
        return sum(weight * columns[name] for name, weight in score.items())


def _between(axis: np.ndarray, value: float) -> list[tuple[int, float]]:
    """Indices and shares of the neighbours of ``value`` on an axis whose first entry is 0."""
    if value <= 0:
        return [(0, 1.0)]
    right = int(np.searchsorted(axis, value))
    if right == len(axis):
        return [(len(axis) - 1, 1.0)]
    if axis[right] == value:
        return [(right, 1.0)]
    if right == 1:  # between nothing and the least measured: no logarithm of 0
        share = value / axis[1]
    else:
        share = float(np.log(value / axis[right - 1]) / np.log(axis[right] / axis[right - 1]))
    return [(right - 1, 1 - share), (right, share)]


@dataclass(frozen=True)
class QualityTable:
    """Curves by codec, and what they were measured on."""

    data: dict[str, Any]
    scorer: str | None
    curves: tuple[Curve, ...]

    def curve(self, codec: str, settings: Mapping[str, Any]) -> Curve:
        """The curve of a codec; of several, the one measured with these ``settings``.

        Raises ValueError where the codec was not measured.
        """
        found = [curve for curve in self.curves if curve.codec == codec]
        if not found:
            raise ValueError(
                f"the table of quality has no codec {codec!r}, only "
                + ", ".join(sorted({curve.codec for curve in self.curves}))
                + ": measure it with `semcom curves`"
            )
        # settings that came after the table are none of its own
        same = [c for c in found if c.settings.items() <= settings.items()]
        return (same or found)[0]

    def to_json(self) -> str:
        """The table as text."""
        return json.dumps(
            {
                "format": _FORMAT,
                "data": self.data,
                "scorer": self.scorer,
                "curves": [curve.record() for curve in self.curves],
            },
            separators=(",", ":"),
        ).replace('{"codec"', '\n{"codec"')

    @classmethod
    def from_json(cls, text: str, name: str = "table of quality") -> QualityTable:
        """Read a table; ValueError in one sentence where it is none."""
        try:
            content = json.loads(text)
            if content["format"] != _FORMAT:
                raise ValueError(f"unknown format {content['format']!r}")
            curves = tuple(
                Curve(
                    codec=str(row["codec"]),
                    settings=dict(row["settings"]),
                    weights=row["weights"],
                    images=int(row["images"]),
                    paths=tuple(map(str, row["paths"])),
                    num_bytes=tuple(np.array(axis, float) for axis in row["num_bytes"]),
                    confusion=np.array(row["confusion"], float),
                    columns={k: np.array(v, float) for k, v in row["columns"].items()},
                )
                for row in content["curves"]
            )
            for curve in curves:
                _check(curve)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"{name}: not a table of measured quality ({reason})") from error
        return cls(content["data"], content["scorer"], curves)

    def save(self, path: Path) -> None:
        """Write the table, whole or not at all."""
        write_atomically(path, self.to_json() + "\n")


def _check(curve: Curve) -> None:
    grid = tuple(len(axis) for axis in curve.num_bytes)
    if len(grid) != len(curve.paths) or not 1 <= len(grid) <= 2:
        raise ValueError("a curve has one axis of bytes for each of its one or two paths")
    if any(axis[0] != 0 or len(axis) < 2 or (np.diff(axis) <= 0).any() for axis in curve.num_bytes):
        raise ValueError("the bytes of a path begin with 0 and rise")
    classes = curve.confusion.shape[-2]
    if curve.confusion.shape != (*grid, classes, classes + 1) or (curve.confusion < 0).any():
        raise ValueError("the confusion matrices do not fit the bytes")
    if any(values.shape != grid for values in curve.columns.values()):
        raise ValueError("the columns do not fit the bytes")


@lru_cache(maxsize=8)
def load_table(name: str) -> QualityTable:
    """A table by its shipped name or its file.

    Raises FileNotFoundError where there is none, ValueError where it is damaged.
    """
    shipped = resources.files("semcom.budget") / "tables" / f"{name}.json"
    if shipped.is_file():
        return QualityTable.from_json(shipped.read_text(encoding="utf-8"), name)
    path = Path(name)
    if not path.is_file():
        tables = resources.files("semcom.budget") / "tables"
        names = {file.name for file in tables.iterdir()}
        # a table lies beside the recipe that made it
        known = sorted(
            stem
            for stem in (name.removesuffix(".json") for name in names)
            if f"{stem}.yaml" in names and f"{stem}.json" in names
        )
        raise FileNotFoundError(
            f"no table of quality {name!r}: shipped are {', '.join(known)}; give one of these or "
            "a file made by `semcom curves`"
        )
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path}: too large for a table of measured quality")
    return QualityTable.from_json(path.read_text(encoding="utf-8"), str(path))
