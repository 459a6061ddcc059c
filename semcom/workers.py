"""The jobs of a run in this process or another: what a worker must know, and what is refused.

Workers hand rows back and leave pictures and payloads in the folder of the run, which all of them
must see; only the process that was started writes rows. What a job answers does not depend on who
did it: a worker whose files or versions differ is refused, see :func:`work`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from semcom.jobs import JOBS
from semcom.plan import versions
from semcom.pool import BACKENDS, Job, Pool, open_pool
from semcom.results import Row
from semcom.scenario import Scenario
from semcom.workbench import Workbench

__all__ = ["BACKENDS", "Job", "Order", "Pool", "open_pool", "work", "worked"]


@dataclass(frozen=True)
class Order:
    """What a worker must know besides its job: the run, and where and by what it was started."""

    scenario: Scenario = field(hash=False)
    folder: Path
    started_in: Path
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, scenario: Scenario, folder: Path) -> Order:
        return cls(scenario, folder.absolute(), Path.cwd(), tuple(versions().items()))


#: a Dask worker may have several threads; a workbench has room for one
_ONE_AT_A_TIME = threading.Lock()


def work(order: Order, job: Job) -> Row:
    """Do ``job`` in a worker process; each process builds its own workbench once.

    Raises ValueError or FileNotFoundError, naming the machine, if this worker does not see the
    folder of the run, has other versions, or other pictures or weights under the same names.
    """
    if not order.started_in.is_dir() or not (order.folder / "counts.jsonl").is_file():
        raise FileNotFoundError(
            f"{_me()} does not see {order.folder} and {order.started_in}; use folders that all "
            "machines share"
        )
    with _ONE_AT_A_TIME, contextlib.chdir(order.started_in):
        return _done(_workbench(order), job)


def worked(pool: Pool, bench: Workbench, order: Order, jobs: Sequence[Job]) -> Iterator[Row]:
    """Rows of ``jobs`` in the order in which they end, by ``bench`` where the pool is in here."""
    return pool.rows(partial(_done, bench) if pool.here else partial(work, order), jobs)


@lru_cache(maxsize=1)
def _workbench(order: Order) -> Workbench:
    mine, theirs = versions(), dict(order.versions)
    for name in theirs | mine:
        if mine.get(name) != theirs.get(name):
            raise ValueError(
                f"{_me()} has {name} {mine.get(name)}, this run has {theirs.get(name)}: numbers "
                "could differ; install the same versions everywhere"
            )
    return Workbench(order.scenario, order.folder)


def _me() -> str:
    return f"a worker on {socket.gethostname()}"


def _done(bench: Workbench, job: Job) -> Row:
    """The row of ``job``, whose id is what the job promised; ValueError else."""
    row = JOBS[job.verb](bench, *job.arguments)
    if row["id"] != job.id:
        raise ValueError(
            f"{job.name}: {_me()} has other pictures or weights than this run began with; what "
            "is done is kept, use the same files everywhere"
        )
    return row
