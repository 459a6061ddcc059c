"""What a run is asked for: its tasks by identity, and a description of them for the results."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import semcom
from semcom.identity import digest, encoding_id, seed_from
from semcom.plugins import load_plugins
from semcom.positions import places_of
from semcom.scenario import Scenario
from semcom.workbench import Workbench

__all__ = [
    "WHOLE",
    "Plan",
    "Shard",
    "Task",
    "picture_order",
    "picture_ranks",
    "run_id",
    "versions",
]


@dataclass(frozen=True)
class Shard:
    """The ``number``-th (from 1) of ``of`` equal parts of a run; each part is a run of its own."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that people write as ``number/of``.

        >>> Shard.parse("2/8")
        Shard(number=2, of=8)
        >>> Shard.parse("0/8")
        Traceback (most recent call last):
        ValueError: shard '0/8': write number/of with a number from 1 to of, e.g. 1/8 to 8/8
        """
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(
                f"shard {text!r}: write number/of with a number from 1 to of, e.g. 1/8 to 8/8"
            )
        return cls(int(match[1]), int(match[2]))

    def holds(self, position: int) -> bool:
        """Whether the thing at ``position`` (from 0) of a list belongs to this shard."""
        return position % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


#: a run that is not shared out
WHOLE = Shard(1, 1)


@dataclass(frozen=True)
class Task:
    """One coded picture sent once at one point."""

    id: str
    transmitter: int
    index: int
    encoding: str
    esn0_db: float | None
    realisation: int


@dataclass(frozen=True)
class Plan:
    """All tasks of a scenario: ``points`` begins with None, the row without a channel."""

    points: tuple[float | None, ...]
    tasks: dict[float | None, tuple[Task, ...]]
    description: dict[str, Any]
    #: along a drive: name of the position of every picture
    positions: tuple[str, ...] | None

    @classmethod
    def of(
        cls,
        bench: Workbench,
        link_identity: dict[str, Any] | None,
        shard: Shard = WHOLE,
        grids: Sequence[Sequence[float]] | None = None,
        own_links: Mapping[int, dict[str, Any]] = MappingProxyType({}),
    ) -> Plan:
        """The plan of ``bench.scenario`` over a link with this identity (None: no link).

        A ``shard`` takes every so many-th picture, so that each is coded in one shard alone; the
        description is that of the whole run. ``grids`` are the points of each transmitter where
        they were found for it; else all have those of the scenario. ``own_links`` are identities of
        the links of transmitters that have their own. Raises ValueError where the link is along a
        drive that does not pass by a picture.
        """
        sweep = bench.scenario.sweep
        places = places_of(bench.scenario.link, bench.dataset.names)
        positions = None if places is None else bench.dataset.names
        found = {point for grid in grids or () for point in grid}
        points = (None, *(sorted(found) or (sweep.points if sweep else ())))
        tasks = {
            point: tuple(_tasks(bench, link_identity, point, grids, positions, own_links))
            for point in points
        }
        ids = [task.id for point in points for task in tasks[point]]
        description = _describe(bench, link_identity, points[1:], grids) | {"tasks": digest(ids)}
        for image, place in zip(description["images"], places or (), strict=False):
            image |= place
        for number, identity in own_links.items():
            description["transmitters"][number]["link_identity"] = identity
        own = {point: tuple(t for t in tasks[point] if shard.holds(t.index)) for point in points}
        return cls(points, own, description, positions)

    def by_encoding(self) -> dict[str, list[Task]]:
        """Tasks that send the same payloads."""
        found: dict[str, list[Task]] = {}
        for point in self.points:
            for task in self.tasks[point]:
                found.setdefault(task.encoding, []).append(task)
        return found


def picture_order(seed: int, samples: Sequence[str]) -> list[int]:
    """Numbers of the pictures in the order in which a part of them stands for all.

    Drawn by ``seed``, since neighbours in a data set may be neighbours in a film.
    """
    return sorted(range(len(samples)), key=lambda i: (seed_from(seed, "order", samples[i]), i))


def picture_ranks(seed: int, samples: Sequence[str]) -> dict[str, int]:
    """Place of every sample in :func:`picture_order`, the last one where it comes twice."""
    return {samples[index]: place for place, index in enumerate(picture_order(seed, samples))}


def _tasks(
    bench: Workbench,
    link_identity: dict[str, Any] | None,
    esn0_db: float | None,
    grids: Sequence[Sequence[float]] | None,
    positions: Sequence[str] | None,
    own_links: Mapping[int, dict[str, Any]],
) -> list[Task]:
    sweep, seed = bench.scenario.sweep, bench.scenario.seed
    repeats = sweep.realisations if sweep and esn0_db is not None else 1
    tasks = []
    for transmitter, coding in enumerate(bench.codings):
        if not bench.sends(transmitter, esn0_db):
            continue
        if grids is not None and esn0_db is not None and esn0_db not in grids[transmitter]:
            continue
        link = own_links.get(transmitter, link_identity)
        own = [link] if transmitter in own_links else []
        for index, sample in enumerate(bench.sample_digests):
            encoding = encoding_id(coding, sample)
            place = [] if positions is None else [positions[index]]
            for realisation in range(repeats):
                chance = [link, esn0_db, realisation, seed, *place]
                # what is coded alike and sent over links of its own is not one transmission
                name = digest("transmission", encoding, None if esn0_db is None else chance, *own)
                tasks.append(Task(name, transmitter, index, encoding, esn0_db, realisation))
    return tasks


def _describe(
    bench: Workbench,
    link_identity: dict[str, Any] | None,
    points: Sequence[float | None],
    grids: Sequence[Sequence[float]] | None,
) -> dict[str, Any]:
    scenario = bench.scenario
    return {
        "title": scenario.title,
        "transmitters": [
            {
                "label": transmitter.label,
                "group": group,
                "codec": getattr(codec, "display_name", codec.name),
                "label_map": transmitter.label_map_source,
                "setup": digest(setup),
                **({"camera": setup["camera"]} if "camera" in setup else {}),
                **_allocation(bench, number),
                **({} if grids is None else {"esn0_db": list(grids[number])}),
            }
            for number, (transmitter, group, codec, setup) in enumerate(
                zip(bench.transmitters, bench.groups, bench.codecs, bench.setups, strict=True)
            )
        ],
        "data": scenario.data.model_dump(mode="json", exclude={"root"}),
        "classes": list(bench.dataset.classes),
        "void_id": bench.dataset.void_id,
        "palette": bench.dataset.palette.tolist(),
        "images": [
            {"name": name, "sample": sample}
            for name, sample in zip(bench.dataset.names, bench.sample_digests, strict=True)
        ],
        "link": link_identity,
        "esn0_db": list(points),
        "realisations": scenario.sweep.realisations if scenario.sweep else 1,
        **_stop(scenario),
        "metrics": list(scenario.metrics),
        "scorer": bench.scorer_digest,
        "seed": scenario.seed,
    }


def _stop(scenario: Scenario) -> dict[str, Any]:
    """The rule by which points stop, if there is one."""
    if scenario.sweep is None or scenario.sweep.stop is None:
        return {}
    return {"stop": scenario.sweep.stop.model_dump(exclude_none=True)}


def _allocation(bench: Workbench, transmitter: int) -> dict[str, Any]:
    """With a budget: the link that one transmitter was given, and the points it is for."""
    if transmitter >= len(bench.allocated):
        return {}
    given = bench.allocated[transmitter]
    return {"link": given.link, "esn0_db": list(given.esn0_db)}


def run_id(description: Any, used: dict[str, str], **part: str) -> str:
    """Id of the row that says what a run is asked for, and by which versions."""
    return digest("run", description, used, *part.values())


def versions() -> dict[str, str]:
    """Versions of what makes the numbers, for the record."""
    found = {"semcom": semcom.__version__, "python": platform.python_version()}
    for name in (
        "torch",
        "sionna",
        "sionna-no-rt",
        "numpy",
        "pillow",
        "imagecodecs",
        "constriction",
    ):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | load_plugins()
