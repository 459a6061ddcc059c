"""What happens in a run, as data: the engine yields it, the command line shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Event", "Finished", "Point", "Progress", "Started"]


@dataclass(frozen=True)
class Started:
    """A run begins: how much there is, and how much of it earlier runs left done."""

    images: int
    transmitters: int
    points: int
    tasks: int
    done: int
    #: why each sample that could not be read was left out
    skipped: tuple[str, ...] = ()
    #: with a budget: what every transmitter was given and why
    allocation: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` jobs of a ``stage`` (``encode``, ``receive``) at a point are done."""

    stage: str
    esn0_db: float | None
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class Point:
    """All transmitters are done at ``esn0_db`` (None: no channel); ``rows`` as in the summary."""

    esn0_db: float | None
    rows: list[dict[str, Any]]
    seconds_left: float | None


@dataclass(frozen=True)
class Finished:
    """The run is complete; ``computed`` jobs were done by it, the rest were there."""

    folder: Path
    computed: int
    seconds: float


Event = Started | Progress | Point | Finished
