"""Joining the results of several machines: rows by identity, files by name.

Every row and every kept picture is named by exactly what changes it, so the same name with another
content is a contradiction (two programs behind one version, a damaged disk) and is refused. Only
the time that something took may differ; the shortest is kept, whatever the order of the folders.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semcom.files import write_atomically
from semcom.identity import digest
from semcom.plan import run_id
from semcom.results import FORMAT, Results, Row, read_rows
from semcom.scenario import Scenario
from semcom.summary import summarise, write_summary

__all__ = ["merge"]

#: what may differ between two rows of one identity
_OWN = ("v", "run", "ms", "started")
#: what the runs of one experiment may ask for differently, beside their points
_FREE = ("title", "transmitters", "metrics", "sweep", "reference")
_KEPT = ("packets", "pictures", "features")


def merge(folders: Sequence[Path], out: Path) -> Path:
    """Join the runs in ``folders`` into a run in the new folder ``out``; returns its summary.

    The runs must share pictures, link, scorer and seed; points, realisations, transmitters and
    metrics are joined. ``out`` can be run on like any other folder. Raises ValueError naming both
    folders where they contradict each other, and then leaves no results in ``out``.
    """
    if (out / "counts.jsonl").exists():
        raise ValueError(f"{out}: there are results already; merge into a new folder")
    if not folders:
        raise ValueError("there is nothing to merge: name the folders of runs")
    rows = _Rows()
    runs: list[tuple[Path, Row]] = []
    for folder in folders:
        path = folder / "counts.jsonl"
        if not path.is_file():
            raise FileNotFoundError(f"{folder}: there are no results here; `semcom run` makes them")
        newest = None
        for row in read_rows(path):
            rows.add(row, folder)
            newest = row if row["kind"] == "run" else newest
        if newest is None:
            raise ValueError(f"{folder}: nothing was run here; leave it out")
        runs.append((folder, newest))
    scenario, text = _joined_scenario(folders)
    last = _joined_run(runs, scenario)
    results = Results()
    kept = [*rows.kept(), last]
    for row in kept:
        results.add(row)
    for folder in folders:
        _copy_files(folder, out)
    write_atomically(out / "scenario.yaml", text)
    write_summary(summarise(results, out), out / "summary.csv")
    # last of all, so that a merge cut short can be asked for again
    lines = (json.dumps(row, separators=(",", ":")) + "\n" for row in kept)
    write_atomically(out / "counts.jsonl", "".join(lines))
    return out / "summary.csv"


class _Rows:
    """Rows by identity, each with the folder that it first came from."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[Row, Path]] = {}

    def add(self, row: Row, folder: Path) -> None:
        key = (row["kind"], row["id"])
        if key not in self._found:
            self._found[key] = (row, folder)
            return
        old, first = self._found[key]
        if row["kind"] == "run":
            return
        differing = _difference(old, row)
        if differing:
            raise ValueError(
                f"{first} and {folder} contradict each other: the {key[0]} {key[1]} has another "
                f"{differing} in each; merge only the one that you trust"
            )
        if row["kind"] == "measurement":
            old = old | {"metrics": old["metrics"] | row["metrics"]}
        if "ms" in row:
            old = old | {"ms": min(old["ms"], row["ms"])}
        self._found[key] = (old, first)

    def kept(self) -> Iterable[Row]:
        return (row for row, _ in self._found.values())


def _difference(a: Row, b: Row) -> str | None:
    """The first key in which two rows of one identity contradict each other."""
    for key in sorted((a.keys() | b.keys()) - set(_OWN)):
        if key == "metrics":  # one of them may have measured more
            for name in sorted(a[key].keys() & b[key].keys()):
                if a[key][name] != b[key][name]:
                    return f"count of {name}"
        elif key not in a or key not in b or a[key] != b[key]:
            return str(key)
    return None


def _joined_scenario(folders: Sequence[Path]) -> tuple[Scenario, str]:
    """One scenario that asks for everything that those in ``folders`` ask for, and its text."""
    first, path = None, folders[0] / "scenario.yaml"
    for folder in folders:
        one = Scenario.load(folder / "scenario.yaml")
        if first is None:
            first = joined = one
            continue
        for key in Scenario.model_fields.keys() - set(_FREE):
            a, b = (_without_root(getattr(scenario, key)) for scenario in (first, one))
            if a != b:
                raise ValueError(
                    f"{folders[0]} and {folder} differ in `{key}`: only runs that share it merge"
                )
        try:
            joined = _with_more(joined, one)
        except ValueError as error:
            raise ValueError(f"{folders[0]} and {folder} do not merge: {error}") from None
    assert first is not None
    text = path.read_text(encoding="utf-8") if joined == first else joined.to_yaml()
    return joined, text


def _without_root(value: Any) -> Any:
    """``value`` without where the data lie, which is each machine's own."""
    return value.model_copy(update={"root": None}) if hasattr(value, "root") else value


def _with_more(joined: Scenario, one: Scenario) -> Scenario:
    sweep = joined.sweep
    if sweep is not None and one.sweep is not None and sweep != one.sweep:
        sweep = sweep.joined(one.sweep)
    transmitters = (
        *joined.transmitters,
        *(t for t in one.transmitters if t not in joined.transmitters),
    )
    content = {name: getattr(joined, name) for name in Scenario.model_fields}
    return Scenario(
        **content
        | {
            "sweep": sweep,
            "transmitters": transmitters,
            "metrics": tuple(dict.fromkeys((*joined.metrics, *one.metrics))),
            "reference": joined.reference or one.reference,
        }
    )


def _joined_run(runs: Sequence[tuple[Path, Row]], scenario: Scenario) -> Row:
    """The row that says what the joined runs were asked for."""
    (first, newest), *others = runs
    plan = dict(newest["plan"])
    for folder, row in others:
        other = row["plan"]
        if other == plan:
            continue
        for key in ("images", "link", "seed", "scorer", "classes", "void_id"):
            if plan[key] != other[key]:
                raise ValueError(
                    f"{first} and {folder} differ in their {key.replace('_', ' ')}: only runs that "
                    "share them merge"
                )
        plan["esn0_db"] = sorted({*plan["esn0_db"], *other["esn0_db"]})
        plan["realisations"] = max(plan["realisations"], other["realisations"])
        plan["metrics"] = list(dict.fromkeys([*plan["metrics"], *other["metrics"]]))
        plan["transmitters"] = _joined_transmitters(plan, other, first, folder)
        plan["tasks"] = digest(*sorted({plan["tasks"], other["tasks"]}))
    return {
        "v": FORMAT,
        "kind": "run",
        "id": run_id(plan, newest["versions"]),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": newest["versions"],
        "plan": plan,
        "merged": [row["id"] for _, row in runs],
    }


def _joined_transmitters(a: Row, b: Row, first: Path, second: Path) -> list[Row]:
    """Transmitters of two plans, the uncoded pictures last, as a run would list them."""
    found = {one["label"]: one for one in a["transmitters"]}
    for one in b["transmitters"]:
        known = found.setdefault(one["label"], one)
        if known["setup"] != one["setup"]:
            raise ValueError(
                f"{first} and {second} mean different things by the transmitter {one['label']!r} "
                "(settings or weights): only runs that share it merge"
            )
        points = known.get("esn0_db"), one.get("esn0_db")
        if points[0] != points[1]:
            every = [
                list(x) if x is not None else p["esn0_db"]
                for x, p in zip(points, (a, b), strict=True)
            ]
            found[one["label"]] = known | {"esn0_db": sorted({*every[0], *every[1]})}
    return sorted(found.values(), key=lambda one: one["codec"] == "original")


def _copy_files(folder: Path, out: Path) -> None:
    """Copy what is kept by content; a file that is there must hold the same."""
    for name in _KEPT:
        for path in sorted((folder / name).rglob("*")):
            target = out / path.relative_to(folder)
            if path.name.startswith(".") or not path.is_file():
                continue
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".{target.name}.part")
                shutil.copyfile(path, part)
                os.replace(part, target)
            elif not _same(path, target):
                raise ValueError(
                    f"{path} and {target} contradict each other: merge only the run that you trust"
                )


def _same(a: Path, b: Path) -> bool:
    if a.read_bytes() == b.read_bytes():
        return True
    if a.suffix == ".png":  # written by another version of the library, perhaps
        with Image.open(a) as one, Image.open(b) as other:
            return np.array_equal(np.array(one), np.array(other))
    if a.suffix == ".npy":  # features differ by a rounding between processors
        one, other = (np.load(path, allow_pickle=False).astype(float) for path in (a, b))
        return one.shape == other.shape and np.allclose(one, other, rtol=2e-3, atol=2e-3)
    return False
