"""No compression: the samples as they are, the ceiling of every metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from semcom.codecs.codec import Packet, Reconstruction
from semcom.codecs.conventional.header import HEADER_BYTES, Header
from semcom.codecs.conventional.picture_codec import conceal, require_picture, require_size

__all__ = ["Original"]


class OriginalSettings(BaseModel):
    """``original`` has nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Original:
    """Sends header and raw RGB samples; 24 bits per pixel.

    >>> codec = Original(Original.Settings(), size=(2, 2))
    >>> image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    >>> packets = codec.encode(image)
    >>> bool((codec.decode([packets[0].payload]).image == image).all())
    True
    """

    name = "original"
    display_name = "original"
    needs_label_map = False
    Settings: ClassVar[type[BaseModel]] = OriginalSettings

    def __init__(self, settings: OriginalSettings, size: tuple[int, int] = (256, 512)) -> None:
        self.settings = settings
        self.size = (int(size[0]), int(size[1]))

    def identity(self) -> dict[str, Any]:
        return {"codec": self.name, "size": list(self.size)}

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """Pack ``image`` [H, W, 3] uint8; raises ``ValueError`` for another size than agreed."""
        require_picture(image, self.size)
        header = Header(self.name, 0, self.size).to_bytes()
        return [
            Packet(
                header + image.tobytes(), bits={"header": 8 * HEADER_BYTES, "data": 8 * image.size}
            )
        ]

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """Unpack the picture; a lost payload gives the mean colour, a wrong one ``ValueError``."""
        if len(payloads) != 1:
            raise ValueError(f"original sends one packet per picture, got {len(payloads)}")
        payload = payloads[0]
        if payload is None:
            return Reconstruction(conceal(self.size))
        header = Header.from_bytes(payload)
        if header.format != self.name or header.scale:
            raise ValueError(f"the payload holds {header.format} and the receiver expects original")
        require_size(header.size, self.size)
        if len(payload) != HEADER_BYTES + 3 * self.size[0] * self.size[1]:
            raise ValueError("the payload has not the length of an uncompressed picture")
        samples = np.frombuffer(payload, np.uint8, offset=HEADER_BYTES)
        return Reconstruction(samples.reshape(*self.size, 3).copy())
