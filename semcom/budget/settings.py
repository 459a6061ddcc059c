"""What a scenario says about a budget: ``link.budget`` and every transmitter's ``allocation``."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels import LinkSettings

__all__ = ["Allocation", "Budget", "BudgetLinkSettings", "Modulation"]

Modulation = Literal["bpsk", "qpsk", "16qam", "64qam", "256qam", "1024qam"]
#: code families with any rate in between, so that a frame can be filled exactly, and known gaps
_CODES = ("ldpc",)
#: channels whose states are known beforehand in distribution, beside those over OFDM
_FLAT = ("awgn", "rayleigh", "rician")
#: settings of the channel alone
_CHANNEL = ("channel", "rician_k_db", "ofdm")
#: settings of a link that a budget leaves no room for
_DECIDED = {
    "rate": "the budget decides on it",
    "modulation": "the budget decides on it",
    "attempts": "a budget is spent once",
    "block_errors": "a table knows the frames of one rate only",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_Uses = Annotated[int, Field(ge=1, le=1 << 24)]
_UsesPerPixel = Annotated[float, Field(gt=0, le=128)]
_Seconds = Annotated[float, Field(gt=0, le=3600)]


class Budget(_Strict):
    """Complex channel uses that a picture may take, idle uses counted, and the aim.

    A list of sizes makes every transmitter one for each of them.

    >>> Budget(channel_uses_per_pixel=[0.01, 0.03]).sizes(256 * 512)
    (1310, 3932)
    >>> Budget(seconds=0.004, bandwidth_hz=1e6).sizes(256 * 512)
    (4000,)
    """

    channel_uses: _Uses | tuple[_Uses, ...] | None = Field(
        default=None, description="complex channel uses per picture, or a list of them"
    )
    channel_uses_per_pixel: _UsesPerPixel | tuple[_UsesPerPixel, ...] | None = Field(
        default=None, description="the same, per pixel of the full-size picture"
    )
    seconds: _Seconds | tuple[_Seconds, ...] | None = Field(
        default=None, description="the same, as seconds at bandwidth_hz"
    )
    bandwidth_hz: float | None = Field(
        default=None, gt=0, le=1e12, description="with seconds: complex channel uses per second"
    )
    modulations: tuple[Modulation, ...] = Field(
        default=("qpsk", "16qam", "64qam", "256qam"),
        min_length=1,
        description="modulations to choose from",
    )
    score: dict[str, float] = Field(
        default={"miou": 1.0},
        min_length=1,
        description="what is maximised: a weight for each measured column (miou, psnr_db, ...), "
        "negative for distances",
    )
    tail_weight: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the score over the worst 5 % of channel states in what is maximised",
    )
    quality: str = Field(
        default="street", description="table of measured quality: a shipped name or a JSON file"
    )
    margin_db: float = Field(
        default=0.5,
        ge=0,
        le=10,
        description="what is added to Es/N0 that a code was measured to need",
    )

    @model_validator(mode="after")
    def _one_size(self) -> Budget:
        given = [
            name
            for name in ("channel_uses", "channel_uses_per_pixel", "seconds")
            if getattr(self, name) is not None
        ]
        if len(given) != 1:
            raise ValueError(
                "a budget is one of channel_uses, channel_uses_per_pixel and seconds, not "
                + (" and ".join(given) or "none of them")
            )
        sizes = getattr(self, given[0])
        if isinstance(sizes, tuple) and len(set(sizes)) != max(1, len(sizes)):
            raise ValueError(f"{given[0]} needs at least one size, and each of them once")
        if (self.seconds is None) != (self.bandwidth_hz is None):
            raise ValueError("seconds and bandwidth_hz make a budget together: give both")
        return self

    def sizes(self, pixels: int) -> tuple[int, ...]:
        """Complex channel uses of every frame for a picture of ``pixels``, at least 1 each."""
        given: float | tuple[float, ...]
        if self.channel_uses is not None:
            given, unit = self.channel_uses, 1.0
        elif self.channel_uses_per_pixel is not None:
            given, unit = self.channel_uses_per_pixel, float(pixels)
        else:
            given, unit = self.seconds or (), self.bandwidth_hz or 0.0
        listed = given if isinstance(given, tuple) else (given,)
        return tuple(max(1, math.floor(size * unit + 1e-9)) for size in listed)


class BudgetLinkSettings(LinkSettings):
    """A link whose code rates and modulations are chosen for a budget.

    >>> BudgetLinkSettings(budget={"channel_uses": 4096}, channel="rayleigh").budget.channel_uses
    4096
    """

    budget: Budget = Field(description="channel uses per picture, in place of rate and modulation")

    @model_validator(mode="before")
    @classmethod
    def _chosen_for_you(cls, data: Any) -> Any:
        for name, why in _DECIDED.items():
            if isinstance(data, dict) and data.get(name) is not None:
                raise ValueError(f"{name} stands beside a budget, but {why}: leave it out")
        return data

    @model_validator(mode="after")
    def _can_be_filled(self) -> BudgetLinkSettings:
        if self.code not in _CODES:
            raise ValueError(
                f"a budget needs a code of any rate whose losses were measured, not {self.code!r}: "
                f"choose {' or '.join(_CODES)}"
            )
        if self.receive_antennas != 1:
            raise ValueError(
                "a budget is allocated for one antenna on each side: leave out transmit_antennas "
                "and receive_antennas"
            )
        if self.channel == "ray_traced":
            raise ValueError(
                "a budget needs the distribution of the channel, which the positions of a drive do "
                "not have: choose another channel than 'ray_traced'"
            )
        if self.channel not in _FLAT and self.ofdm is None:
            raise ValueError(
                f"a budget is allocated over {', '.join(_FLAT)} and OFDM channels such as tdl-c, "
                f"not over {self.channel!r}: choose one of them"
            )
        return self

    def slots(self, channel_uses: int) -> int:
        """Whole slots of the OFDM grid in ``channel_uses``."""
        assert self.ofdm is not None
        return channel_uses // self.ofdm.channel_uses(1)

    def spent(self, channel_uses: int) -> int:
        """What a frame takes of ``channel_uses``: all, or over OFDM its whole slots.

        >>> settings = BudgetLinkSettings(budget={"channel_uses": 4096}, channel="tdl-c")
        >>> settings.spent(4096), settings.symbols(4096)
        (3234, 2592)
        """
        if self.ofdm is None:
            return channel_uses
        return self.ofdm.channel_uses(self.slots(channel_uses))

    def symbols(self, channel_uses: int) -> int:
        """Data symbols of a frame in ``channel_uses``: without pilots and cyclic prefixes."""
        if self.ofdm is None:
            return channel_uses
        return self.slots(channel_uses) * self.ofdm.data_per_slot

    def one_block(self, modulation: str, rate: float) -> LinkSettings:
        """Settings of the link that carries one transport block; fading is the frame's business."""
        own = self.model_dump(exclude={"budget", "rate", "modulation", *_CHANNEL})
        return LinkSettings.model_validate(
            own | {"channel": "awgn", "modulation": modulation, "rate": rate}
        )

    @property
    def direct_over_scattered(self) -> float:
        """Power of the direct path over the scattered ones, 0 for Rayleigh fading."""
        return 0.0 if self.rician_k_db is None else 10 ** (self.rician_k_db / 10)

    @property
    def lowest_rate(self) -> float:
        """The lowest rate of the code; what it leaves of a transport block's share stays idle."""
        from channels.codes import CODE_FAMILIES

        return CODE_FAMILIES[self.code].rates[0]

    @property
    def highest_rate(self) -> float:
        """The highest rate of the code."""
        from channels.codes import CODE_FAMILIES

        return CODE_FAMILIES[self.code].rates[1]


class Allocation(_Strict):
    """How one transmitter uses the budget."""

    protection: Literal["equal", "unequal"] = Field(
        default="equal",
        description="equal: one modulation and code rate for all packets of a picture; unequal: "
        "each protection class has its own",
    )
    classes: int = Field(
        default=2,
        ge=2,
        le=4,
        description="unequal only: protection classes; the label map or base is the first, the "
        "other packets share the others in their order",
    )
    code: Literal["link", "normal", "capacity"] = Field(
        default="link",
        description="link: the link's code; normal: an ideal code of the same length (normal "
        "approximation); capacity: an ideal code without end",
    )
    design_esn0_db: float | None = Field(
        default=None,
        ge=-40,
        le=80,
        description="Es/N0 that the transmitter believes in, at every point of the sweep; the "
        "point's own if left out",
    )
    spread_db: float = Field(
        default=0.0,
        ge=0,
        le=20,
        description="standard deviation in dB of what the transmitter knows of Es/N0 (shadowing)",
    )
