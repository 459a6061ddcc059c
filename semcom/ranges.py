"""Lists of numbers as people write them: numbers, lists, ``{start, stop, step}``, or a mix."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

__all__ = ["expand_numbers"]

MOST_NUMBERS = 10_000


def expand_numbers(value: Any) -> list[float]:
    """Ascending distinct numbers that ``value`` stands for; ``stop`` is included.

    Steps are counted in decimals, so 0.1 three times from 0 is 0.3 and not 0.30000000000000004.
    Raises ValueError in one sentence.

    >>> expand_numbers({"start": 0, "stop": 0.3, "step": 0.1})
    [0.0, 0.1, 0.2, 0.3]
    >>> expand_numbers([4, -2, {"start": 0, "stop": 1, "step": 0.5}])
    [-2.0, 0.0, 0.5, 1.0, 4.0]
    """
    numbers: set[float] = set()
    for part in value if isinstance(value, list) else [value]:
        numbers.update(_range(part) if isinstance(part, dict) else [_number(part)])
        if len(numbers) > MOST_NUMBERS:
            raise ValueError(f"more than {MOST_NUMBERS} numbers: take a larger step")
    if not numbers:
        raise ValueError("no number is given")
    return sorted(numbers)


def _range(part: dict[Any, Any]) -> list[float]:
    if set(part) != {"start", "stop", "step"}:
        raise ValueError(
            "a range is {start, stop, step}, e.g. {start: -2, stop: 6, step: 0.5}; this one has "
            + (", ".join(sorted(map(str, part))) or "nothing")
        )
    start, stop, step = (Decimal(repr(_number(part[key]))) for key in ("start", "stop", "step"))
    if step <= 0:
        raise ValueError(f"step is {step}: it must be above 0")
    if stop < start:
        raise ValueError(f"stop ({stop}) lies below start ({start})")
    count = int((stop - start) / step) + 1
    if count > MOST_NUMBERS:
        raise ValueError(f"the range holds {count} numbers: take a larger step")
    return [float(start + step * index) for index in range(count)]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value) + 0.0  # -0.0 and 0.0 are one point
