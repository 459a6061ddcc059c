"""Whoever does the jobs: each is done once, and a dead worker costs a retry, not the run."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from semcom import workers
from semcom.identity import encoding_id
from semcom.scenario import Scenario
from semcom.workers import Job, Order, Pool, open_pool, work

# functions of the tests are nested: those travel to other processes by value

BACKENDS = [
    pytest.param(None, id="processes"),
    pytest.param("dask", id="dask"),
    pytest.param("ray", id="ray", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=BACKENDS)
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """Two workers of each kind."""
    if request.param is not None:
        package, _ = workers.BACKENDS[request.param]
        pytest.importorskip(package, reason=f'needs pip install "semcom[{request.param}]"')
    with open_pool(2, request.param) as opened:
        yield opened


def jobs(count: int) -> list[Job]:
    return [Job("", (), f"job{number}", f"encode p{number}.png") for number in range(count)]


def dies(folder: Path, name: str, times: int, how: Callable[[], object]) -> Callable[[Job], Any]:
    """A function that takes its worker with it the first ``times`` times it does job ``name``."""

    def do(job: Job) -> dict[str, Any]:
        if job.id == name:
            tries = len(list(folder.iterdir()))
            if tries < times:
                (folder / str(tries)).touch()
                how()
        return {"id": job.id, "process": os.getpid()}

    return do


def exits() -> Callable[[], object]:
    return lambda: os._exit(1)


def is_killed() -> Callable[[], object]:
    return lambda: os.kill(os.getpid(), signal.SIGKILL)


def test_every_job_is_done_once_and_not_in_this_process(pool: Pool) -> None:
    rows = list(pool.rows(lambda job: {"id": job.id, "process": os.getpid()}, jobs(7)))
    assert sorted(row["id"] for row in rows) == [f"job{number}" for number in range(7)]
    assert os.getpid() not in {row["process"] for row in rows}


@pytest.mark.parametrize("end", [exits(), is_killed()], ids=["exit", "SIGKILL"])
def test_a_worker_that_dies_costs_a_retry(
    pool: Pool, tmp_path: Path, end: Callable[[], object]
) -> None:
    rows = list(pool.rows(dies(tmp_path, "job2", 1, end), jobs(7)))
    assert sorted(row["id"] for row in rows) == [f"job{number}" for number in range(7)]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_job_that_no_worker_survives_is_named_after_a_few_tries(
    pool: Pool, tmp_path: Path
) -> None:
    kept = []
    with pytest.raises(ChildProcessError, match=r"^encode p3.png: its worker died") as told:
        kept += [row["id"] for row in pool.rows(dies(tmp_path, "job3", 99, exits()), jobs(9))]
    assert "\n" not in str(told.value)
    assert "job3" not in kept
    assert 2 <= len(list(tmp_path.iterdir())) <= 4
    # and the workers are there again
    assert len(list(pool.rows(lambda job: {"id": job.id}, jobs(2)))) == 2


def test_a_cluster_that_stays_without_workers_ends_the_run_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("semcom.pool.PATIENCE", 0.01)
    answers = iter([False, True, False, False])  # one miss is a worker that starts again
    deserted = Pool(lambda *_: Future(), staffed=lambda: next(answers))
    with pytest.raises(ConnectionError, match=r"no worker for a while.*goes on from there"):
        list(deserted.rows(lambda job: {"id": job.id}, jobs(2)))
    assert next(answers, None) is None


def test_an_error_of_a_job_comes_back_as_it_was(pool: Pool) -> None:
    def fails(job: Job) -> dict[str, Any]:
        raise PermissionError(13, "cannot be written", "results/p0.png")

    with pytest.raises(PermissionError) as told:
        list(pool.rows(fails, jobs(3)))
    assert told.value.filename == "results/p0.png"


def test_a_worker_that_lacks_what_it_needs_is_not_taken_for_dead() -> None:
    def submit(*_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(ModuleNotFoundError("No module named 'semcom'\nand a traceback"))
        return future

    with pytest.raises(ConnectionError) as told:
        list(Pool(submit, died=(ChildProcessError,)).rows(lambda job: {"id": job.id}, jobs(2)))
    assert re.sub("p[01]", "p0", str(told.value)) == (
        "encode p0.png: a worker cannot do it (No module named 'semcom'); "
        "is the same semcom installed there?"
    )


def test_a_cluster_that_goes_away_is_one_sentence() -> None:
    def submit(*_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    with pytest.raises(ConnectionError, match=r"^the cluster was lost at encode p.\.png; what is"):
        list(Pool(submit).rows(lambda job: {"id": job.id}, jobs(2)))


def test_in_this_process_a_row_is_there_before_the_next_job_begins() -> None:
    begun = []

    def do(job: Job) -> dict[str, Any]:
        begun.append(job.id)
        return {"id": job.id}

    with open_pool() as pool:
        for number, row in enumerate(pool.rows(do, jobs(3)), start=1):
            assert row["id"] == begun[-1]
            assert len(begun) == number


@pytest.mark.parametrize(
    ("backend", "count", "message"),
    [
        ("slurm", 1, "no backend 'slurm': choose dask or ray"),
        ("dask://", 1, "no backend 'dask://'"),
        ("ray://nowhere", 1, "no backend 'ray://nowhere'"),
        ("dask://localhost:1", 4, "the cluster has the workers it has; leave --workers out"),
        (None, 0, "at least 1 is needed"),
    ],
)
def test_what_cannot_be_a_backend_is_refused(backend: str | None, count: int, message: str) -> None:
    pytest.importorskip("distributed", reason='needs pip install "semcom[dask]"')
    with pytest.raises(ValueError, match=message), open_pool(count, backend):
        pass


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_backend_that_is_not_installed_says_how_to_get_it(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(ImportError, match=rf'pip install "semcom\[{backend}\]"'),
        open_pool(1, backend),
    ):
        pass


@pytest.mark.parametrize("backend", ["dask", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_cluster_that_does_not_answer_is_refused(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(workers.BACKENDS[backend][0], reason=f"needs semcom[{backend}]")
    monkeypatch.setattr("semcom.pool.PATIENCE", 0.5)
    with (
        pytest.raises(ConnectionError, match=rf"^{backend}://127.0.0.1:9: no .* answers there"),
        open_pool(1, f"{backend}://127.0.0.1:9"),
    ):
        pass


def test_a_dask_cluster_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason='needs pip install "semcom[dask]"')
    monkeypatch.setattr("semcom.pool.PATIENCE", 2)
    with distributed.LocalCluster(
        n_workers=0, dashboard_address=":0", protocol="tcp", processes=False
    ) as cluster:
        backend = cluster.scheduler_address.replace("tcp://", "dask://")
        with pytest.raises(ConnectionError, match="has no workers"), open_pool(1, backend):
            pass


@pytest.mark.usefixtures("simple_parts")
class TestAWorkerThatDiffers:
    """Numbers are those of one run only if all of it has the same files and versions."""

    @pytest.fixture
    def order(self, scenario_text: str, tmp_path: Path) -> Order:
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "counts.jsonl").touch()
        return Order.of(Scenario.from_text(scenario_text), folder)

    def test_a_job_that_fits_is_done(self, order: Order) -> None:
        from semcom.workbench import Workbench

        bench = Workbench(order.scenario, order.folder)
        job = Job("encode", (0, 1), encoding_id(bench.setups[0], bench.sample_digests[1]), "")
        assert work(order, job)["id"] == job.id

    def test_other_versions_are_refused_by_name(self, order: Order) -> None:
        used = dict(order.versions) | {"numpy": "0.1"}
        other = dataclasses.replace(order, versions=tuple(used.items()))
        with pytest.raises(ValueError, match=r"a worker on .* has numpy .*, this run has 0\.1"):
            work(other, Job("encode", (0, 1), "", ""))

    def test_a_folder_it_does_not_see_is_refused(self, order: Order) -> None:
        (order.folder / "counts.jsonl").unlink()
        with pytest.raises(FileNotFoundError, match="use folders that all machines share"):
            work(order, Job("encode", (0, 1), "", ""))

    def test_other_pictures_or_weights_are_refused(self, order: Order) -> None:
        with pytest.raises(ValueError, match="has other pictures or weights than this run"):
            work(order, Job("encode", (0, 1), "the id of something else", "encode p1.png"))
