"""A transmitter of a scenario: a codec with its settings, its camera, and its own of the link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

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
from semcom.ranges import expand_numbers
from semcom.scenario_errors import first_mistake, known_name

__all__ = ["STRICT", "OwnLink", "Transmitter"]

#: how every part of a scenario is read
STRICT = ConfigDict(
    extra="forbid", strict=True, frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True
)


class OwnLink(BaseModel):
    """What one transmitter does differently from the scenario's link."""

    model_config = STRICT

    rate: float | None = Field(None, gt=0, le=1, description="code rate")
    modulation: str | None = Field(None, description="modulation")
    good_enough: GoodEnough | None = Field(
        None, description="with link.attempts: when the receiver asks for no more of a picture"
    )

    def of(self, link: Any) -> Any:
        """``link`` with these values in place of its own."""
        own = self.model_dump(exclude_none=True, exclude={"good_enough"})
        return type(link).model_validate({**link.model_dump(exclude_none=True), **own})


class Transmitter(BaseModel):
    """One operating point of a codec, or several of them with ``vary``."""

    model_config = STRICT

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

        # what is beside them was refused, or gives them values of their own
        if not {"codec", "vary", "allocation"} <= info.data.keys() or info.data["vary"]:
            return settings
        if info.data["allocation"] is not None:
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
        for key, choices in columns.items():
            if not choices:
                raise ValueError(f"vary gives no value for {key}: give some or leave it out")
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
                one_alone = {"transmitters": [{"codec": self.codec, **changed}]}
                why = first_mistake(error, one_alone, ("transmitters", 0))
                where = " / ".join(columns)
                raise ValueError(f"vary, {where} = {shown}: {why}") from None
            found.append((group, one))
        return found


def _choices(value: Any) -> list[Any]:
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        return list(value)
    return list(expand_numbers(value))


def _with(settings: Any, path: list[str], value: Any) -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        raise ValueError(f"{path[0]!r} cannot vary: nothing lies inside the value around it")
    inner = value if len(path) == 1 else _with(settings.get(path[0], {}), path[1:], value)
    return {**settings, path[0]: inner}
