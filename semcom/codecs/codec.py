"""What every image codec promises: pictures in, self-contained packets out, and back.

The link between the two ends sees bytes only. A packet either arrives exactly as it was sent or is
lost (``None``); a receiver must return a picture whatever is missing. An :class:`AnalogCodec` has
no bytes: it makes the symbols of the channel itself, and they arrive with noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

__all__ = ["AnalogCodec", "Codec", "Packet", "Reconstruction", "bits_per_pixel", "is_analog"]


@dataclass(frozen=True)
class Packet:
    """Bytes that decode without their neighbours.

    ``rank`` orders packets by importance, 0 first. ``bits`` splits the payload into its parts
    (``header``, ``mask``, ``indices``, ...) and always adds up to ``8 * len(payload)``.

    >>> Packet(b"abc", kind="image", bits={"header": 8, "data": 16}).payload
    b'abc'
    """

    payload: bytes
    kind: str = "image"
    rank: int = 0
    bits: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.bits:
            object.__setattr__(self, "bits", {"data": 8 * len(self.payload)})
        if sum(self.bits.values()) != 8 * len(self.payload):
            raise ValueError(
                f"the parts of a packet hold {sum(self.bits.values())} bits, "
                f"its payload {8 * len(self.payload)}: every bit belongs to one part"
            )


@dataclass(frozen=True)
class Reconstruction:
    """What the receiver shows: ``image`` [H, W, 3] uint8, ``label_map`` [H, W] uint8 if sent."""

    image: np.ndarray
    label_map: np.ndarray | None = None
    #: named extra pictures for figures, e.g. ``kept_mask`` [h, w] bool
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)


class Codec(Protocol):
    """One operating point of an image codec.

    One whose label map must be of certain classes names them, by id, in ``classes``.
    """

    name: str
    #: whether :meth:`encode` needs a label map
    needs_label_map: bool

    def identity(self) -> dict[str, Any]:
        """Everything that changes this codec's output (settings, digests of weights), JSON-able."""
        ...

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """Code ``image`` [H, W, 3] uint8 (and ``label_map`` [H, W] uint8) into packets."""
        ...

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """Rebuild the picture from what arrived, in the order sent; ``None`` is a lost packet."""
        ...


class AnalogCodec(Protocol):
    """A joint source-channel code: pictures to channel symbols and back, without bits in between.

    Code and modulation of a link do not concern it; its symbols cross the same channel.
    """

    name: str
    needs_label_map: bool
    #: True; codecs of bytes do without
    analog: bool

    def identity(self) -> dict[str, Any]:
        """Everything that changes this codec's output (settings, digests of weights), JSON-able."""
        ...

    def transmit(self, image: np.ndarray, label_map: np.ndarray | None = None) -> np.ndarray:
        """Symbols complex64 [N] of mean power 1 for ``image`` [H, W, 3] uint8."""
        ...

    def receive(self, symbols: np.ndarray, noise_variance: np.ndarray) -> Reconstruction:
        """The picture from equalised ``symbols`` complex64 [N] and their noise, float32 [N]."""
        ...


def is_analog(codec: Any) -> bool:
    """Whether ``codec``, a class or an object, is an :class:`AnalogCodec`."""
    return bool(getattr(codec, "analog", False))


def bits_per_pixel(packets: Sequence[Packet], image: np.ndarray) -> float:
    """Bits of all payloads per pixel of ``image`` [H, W, 3].

    >>> bits_per_pixel([Packet(bytes(16))], np.zeros((8, 16, 3), np.uint8))
    1.0
    """
    return sum(8 * len(p.payload) for p in packets) / (image.shape[0] * image.shape[1])
