"""``semcom encode`` and ``semcom decode``: one photograph through a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["decode", "encode"]


def encode(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="photograph")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="coded picture to write")],
    codec: Annotated[str, typer.Option(help="`semcom codecs` lists them")] = "sqgan",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="a setting, e.g. keep_fraction.image=0.2"),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="HxW", help="the photograph is cropped and scaled to it")
    ] = "256x512",
    label_map: Annotated[
        Path | None, typer.Option(metavar="PNG", help="class ids, instead of the segmenter's")
    ] = None,
) -> None:
    """Code IMAGE into FILE and say where the bits went."""
    from semcom.photo import encode_photo, parse_settings, parse_size
    from semcom.table import bit_budget

    height, width = parse_size(size)
    packets = encode_photo(
        image, file, codec, parse_settings(settings or []), (height, width), label_map
    )
    bits: dict[str, int] = {}
    for packet in packets:
        for part, count in packet.bits.items():
            name = part if len(packets) == 1 else f"{packet.kind} {part}"
            bits[name] = bits.get(name, 0) + count
    parts = f"{len(packets)} packet" + ("s" if len(packets) > 1 else "")
    print(f"{file}: {codec}, {height}x{width} pixels, {parts}, {file.stat().st_size} bytes in all")
    for line in bit_budget(bits, height * width):
        print(line)


def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="coded picture")],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="picture to write, e.g. x.png")],
    label_map: Annotated[
        Path | None, typer.Option(metavar="PNG", help="write the received label map, too")
    ] = None,
) -> None:
    """Rebuild the picture in FILE."""
    from PIL import Image

    from semcom.photo import decode_photo

    coded, received = decode_photo(file)
    if label_map is not None:
        if received.label_map is None:
            raise ValueError(f"{file}: the codec {coded.codec} sends no label map")
        Image.fromarray(received.label_map).save(label_map)
    Image.fromarray(received.image).save(image)
    print(f"{image}: {coded.size[0]}x{coded.size[1]} pixels from {coded.codec}")
