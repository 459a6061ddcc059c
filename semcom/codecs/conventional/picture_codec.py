"""What all conventional codecs share: header, rate search, downscaling, concealment.

::

    image -> (downscale) -> compress at a setting -> header + data   one packet
    packet -> decompress -> (upscale) -> image
    lost packet -> a picture of one colour
"""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from semcom.codecs.codec import Packet, Reconstruction
from semcom.codecs.conventional.header import HEADER_BYTES, SCALES, Header, scaled_size

__all__ = ["MEAN_COLOUR", "PictureCodec", "RateSettings", "conceal", "require_size"]

#: RGB shown for a lost picture: the mean colour of ImageNet, the receiver's best guess in the
#: squared-error sense when it knows nothing but that a photograph was sent
MEAN_COLOUR = (124, 116, 104)

#: what decoders of damaged streams raise, over all the libraries used here
_DAMAGE = (OSError, RuntimeError, ValueError, EOFError, IndexError, SyntaxError, struct.error)


class RateSettings(BaseModel):
    """Settings of a codec that meets a rate.

    >>> RateSettings(bits_per_pixel=0.1).bits_per_pixel
    0.1
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits_per_pixel: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["lowest"] = Field(
        description="most bits per pixel of the full-size picture, header included; the codec takes"
        " the best setting that fits and, below its lowest setting, codes a downscaled picture."
        " `lowest`: the codec's own lowest setting at full size"
    )


class PictureCodec(ABC):
    """A still-picture codec at one rate; subclasses say how to compress and decompress.

    :param settings: the rate to meet
    :param size: (H, W) of every picture, agreed with the receiver beforehand; a payload of any
        other size is refused before anything is allocated for it
    """

    name: ClassVar[str]
    #: key in :data:`semcom.codecs.conventional.header.FORMATS`
    format: str
    #: the codec's settings, lowest rate first
    ladder: ClassVar[Sequence[float]]
    needs_label_map = False
    Settings: ClassVar[type[BaseModel]] = RateSettings

    def __init__(self, settings: RateSettings, size: tuple[int, int] = (256, 512)) -> None:
        self.settings = settings
        self.size = _checked_size(size)

    @property
    def display_name(self) -> str:
        """The name for plots and tables."""
        return self.name

    @abstractmethod
    def library(self) -> str:
        """Name and version of the software that codes, part of :meth:`identity`."""

    @abstractmethod
    def compress(self, image: np.ndarray, setting: float) -> bytes:
        """Code ``image`` [h, w, 3] uint8 at ``setting``, one of :attr:`ladder`."""

    @abstractmethod
    def decompress(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """Decode ``data`` to [h, w, 3] uint8.

        ``data`` is untrusted: the size it states is compared with ``size`` before decoding.
        """

    def identity(self) -> dict[str, Any]:
        return {
            "codec": self.name,
            "format": self.format,
            "library": self.library(),
            "size": list(self.size),
            **self.settings.model_dump(),
        }

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """Code ``image`` [H, W, 3] uint8 into one packet that keeps to the rate.

        :raises ValueError: if the picture has another size than agreed, or if even the lowest
            setting at the smallest scale takes more bits than asked for
        """
        require_picture(image, self.size)
        if self.settings.bits_per_pixel == "lowest":
            scale, data = 0, self.compress(image, self.ladder[0])
        else:
            budget = int(self.settings.bits_per_pixel * self.size[0] * self.size[1] / 8)
            scale, data = self._fit(image, budget - HEADER_BYTES)
        header = Header(self.format, scale, self.size).to_bytes()
        return [
            Packet(header + data, bits={"header": 8 * HEADER_BYTES, "data": 8 * len(data)}),
        ]

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """Rebuild the picture [H, W, 3] uint8; a lost payload gives :data:`MEAN_COLOUR`.

        :raises ValueError: if the payload is truncated, foreign, of another size than agreed, or
            no stream of this codec. Damage that leaves a valid stream shows in the picture only:
            guarding the bytes is the link's business.
        """
        if len(payloads) != 1:
            raise ValueError(f"{self.name} sends one packet per picture, got {len(payloads)}")
        payload = payloads[0]
        if payload is None:
            return Reconstruction(conceal(self.size))
        header = Header.from_bytes(payload)
        if header.format != self.format:
            raise ValueError(
                f"the payload holds {header.format} and the receiver expects {self.format}"
            )
        require_size(header.size, self.size)
        # no stream longer than the samples themselves is worth decoding
        if len(payload) > HEADER_BYTES + 3 * self.size[0] * self.size[1] + 1024:
            raise ValueError(f"the {self.name} payload is longer than the picture it describes")
        coded_size = scaled_size(self.size, header.scale)
        try:
            image = self.decompress(payload[HEADER_BYTES:], coded_size)
            require_picture(image, coded_size)
        except _DAMAGE as error:
            raise ValueError(f"the {self.name} payload cannot be decoded: {error}") from error
        # a copy of its own: decoders hand out read-only views
        return Reconstruction(np.array(resize(image, self.size)))

    def _fit(self, image: np.ndarray, num_bytes: int) -> tuple[int, bytes]:
        """Scale index and data of the best coding of ``image`` within ``num_bytes``."""
        smallest = None
        for scale in range(len(SCALES)):
            scaled = resize(image, scaled_size(self.size, scale))
            data = self.compress(scaled, self.ladder[0])
            if len(data) <= num_bytes:
                return scale, self._climb(scaled, num_bytes, data)
            smallest = min(smallest or len(data), len(data))
        bits = 8 * (HEADER_BYTES + (smallest or 0)) / (self.size[0] * self.size[1])
        raise ValueError(
            f"{self.name} cannot code this picture in {self.settings.bits_per_pixel} "
            f"bits per pixel, its smallest form takes {bits:.4f}: ask for more"
        )

    def _climb(self, image: np.ndarray, num_bytes: int, data: bytes) -> bytes:
        """Find the ladder's highest step within ``num_bytes``; ``data`` is step 0.

        The logarithm of the size grows about evenly along every ladder, towards that of the
        samples themselves: guesses by interpolation, every third one by bisection.
        """
        fits, too_big = 0, len(self.ladder)
        smaller, wanted, larger = math.log(len(data)), math.log(num_bytes), math.log(image.size)
        guesses = 0
        while too_big - fits > 1:
            step = (fits + too_big) // 2
            guesses += 1
            if guesses % 3 and smaller < larger:
                share = (wanted - smaller) / (larger - smaller)
                step = min(max(fits + round(share * (too_big - fits)), fits + 1), too_big - 1)
            candidate = self.compress(image, self.ladder[step])
            if len(candidate) <= num_bytes:
                fits, smaller, data = step, math.log(len(candidate)), candidate
            else:
                too_big, larger = step, math.log(len(candidate))
        return data


def conceal(size: tuple[int, int]) -> np.ndarray:
    """The picture [H, W, 3] uint8 shown when everything was lost.

    >>> conceal((2, 4))[0, 0].tolist()
    [124, 116, 104]
    """
    return np.broadcast_to(np.array(MEAN_COLOUR, np.uint8), (*size, 3)).copy()


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resample ``image`` [h, w, 3] to ``size`` (H, W): Lanczos down, bicubic up."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] < image.shape[0]
    filter_ = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize(size[::-1], filter_))


def require_size(found: tuple[int, int], expected: tuple[int, int]) -> None:
    """Raise ``ValueError`` unless a stream states the (H, W) that was agreed."""
    if found != expected:
        raise ValueError(
            f"the stream says {found[0]}x{found[1]} pixels where {expected[0]}x{expected[1]} "
            "were agreed"
        )


def require_picture(image: np.ndarray, size: tuple[int, int]) -> None:
    """Raise ``ValueError`` unless ``image`` is [H, W, 3] uint8 of ``size``."""
    if image.dtype != np.uint8 or image.shape != (*size, 3):
        raise ValueError(
            f"expected an RGB picture of {size[0]}x{size[1]} pixels in uint8, "
            f"got shape {image.shape} of {image.dtype}"
        )


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    height, width = (int(side) for side in size)
    if not (1 <= height <= 0xFFFF and 1 <= width <= 0xFFFF):
        raise ValueError(f"a picture of {height}x{width} pixels: each side must be 1 to 65535")
    return height, width
