"""Results on disk: counts appended as they come, never ratios.

``counts.jsonl`` holds one JSON object per line, each with its format version ``v``, a ``kind`` and
an ``id`` that is the digest of exactly what changes its answer:

========== =========================================================================================
kind       what it holds
========== =========================================================================================
run        what was asked for (transmitters, points, images, link, metrics) and by which versions
encoding   one picture coded by one transmitter: packets, their sizes and bits, milliseconds
receipt    one coded picture with some of its packets missing: the ``picture`` shown, milliseconds
measurement counts of metrics for one received picture
grid         the points found around the cliff of one transmitter, and what was seen on the way
transmission one coded picture over the link at one point: which packets arrived, the link's counts
========== =========================================================================================

Rows that are there twice count once, so files of several machines may be joined. A line torn by a
crash is dropped on reading and cut off before the next append.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

__all__ = ["FORMAT", "CountsFile", "Results", "read_rows"]

#: version of the rows; rows of another version are refused, not guessed at
FORMAT = 1
_LINES = 1000
Row = dict[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a counts file in order; a torn last line is left out.

    Raises ValueError naming file and line for anything else that is not a row of this version.
    """
    number = 0
    with path.open("rb") as file:
        while lines := list(itertools.islice(file, _LINES)):
            if not lines[-1].endswith(b"\n"):
                lines.pop()  # torn by a crash: its task runs again
            rows = _parsed(lines)
            for line in lines:
                number += 1
                try:
                    row = json.loads(line) if rows is None else rows.pop()
                    version = row["v"]
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    raise ValueError(
                        f"{path}:{number}: not a row of counts; remove the line to go on without it"
                    ) from error
                if version != FORMAT:
                    raise ValueError(
                        f"{path}:{number}: written in format {version}, this program reads format "
                        f"{FORMAT}; choose another folder"
                    )
                yield row


def _parsed(lines: list[bytes]) -> list[Any] | None:
    """Rows of ``lines`` from the last to the first, None where they must be looked at singly.

    Together they are parsed in half of the time, and share the memory of their keys.
    """
    try:
        rows = json.loads((b"[" + b",".join(lines) + b"]").decode())
    except (ValueError, RecursionError):
        return None
    return rows[::-1] if len(rows) == len(lines) else None


class CountsFile:
    """``counts.jsonl`` open for appending, by one process at a time.

    Every :meth:`append` is on the disk when it returns. If it fails half-way (a full disk), the
    file is cut back to its last whole row. Nothing is touched before the first :meth:`append`, and
    a new file that no row came into is taken away again, with the folders made for it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made = [folder for folder in path.parents if not folder.exists()]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("a+b", buffering=0)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write results here ({error.strerror}); choose another folder",
                str(path),
            ) from error
        try:
            _lock(self._file, path)
        except BaseException:
            self._file.close()
            raise
        self._torn: bool = True  # as far as is known

    def __enter__(self) -> CountsFile:
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:  # others are kept out until the file is gone
            if os.fstat(self._file.fileno()).st_size:
                return
            with contextlib.suppress(OSError):  # no longer empty, or not to be removed while open
                self.path.unlink()
                for folder in self._made:
                    folder.rmdir()

    def append(self, rows: Iterable[Row]) -> None:
        """Write ``rows`` (JSON-able, without ``v``) and wait until the disk holds them."""
        lines = [json.dumps({"v": FORMAT, **row}, separators=(",", ":")) + "\n" for row in rows]
        content = memoryview("".join(lines).encode())
        if self._torn:
            self._cut_torn_line()
            self._torn = False
        whole = self._file.seek(0, os.SEEK_END)
        try:
            while content:
                content = content[self._file.write(content) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(whole)
            raise OSError(
                error.errno,
                f"cannot write results ({error.strerror}); those so far are kept",
                str(self.path),
            ) from error

    def _cut_torn_line(self) -> None:
        end = self._file.seek(0, os.SEEK_END)
        position = end
        while position:
            start = max(0, position - 65536)
            self._file.seek(start)
            newline = self._file.read(position - start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        if position < end:
            self._file.truncate(position)


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return
    busy = f"{path}: another run is writing here; wait for it or choose another folder"
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(busy) from error
    except OSError:  # no such locks on this file system
        return
    if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
        raise ValueError(busy)  # it was refused, and took its empty file away


@dataclass
class Results:
    """All rows of a counts file, by kind and id; rows that come twice count once."""

    run: Row | None = None
    #: every ``run`` row by its id
    runs: dict[str, Row] = field(default_factory=dict)
    grids: dict[str, Row] = field(default_factory=dict)
    encodings: dict[str, Row] = field(default_factory=dict)
    receipts: dict[str, Row] = field(default_factory=dict)
    measurements: dict[str, dict[str, Any]] = field(default_factory=dict)
    transmissions: dict[str, Row] = field(default_factory=dict)
    #: transmissions by the digest of their transmitter's setup and Es/N0
    by_point: dict[tuple[str, float | None], list[Row]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Results:
        """Results in ``folder``, empty if there is no counts file yet."""
        results = cls()
        path = folder / "counts.jsonl"
        if path.is_file():
            for number, row in enumerate(read_rows(path), start=1):
                try:
                    results.add(row)
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    raise ValueError(
                        f"{path}:{number}: not a row that this program knows; remove the line to "
                        "go on without it"
                    ) from error
        return results

    def knows(self, transmission: Row) -> bool:
        """Whether what was sent and what was received are there, too."""
        return (
            transmission["encoding"] in self.encodings and transmission["receipt"] in self.receipts
        )

    def add(self, row: Row) -> None:
        """Take up one row; the newest ``run`` row says what is asked for now."""
        kind = row["kind"]
        if kind == "run":
            self.run = self.runs[row["id"]] = row
        elif kind == "grid":
            self.grids.setdefault(row["id"], row)
        elif kind == "encoding":
            self.encodings.setdefault(row["id"], row)
        elif kind == "receipt":
            self.receipts.setdefault(row["id"], row)
        elif kind == "measurement":
            self.measurements.setdefault(row["id"], {}).update(row["metrics"])
        elif kind == "transmission":
            if row["id"] not in self.transmissions:
                self.transmissions[row["id"]] = row
                self.by_point.setdefault((row["setup"], row["esn0_db"]), []).append(row)
        else:
            raise ValueError(f"a row of counts of the unknown kind {kind!r}")
