"""What a table of block errors has to hold: payload sizes and SNRs of a scenario or by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from channels.tables import BlockErrorTable
from semcom.link_curve import link_of
from semcom.plan import Plan
from semcom.ranges import expand_numbers
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.workbench import Workbench
from semcom.yaml_source import YamlSource

__all__ = ["coding_alone", "frames", "parse_snrs", "payload_sizes", "start"]


def start(source: YamlSource, path: Path) -> tuple[BlockErrorTable, Scenario | None]:
    """The table in ``path`` for the link of a file, empty if there is none yet; its scenario.

    Raises ValueError where ``path`` holds a table of another link.
    """
    settings, scenario = link_of(source)
    made = BlockErrorTable.empty(settings)
    if path.exists():
        known = BlockErrorTable.load(path)
        try:
            known.check(settings)
        except ValueError as error:
            raise ValueError(f"{path}: {error}, in a file of its own") from None
        made = known
    return made, scenario


def parse_snrs(text: str, scenario: Scenario | None) -> list[float]:
    """Es/N0 in dB out of ``start:stop:step``, or of numbers with commas between.

    Without ``text``, the points of the scenario.

    >>> parse_snrs("-1:1:0.5", None), parse_snrs("4,2.5", None)
    ([-1.0, -0.5, 0.0, 0.5, 1.0], [2.5, 4.0])
    """
    if not text:
        sweep = scenario.sweep if scenario is not None else None
        if sweep is None or sweep.esn0_db == "auto":
            raise ValueError("no SNRs are given: say which with --esn0-db, e.g. --esn0-db=-2:6:0.5")
        return list(sweep.esn0_db)
    try:
        if ":" in text:
            begin, end, step = map(float, text.split(":"))
            return expand_numbers({"start": begin, "stop": end, "step": step})
        return expand_numbers([float(part) for part in text.split(",")])
    except ValueError as error:
        raise ValueError(
            f"--esn0-db {text}: write start:stop:step or numbers with commas between ({error})"
        ) from None


def coding_alone(scenario: Scenario | None, name: str) -> Scenario:
    """The scenario without its link, of which a run codes the pictures and nothing more."""
    if scenario is None:
        raise ValueError(f"{name}: only a scenario has pictures to code: leave out --run")
    return scenario.model_copy(update={"link": None, "sweep": None})


def payload_sizes(scenario: Scenario, folder: Path) -> set[int]:
    """Bytes of all packets that the transmitters of ``scenario`` made in ``folder``."""
    bench, known = Workbench(scenario, folder), Results.read(folder)
    tasks = itertools.chain(*Plan.of(bench, None).tasks.values())
    return {
        packet["bytes"]
        for task in tasks
        if task.transmitter < bench.on_air
        for packet in known.encodings[task.encoding]["packets"]
    }


def frames(
    table: BlockErrorTable, num_bytes: Iterable[int], esn0_db: Sequence[float]
) -> list[tuple[int, float]]:
    """Sizes, one for each frame, and SNRs that ``table`` does not hold yet.

    >>> from channels import LinkSettings
    >>> frames(BlockErrorTable.empty(LinkSettings()), [40, 41, 80], [1.0])
    [(41, 1.0), (80, 1.0)]
    """
    by_frame = {table.frame(size): size for size in sorted(num_bytes)}
    if not by_frame:
        raise ValueError("no payload size is given: say which with --bytes, or with --run")
    pairs = itertools.product(sorted(by_frame.values()), esn0_db)
    return [(size, snr) for size, snr in pairs if not table.holds(size, snr)]
