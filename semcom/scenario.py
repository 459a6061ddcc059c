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
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from semcom.plugins import load_plugins
from semcom.ranges import expand_numbers
from semcom.scenario_errors import ScenarioError, explain, first_mistake, known_name
from semcom.scenario_transmitter import STRICT, Transmitter
from semcom.stop import Stop
from semcom.yaml_source import YamlSource

__all__ = ["DataSettings", "Scenario", "ScenarioError", "SegmenterSettings", "Sweep", "Transmitter"]

#: label of the uncoded pictures that are measured beside the transmitters
REFERENCE = "original pictures"
#: distances whose bias depends on the number of pictures, and what to take instead
FRECHET = {"frechet_efficientnet_lite0": "kid_efficientnet_lite0", "fid": "kid"}
SEGMENTERS = ("transmitter", "scorer")


class DataSettings(BaseModel):
    """Which pictures are sent."""

    model_config = STRICT

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


class SegmenterSettings(BaseModel):
    """Which segmenter makes the transmitted label maps, and which one scores received pictures."""

    model_config = STRICT

    transmitter: str = "transmitter"
    scorer: str = "scorer"

    @field_validator("transmitter", "scorer")
    @classmethod
    def _known(cls, name: str) -> str:
        return known_name(name, SEGMENTERS, "segmenter")


class Sweep(BaseModel):
    """The points at which the link is simulated."""

    model_config = STRICT

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


class Scenario(BaseModel):
    """A whole experiment. ``link: none`` measures source coding alone."""

    model_config = STRICT

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
            why = first_mistake(error, {"link": {}}, ("link",))
            raise ValueError(f"{transmitter.label}: {why}") from None

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
