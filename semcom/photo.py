"""One photograph through a codec and a file: what ``semcom encode`` and ``decode`` do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ValidationError

from semcom.codecs.codec import Packet, Reconstruction, is_analog
from semcom.container import CodedPicture
from semcom.scenario_errors import known_name

__all__ = ["build_codec", "decode_photo", "encode_photo", "parse_settings", "parse_size"]

#: modes of pictures that become RGB without a guess at their range
_EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
#: the smallest side of a photograph, in pixels
_LEAST = 16


def parse_settings(assignments: list[str]) -> dict[str, Any]:
    """``["a.b=1", "c=x"]`` as nested settings, values read as YAML.

    >>> parse_settings(["keep_fraction.image=0.2", "entropy=raw"])
    {'keep_fraction': {'image': 0.2}, 'entropy': 'raw'}
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        path, sign, text = assignment.partition("=")
        if not sign or not path:
            raise ValueError(f"{assignment!r}: write --set name=value")
        *outer, last = path.split(".")
        place = settings
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise ValueError(f"{path!r}: {name!r} has a value of its own already")
        try:
            place[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"{assignment!r}: {text!r} is not a value") from error
    return settings


def parse_size(text: str) -> tuple[int, int]:
    """``"256x512"`` as (H, W).

    >>> parse_size("256x512")
    (256, 512)
    """
    height, sign, width = text.partition("x")
    if not (sign and height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise ValueError(f"{text!r}: a size is HEIGHTxWIDTH in pixels, e.g. 256x512")
    return int(height), int(width)


def encode_photo(
    image: Path,
    file: Path,
    codec: str,
    settings: Mapping[str, Any],
    size: tuple[int, int],
    label_map: Path | None = None,
) -> list[Packet]:
    """Crop and scale the photograph ``image`` to ``size``, code it, write ``file``.

    The label map of a codec that sends one is read from ``label_map`` or made by the transmitter's
    segmenter. Raises ValueError or FileNotFoundError in one sentence.
    """
    from PIL import Image

    from semcom.data.files import read_image
    from semcom.data.sample import fit

    coder, checked = build_codec(codec, settings, size)
    if not image.is_file():
        raise FileNotFoundError(f"{image}: no such file")
    photo = read_image(image)
    if photo.mode not in _EIGHT_BITS:
        raise ValueError(f"{image}: has no 8 bits a sample ({photo.mode}); convert it to 8-bit RGB")
    if min(photo.size) < _LEAST:
        raise ValueError(
            f"{image}: {photo.height}x{photo.width} pixels are too few; "
            f"a photograph has {_LEAST}x{_LEAST} or more"
        )
    pixels = fit(photo.convert("RGB"), size, Image.Resampling.LANCZOS)
    labels = None
    if coder.needs_label_map and label_map is not None:
        if not label_map.is_file():
            raise FileNotFoundError(f"{label_map}: no such file")
        ids = read_image(label_map)
        if ids.size != photo.size:
            raise ValueError(
                f"{label_map}: {ids.height}x{ids.width} pixels, but the photograph has "
                f"{photo.height}x{photo.width}; a label map is as large as its photograph"
            )
        labels = fit(ids, size, Image.Resampling.NEAREST)
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise ValueError(f"{label_map}: a label map has one byte of class id a pixel")
    elif coder.needs_label_map:
        from semcom.segmentation import load_segmenter

        labels = np.asarray(load_segmenter("transmitter")(pixels[None])[0])
    elif label_map is not None:
        raise ValueError(f"a label map is given, but the codec {codec} sends none")
    try:
        packets: list[Packet] = coder.encode(pixels, labels)
    except ValueError as error:
        raise ValueError(f"{image}: {error}") from error
    coded = CodedPicture(
        codec,
        checked.model_dump_json(),
        size,
        tuple(packet.payload for packet in packets),
    )
    coded.write(file)
    return packets


def decode_photo(file: Path) -> tuple[CodedPicture, Reconstruction]:
    """The picture in ``file``; raises ValueError or FileNotFoundError in one sentence."""
    coded = CodedPicture.read(file)
    try:
        settings = json.loads(coded.settings)
        received: Reconstruction = build_codec(coded.codec, settings, coded.size)[0].decode(
            coded.payloads
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: {error}") from error
    return coded, received


def build_codec(codec: str, settings: Any, size: tuple[int, int]) -> tuple[Any, BaseModel]:
    """The codec ``codec`` and its checked settings."""
    from semcom.codecs import CODECS

    cls = CODECS[known_name(codec, CODECS, "codec")]
    if is_analog(cls):
        raise ValueError(
            f"the codec {codec} makes symbols for a channel and no file: see it with `semcom run`"
        )
    try:
        checked = cls.Settings.model_validate(settings)
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join(map(str, detail["loc"]))
        raise ValueError(f"codec {codec}, setting {place}: {detail['msg']}") from None
    return cls(checked, size=size), checked
