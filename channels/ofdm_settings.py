"""The OFDM grid of a link, and which channels it can be used over."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "DELAY_LINES",
    "DELAY_SPREAD_NS",
    "OFDM_SYMBOLS",
    "PILOT_SYMBOLS",
    "PLACED",
    "OfdmSettings",
    "as_driven",
    "check_grid",
    "with_delay_spread",
]

#: channels over tapped and clustered delay lines
DELAY_LINES = [f"{kind}-{letter}" for kind in ("tdl", "cdl") for letter in "abcde"]
#: channels that draw a place, with their highest carrier in GHz, TR 38.901, table 7.4.1-1
PLACED = {"umi": 100.0, "uma": 100.0, "rma": 30.0}
#: RMS delay spread of delay lines that are given none
DELAY_SPREAD_NS = 100.0
# Delay of the last echo over the delay spread, TR 38.901, tables 7.7.1-1 to 5 and 7.7.2-1 to 5.
_LAST_ECHO = {"a": 9.6586, "b": 4.7834, "c": 8.6523, "d": 12.4714, "e": 20.6519}

#: OFDM symbols of a slot
OFDM_SYMBOLS = 14
#: OFDM symbols of a slot that carry pilots
PILOT_SYMBOLS = [2, 11]


class OfdmSettings(BaseModel):
    """The OFDM grid and what the receiver knows of the channel.

    >>> OfdmSettings().channel_uses(slots=1)
    1078
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=72, ge=12, le=600, description="subcarriers, all of them in use")
    subcarrier_spacing_khz: float = Field(default=30.0, gt=0, le=960, description="in kHz")
    carrier_ghz: float = Field(default=3.5, gt=0, le=300, description="carrier frequency in GHz")
    speed: float = Field(default=3.0, ge=0, le=300, description="of the receiver in m/s")
    delay_spread_ns: float | None = Field(
        default=None, ge=0, description="TDL and CDL only: RMS delay spread in ns (100)"
    )
    estimation: Literal["perfect", "ls", "wiener"] = Field(
        default="wiener",
        description="channel knowledge: perfect, least squares with linear interpolation in time, "
        "or a Wiener filter over the slot that knows the channel's statistics",
    )

    @property
    def cyclic_prefix(self) -> int:
        """Length of the normal cyclic prefix in samples of the symbol, 144/2048 of it."""
        return max(1, round(self.size * 144 / 2048))

    @property
    def symbol_seconds(self) -> float:
        """Duration of an OFDM symbol with its cyclic prefix."""
        return (1 + self.cyclic_prefix / self.size) / (self.subcarrier_spacing_khz * 1e3)

    @property
    def data_per_slot(self) -> int:
        """Data symbols of one slot."""
        return self.size * (OFDM_SYMBOLS - len(PILOT_SYMBOLS))

    def channel_uses(self, slots: int) -> int:
        """Complex channel uses of ``slots``, pilots and cyclic prefixes included."""
        return slots * OFDM_SYMBOLS * (self.size + self.cyclic_prefix)


def with_delay_spread(ofdm: Any) -> Any:
    """The settings of a grid with the delay spread filled in, whatever form they have."""
    if isinstance(ofdm, OfdmSettings) and ofdm.delay_spread_ns is None:
        return ofdm.model_copy(update={"delay_spread_ns": DELAY_SPREAD_NS})
    if isinstance(ofdm, dict) and ofdm.get("delay_spread_ns") is None:
        return ofdm | {"delay_spread_ns": DELAY_SPREAD_NS}
    return ofdm


def as_driven(ofdm: Any, drive: Any) -> Any:
    """The settings of a grid with carrier and speed of the drive where they say nothing of it."""
    from channels.drives import load_drive

    try:
        paths = load_drive(drive)
    except (OSError, TypeError, ValueError):
        return ofdm  # the drive itself is refused, with the reason
    own = {"carrier_ghz": paths.carrier_hz / 1e9, "speed": paths.speed}
    if isinstance(ofdm, OfdmSettings):
        missing = own.keys() - ofdm.model_fields_set
        return ofdm.model_copy(update={key: own[key] for key in missing})
    return own | ofdm if isinstance(ofdm, dict) else ofdm


def check_grid(
    grid: OfdmSettings, channel: str, drive: str | None = None, position: str | None = None
) -> None:
    """Raise ValueError where ``grid`` does not fit ``channel``, or the ``drive`` it is along."""
    if channel in PLACED:
        highest = PLACED[channel]
        if not 0.5 <= grid.carrier_ghz <= highest:
            raise ValueError(
                f"ofdm.carrier_ghz {grid.carrier_ghz:g} is outside of channel "
                f"{channel!r}: choose 0.5 to {highest:g}"
            )
        if grid.delay_spread_ns is not None:
            raise ValueError(
                f"ofdm.delay_spread_ns does not concern channel {channel!r}, which draws "
                "it with the place: leave it out"
            )
    elif drive is not None:
        _check_drive(grid, channel, drive, position)
    elif grid.delay_spread_ns is not None:
        last_ns = _LAST_ECHO[channel[-1]] * grid.delay_spread_ns
        _check_echo(grid, channel, last_ns, "ofdm.delay_spread_ns or ")


def _check_drive(grid: OfdmSettings, channel: str, name: str, position: str | None) -> None:
    from channels.drives import load_drive

    drive = load_drive(name)
    if position is not None:
        drive.index(position)
    if grid.delay_spread_ns is not None:
        raise ValueError(
            "ofdm.delay_spread_ns does not concern channel 'ray_traced', whose paths have "
            "delays of their own: leave it out"
        )
    if abs(grid.carrier_ghz - drive.carrier_hz / 1e9) > 1e-6:
        raise ValueError(
            f"ofdm.carrier_ghz {grid.carrier_ghz:g} is not the carrier that drive {name!r} was "
            f"traced at, {drive.carrier_hz / 1e9:g}: leave it out"
        )
    _check_echo(grid, channel, 1e9 * drive.last_echo_seconds, "")


def _check_echo(grid: OfdmSettings, channel: str, last_ns: float, what: str) -> None:
    prefix_us = grid.symbol_seconds * 1e6 - 1e3 / grid.subcarrier_spacing_khz
    if last_ns > 1e3 * prefix_us:
        raise ValueError(
            f"the last echo of channel {channel!r} comes after {last_ns:.0f} ns, past "
            f"the cyclic prefix of {1e3 * prefix_us:.0f} ns: lower {what}"
            "ofdm.subcarrier_spacing_khz"
        )
