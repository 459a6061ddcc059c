"""The transmitters of a scenario with a budget: one for every frame that is chosen at some point.

The choices are written to ``allocation.json`` in the folder of the run, with their reasons; other
processes of the run read them there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcom.budget.allocator import Allocator
from semcom.budget.fitting import FittedSettings, packet_paths
from semcom.budget.frame import Frame
from semcom.budget.measure import RATE_SETTINGS
from semcom.budget.quality import load_table
from semcom.budget.settings import Allocation, BudgetLinkSettings
from semcom.codecs.codec import is_analog
from semcom.files import write_atomically
from semcom.identity import digest

if TYPE_CHECKING:
    from semcom.scenario import Scenario, Transmitter

__all__ = ["Allocated", "allocate", "allocation_lines", "settings_without_rate"]

#: settings of analog codecs that a budget decides on
ANALOG_SETTINGS = ("channel_uses", "channel_uses_per_pixel", "design_esn0_db")
# Raised whenever the same settings lead to other frames than before.
_REVISION = 1


@dataclass(frozen=True)
class Allocated:
    """A transmitter with its frame, and the points of the sweep where it is chosen."""

    group: str
    transmitter: Transmitter
    esn0_db: tuple[float, ...]
    #: code, rate, modulation and channel in four words
    link: str
    record: dict[str, Any]


def allocate(scenario: Scenario, folder: Path | None = None) -> list[Allocated]:
    """Every frame of the scenario, in the order of its transmitters and points.

    Choices that an earlier call left in ``folder`` are taken from there. Raises ValueError where
    the budget is too small for a transmitter, or its quality was not measured.
    """
    assert isinstance(scenario.link, BudgetLinkSettings)
    table = load_table(scenario.link.budget.quality)
    key = digest("allocation", _REVISION, scenario.model_dump(mode="json"), table.to_json())
    file = None if folder is None else folder / "allocation.json"
    rows = _read(file, key)
    if rows is None:
        rows = [row for pair in scenario.expanded_transmitters() for row in _rows(scenario, *pair)]
        if file is not None:
            write_atomically(file, json.dumps({"key": key, "choices": rows}, indent=1) + "\n")
    named = {pair[1].label: pair for pair in scenario.expanded_transmitters()}
    return [_allocated(scenario, row, *named[row["transmitter"]]) for row in rows]


def settings_without_rate(codec: str, settings: Any) -> Any:
    """The settings of ``codec`` as a dictionary, checked; the budget decides on its rate.

    >>> settings_without_rate("bpg", {})
    {}
    """
    from semcom.codecs import CODECS

    model = CODECS[codec].Settings
    if is_analog(CODECS[codec]):
        return _without(model, settings, ANALOG_SETTINGS, {"channel_uses": 1})
    if not set(RATE_SETTINGS) & set(model.model_fields):
        raise ValueError(f"the codec {codec} has no rate that a budget could decide on")
    needed = {"bits_per_pixel": 1.0} if model.model_fields["bits_per_pixel"].is_required() else {}
    return _without(model, settings, RATE_SETTINGS, needed)


def _without(model: Any, settings: Any, decided: Sequence[str], needed: dict[str, Any]) -> Any:
    """``settings`` checked without what the budget has ``decided``; ``needed`` stands for it."""
    if not isinstance(settings, Mapping):
        return model.model_validate(settings)  # says what is wrong
    for name in decided:
        if name in settings:
            raise ValueError(
                f"{name} stands beside an allocation, which decides on it: leave it out"
            )
    checked = model.model_validate({**settings, **needed})
    return checked.model_dump(mode="json", exclude=set(decided))


def _rows(scenario: Scenario, group: str, transmitter: Transmitter) -> Iterable[dict[str, Any]]:
    from semcom.codecs import CODECS

    height, width = scenario.data.size
    sizes = scenario.link.budget.sizes(height * width)
    for channel_uses in sizes:
        shown = f"{transmitter.label}, {channel_uses} uses" if len(sizes) > 1 else transmitter.label
        analog = is_analog(CODECS[transmitter.codec])
        rows = _analog_rows if analog else _rows_of_size
        yield from rows(scenario, transmitter, channel_uses, shown)


def _analog_rows(
    scenario: Scenario, transmitter: Transmitter, channel_uses: int, shown: str
) -> Iterable[dict[str, Any]]:
    """Symbols that fill the frame; all that is chosen is what the transmitter believes."""
    allocation = transmitter.allocation
    if (allocation.protection, allocation.code, allocation.spread_db) != ("equal", "link", 0.0):
        raise ValueError(
            f"{shown}: an analog transmitter has no packets to protect: of its allocation only "
            "design_esn0_db may be set"
        )
    assert scenario.sweep is not None
    symbols = scenario.link.symbols(channel_uses)
    if not symbols:
        raise ValueError(
            f"{shown}: a budget of {channel_uses} channel uses holds no slot of the OFDM grid: "
            f"the least that works is {scenario.link.ofdm.channel_uses(1)} channel uses"
        )
    found: dict[float, dict[str, Any]] = {}
    for point in scenario.sweep.points:
        believed = point if allocation.design_esn0_db is None else allocation.design_esn0_db
        row = {
            "transmitter": transmitter.label,
            "label": shown,
            "esn0_db": [],
            "reasons": [f"{symbols} symbols, for {believed:g} dB"],
            "analog": {"channel_uses": symbols, "design_esn0_db": believed},
        }
        found.setdefault(believed, row)["esn0_db"].append(point)
    return found.values()


def _rows_of_size(
    scenario: Scenario, transmitter: Transmitter, channel_uses: int, shown: str
) -> Iterable[dict[str, Any]]:
    link = scenario.link
    assert scenario.sweep is not None
    allocation = transmitter.allocation or Allocation()
    curve = load_table(link.budget.quality).curve(transmitter.codec, transmitter.settings)
    packets = packet_paths(transmitter.codec, transmitter.settings)
    allocator = Allocator(curve, packets, link, allocation, channel_uses)
    found: dict[str, dict[str, Any]] = {}
    choice = None
    for point in scenario.sweep.points:
        if choice is None or allocation.design_esn0_db is None:
            try:
                choice = allocator.choose(point)
            except ValueError as error:
                raise ValueError(f"{shown}: {error}") from None
        name = "mIoU" if set(link.budget.score) == {"miou"} else "score"
        row = {
            "transmitter": transmitter.label,
            "label": shown,
            "esn0_db": [],
            "reasons": choice.reasons(name),
            **choice.record(),
            "frame": choice.frame.model_dump(mode="json"),
        }
        found.setdefault(choice.frame.model_dump_json(), row)["esn0_db"].append(point)
    return found.values()


def _allocated(
    scenario: Scenario, row: dict[str, Any], group: str, transmitter: Transmitter
) -> Allocated:
    label, points = row["label"], tuple(row["esn0_db"])
    if "analog" in row:
        from semcom.codecs import CODECS

        own = {**transmitter.settings, **row["analog"]}
        settings = CODECS[transmitter.codec].Settings.model_validate(own)
        # symbols fill no transport blocks: the codec has all it needs in its settings
        changed = {"settings": settings, "label": label, "allocation": None}
        link = f"analog {scenario.link.channel}"
        return Allocated(group, transmitter.model_copy(update=changed), points, link, row)
    frame = Frame.model_validate(row["frame"])
    fitted = FittedSettings(settings=dict(transmitter.settings), frame=frame)
    classes = frame.describe()["classes"]
    rates = "/".join(dict.fromkeys(f"{one['code_rate']:.2g}" for one in classes))
    modulations = "/".join(dict.fromkeys(one["modulation"] for one in classes))
    link = f"{frame.code} {rates} {modulations} {scenario.link.channel}"
    return Allocated(
        group,
        transmitter.model_copy(update={"settings": fitted, "label": label}),
        points,
        link,
        row,
    )


def _read(file: Path | None, key: str) -> list[dict[str, Any]] | None:
    """Rows that ``file`` holds for the scenario of this ``key``."""
    try:
        content = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):
        return None
    rows = content.get("choices") if content.get("key") == key else None
    return rows if isinstance(rows, list) else None


def allocation_lines(chosen: Iterable[Allocated]) -> list[str]:
    """What was chosen and why, for people."""
    lines = []
    for one in chosen:
        points = ", ".join(f"{point:g}" for point in one.esn0_db)
        first, *further = one.record["reasons"]
        lines.append(f"{one.transmitter.label} at {points} dB: {first}")
        lines += [f"    {line}" for line in further]
    return lines
