"""Codecs: pictures to packets or symbols and back, see :mod:`semcom.codecs.codec`."""

from typing import Any

from semcom.codecs.codec import AnalogCodec, Codec, Packet, Reconstruction, bits_per_pixel
from semcom.codecs.conventional import CONVENTIONAL
from semcom.codecs.jscc.codec import JsccCodec
from semcom.codecs.layered.codec import LayeredCodec
from semcom.codecs.saic.codec import SaicCodec
from semcom.codecs.sqgan.codec import SqganCodec

__all__ = ["CODECS", "AnalogCodec", "Codec", "Packet", "Reconstruction", "bits_per_pixel"]

#: every codec by the name scenarios use
CODECS: dict[str, Any] = {
    "sqgan": SqganCodec,
    "layered": LayeredCodec,
    "saic": SaicCodec,
    "jscc": JsccCodec,
    **CONVENTIONAL,
}
