"""The experiment engine: what to compute, in which order, and nothing twice.

Every result is known by the digest of exactly what changes it (see :mod:`semcom.results`), so a
run does what is missing and stops: after a kill it goes on, complete it does nothing, and with more
points it adds those. Pictures are coded once per transmitter, all payloads of a point cross the
link in one batch, and a picture is rebuilt and measured once for every distinct set of received
packets, which above the cliff is once in all.

:func:`run` yields what happens as events (:mod:`semcom.events`) and prints nothing.
"""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from semcom.delivery import Delivery, Fate
from semcom.events import Event, Finished, Point, Progress, Started
from semcom.files import write_atomically
from semcom.grid import PICTURES, Probe, find_points, grid_id
from semcom.identity import (
    analog_receipt_id,
    digest,
    encoding_id,
    measurement_id,
    receipt_id,
)
from semcom.plan import WHOLE, Plan, Shard, Task, picture_order, picture_ranks, run_id, versions
from semcom.results import CountsFile, Results, Row
from semcom.scenario import Scenario
from semcom.stop import stages
from semcom.summary import summarise, write_summary
from semcom.workbench import Workbench
from semcom.workers import Job, Order, Pool, open_pool, worked

__all__ = ["run"]


def run(
    scenario: Scenario,
    folder: str | Path,
    *,
    text: str | None = None,
    workers: int = 1,
    backend: str | None = None,
    shard: Shard = WHOLE,
) -> Iterator[Event]:
    """Do what is missing of ``scenario`` in ``folder``, then derive ``summary.csv``.

    ``text`` is the scenario as its author wrote it, kept beside the results. ``workers`` processes
    share the pictures, or a ``backend``, a Dask or Ray cluster (:func:`semcom.workers.open_pool`);
    the numbers do not depend on who does what. A ``shard`` does its part alone, in a folder of its
    own; :func:`semcom.merge.merge` joins them. Raises ValueError, OSError or ImportError in one
    sentence for what the user can mend.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: a file is in the way; results need a folder")
    bench = Workbench(scenario, folder)
    # missing data or weights are reported before anything is written
    len(bench.dataset), bench.setups
    with open_pool(workers, backend) as pool, CountsFile(folder / "counts.jsonl") as file:
        yield from _Engine(bench, file, pool, shard).events(text)


class _Engine:
    """One run in one folder; every job it does is on disk before the next begins."""

    def __init__(self, bench: Workbench, file: CountsFile, pool: Pool, shard: Shard) -> None:
        self.bench, self.file, self.pool, self.shard = bench, file, pool, shard
        self.scenario, self.folder = bench.scenario, bench.folder
        self.order = Order.of(self.scenario, self.folder)
        self.results = Results.read(bench.folder)
        self.delivery = Delivery(bench, self.results)
        sweep = self.scenario.sweep
        self.finds_points = sweep is not None and sweep.esn0_db == "auto"
        self.stop = sweep.stop if sweep is not None else None
        if self.stop is not None and shard != WHOLE:
            raise ValueError(
                "a shard cannot tell when a point has enough pictures: leave out the shard, or "
                "sweep.stop"
            )
        self.link_digests = [
            digest(self.delivery.identity_of(number)) for number in range(len(bench.transmitters))
        ]
        self.setup_digests = [digest(setup) for setup in bench.setups]
        self.plan = self._planned([()] * len(bench.transmitters) if self.finds_points else None)
        self.computed = 0
        self.provenance = ""
        self.point_seconds: list[float] = []
        #: points where something is missing
        self.ahead: set[float | None] = set()

    def _planned(self, grids: Sequence[Sequence[float]] | None) -> Plan:
        links = self.delivery.identity, self.delivery.own_identities
        return Plan.of(self.bench, links[0], self.shard, grids, links[1])

    def events(self, text: str | None) -> Iterator[Event]:
        started = time.perf_counter()
        if self.finds_points:
            yield from self._find_points(text)
        self._describe(text)
        missing = {p: sum(map(self._missing, self.plan.tasks[p])) for p in self.plan.points}
        self.ahead = {point for point, count in missing.items() if count}
        total = sum(map(len, self.plan.tasks.values()))
        yield Started(
            images=len(self.bench.dataset),
            transmitters=self.bench.on_air,
            points=len(self.plan.points) - 1,
            tasks=total,
            done=total - sum(missing.values()),
            skipped=tuple(self.bench.dataset.skipped.values()),
            allocation=tuple(self.bench.allocation_lines()),
        )
        if self.stop is None:
            yield from self._encode(
                (task.transmitter, task.index)
                for encoding, tasks in self.plan.by_encoding().items()
                if encoding not in self.results.encodings or any(map(self._missing, tasks))
                for task in tasks[:1]
            )
        for point in self.plan.points:
            before, at = self.computed, time.perf_counter()
            for tasks in self._portions(point):
                if self.stop is not None:
                    yield from self._encode(
                        (task.transmitter, task.index) for task in tasks if self._missing(task)
                    )
                self._transmit(point, tasks)
                yield from self._receive(point, tasks)
                yield from self._measure(point, tasks)
            if self.computed > before and point is not None:
                self.point_seconds.append(time.perf_counter() - at)
            self.ahead.discard(point)
            rows = summarise(self.results, self.folder, points=[point], quick=True)
            yield Point(point, rows, self._seconds_left())
        write_summary(summarise(self.results, self.folder), self.folder / "summary.csv")
        yield Finished(self.folder, self.computed, time.perf_counter() - started)

    def _portions(self, point: float | None) -> Iterator[Sequence[Task]]:
        """The tasks of a point in portions; with a rule to stop, more until it is met."""
        tasks = self.plan.tasks[point]
        if self.stop is None:
            yield tasks
            return
        ranks = picture_ranks(self.scenario.seed, self.bench.sample_digests)
        for count in stages(len(self.bench.sample_digests)):
            yield [t for t in tasks if ranks[self.bench.sample_digests[t.index]] < count]
            rows = summarise(self.results, self.folder, points=[point], quick=True, first=count)
            enough = {row["label"] for row in rows if self.stop.met(row)}
            tasks = tuple(
                t for t in tasks if self.bench.transmitters[t.transmitter].label not in enough
            )

    def _describe(self, text: str | None) -> None:
        """Write down what is asked for and by which versions, unless it is the same as before."""
        used = versions()
        part = {} if self.shard == WHOLE else {"shard": str(self.shard)}
        self.provenance = run_id(self.plan.description, used, **part)
        if self.results.run is None or self.results.run["id"] != self.provenance:
            row = {
                "kind": "run",
                "id": self.provenance,
                "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "versions": used,
                "plan": self.plan.description,
                **part,
            }
            self._keep([row])
        write_atomically(self.folder / "scenario.yaml", text or self.scenario.to_yaml())

    def _missing(self, task: Task) -> bool:
        sent = self.results.transmissions.get(task.id)
        receipt = self.results.receipts.get(sent["receipt"]) if sent else None
        return receipt is None or self._unmeasured(task, receipt["picture"])

    def _unmeasured(self, task: Task, picture: str) -> bool:
        known = self.results.measurements.get(self._measurement(task, picture), ())
        return not set(self.scenario.metrics) <= set(known)

    def _measurement(self, task: Task, picture: str) -> str:
        sample = self.bench.sample_digests[task.index]
        return measurement_id(sample, picture, self.bench.scorer_digest)

    def _seconds_left(self) -> float | None:
        if not self.ahead:
            return 0.0
        if not self.point_seconds:
            return None
        return len(self.ahead) * statistics.median(self.point_seconds)

    def _find_points(self, text: str | None) -> Iterator[Event]:
        """Give every transmitter points around its cliff, those of an earlier run if it has any."""
        bench, seed = self.bench, self.scenario.seed
        some = picture_order(seed, bench.sample_digests)[:PICTURES]
        samples = [bench.sample_digests[index] for index in some]
        names = [
            grid_id(bench.setups[number], samples, self.delivery.link_of(number).identity(), seed)
            for number in range(bench.on_air)
        ]
        unknown = [number for number, name in enumerate(names) if name not in self.results.grids]
        if unknown:
            self._describe(text)
            yield from self._encode((number, index) for number in unknown for index in some)
        for done, number in enumerate(unknown):
            yield Progress("grid", None, done, len(unknown), None)
            label = bench.transmitters[number].label
            payloads = [bench.payloads(encoding_id(bench.codings[number], s)) for s in samples]
            link = self.delivery.link_of(number)
            places = self.plan.positions
            along = None if places is None else [places[index] for index in some]
            try:
                found = find_points(Probe(link, samples, payloads, seed, along))
            except ValueError as error:
                raise ValueError(f"{label}: {error}") from None
            self._keep([{"kind": "grid", "id": names[number], "transmitter": label, **found}])
            self.computed += 1
        grids = [self.results.grids[name]["esn0_db"] for name in names]
        self.plan = self._planned(grids + [()] * (len(bench.transmitters) - bench.on_air))

    def _encode(self, pictures: Iterable[tuple[int, int]]) -> Iterator[Event]:
        """Code the (transmitter, picture) whose payloads are not there yet."""
        jobs: dict[str, Job] = {}
        for transmitter, index in pictures:
            name = encoding_id(self.bench.codings[transmitter], self.bench.sample_digests[index])
            if not (name in self.results.encodings and self.bench.payload_file(name).is_file()):
                title = self._name("encode", transmitter, index)
                jobs[name] = Job("encode", (transmitter, index), name, title)
        # picture by picture: the segmenter's map of one serves all transmitters
        in_turn = sorted(jobs.values(), key=lambda job: job.arguments[1])
        yield from self._work("encode", None, in_turn)

    def _transmit(self, point: float | None, tasks: Iterable[Task]) -> None:
        """Send the payloads of ``tasks`` in one batch; their fate is on disk when this returns."""
        tasks = [task for task in tasks if task.id not in self.results.transmissions]
        if not tasks:
            return
        fates = self.delivery.fates(tasks, point, self.plan.positions)
        self._keep(
            {
                "kind": "transmission",
                "id": task.id,
                "transmitter": self.bench.transmitters[task.transmitter].label,
                "setup": self.setup_digests[task.transmitter],
                "link_identity": None if point is None else self.link_digests[task.transmitter],
                "seed": None if point is None else self.scenario.seed,
                "image": self.bench.dataset.names[task.index],
                "sample": self.bench.sample_digests[task.index],
                "esn0_db": point,
                "realisation": task.realisation,
                "encoding": task.encoding,
                "arrived": fate.arrived,
                "altered": fate.altered,
                "link": fate.counts,
                "receipt": self._receipt(task, fate),
            }
            for task, fate in zip(tasks, fates, strict=True)
        )
        self.computed += len(tasks)

    def _receipt(self, task: Task, fate: Fate) -> str:
        if self.bench.is_analog(task.transmitter):
            return analog_receipt_id(task.encoding, None if task.esn0_db is None else task.id)
        coding = self.bench.codings[task.transmitter]
        return receipt_id(coding, task.encoding, fate.arrived, fate.altered)

    def _receive(self, point: float | None, tasks: Iterable[Task]) -> Iterator[Event]:
        """Rebuild every picture of ``tasks`` that is not known yet, once per set of packets."""
        jobs: dict[str, Job] = {}
        for task in tasks:
            sent = self.results.transmissions[task.id]
            receipt = self.results.receipts.get(sent["receipt"])
            if receipt is None or (
                self._unmeasured(task, receipt["picture"])
                and not self.bench.pictures.has(receipt["picture"])
            ):
                verb, how = "receive", (sent["arrived"], sent["altered"])
                if self.bench.is_analog(task.transmitter):
                    verb, how = "receive_symbols", self._met(task)
                name = self._name("receive", task.transmitter, task.index, point)
                arguments = (task.transmitter, task.index, *how)
                jobs[sent["receipt"]] = Job(verb, arguments, sent["receipt"], name)
        yield from self._work("receive", point, list(jobs.values()))

    def _met(self, task: Task) -> tuple[Any, ...]:
        """What decides on the noise of a transmission of symbols."""
        if task.esn0_db is None:
            return (None,)
        position = None if self.plan.positions is None else self.plan.positions[task.index]
        return task.id, task.esn0_db, task.realisation, position

    def _measure(self, point: float | None, tasks: Iterable[Task]) -> Iterator[Event]:
        """Measure every received picture of ``tasks`` that is not measured yet, once each."""
        jobs: dict[str, Job] = {}
        for task in tasks:
            sent = self.results.transmissions[task.id]
            picture = self.results.receipts[sent["receipt"]]["picture"]
            if self._unmeasured(task, picture):
                key = self._measurement(task, picture)
                name = self._name("measure", task.transmitter, task.index, point)
                jobs[key] = Job("measure", (task.index, picture), key, name)
        # picture by picture: what metrics find in an original serves all that was received of it
        in_turn = sorted(jobs.values(), key=lambda job: job.arguments[0])
        yield from self._work("measure", point, in_turn)

    def _work(self, stage: str, point: float | None, jobs: list[Job]) -> Iterator[Event]:
        """Do ``jobs`` of the workbench, keeping the row of each as soon as it is done."""
        if not jobs:
            return
        yield Progress(stage, point, 0, len(jobs), None)
        first = 0.0
        rows = worked(self.pool, self.bench, self.order, jobs)
        for done, row in enumerate(rows, start=1):
            self._keep([row])
            self.computed += 1
            # the first one loads networks and says little of the others
            first = first or time.perf_counter()
            each = (time.perf_counter() - first) / (done - 1) if done > 1 else None
            left = None if each is None else each * (len(jobs) - done)
            yield Progress(stage, point, done, len(jobs), left)

    def _name(self, verb: str, transmitter: int, index: int, esn0_db: float | None = None) -> str:
        image, label = self.bench.dataset.names[index], self.bench.transmitters[transmitter].label
        return f"{verb} {image} of {label}" + ("" if esn0_db is None else f" at {esn0_db:g} dB")

    def _keep(self, rows: Iterable[Row]) -> None:
        rows = [{"run": self.provenance, **row} for row in rows]
        self.file.append(rows)
        for row in rows:
            self.results.add(row)
