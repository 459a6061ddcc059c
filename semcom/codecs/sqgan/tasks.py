"""Tasks: which classes matter, as tables of weights that may change from picture to picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml

__all__ = ["TASKS", "class_weights"]


@cache
def _tables() -> dict[str, dict[str, float]]:
    text = resources.files("semcom.codecs.sqgan").joinpath("tasks.yaml").read_text("utf-8")
    return yaml.safe_load(text)


#: names of the tables that come with the package
TASKS = ("driving", "mapping")


def class_weights(task: str | Mapping[str, float], classes: tuple[str, ...]) -> list[float]:
    """Weight per class of a task by name, or of a table of the user's own.

    >>> class_weights({"car": 2.5}, ("road", "car"))
    [1.0, 2.5]

    Raises ValueError for an unknown task or class and for a weight that is not positive.
    """
    if isinstance(task, str):
        if task not in _tables():
            raise ValueError(f"no task {task!r}: choose {', '.join(TASKS)} or give class weights")
        task = _tables()[task]
    for name, weight in task.items():
        if name not in classes:
            raise ValueError(f"task weight for {name!r}: classes are {', '.join(classes)}")
        if not weight > 0:
            raise ValueError(f"task weight of {name!r} must be positive, not {weight}")
    return [float(task.get(name, 1.0)) for name in classes]
