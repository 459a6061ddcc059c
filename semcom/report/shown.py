"""The pictures of a report: what was sent and what each receiver saw, small enough to mail."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semcom.pictures import PictureStore
from semcom.results import Results, Row
from semcom.scenario import REFERENCE
from semcom.selection import select

__all__ = ["choose", "collect_pictures"]

#: bytes that the pictures of a report may take, base64 included
MOST_BYTES = 12 * 2**20
#: wider pictures are shown smaller
WIDEST = 768


class _Album:
    """Pictures as WebP data URIs, each once, in a list that numbers refer to."""

    def __init__(self) -> None:
        self.uris: list[str] = []
        self._known: dict[str, int] = {}

    def add(self, name: str, pixels: np.ndarray | None, palette: np.ndarray | None = None) -> Any:
        """Number of the picture called ``name``; ``palette`` marks a label map."""
        if pixels is None:
            return None
        if name not in self._known:
            uri = _data_uri(pixels, palette)
            if uri not in self._known:  # other names may stand for the same picture
                self._known[uri] = len(self.uris)
                self.uris.append(uri)
            self._known[name] = self._known[uri]
        return self._known[name]

    def num_bytes(self) -> int:
        return sum(map(len, self.uris))


def collect_pictures(results: Results, folder: Path, most_images: int) -> dict[str, Any]:
    """Up to ``most_images`` sent pictures, evenly spread, with all that was received of them.

    ``uris`` holds every distinct picture once; the rest refers to it by number. Stops early where
    the page would grow past 12 MiB.
    """
    plan = results.run["plan"] if results.run else None
    if plan is None:
        return {"uris": [], "images": [], "classes": [], "all": 0}
    store = PictureStore(folder / "pictures")
    palette = np.array(plan["palette"], np.uint8).reshape(-1, 3)
    found = _first_realisations(results, plan)
    album = _Album()
    images: list[tuple[int, dict[str, Any]]] = []
    for index in choose(len(plan["images"]), most_images):
        before = len(album.uris)
        shown = _image(plan["images"][index], plan, results, found, store, album, palette)
        if shown is None:
            continue
        if images and album.num_bytes() > MOST_BYTES:
            del album.uris[before:]
            break
        images.append((index, shown))
    classes = [
        {"name": name.replace("_", " "), "colour": "#" + bytes(palette[number]).hex()}
        for number, name in enumerate(plan["classes"])
    ]
    ordered = [shown for _, shown in sorted(images, key=lambda pair: pair[0])]
    return {"uris": album.uris, "images": ordered, "classes": classes, "all": len(plan["images"])}


def choose(count: int, most: int) -> list[int]:
    """``most`` of ``count`` indices, spread evenly; any beginning of the list is spread, too.

    >>> choose(32, 4), choose(3, 8)
    ([0, 16, 8, 24], [0, 1, 2])
    """
    if count <= most:
        return list(range(count))
    even = [index * count // most for index in range(most)]
    bits = (most - 1).bit_length()
    turned = [int(f"{number:0{bits}b}"[::-1], 2) if bits else 0 for number in range(1 << bits)]
    return [even[number] for number in turned if number < most]


def _first_realisations(results: Results, plan: Row) -> dict[tuple[str, str], list[Row]]:
    """Transmissions by transmitter and picture, one a point."""
    found: dict[tuple[str, str], list[Row]] = {}
    for (setup, _), rows in select(results, plan).items():
        seen: set[str] = set()
        for row in rows:
            if row["sample"] not in seen:
                seen.add(row["sample"])
                found.setdefault((setup, row["sample"]), []).append(row)
    return found


def _image(
    image: Row,
    plan: Row,
    results: Results,
    found: dict[tuple[str, str], list[Row]],
    store: PictureStore,
    album: _Album,
    palette: np.ndarray,
) -> dict[str, Any] | None:
    original, truth = store.sample(image["sample"])
    if original is None:
        return None
    sample = image["sample"]
    shown: dict[str, Any] = {
        "name": image["name"],
        "size": list(original.shape[:2]),
        "original": album.add(f"sample-{sample}", original),
        "truth": album.add(f"sample-{sample}.map", truth, palette),
        "receivers": {},
    }
    for transmitter in plan["transmitters"]:
        label = transmitter["label"]
        own = {None, *transmitter.get("esn0_db", plan["esn0_db"])}
        received = [
            _received(row, plan, results, store, album, palette)
            for row in found.get((transmitter["setup"], sample), [])
            if row["esn0_db"] in own
        ]
        if label == REFERENCE:  # the original is there; what the scorer sees in it is not
            shown["seen"] = received[0]["seen"] if received and received[0] else None
        else:
            # with a budget there is a transmitter of the same label for every frame
            shown["receivers"].setdefault(label, []).extend(one for one in received if one)
    return shown


def _received(
    row: Row, plan: Row, results: Results, store: PictureStore, album: _Album, palette: np.ndarray
) -> dict[str, Any] | None:
    name = results.receipts[row["receipt"]]["picture"]
    if not store.has(name):
        return None
    picture = store.get(name)
    seen = store.prediction(name, plan["scorer"]) if plan["scorer"] else None
    packets = results.encodings[row["encoding"]]["packets"]
    # the reference is the original itself, which is embedded already
    image = None if row["transmitter"] == REFERENCE else album.add(name, picture.image)
    return {
        "esn0_db": row["esn0_db"],
        "task": row["id"],
        "image": image,
        "map": album.add(f"{name}.map", picture.label_map, palette),
        "seen": album.add(f"{name}.seen", seen, palette),
        "lost": [p["kind"] for p, mark in zip(packets, row["arrived"], strict=True) if mark == "0"],
        "packets": len(packets),
        "bytes": sum(packet["bytes"] for packet in packets),
        "symbols": results.encodings[row["encoding"]].get("symbols"),
    }


def _data_uri(pixels: np.ndarray, palette: np.ndarray | None) -> str:
    """A small WebP: lossy for photographs, exact for label maps in the colours of ``palette``."""
    buffer = io.BytesIO()
    if palette is None:
        picture = _narrowed(Image.fromarray(pixels), Image.Resampling.LANCZOS)
        picture.save(buffer, "WEBP", quality=82, method=2)
    else:
        table = np.zeros((256, 3), np.uint8)
        table[: len(palette)] = palette
        picture = _narrowed(Image.fromarray(table[pixels]), Image.Resampling.NEAREST)
        picture.save(buffer, "WEBP", lossless=True, quality=40, method=1)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _narrowed(picture: Image.Image, how: Image.Resampling) -> Image.Image:
    if picture.width <= WIDEST:
        return picture
    return picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), how)
