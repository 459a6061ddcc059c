"""Make a table of measured quality from a run without a link.

The run says which codecs at which rates. For a codec that sends several paths the quality with one
of them lost is measured here, into the same folder, so nothing is measured twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semcom.budget.quality import Curve, QualityTable
from semcom.events import Progress
from semcom.identity import encoding_id, measurement_id, receipt_id
from semcom.results import CountsFile, Results, Row
from semcom.scenario import Scenario
from semcom.workbench import Workbench
from semcom.workers import Job, Order, open_pool, worked

__all__ = ["measure_losses", "table_of"]

#: settings that a budget decides on
RATE_SETTINGS = ("keep_fraction", "bits_per_pixel", "enhancement_share")
#: mean bytes of a path that differ by less are those of one setting
_SAME = 1.04


def measure_losses(
    scenario: Scenario, folder: Path, *, workers: int = 1, backend: str | None = None
) -> Iterator[Progress]:
    """Receive and measure every coded picture of the run with paths missing.

    The rows go to the run's counts as they are made, by ``workers`` or a ``backend`` as in
    :func:`semcom.sweep.run`.
    """
    bench = Workbench(scenario, folder)
    results = Results.read(folder)
    order = Order.of(scenario, folder)
    cells = _cells(bench, results)
    with open_pool(workers, backend) as pool, CountsFile(folder / "counts.jsonl") as file:
        # what is measured is known once it is received
        for stage, listed in (("receive", _receipts), ("measure", _measurements)):
            jobs = listed(bench, results, cells)
            for done, row in enumerate(worked(pool, bench, order, jobs), start=1):
                file.append([{"run": None, **row}])
                results.add(row)
                yield Progress(stage, None, done, len(jobs), None)


def _cells(bench: Workbench, results: Results) -> list[tuple[int, int, str]]:
    """Transmitter, picture and which packets arrive, once for the same packets."""
    found: dict[Any, tuple[int, int, str]] = {}
    for transmitter in range(bench.on_air):
        group = bench.groups[transmitter]
        for index, sample in enumerate(bench.sample_digests):
            encoding = _encoding(bench, transmitter, sample)
            payloads = bench.payloads(encoding)
            for arrived in _patterns(results.encodings[encoding]):
                kept = tuple(p for p, mark in zip(payloads, arrived, strict=True) if mark == "1")
                found.setdefault((group, index, kept), (transmitter, index, arrived))
    return list(found.values())


def _receipts(bench: Workbench, results: Results, cells: list[tuple[int, int, str]]) -> list[Job]:
    jobs: dict[str, Job] = {}
    for transmitter, index, arrived in cells:
        receipt = _receipt(bench, transmitter, index, arrived)
        if receipt not in results.receipts:
            title = f"receive {bench.dataset.names[index]} by its packets {arrived}"
            jobs[receipt] = Job("receive", (transmitter, index, arrived, {}), receipt, title)
    return list(jobs.values())


def _measurements(
    bench: Workbench, results: Results, cells: list[tuple[int, int, str]]
) -> list[Job]:
    jobs: dict[str, Job] = {}
    for transmitter, index, arrived in cells:
        receipt = _receipt(bench, transmitter, index, arrived)
        picture = results.receipts[receipt]["picture"]
        name = measurement_id(bench.sample_digests[index], picture, bench.scorer_digest)
        if not set(bench.scenario.metrics) <= set(results.measurements.get(name, ())):
            title = f"measure {bench.dataset.names[index]} by its packets {arrived}"
            jobs[name] = Job("measure", (index, picture), name, title)
    return list(jobs.values())


def _receipt(bench: Workbench, transmitter: int, index: int, arrived: str) -> str:
    encoding = _encoding(bench, transmitter, bench.sample_digests[index])
    return receipt_id(bench.setups[transmitter], encoding, arrived, {})


def _encoding(bench: Workbench, transmitter: int, sample: str) -> str:
    return encoding_id(bench.setups[transmitter], sample)


def _patterns(encoding: Row) -> list[str]:
    """Which packets arrive: all, and every set of whole paths."""
    kinds = [packet["kind"] for packet in encoding["packets"]]
    paths = list(dict.fromkeys(kinds))
    return [
        "".join("01"[number >> paths.index(kind) & 1] for kind in kinds)
        for number in range(2 ** len(paths))
    ]


def table_of(scenario: Scenario, folder: Path) -> QualityTable:
    """The table of a run whose losses are measured, one curve for each group of transmitters.

    Raises ValueError where something was not measured, and for a group that is no whole grid.
    """
    bench = Workbench(scenario, folder)
    results = Results.read(folder)
    groups: dict[str, list[int]] = {}
    for transmitter in range(bench.on_air):
        groups.setdefault(bench.groups[transmitter], []).append(transmitter)
    curves = tuple(_curve(bench, results, name, members) for name, members in groups.items())
    data = scenario.data.model_dump(mode="json", exclude={"root", "skip_bad"})
    return QualityTable(data, bench.scorer_digest, curves)


def _curve(bench: Workbench, results: Results, name: str, members: Sequence[int]) -> Curve:
    rows = [_measured(bench, results, transmitter) for transmitter in members]
    paths = rows[0]["paths"]
    axes, places = [], []
    for position, path in enumerate(paths):
        sizes = sorted({round(row["bytes"][position], 2) for row in rows})
        if len(sizes) < 1:
            raise ValueError(f"{name}: nothing was measured of its {path}")
        settings = _settings(sizes)
        axes.append(np.array([0.0, *(round(float(np.mean(own)), 2) for own in settings)]))
        places.append({size: n for n, own in enumerate(settings, start=1) for size in own})
    grid = tuple(len(axis) for axis in axes)
    confusion = np.full((*grid, *rows[0]["cells"][0][1].shape), -1, np.int64)
    columns: dict[str, np.ndarray] = {}
    for row in rows:
        at = [place[round(size, 2)] for place, size in zip(places, row["bytes"], strict=True)]
        for got, counts, values in row["cells"]:
            index = tuple(p if g else 0 for p, g in zip(at, got, strict=True))
            confusion[index] = counts
            for column, value in values.items():
                columns.setdefault(column, np.full(grid, np.nan))[index] = value
    if (confusion < 0).any():
        raise ValueError(
            f"{name}: its settings are no grid; give every m_x together with every m_s"
        )
    first = bench.transmitters[members[0]]
    return Curve(
        codec=first.codec,
        settings=first.settings.model_dump(mode="json", exclude=set(RATE_SETTINGS)),
        weights=bench.setups[members[0]]["codec"].get("weights"),
        images=len(bench.sample_digests),
        paths=paths,
        num_bytes=tuple(axes),
        confusion=confusion,
        columns={k: v for k, v in columns.items() if np.isfinite(v).all()},
    )


def _settings(sizes: Sequence[float]) -> list[list[float]]:
    """Rising ``sizes``, those of one setting together.

    Packets of one path do not know of the other, so the bytes of a path are a function of its own
    setting; but an enhancement fills its bytes more or less well with the base it refines.

    >>> _settings([100.0, 101.5, 300.0])
    [[100.0, 101.5], [300.0]]
    """
    found: list[list[float]] = []
    for size in sizes:
        if found and size < _SAME * found[-1][0]:
            found[-1].append(size)
        else:
            found.append([size])
    return found


def _measured(bench: Workbench, results: Results, transmitter: int) -> dict[str, Any]:
    """Mean bytes per path, and for every set of received paths its counts and columns.

    Raises ValueError where a picture was sent without one of the paths.
    """
    setup = bench.setups[transmitter]
    encodings = [results.encodings[encoding_id(setup, s)] for s in bench.sample_digests]
    paths = tuple(dict.fromkeys(packet["kind"] for packet in encodings[0]["packets"]))
    for encoding in encodings:
        if {packet["kind"] for packet in encoding["packets"]} != set(paths):
            raise ValueError(
                f"{bench.transmitters[transmitter].label}: not every picture was sent with the "
                f"same paths ({', '.join(paths)}): raise the lowest rate"
            )
    num_bytes = [
        sum(p["bytes"] for e in encodings for p in e["packets"] if p["kind"] == path)
        / len(encodings)
        for path in paths
    ]
    cells = []
    for arrived in _patterns(encodings[0]):
        receipts = [
            results.receipts.get(receipt_id(setup, encoding["id"], arrived, {}))
            for encoding in encodings
        ]
        if None in receipts:
            continue  # another transmitter sends the packets that are left, and was measured
        rows = [
            results.measurements[measurement_id(sample, receipt["picture"], bench.scorer_digest)]
            for sample, receipt in zip(bench.sample_digests, receipts, strict=True)
            if receipt is not None
        ]
        counts = np.sum([row["miou"]["confusion"] for row in rows], axis=0)
        columns = {
            column: value
            for name, metric in bench.metrics.items()
            if name not in ("miou", "miou_map")
            for column, value in metric.summarise([row[name] for row in rows]).items()
        }
        kinds = [packet["kind"] for packet in encodings[0]["packets"]]
        got = [arrived[kinds.index(path)] == "1" for path in paths]
        cells.append((got, counts, {k: v for k, v in columns.items() if v is not None}))
    return {"paths": paths, "bytes": num_bytes, "cells": cells}
