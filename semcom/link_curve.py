"""Error rates of one link against SNR: read it from a file, measure its cliff, keep every point.

The folder of a curve holds ``points.jsonl`` (counts, appended as they come), and derived from them
``points.csv``, ``curve.json`` and the figure ``error_rates`` as PNG and PDF.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from channels import Link, LinkReport, LinkSettings
from channels.curves import Cliff, Point, find_cliff, references
from semcom.files import write_atomically, write_csv
from semcom.identity import digest
from semcom.results import CountsFile, read_rows
from semcom.scenario_errors import explain
from semcom.yaml_source import YamlSource

if TYPE_CHECKING:
    from channels.curves import References
    from semcom.scenario import Scenario

__all__ = ["Curve", "link_of", "read_link"]


class _LinkFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    link: LinkSettings


def read_link(path: Path) -> LinkSettings:
    """The ``link`` block of a YAML file that holds nothing else, or of a whole scenario.

    Raises FileNotFoundError, or ValueError with file, line and column of each mistake.
    """
    settings, _ = link_of(YamlSource.read(path))
    if settings.block_errors is not None:
        raise ValueError(
            f"{path}: link.block_errors names a table, so there is nothing to measure: leave it out"
        )
    return settings


def link_of(source: YamlSource) -> tuple[LinkSettings, Scenario | None]:
    """The ``link`` block of a file, and the scenario where it is one."""
    if not isinstance(source.data, dict) or "link" not in source.data:
        raise ValueError(f"{source.name}: there is no link block; write link: {{code: ldpc, ...}}")
    if set(source.data) == {"link"}:
        try:
            return _LinkFile.model_validate(source.data).link, None
        except ValidationError as error:
            raise explain(error, source) from None
    from semcom.scenario import Scenario

    scenario = Scenario.from_source(source)
    if scenario.has_budget:
        raise ValueError(
            f"{source.name}: the link has a budget, which chooses another code rate for every "
            "point: give a link with a rate and a modulation"
        )
    if scenario.link is None:
        raise ValueError(f"{source.name}: link is none, so there is nothing to measure")
    return scenario.link, scenario


@dataclass(frozen=True)
class Curve:
    """What is measured: random payloads of ``num_bytes`` over a link, by these rules."""

    link: Link
    num_bytes: int
    #: the cliff ends where the block error rate is down to this
    low: float = 0.001
    max_errors: int = 100
    seed: int = 0

    @property
    def id(self) -> str:
        """Digest of all that changes a point."""
        rules = [self.num_bytes, self.low, self.max_errors, self.seed]
        return digest("link curve", self.link.identity(), rules)

    @property
    def title(self) -> str:
        """The link in a few words, for the figure."""
        settings = self.link.settings
        words = [f"{settings.code} of rate {settings.rate:g}", settings.modulation]
        words.append(settings.channel)
        if settings.receive_antennas > 1:
            pair = f"{settings.transmit_antennas}x{settings.receive_antennas}"
            words.append(f"{pair} {settings.detector}" if settings.detector else pair)
        if settings.attempts > 1:
            words.append(f"{settings.attempts} attempts ({settings.combining})")
        return ", ".join([*words, f"{self.num_bytes} bytes"])

    def limits(self) -> References | None:
        """What theory says of the link, for white noise."""
        return references(self.link, self.num_bytes)

    def measure(
        self, folder: Path | None = None, on_point: Callable[[Point], None] | None = None
    ) -> Cliff:
        """Find the cliff; every point is on disk in ``folder`` before the next one begins.

        Points that are there already are not measured again.
        """
        rules: dict[str, Any] = {
            "low": self.low, "max_errors": self.max_errors, "seed": self.seed,
        }  # fmt: skip
        if folder is None:
            return find_cliff(self.link, self.num_bytes, on_point=on_point, **rules)
        with CountsFile(folder / "points.jsonl") as file:

            def keep(point: Point) -> None:
                counts = asdict(point.report)
                file.append([{"kind": "point", "id": self.id, "esn0_db": point.esn0_db, **counts}])
                if on_point is not None:
                    on_point(point)

            known = self.points(folder)
            return find_cliff(self.link, self.num_bytes, known=known, on_point=keep, **rules)

    def points(self, folder: Path) -> list[Point]:
        """Points of this curve that ``folder`` holds, by rising SNR."""
        path = folder / "points.jsonl"
        found = {}
        for row in read_rows(path) if path.is_file() else ():
            if row["id"] == self.id:
                snr = row["esn0_db"]
                report = LinkReport(**{key: row[key] for key in asdict(LinkReport())})
                found[snr] = Point(snr, self.link.ebn0_db(snr, self.num_bytes), report)
        return [found[snr] for snr in sorted(found)]

    def write(self, folder: Path) -> list[Path]:
        """Derive tables and figures from the points in ``folder``; returns the files."""
        points = self.points(folder)
        if not points:
            return []
        rows = [point.row() for point in points]
        limits = self.limits()
        content = {
            "link": self.link.identity(),
            "payload_bytes": self.num_bytes,
            "seed": self.seed,
            "max_errors": self.max_errors,
            "cliff": _cliff(Cliff(points, 0.9, self.low)),
            "limits": None if limits is None else _finite(asdict(limits)),
            "points": rows,
        }
        paths = [folder / "points.csv", folder / "curve.json"]
        write_csv(paths[0], rows)
        write_atomically(paths[1], json.dumps(content, indent=1) + "\n")
        return paths + self._draw(folder, points)

    def _draw(self, folder: Path, points: list[Point]) -> list[Path]:
        import matplotlib

        from channels.plots import plot_error_rates
        from semcom.figure_style import STYLE

        paths = []
        with matplotlib.rc_context(STYLE):
            figure = plot_error_rates(points, limits=self.limits(), title=self.title)
            for suffix in ("png", "pdf"):
                image = io.BytesIO()
                figure.savefig(image, format=suffix)
                paths.append(folder / f"error_rates.{suffix}")
                write_atomically(paths[-1], image.getvalue())
        return paths


def _cliff(cliff: Cliff) -> dict[str, float | None]:
    """SNRs in dB at which the rate is passed; None where a stopped search did not get there."""
    found: dict[str, float | None] = {}
    for rate in (cliff.high, 0.1, 0.01, cliff.low):
        try:
            found[f"{rate:g}"] = cliff.esn0_db(rate)
        except ValueError:
            found[f"{rate:g}"] = None
    return found


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
