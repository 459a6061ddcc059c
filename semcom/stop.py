"""When a point has enough pictures: a rule looked at after 8, 16, 32, ... of them.

The rule sees the summary of the first pictures in a fixed order and nothing else, so a point takes
the same pictures whatever the order, batch size or number of workers, and whatever a folder
already holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Stop", "stages"]

_FIRST = 8


class Stop(BaseModel):
    """A transmitter is done at a point when everything given here holds, or all pictures are sent.

    >>> rule = Stop(payloads_lost=100, pictures=16)
    >>> rule.met({"esn0_db": 0.5, "images": 16, "payloads_lost": 120})
    True
    >>> rule.met({"esn0_db": 0.5, "images": 8, "payloads_lost": 120})
    False
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    miou_half_width: float | None = Field(
        None, gt=0, lt=1, description="half of the 95 % interval of the mIoU is at most this"
    )
    bler_relative_half_width: float | None = Field(
        None,
        gt=0,
        description="half of the 95 % interval of the BLER is at most this share of the BLER",
    )
    payloads_lost: int | None = Field(None, ge=1, description="so many payloads were lost")
    pictures: int | None = Field(None, ge=1, description="so many pictures were sent")

    @model_validator(mode="after")
    def _says_something(self) -> Stop:
        if not self.model_dump(exclude_none=True):
            raise ValueError(f"stop says nothing: give one of {', '.join(Stop.model_fields)}")
        return self

    def met(self, row: Mapping[str, Any]) -> bool:
        """Whether the summary ``row`` of a point is enough.

        Without a channel nothing is lost, so there what concerns losses is never met.
        """
        if self.pictures is not None and row["images"] < self.pictures:
            return False
        if self.miou_half_width is not None:
            low, high = row["miou_low"], row["miou_high"]
            if low is None or high is None or (high - low) / 2 > self.miou_half_width:
                return False
        if self.payloads_lost is None and self.bler_relative_half_width is None:
            return True
        if row["esn0_db"] is None or row["payloads_lost"] < (self.payloads_lost or 1):
            return False
        if self.bler_relative_half_width is None:
            return True
        half = (row["bler_high"] - row["bler_low"]) / 2
        return bool(half <= self.bler_relative_half_width * row["bler"])


def stages(images: int) -> list[int]:
    """Numbers of pictures after which a rule is looked at, the last of them all pictures.

    >>> stages(40), stages(5)
    ([8, 16, 32, 40], [5])
    """
    found = []
    count = _FIRST
    while count < images:
        found.append(count)
        count *= 2
    return [*found, images]
