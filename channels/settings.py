"""What a link is made of: the strict settings and what may be chosen for them.

Everything here is plain data, so that reading a scenario or listing the options costs no import of
the signal processing behind it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["BITS_PER_SYMBOL", "CHANNELS", "CODES", "MODULATIONS", "LinkSettings"]

#: channel codes, one line each
CODES: dict[str, str] = {
    "ldpc": "5G NR LDPC, base graphs 1 and 2 (TS 38.212, 5.3.2), flooding sum-product decoder",
}

#: modulations, one line each
MODULATIONS: dict[str, str] = {
    "bpsk": "1 bit per symbol, antipodal on the real axis",
    "qpsk": "2 bits per symbol, Gray-labelled (TS 38.211, 5.1.3)",
    "16qam": "4 bits per symbol, Gray-labelled square QAM (TS 38.211, 5.1.4)",
    "64qam": "6 bits per symbol, Gray-labelled square QAM (TS 38.211, 5.1.5)",
    "256qam": "8 bits per symbol, Gray-labelled square QAM (TS 38.211, 5.1.6)",
}

#: coded bits per complex symbol
BITS_PER_SYMBOL: dict[str, int] = {"bpsk": 1, "qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8}

#: channel models, one line each
CHANNELS: dict[str, str] = {
    "awgn": "additive white Gaussian noise",
    "rayleigh": "block Rayleigh fading, one known coefficient per payload, plus white noise",
}

_LDPC_RATES = (0.2, 0.93)


def _known(name: str, options: dict[str, str], what: str) -> str:
    if name not in options:
        raise ValueError(f"unknown {what} {name!r}: choose one of {', '.join(options)}")
    return name


class LinkSettings(BaseModel):
    """One way of sending bytes: channel code, modulation and channel model.

    >>> LinkSettings(rate=0.5, modulation="16qam", channel="rayleigh").code
    'ldpc'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(default="ldpc", description=f"channel code: {', '.join(CODES)}")
    rate: float = Field(
        default=0.5, gt=0, le=1, description="information bits per coded bit of one code block"
    )
    base_graph: Literal["auto", "bg1", "bg2"] = Field(
        default="auto", description="LDPC base graph; auto follows TS 38.212, 7.2.2"
    )
    decoder_iterations: int = Field(
        default=20, ge=1, le=1000, description="most decoder iterations spent on a code block"
    )
    modulation: str = Field(default="qpsk", description=f"modulation: {', '.join(MODULATIONS)}")
    channel: str = Field(default="awgn", description=f"channel model: {', '.join(CHANNELS)}")
    device: str = Field(default="cpu", description="where the arithmetic runs: cpu, cuda or cuda:N")

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

    @model_validator(mode="after")
    def _can_work(self) -> LinkSettings:
        low, high = _LDPC_RATES
        if self.code == "ldpc" and not low <= self.rate <= high:
            raise ValueError(
                f"rate {self.rate:g} is outside what code 'ldpc' reaches: "
                f"choose a rate from {low:g} to {high:g}"
            )
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
        return self

    @property
    def bits_per_symbol(self) -> int:
        """Coded bits per complex symbol."""
        return BITS_PER_SYMBOL[self.modulation]
