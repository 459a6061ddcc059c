"""Names for things by what they hold: digests of settings and pictures, and seeds drawn from them.

A digest names exactly what changes an answer, so results from other days, orders or machines can
be recognised as the same; a seed made from digests gives every packet its own noise whatever else
runs beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = [
    "analog_receipt_id",
    "array_digest",
    "digest",
    "encoding_id",
    "fading_seed",
    "measurement_id",
    "packet_seeds",
    "receipt_id",
    "seed_from",
]


def digest(*parts: Any) -> str:
    """SHA-256 of JSON-able ``parts``, written canonically, as 32 hexadecimal digits.

    >>> digest({"a": 1, "b": 2.0}) == digest({"b": 2.0, "a": 1})
    True
    >>> digest("a", "b") == digest("ab")
    False
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def array_digest(*arrays: np.ndarray | None) -> str:
    """SHA-256 of the shapes, types and contents of ``arrays`` as 32 hexadecimal digits.

    >>> array_digest(np.zeros((2, 3), np.uint8)) == array_digest(np.zeros((3, 2), np.uint8))
    False
    """
    state = hashlib.sha256()
    for array in arrays:
        if array is None:
            state.update(b"none;")
        else:
            state.update(f"{array.dtype.str}{array.shape};".encode())
            state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()[:32]


def seed_from(*parts: Any) -> int:
    """A 63-bit seed that depends on every one of ``parts`` and on nothing else.

    >>> seed_from(1, "image", 0.5) == seed_from(1, "image", 0.5) != seed_from(1, "image", 0.25)
    True
    """
    return int(digest("seed", *parts)[:16], 16) >> 1


def packet_seeds(seed: int, sample: str, esn0_db: float, realisation: int, count: int) -> list[int]:
    """A seed for each of ``count`` packets of a picture sent once.

    No word of the codec is in them: all codecs meet the same noise.
    """
    return [seed_from(seed, sample, esn0_db, number, realisation) for number in range(count)]


def fading_seed(seed: int, sample: str, esn0_db: float, realisation: int) -> int:
    """The seed of the one fade that all packets of a frame meet, whatever the codec."""
    return seed_from(seed, sample, esn0_db, "fading", realisation)


def encoding_id(coding: Any, sample: str) -> str:
    """Id of one picture (``sample``, its digest) in the ``coding`` of a transmitter."""
    return digest("encoding", coding, sample)


def receipt_id(coding: Any, encoding: str, arrived: str, altered: Mapping[str, str]) -> str:
    """Id of a coded picture of which the packets marked 1 in ``arrived`` were received.

    ``altered`` holds packets whose errors escaped the link's CRC, in hexadecimal by number. With
    nothing received it does not matter which picture was sent.
    """
    if "1" not in arrived:
        return digest("nothing received", coding, len(arrived))
    return digest("receipt", encoding, arrived, dict(altered))


def analog_receipt_id(encoding: str, transmission: str | None) -> str:
    """Id of the picture of one transmission; None: without a channel, as the symbols were sent."""
    return digest("symbols received", encoding, transmission)


def measurement_id(sample: str, picture: str, scorer: str | None) -> str:
    """Id of the counts of a received picture against the sample that was sent."""
    return digest("measurement", sample, picture, scorer)
