"""BPG by its reference programs, or HEVC intra where they are not installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from semcom.codecs.conventional import hevc
from semcom.codecs.conventional.picture_codec import PictureCodec, RateSettings, require_size

__all__ = ["Bpg", "bpg_size"]

_MAGIC = b"BPG\xfb"
_SECONDS = 120


class Bpg(PictureCodec):
    """Quantiser 51 down to 0, 4:2:0.

    With ``bpgenc`` and ``bpgdec`` on the path the payload is a BPG file less its magic number.
    Without them it is the slice of one HEVC intra picture coded by x265, which is what a BPG file
    holds behind a smaller header; :attr:`display_name` then says ``bpg (hevc-intra)``.

    >>> codec = Bpg(Bpg.Settings(bits_per_pixel=1.0), size=(48, 64))
    >>> packet, = codec.encode(np.zeros((48, 64, 3), np.uint8))
    >>> codec.decode([packet.payload]).image.shape
    (48, 64, 3)
    """

    name = "bpg"
    ladder = range(hevc.HIGHEST_QP, -1, -1)

    def __init__(self, settings: RateSettings, size: tuple[int, int] = (256, 512)) -> None:
        super().__init__(settings, size)
        self._encoder, self._decoder = shutil.which("bpgenc"), shutil.which("bpgdec")
        self.format = "bpg" if self._encoder and self._decoder else "hevc-intra"

    @property
    def display_name(self) -> str:
        return "bpg" if self.format == "bpg" else "bpg (hevc-intra)"

    def library(self) -> str:
        if self.format != "bpg":
            return hevc.library()
        # bpgenc prints its version at the head of its help and exits with an error
        text = _run([str(self._encoder), "-h"], check=False).splitlines()
        return text[0].strip() if text else "bpgenc"

    def compress(self, image: np.ndarray, setting: float) -> bytes:
        if self.format != "bpg":
            return hevc.compress(image, int(setting))
        with tempfile.TemporaryDirectory() as folder:
            source, coded = Path(folder, "picture.png"), Path(folder, "picture.bpg")
            Image.fromarray(image).save(source)
            options = ["-q", str(int(setting)), "-f", "420"]
            _run([str(self._encoder), *options, "-o", str(coded), str(source)])
            return coded.read_bytes().removeprefix(_MAGIC)

    def decompress(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        if self.format != "bpg":
            return hevc.decompress(data, size)
        require_size(bpg_size(data), size)
        with tempfile.TemporaryDirectory() as folder:
            coded, decoded = Path(folder, "picture.bpg"), Path(folder, "picture.png")
            coded.write_bytes(_MAGIC + data)
            _run([str(self._decoder), "-o", str(decoded), str(coded)])
            with Image.open(decoded, formats=["PNG"]) as image:
                require_size((image.height, image.width), size)
                return np.asarray(image.convert("RGB"))


def bpg_size(data: bytes) -> tuple[int, int]:
    """(H, W) of a BPG file less its magic number (BPG specification, clause 3.1, ``ue7``).

    :raises ValueError: if the numbers run out of the data or of 32 bits

    >>> bpg_size(bytes([0x20, 0x00, 0x84, 0x00, 0x82, 0x00]))
    (256, 512)
    """
    position, sides = 2, []
    for _ in range(2):
        value = 0
        for _ in range(5):
            if position >= len(data):
                raise ValueError("the BPG header is truncated")
            byte = data[position]
            position += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                break
        else:
            raise ValueError("the BPG header holds a number of more than 32 bits")
        sides.append(value)
    return sides[1], sides[0]


def _run(command: list[str], check: bool = True) -> str:
    """Run a program and return what it said; its failure becomes ``ValueError``."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"{Path(command[0]).name} took more than {_SECONDS} s") from error
    text = (done.stdout + done.stderr).decode(errors="replace")
    if check and done.returncode:
        raise ValueError(f"{Path(command[0]).name} failed: {text.strip()[:200]}")
    return text
