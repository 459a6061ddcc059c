"""A scenario: which pictures, transmitters, link, points and metrics, as one strict typed model.

Everything that a YAML file says is used or refused: an unknown key, a wrong type, an impossible
value or a name that does not exist raises :class:`ScenarioError` with file, line and column before
anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from semcom.camera import Camera
from semcom.good_enough import GoodEnough
from semcom.plugins import load_plugins
from semcom.ranges import expand_numbers
from semcom.scenario_errors import ScenarioError, explain, known_name
from semcom.stop import Stop
from semcom.yaml_source import YamlSource

__all__ = ["DataSettings", "Scenario", "ScenarioError", "SegmenterSettings", "Sweep", "Transmitter"]

#: label of the uncoded pictures that are measured beside the transmitters
REFERENCE = "original pictures"
#: distances whose bias depends on the number of pictures, and what to take instead
FRECHET = {"frechet_efficientnet_lite0": "kid_efficientnet_lite0", "fid": "kid"}
SEGMENTERS = ("transmitter", "scorer")


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )


class DataSettings(_Strict):
    """Which pictures are sent."""

    name: str = Field(description="data set: street, camvid, cityscapes, stl10 or folder")
    split: str = Field(
        "test", description="train, val or test, as far as the set has them; street: drive, too"
    )
    count: int | None = Field(
        None, ge=1, description="number of pictures, evenly spaced over the split; all if left out"
    )
    size: Annotated[tuple[int, int], Field(strict=False)] = Field(
        (256, 512), description="height and width in pixels; pictures are cropped and scaled to it"
    )
    root: Annotated[Path | None, Field(strict=False)] = Field(
        None, description="folder of the data; $SEMCOM_DATA if left out"
    )
    skip_bad: bool = Field(False, description="leave unreadable pictures out instead of stopping")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        from semcom.data import DATASETS

        return known_name(name, DATASETS, "data set")

    @field_validator("size")
    @classmethod
    def _possible(cls, size: tuple[int, int]) -> tuple[int, int]:
        if not all(16 <= side <= 8192 for side in size):
            raise ValueError(f"{list(size)} is no picture size: sides are 16 to 8192 pixels")
        return size


class SegmenterSettings(_Strict):
    """Which segmenter makes the transmitted label maps, and which one scores received pictures."""

    transmitter: str = "transmitter"
    scorer: str = "scorer"

    @field_validator("transmitter", "scorer")
    @classmethod
    def _known(cls, name: str) -> str:
        return known_name(name, SEGMENTERS, "segmenter")


class OwnLink(_Strict):
    """What one transmitter does differently from the scenario's link."""

    rate: float | None = Field(None, gt=0, le=1, description="code rate")
    modulation: str | None = Field(None, description="modulation")
    good_enough: GoodEnough | None = Field(
        None, description="with link.attempts: when the receiver asks for no more of a picture"
    )

    def of(self, link: Any) -> Any:
        """``link`` with these values in place of its own."""
        own = self.model_dump(exclude_none=True, exclude={"good_enough"})
        return type(link).model_validate({**link.model_dump(exclude_none=True), **own})


class Transmitter(_Strict):
    """One operating point of a codec, or several of them with ``vary``."""

    codec: str = Field(description="name of the codec; `semcom codecs` lists them")
    label: str = Field("", max_length=60, description="name in tables and plots; unique")
    label_map: Literal["segmenter", "ground_truth"] | None = Field(
        None, description="where the label map comes from, for codecs that send one"
    )
    vary: dict[str, Any] | None = Field(
        None,
        description="settings that take several values, each value a transmitter of its own, e.g. "
        "{bits_per_pixel: [0.04, 0.1]}; dots reach inside, also into link and camera; several "
        "lists go together item by item",
    )
    link: OwnLink | None = Field(
        None,
        description="rate and modulation of this transmitter, in place of the link's, and when its "
        "receiver has enough",
    )
    allocation: Annotated[Any, Field(json_schema_extra={"type": "object"})] = Field(
        None,
        description="with link.budget: how this transmitter uses it (protection, classes, code, "
        "design_esn0_db, spread_db); its rate is left out of its settings",
    )
    camera: Camera | None = Field(
        None,
        description="a worse camera than the one that took the pictures: metrics compare what is "
        "received with the clean original",
    )
    settings: Any = Field(
        default_factory=dict, validate_default=True, description="the codec's own settings"
    )

    @field_validator("codec")
    @classmethod
    def _known(cls, name: str) -> str:
        from semcom.codecs import CODECS

        return known_name(name, CODECS, "codec")

    @field_validator("allocation", mode="plain")
    @classmethod
    def _allocation(cls, value: Any) -> Any:
        if value is None:
            return None
        from semcom.budget.settings import Allocation

        return Allocation.model_validate(value)

    @field_validator("settings", mode="plain")
    @classmethod
    def _codec_settings(cls, settings: Any, info: ValidationInfo) -> Any:
        """The codec's own model; its mistakes keep their place in the file."""
        from semcom.codecs import CODECS

        if "codec" not in info.data or info.data.get("vary"):
            return settings
        if info.data.get("allocation") is not None:
            from semcom.budget.transmitters import settings_without_rate

            return settings_without_rate(info.data["codec"], settings)
        return CODECS[info.data["codec"]].Settings.model_validate(settings)

    @model_validator(mode="after")
    def _fits_the_codec(self) -> Transmitter:
        from semcom.codecs import CODECS

        if not CODECS[self.codec].needs_label_map and self.label_map is not None:
            raise ValueError(f"label_map is given, but the codec {self.codec} sends no label map")
        if self.camera is not None and self.allocation is not None:
            raise ValueError(
                "camera and allocation stand together, but budgets are shared out by what was "
                "measured with good cameras: leave one out"
            )
        if self.vary:
            if self.allocation is not None:
                raise ValueError("vary and allocation stand together: a budget decides on the rate")
            self.expanded()
        return self

    @property
    def label_map_source(self) -> str | None:
        """``segmenter``, ``ground_truth``, or None for codecs that send no label map."""
        from semcom.codecs import CODECS

        return (self.label_map or "segmenter") if CODECS[self.codec].needs_label_map else None

    def expanded(self) -> list[tuple[str, Transmitter]]:
        """``(group, transmitter)`` for every value of ``vary``; itself alone without one."""
        group = self.label or self.codec
        if not self.vary:
            return [(group, self.model_copy(update={"label": group}))]
        columns = {key: _choices(value) for key, value in self.vary.items()}
        lengths = {len(choices) for choices in columns.values()}
        if len(lengths) != 1:
            raise ValueError(
                "lists that vary together must be equally long; these have "
                + ", ".join(f"{len(choices)} ({key})" for key, choices in columns.items())
            )
        found = []
        for values in zip(*columns.values(), strict=True):
            changed: dict[str, Any] = {
                "settings": dict(self.settings),
                "link": self.link.model_dump(exclude_none=True) if self.link else {},
                "camera": self.camera.identity() if self.camera else {},
            }
            for path, value in zip(columns, values, strict=True):
                first, *inner = path.split(".")
                beside = first in ("link", "camera") and inner
                place = [first, *inner] if beside else ["settings", first, *inner]
                changed = _with(changed, place, value)
            shown = " / ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)
            try:
                one = Transmitter(
                    codec=self.codec,
                    label=f"{group} {shown}",
                    label_map=self.label_map,
                    link=changed["link"] or None,
                    camera=changed["camera"] or None,
                    settings=changed["settings"],
                )
            except ValidationError as error:
                detail = error.errors()[0]
                where = ".".join(map(str, detail["loc"][1:]))
                raise ValueError(f"{where} = {shown}: {detail['msg']}") from None
            found.append((group, one))
        return found


class Sweep(_Strict):
    """The points at which the link is simulated."""

    esn0_db: tuple[float, ...] | Literal["auto"] = Field(
        description="Es/N0 per complex symbol in dB: numbers, {start, stop, step}, or a mix; auto "
        "finds the cliff of each transmitter and spreads about ten points over it"
    )
    realisations: int = Field(
        1, ge=1, le=10_000, description="independent noise draws of every picture and point"
    )
    stop: Stop | None = Field(
        None,
        description="when a transmitter has enough pictures at a point, looked at after 8, 16, 32, "
        "... of them; all pictures if left out",
    )

    @field_validator("esn0_db", mode="before")
    @classmethod
    def _expand(cls, value: Any) -> tuple[float, ...] | str:
        if value == "auto":
            return "auto"
        if isinstance(value, str):
            raise ValueError(f"{value!r} is not a number; auto looks for the points itself")
        numbers = tuple(expand_numbers(list(value) if isinstance(value, tuple) else value))
        if not all(-40 <= number <= 80 for number in numbers):
            raise ValueError("Es/N0 must lie between -40 and 80 dB")
        return numbers

    @property
    def points(self) -> tuple[float, ...]:
        """The points that are given, in dB; none where they are to be found."""
        return () if self.esn0_db == "auto" else self.esn0_db

    def joined(self, other: Sweep) -> Sweep:
        """The points and realisations of both; ValueError where the rest of them differs."""
        if self.stop != other.stop:
            raise ValueError("their points stop by different rules")
        if (self.esn0_db == "auto") != (other.esn0_db == "auto"):
            raise ValueError("one run found its own points and another was given them")
        return Sweep(
            esn0_db=tuple(sorted({*self.points, *other.points})) or "auto",
            realisations=max(self.realisations, other.realisations),
            stop=self.stop,
        )


class Scenario(_Strict):
    """A whole experiment. ``link: none`` measures source coding alone."""

    title: str = Field("", description="heading of the figures")
    data: DataSettings
    segmenter: SegmenterSettings = SegmenterSettings()
    transmitters: Annotated[tuple[Transmitter, ...], Field(strict=False)] = Field(min_length=1)
    link: Any = Field(description="settings of the digital link, or none")
    sweep: Sweep | None = None
    metrics: Annotated[tuple[str, ...], Field(strict=False)] = Field(min_length=1)
    reference: bool = Field(
        True, description="measure the original pictures, too: what no codec can be above"
    )
    seed: int = Field(0, ge=0, lt=1 << 63, description="picks the noise of the whole experiment")

    @field_validator("link", mode="plain")
    @classmethod
    def _link_settings(cls, value: Any) -> Any:
        if value is None or value == "none":
            return None
        if isinstance(value, Mapping) and "budget" in value:
            from semcom.budget.settings import BudgetLinkSettings

            return BudgetLinkSettings.model_validate(value)
        from channels import LinkSettings

        return LinkSettings.model_validate(value)

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from semcom.metrics import METRICS

        for index, name in enumerate(names):
            known_name(name, METRICS, "metric")
            if name in names[:index]:
                raise ValueError(f"metric {name!r} is listed twice")
        return names

    @field_validator("transmitters")
    @classmethod
    def _unique(cls, transmitters: tuple[Transmitter, ...]) -> tuple[Transmitter, ...]:
        labels: set[str] = set()
        for transmitter in transmitters:
            for _, one in transmitter.expanded():
                if one.label in labels:
                    raise ValueError(
                        f"two transmitters are called {one.label!r}: give each a `label` of its own"
                    )
                if one.label == REFERENCE and one.codec != "original":
                    raise ValueError(f"{REFERENCE!r} is the label of the uncoded pictures")
                labels.add(one.label)
        return transmitters

    @model_validator(mode="after")
    def _sweep_needs_link(self) -> Scenario:
        from semcom.codecs import CODECS
        from semcom.codecs.codec import is_analog

        if self.link is None and self.sweep is not None:
            raise ValueError("sweep is given, but link is none: remove sweep or describe a link")
        if self.link is not None and self.sweep is None:
            raise ValueError("link is given without sweep: say at which esn0_db it is simulated")
        if self.has_budget and self.sweep is not None and self.sweep.esn0_db == "auto":
            raise ValueError(
                "esn0_db is auto, but a budget decides at each point what is sent: give the points "
                "as numbers"
            )
        if self.sweep is not None and self.sweep.stop is not None:
            self._check_stop(self.sweep.stop)
        for _, one in self.expanded_transmitters():
            if one.link is not None:
                self._check_own_link(one)
            if one.camera is not None:
                one.camera.size(self.data.size)
            if self.link is not None and is_analog(CODECS[one.codec]):
                self._check_analog(one)
        for one in self.transmitters:
            if one.codec != "original" and (one.allocation is not None) != self.has_budget:
                raise ValueError(
                    f"{one.label or one.codec} has an allocation, but link has no budget: give both"
                    if not self.has_budget
                    else f"link has a budget: say how {one.label or one.codec} uses it, e.g. "
                    "`allocation: {protection: equal}`"
                )
        return self

    def _check_own_link(self, transmitter: Transmitter) -> None:
        if self.link is None or self.has_budget:
            why = "a budget decides on them" if self.has_budget else "link is none"
            raise ValueError(
                f"{transmitter.label} has a rate or modulation of its own, but {why}: leave out "
                "its link"
            )
        try:
            self.link_of(transmitter)
        except ValidationError as error:
            raise ValueError(f"{transmitter.label}: {error.errors()[0]['msg']}") from None

    def _check_analog(self, transmitter: Transmitter) -> None:
        from channels.analog import check

        name = f"{transmitter.label} sends symbols in place of bits"
        if transmitter.link is not None:
            raise ValueError(f"{name}, but its link has a rate or modulation: leave it out")
        if self.sweep is not None and self.sweep.esn0_db == "auto":
            raise ValueError(f"{name}, which have no cliff to find: give esn0_db as numbers")
        try:
            check(self.link)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def link_of(self, transmitter: Transmitter) -> Any:
        """Settings of the link that ``transmitter`` uses; None without a link."""
        return self.link if transmitter.link is None else transmitter.link.of(self.link)

    def _check_stop(self, stop: Stop) -> None:
        if stop.miou_half_width is not None and "miou" not in self.metrics:
            raise ValueError("stop.miou_half_width needs miou among the metrics")
        for name in self.metrics:
            if name in FRECHET:
                raise ValueError(
                    f"stop gives points different numbers of pictures, and {name} is biased by an "
                    "amount that depends on that number: leave out one of them, or take the kernel "
                    f"distance {FRECHET[name]}, which is unbiased"
                )

    @property
    def has_budget(self) -> bool:
        """Whether code rates, modulations and rates of the codecs are chosen for a budget."""
        return hasattr(self.link, "budget")

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """Read a YAML file; raises :class:`ScenarioError` or FileNotFoundError."""
        return cls.from_source(YamlSource.read(Path(path)))

    @classmethod
    def from_text(cls, text: str, name: str = "scenario") -> Scenario:
        """Read YAML ``text``; ``name`` stands for the file in messages."""
        return cls.from_source(YamlSource.parse(text, name))

    @classmethod
    def from_source(cls, source: YamlSource) -> Scenario:
        load_plugins()
        if not isinstance(source.data, dict):
            raise ScenarioError([f"{source.name}: a scenario is a mapping with data, transmitters"])
        try:
            return cls.model_validate(source.data)
        except ValidationError as error:
            raise explain(error, source) from None

    def expanded_transmitters(self) -> list[tuple[str, Transmitter]]:
        """``(group, transmitter)`` of every operating point, in the order of the file."""
        return [pair for transmitter in self.transmitters for pair in transmitter.expanded()]

    def reference_transmitter(self) -> tuple[str, Transmitter] | None:
        """The uncoded pictures, which never cross the link; None if not asked for."""
        pairs = self.expanded_transmitters()
        if not self.reference or any(
            one.codec == "original" and one.camera is None for _, one in pairs
        ):
            return None
        return REFERENCE, Transmitter(codec="original", label=REFERENCE)

    def to_yaml(self) -> str:
        """The scenario as a YAML file that reads back the same."""
        content = self.model_dump(mode="json", exclude_none=True)
        return str(yaml.safe_dump({"link": "none", **content}, sort_keys=False))


def _choices(value: Any) -> list[Any]:
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        return list(value)
    return list(expand_numbers(value))


def _with(settings: Any, path: list[str], value: Any) -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        raise ValueError(f"{path[0]!r} cannot vary: nothing lies inside the value around it")
    inner = value if len(path) == 1 else _with(settings.get(path[0], {}), path[1:], value)
    return {**settings, path[0]: inner}
