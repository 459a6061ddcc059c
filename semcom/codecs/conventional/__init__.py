"""Conventional picture codecs under the same contract as the semantic ones.

JPEG, JPEG 2000, WebP, BPG (or its stand-in, HEVC intra), AVIF and JPEG XL each find their own
setting for a requested rate; ``original`` sends the samples untouched and is the ceiling of every
metric. One picture is one packet.
"""

from semcom.codecs.conventional.avif import Avif
from semcom.codecs.conventional.bpg import Bpg
from semcom.codecs.conventional.jpeg import Jpeg
from semcom.codecs.conventional.jpeg2000 import Jpeg2000
from semcom.codecs.conventional.jpegxl import JpegXl
from semcom.codecs.conventional.original import Original
from semcom.codecs.conventional.picture_codec import MEAN_COLOUR, PictureCodec
from semcom.codecs.conventional.webp import WebP

__all__ = [
    "CONVENTIONAL",
    "MEAN_COLOUR",
    "Avif",
    "Bpg",
    "Jpeg",
    "Jpeg2000",
    "JpegXl",
    "Original",
    "PictureCodec",
    "WebP",
]

CONVENTIONAL: dict[str, type] = {
    codec.name: codec for codec in (Original, Jpeg, Jpeg2000, WebP, Bpg, Avif, JpegXl)
}
