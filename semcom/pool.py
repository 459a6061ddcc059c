"""Pools of workers: this process, local processes, a Dask cluster or a Ray cluster.

A worker that dies (out of memory, killed, its machine gone) costs its jobs a retry. Local processes
die together, so those that were under way are then done one by one: the next death has one name.
Dask and Ray know what died and retry by themselves.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import math
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from semcom.results import Row

__all__ = ["BACKENDS", "Job", "Pool", "open_pool"]

#: how often a job may take its worker with it
TRIES = 3
#: seconds a cluster has to answer, and to show its first worker; twice as long it may have none
PATIENCE = 15.0


@dataclass(frozen=True)
class Job:
    """One of :data:`semcom.jobs.JOBS`, its arguments, the id of the row it makes, and its name."""

    verb: str
    arguments: tuple[Any, ...]
    id: str
    name: str


@dataclass(frozen=True)
class Pool:
    """Workers that run what they are given.

    ``submit(function, *arguments)`` returns a future. When it raises one of ``died``, its worker is
    gone; ``tries`` such ends are one too many. ``width`` jobs are under way at once. ``here`` says
    that they run in this very process. ``staffed()`` tells whether there is any worker at all.
    """

    submit: Callable[..., Future[Any]]
    died: tuple[type[BaseException], ...] = ()
    tries: int = 1
    width: float = math.inf
    here: bool = False
    staffed: Callable[[], bool] = lambda: True

    def rows(self, function: Callable[[Job], Row], jobs: Sequence[Job]) -> Iterator[Row]:
        """What ``function`` makes of ``jobs``, in the order in which they end.

        An error of ``function`` is raised here. ChildProcessError names a job that its workers do
        not survive, ConnectionError says that the cluster is gone.
        """
        fresh, suspects = deque(jobs), deque[Job]()
        deaths: Counter[str] = Counter()
        flying: dict[Future[Any], Job] = {}
        try:
            while fresh or suspects or flying:
                alone = suspects or any(deaths[job.id] for job in flying.values())
                while len(flying) < (1 if alone else self.width) and (suspects or fresh):
                    job = (suspects or fresh).popleft()
                    flying[self.submit(_caught, function, job)] = job
                done = self._ended(flying)
                lost = []
                for future in done:
                    job = flying.pop(future)
                    try:
                        answer = future.result()
                    except self.died:
                        lost.append(job)
                    except CancelledError as error:
                        raise ConnectionError(
                            f"the cluster was lost at {job.name}; what is done is kept, "
                            "the same command goes on from there"
                        ) from error
                    except Exception as error:  # not the job's own: see _caught
                        reason = str(getattr(error, "cause", None) or error).partition("\n")[0]
                        raise ConnectionError(
                            f"{job.name}: a worker cannot do it ({reason}); is the same semcom "
                            "installed there?"
                        ) from error
                    else:
                        if isinstance(answer, Exception):
                            raise answer
                        yield answer
                for job in lost:
                    deaths[job.id] += 1
                    if deaths[job.id] == self.tries:
                        raise ChildProcessError(
                            f"{job.name}: its worker died, tried again it died again (is there "
                            "enough memory?); what is done is kept, the same command goes on "
                            "from there"
                        )
                    suspects.append(job)
        finally:
            for future in flying:
                future.cancel()

    def _ended(self, flying: Mapping[Future[Any], Job]) -> set[Future[Any]]:
        """Those that ended, when any has; a cluster must not be without workers for long."""
        missing = False
        while True:
            done, _ = wait(flying, PATIENCE, return_when=FIRST_COMPLETED)
            if done:
                return done
            before, missing = missing, not self.staffed()
            if before and missing:
                name = next(iter(flying.values())).name
                raise ConnectionError(
                    f"{name}: the cluster has had no worker for a while; what is done is kept, "
                    "the same command goes on from there"
                )


def _caught(function: Callable[[Job], Row], job: Job) -> Row | Exception:
    """An error as a value: what a future raises is then about its worker, not about the job."""
    try:
        return function(job)
    except Exception as error:
        return error


@contextmanager
def open_pool(workers: int = 1, backend: str | None = None) -> Iterator[Pool]:
    """Workers for a run.

    :param workers: processes on this machine; an existing cluster has the workers it has
    :param backend: None, ``dask`` or ``ray`` for a cluster of that many processes on this machine,
        ``dask://HOST:PORT`` or ``ray://HOST:PORT`` for one that is there
    :raises ValueError: if there is no such backend
    :raises ImportError: if its package is not installed
    :raises ConnectionError: if the cluster does not answer

    >>> def shout(job):
    ...     return {"id": job.id.upper()}
    >>> with open_pool() as pool:
    ...     [row["id"] for row in pool.rows(shout, [Job("", (), "a", ""), Job("", (), "b", "")])]
    ['A', 'B']
    """
    if workers < 1:
        raise ValueError(f"{workers} workers cannot work: at least 1 is needed")
    if backend is None:
        with _processes(workers) if workers > 1 else _here() as pool:
            yield pool
        return
    name, _, address = backend.partition("://")
    if name not in BACKENDS or ("://" in backend and ":" not in address):
        raise ValueError(
            f"no backend {backend!r}: choose dask or ray, or with an address dask://HOST:PORT "
            "or ray://HOST:PORT"
        )
    package, opened = BACKENDS[name]
    if importlib.util.find_spec(package) is None:
        raise ImportError(f'{backend}: {name} is not installed; pip install "semcom[{name}]"')
    if address and workers > 1:
        raise ValueError(f"{backend}: the cluster has the workers it has; leave --workers out")
    with opened(workers, address) as pool:
        yield pool


@contextmanager
def _here() -> Iterator[Pool]:
    def submit(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future

    yield Pool(submit, width=1, here=True)


@contextmanager
def _processes(workers: int) -> Iterator[Pool]:
    """Processes of joblib; they stay for the next run and leave when idle for long."""
    from joblib.externals.loky import get_reusable_executor

    def submit(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        for _ in range(TRIES):
            executor = get_reusable_executor(
                workers,
                timeout=300,
                # many small tensors: more threads than cores only wait for each other
                env={"OMP_NUM_THREADS": "1"},
                initializer=_leave_with,
                initargs=(os.getpid(),),
            )
            with contextlib.suppress(BrokenExecutor):  # it broke just now: the next is a new one
                return executor.submit(function, *arguments)
        raise ChildProcessError("the worker processes die as soon as they start")

    yield Pool(submit, died=(BrokenExecutor,), tries=TRIES, width=2 * workers)


def _leave_with(parent: int) -> None:
    """End this process soon after ``parent``, which may have been killed without a word."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _dask(workers: int, address: str) -> Iterator[Pool]:
    from distributed import Client, KilledWorker, LocalCluster

    with contextlib.ExitStack() as stack:
        place: Any = f"tcp://{address}"
        if not address:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,  # a network that does not fit a share would pause its worker
                dashboard_address=":0",  # any free port
                silence_logs="ERROR",
            )
            place = stack.enter_context(cluster)
        try:
            client = stack.enter_context(Client(place, timeout=PATIENCE))
        except (OSError, ValueError) as error:
            raise ConnectionError(
                f"dask://{address}: no Dask scheduler answers there; start one with "
                "`dask scheduler` or correct the address"
            ) from error
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise ConnectionError(
                f"dask://{address}: this Dask cluster has no workers; start some with `dask worker`"
            ) from error
        yield Pool(
            client.get_executor(pure=False).submit,
            died=(KilledWorker,),
            width=1000,
            staffed=lambda: bool(client.scheduler_info(n_workers=-1)["workers"]),
        )


@contextmanager
def _ray(workers: int, address: str) -> Iterator[Pool]:
    # neither a report of use to its makers nor every worker's lines in ours
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    place: dict[str, Any] = {"address": f"ray://{address}"}
    if not address:
        place = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(**place, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises no narrower one when it does not start in time
        if not address:
            reason = str(error).partition("\n")[0]
            raise ConnectionError(f"ray: a cluster does not start here: {reason}") from error
        raise ConnectionError(
            f"ray://{address}: no Ray cluster answers there; start one with `ray start --head` "
            "or correct the address"
        ) from error
    run = ray.remote(max_retries=TRIES - 1)(_call)
    try:
        died = (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
            ray.exceptions.NodeDiedError,
        )
        yield Pool(lambda *call: run.remote(*call).future(), died=died, width=1000)
    finally:
        ray.shutdown()


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


#: name of a backend: the package it needs, and what opens its pool
BACKENDS: dict[str, tuple[str, Callable[[int, str], AbstractContextManager[Pool]]]] = {
    "dask": ("distributed", _dask),
    "ray": ("ray", _ray),
}
