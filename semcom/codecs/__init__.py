"""Codecs: pictures to packets and back, each under one contract (:mod:`semcom.codecs.codec`)."""

from typing import Any

from semcom.codecs.codec import Codec, Packet, Reconstruction, bits_per_pixel
from semcom.codecs.conventional import CONVENTIONAL
from semcom.codecs.saic.codec import SaicCodec
from semcom.codecs.sqgan.codec import SqganCodec

__all__ = ["CODECS", "Codec", "Packet", "Reconstruction", "bits_per_pixel"]

#: every codec by the name scenarios use
CODECS: dict[str, Any] = {"sqgan": SqganCodec, "saic": SaicCodec, **CONVENTIONAL}
