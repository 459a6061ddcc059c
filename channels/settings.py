"""What a link is made of: the strict settings and what may be chosen for them.

Everything here is plain data, so that reading a scenario or listing the options costs no import of
the signal processing behind it.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from channels.codes import CODE_FAMILIES, CODES
from channels.ofdm_settings import (
    DELAY_LINES,
    DELAY_SPREAD_NS,
    OFDM_SYMBOLS,
    PILOT_SYMBOLS,
    PLACED,
    OfdmSettings,
    as_driven,
    check_grid,
    with_delay_spread,
)

__all__ = [
    "ANTENNA_CHANNELS",
    "BITS_PER_SYMBOL",
    "CHANNELS",
    "CODES",
    "MODULATIONS",
    "OFDM_SYMBOLS",
    "PILOT_SYMBOLS",
    "LinkSettings",
    "OfdmSettings",
]

#: modulations, one line each
MODULATIONS: dict[str, str] = {
    "bpsk": "1 bit per symbol, antipodal on the real axis",
    "qpsk": "2 bits per symbol, Gray-labelled (TS 38.211, 5.1.3)",
    "16qam": "4 bits per symbol, Gray-labelled square QAM (TS 38.211, 5.1.4)",
    "64qam": "6 bits per symbol, Gray-labelled square QAM (TS 38.211, 5.1.5)",
    "256qam": "8 bits per symbol, Gray-labelled square QAM (TS 38.211, 5.1.6)",
    "1024qam": "10 bits per symbol, Gray-labelled square QAM (TS 38.211, 5.1.7)",
}

#: coded bits per complex symbol
BITS_PER_SYMBOL: dict[str, int] = {
    "bpsk": 1,
    "qpsk": 2,
    "16qam": 4,
    "64qam": 6,
    "256qam": 8,
    "1024qam": 10,
}

_MULTIPATH = {
    "a": "no direct path, many weak echoes",
    "b": "no direct path, strong early echoes",
    "c": "no direct path, late echoes",
    "d": "direct path 13 dB above its echoes",
    "e": "direct path 22 dB above its echoes",
}

#: channel models, one line each
CHANNELS: dict[str, str] = {
    "awgn": "additive white Gaussian noise",
    "rayleigh": "block Rayleigh fading, one known coefficient per payload, plus white noise",
    "rician": "block Rician fading, one known coefficient per payload, plus white noise",
    "bsc": "binary symmetric channel: hard decisions behind BPSK and white noise",
    "bec": "binary erasure channel, P(erased) = exp(-Es/N0)",
    **{
        f"tdl-{letter}": f"OFDM over TR 38.901 tapped delay line {letter.upper()}: {line}"
        for letter, line in _MULTIPATH.items()
    },
    **{
        f"cdl-{letter}": f"OFDM over TR 38.901 clustered delay line {letter.upper()}: {line}"
        for letter, line in _MULTIPATH.items()
    },
    "umi": "OFDM over TR 38.901 urban microcell, a place in the street or a house per payload",
    "uma": "OFDM over TR 38.901 urban macrocell, a place in the street or a house per payload",
    "rma": "OFDM over TR 38.901 rural macrocell, a place in a car or a house per payload",
    "ray_traced": "OFDM over the ray-traced paths of a drive, at the position of each payload",
}

# Options that concern some choices only: option -> (the setting that decides, value by default)
_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "base_graph": ("code", {"ldpc": "auto"}),
    "decoder_iterations": ("code", {"ldpc": 20, "turbo": 6}),
    "list_size": ("code", {"polar": 8}),
    "rician_k_db": ("channel", {"rician": 6.0}),
    "ofdm": (
        "channel",
        dict.fromkeys(DELAY_LINES, OfdmSettings(delay_spread_ns=DELAY_SPREAD_NS))
        | dict.fromkeys([*PLACED, "ray_traced"], OfdmSettings()),
    ),
    "drive": ("channel", {"ray_traced": "street"}),
    "position": ("channel", {"ray_traced": None}),
    "detector_paths": ("detector", {"k-best": 16}),
}

#: channel models that may have several antennas on each side
ANTENNA_CHANNELS = ["rayleigh", "rician", *DELAY_LINES, *PLACED]


class LinkSettings(BaseModel):
    """One way of sending bytes: channel code, modulation, channel model and retransmissions.

    Options that a choice does not know stay ``None``; setting one of them is refused.

    >>> LinkSettings(rate=0.5, modulation="16qam", channel="rayleigh").decoder_iterations
    20
    >>> LinkSettings(code="uncoded").rate
    1.0
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(default="ldpc", description=f"channel code: {', '.join(CODES)}")
    rate: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="information bits per coded bit of one code block; 1/2, or 1 where uncoded",
    )
    base_graph: Literal["auto", "bg1", "bg2"] | None = Field(
        default=None, description="LDPC only: base graph; auto follows TS 38.212, 7.2.2"
    )
    decoder_iterations: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="LDPC and turbo only: most iterations spent on a code block (20, 6)",
    )
    list_size: int | None = Field(
        default=None, description="polar only: 1 (no list), 2, 4, 8, 16 or 32 paths (8)"
    )
    modulation: str = Field(default="qpsk", description=f"modulation: {', '.join(MODULATIONS)}")
    channel: str = Field(default="awgn", description=f"channel model: {', '.join(CHANNELS)}")
    rician_k_db: float | None = Field(
        default=None,
        ge=-40,
        le=60,
        description="Rician only: power of the direct path over the scattered ones in dB (6)",
    )
    ofdm: OfdmSettings | None = Field(default=None, description="OFDM channels only: the grid")
    drive: str | None = Field(
        default=None,
        description="ray_traced only: paths along a drive, that of the package (street) or a file",
    )
    position: str | None = Field(
        default=None,
        description="ray_traced only: name of the position that all is sent to; if left out, the "
        "one named like the picture, or one drawn per payload where no picture is sent",
    )
    transmit_antennas: int = Field(
        default=1, ge=1, le=4, description="each sends a stream of its own, with its share of power"
    )
    receive_antennas: int = Field(default=1, ge=1, le=4, description="at least transmit_antennas")
    detector: Literal["lmmse", "k-best"] | None = Field(
        default=None,
        description="with more transmit_antennas: how streams are separated, by the best linear "
        "filter (lmmse, the default) or by a search for the likeliest symbols (k-best)",
    )
    detector_paths: int | None = Field(
        default=None, ge=1, le=256, description="k-best only: candidates that are kept (16)"
    )
    attempts: int = Field(
        default=1, ge=1, le=4, description="how often a payload is sent before it is given up"
    )
    combining: Literal["chase", "ir"] | None = Field(
        default=None,
        description="with more attempts: chase repeats the same coded bits, ir (LDPC only, its "
        "default) sends further redundancy versions",
    )
    block_errors: str | None = Field(
        default=None,
        description="file of a table of measured block errors (BlockErrorTable), which payloads "
        "are lost by in place of decoding",
    )
    device: str = Field(default="cpu", description="where the arithmetic runs: cpu, cuda or cuda:N")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_what_the_choices_need(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        filled = dict(data)
        if filled.get("transmit_antennas", 1) != 1 and filled.get("detector") is None:
            filled["detector"] = "lmmse"
        for option, (setting, defaults) in _OPTIONS.items():
            choice = filled.get(setting, cls.model_fields[setting].default)
            if filled.get(option) is None and isinstance(choice, str) and choice in defaults:
                filled[option] = defaults[choice]
        if filled.get("channel") in DELAY_LINES:
            filled["ofdm"] = with_delay_spread(filled["ofdm"])
        if filled.get("channel") == "ray_traced":
            filled["ofdm"] = as_driven(filled["ofdm"], filled["drive"])
        code = filled.get("code", "ldpc")
        if code == "uncoded":
            filled.setdefault("rate", 1.0)
        if filled.get("channel") in ("bsc", "bec"):
            filled.setdefault("modulation", "bpsk")
        if filled.get("attempts", 1) != 1 and filled.get("combining") is None:
            family = CODE_FAMILIES.get(code) if isinstance(code, str) else None
            incremental = family is not None and family.incremental_redundancy
            filled["combining"] = "ir" if incremental else "chase"
        return filled

    @field_validator("code")
    @classmethod
    def _code_exists(cls, name: str) -> str:
        return _known(name, CODES, "code")

    @field_validator("modulation")
    @classmethod
    def _modulation_exists(cls, name: str) -> str:
        return _known(name, MODULATIONS, "modulation")

    @field_validator("channel")
    @classmethod
    def _channel_exists(cls, name: str) -> str:
        return _known(name, CHANNELS, "channel")

    @field_validator("device")
    @classmethod
    def _device_can_be_named(cls, device: str) -> str:
        if re.fullmatch(r"cpu|cuda(:\d{1,3})?", device) is None:
            raise ValueError(f"unknown device {device!r}: choose cpu, cuda or cuda:N")
        return device

    @field_validator("drive")
    @classmethod
    def _drive_can_be_read(cls, drive: str | None) -> str | None:
        from channels.drives import load_drive

        if drive is not None:
            try:
                load_drive(drive)
            except OSError as error:
                raise ValueError(str(error)) from error
        return drive

    @model_validator(mode="after")
    def _can_work(self) -> LinkSettings:
        for option, (setting, defaults) in _OPTIONS.items():
            choice = getattr(self, setting)
            if getattr(self, option) is not None and choice not in defaults:
                raise ValueError(
                    f"{option} does not concern {setting} {choice!r}: leave it out "
                    f"(it is for {', '.join(defaults)})"
                )
        self._check_antennas()
        CODE_FAMILIES[self.code].check_rate(self.code, self.rate)
        self._check_code_options()
        if self.channel in ("bsc", "bec") and self.modulation != "bpsk":
            raise ValueError(
                f"channel {self.channel!r} carries one bit at a time: "
                f"leave out modulation {self.modulation!r} or choose 'bpsk'"
            )
        if self.ofdm is not None:
            check_grid(self.ofdm, self.channel, self.drive, self.position)
        if self.block_errors is not None and self.drive is not None and self.position is None:
            raise ValueError(
                "block_errors holds one error rate for a whole drive: leave it out "
                "or name a position"
            )
        return self

    def _check_antennas(self) -> None:
        sent, received = self.transmit_antennas, self.receive_antennas
        if (sent, received) != (1, 1) and self.channel not in ANTENNA_CHANNELS:
            raise ValueError(
                f"channel {self.channel!r} has one antenna on each side: leave out "
                f"transmit_antennas and receive_antennas or choose {', '.join(ANTENNA_CHANNELS)}"
            )
        if sent > received:
            raise ValueError(
                f"{received} receive_antennas cannot separate the streams of {sent} "
                "transmit_antennas: raise receive_antennas or lower transmit_antennas"
            )
        if self.detector is not None and sent == 1:
            raise ValueError(
                "a single stream has nothing to separate: leave out detector "
                "or raise transmit_antennas"
            )
        if self.ofdm is not None and self.ofdm.estimation == "ls" and sent > 1:
            raise ValueError(
                "ofdm.estimation 'ls' needs a pilot on every subcarrier, which "
                f"{sent} transmit_antennas share: choose 'wiener' or 'perfect'"
            )

    def _check_code_options(self) -> None:
        if self.base_graph == "bg1" and self.rate < 1 / 3:
            raise ValueError(
                f"rate {self.rate:g} is below the rate 1/3 of base_graph 'bg1': "
                "raise the rate or choose base_graph 'bg2' or 'auto'"
            )
        if self.base_graph == "bg2" and self.rate > 0.9:
            raise ValueError(
                f"rate {self.rate:g} is above the rate 0.9 up to which base_graph 'bg2' can be "
                "decoded: lower the rate or choose base_graph 'bg1' or 'auto'"
            )
        if self.list_size is not None and self.list_size not in (1, 2, 4, 8, 16, 32):
            raise ValueError(f"list_size {self.list_size} is not one of 1, 2, 4, 8, 16, 32")
        if self.combining is not None and self.attempts == 1:
            raise ValueError("combining needs more than 1 of attempts: raise attempts")
        if self.combining == "ir" and not CODE_FAMILIES[self.code].incremental_redundancy:
            raise ValueError(
                f"code {self.code!r} has no redundancy versions: choose combining 'chase'"
            )

    @property
    def bits_per_symbol(self) -> int:
        """Coded bits per complex symbol."""
        return BITS_PER_SYMBOL[self.modulation]

    @property
    def rician_k(self) -> float:
        """Power of the direct path over that of the scattered ones; 0 where there is none."""
        return 0.0 if self.rician_k_db is None else 10 ** (self.rician_k_db / 10)

    def max_block_bits(self) -> int:
        """The longest code block in bits, CRCs included."""
        if self.base_graph == "bg2":
            return 3840
        return CODE_FAMILIES[self.code].max_block_bits(self.rate)

    def coded_bits(self, block_bits: int) -> int:
        """Length of the code word of a code block of ``block_bits``."""
        return CODE_FAMILIES[self.code].coded_bits(block_bits, self.rate, self.bits_per_symbol)

    def channel_uses(self, coded_bits: int) -> int:
        """Complex channel uses of one attempt to send ``coded_bits``, overhead included."""
        symbols = -(-coded_bits // (self.bits_per_symbol * self.transmit_antennas))
        if self.ofdm is None:
            return symbols
        return self.ofdm.channel_uses(-(-symbols // self.ofdm.data_per_slot))


def _known(name: str, options: dict[str, str], what: str) -> str:
    if name not in options:
        raise ValueError(f"unknown {what} {name!r}: choose one of {', '.join(options)}")
    return name
