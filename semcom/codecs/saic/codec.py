"""SAIC and its two rivals as codecs: one network, trained towards three ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from semcom.codecs.checks import checked_picture
from semcom.codecs.codec import Packet, Reconstruction
from semcom.codecs.conventional.header import SCALES, scaled_size
from semcom.codecs.conventional.picture_codec import conceal, resize
from semcom.codecs.saic.bitstream import HEADER_BYTES, Header
from semcom.codecs.saic.config import STRIDE
from semcom.entropy import CodedLatent
from semcom.entropy.latent_model import LEVELS

if TYPE_CHECKING:
    from semcom.codecs.saic.network import Loaded

__all__ = ["SaicCodec", "SaicSettings"]


class SaicSettings(BaseModel):
    """One operating point of the transform codec."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["saic", "tdic", "apic"] = Field(
        default="saic",
        description="what the network was trained for: saic a task, tdic pixels, apic perception",
    )
    bits_per_pixel: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="most bits per pixel of the full-size picture, header included; the highest of"
        " 256 rates that fits and, below the lowest, that of a downscaled picture",
    )
    weights: str | None = Field(
        default=None, description="file of weights of one's own, in place of the variant's"
    )
    network: Literal["compact", "tiny"] = Field(
        default="compact", description="size; weights of one's own may be tiny, for experiments"
    )


class SaicCodec:
    """Learned transform codec trained for a task, for pixels or for perception (arXiv 2201.12599).

    One packet per picture. A lost one leaves the receiver with nothing: it shows the mean colour of
    photographs, as it does for conventional codecs.
    """

    name = "saic"
    needs_label_map = False
    Settings = SaicSettings

    def __init__(self, settings: SaicSettings, size: tuple[int, int] | None = (256, 512)) -> None:
        self.settings = settings
        self.size = None if size is None else (int(size[0]), int(size[1]))

    @property
    def display_name(self) -> str:
        """The name for plots and tables."""
        return self.settings.variant.upper()

    @cached_property
    def _loaded(self) -> Loaded:
        from semcom.codecs.saic.network import load_network

        return load_network(self.settings.weights or self.settings.variant, self.settings.network)

    def identity(self) -> dict[str, Any]:
        """Settings and the digest of the weights."""
        settings = self.settings.model_dump(exclude={"weights"})
        return {"codec": self.name, **settings, "weights": self._loaded.digest}

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """``image`` [H, W, 3] uint8 to one packet within the rate.

        Raises ValueError for another shape or type, another size than agreed, or a rate that even
        the lowest level exceeds.
        """
        image = checked_picture(image, self.display_name, self.size)
        height, width = image.shape[:2]
        loaded = self._loaded
        head = Header(0, (height, width), loaded.tag)
        head.to_bytes()  # a picture too large is refused before any work
        budget = int(self.settings.bits_per_pixel * height * width / 8) - HEADER_BYTES
        scale, level, coded, data = self._fit(loaded, image, budget)
        header = head._replace(level=level, scale=scale).to_bytes()
        bits = {"header": 8 * HEADER_BYTES, **coded.parts(len(data))}
        return [Packet(header + data, bits=bits)]

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """The picture [H, W, 3] uint8; ValueError for a foreign or damaged payload."""
        if len(payloads) != 1:
            raise ValueError(f"{self.display_name} sends one packet, got {len(payloads)}")
        payload = payloads[0]
        if payload is None:
            if self.size is None:
                raise ValueError("nothing was received and no picture size was agreed")
            return Reconstruction(conceal(self.size))
        header = Header.from_bytes(payload)
        loaded = self._loaded
        if header.network != loaded.tag:
            raise ValueError("this packet was made by another network than the receiver's")
        if self.size is not None and header.size != self.size:
            raise ValueError(
                f"the packet holds {header.size[0]} x {header.size[1]} pixels where "
                f"{self.size[0]} x {self.size[1]} were agreed"
            )
        latent = loaded.model.read(payload[HEADER_BYTES:], header.level, header.shape).latent
        return Reconstruction(_synthesise(loaded, latent, header))

    def _fit(
        self, loaded: Loaded, image: np.ndarray, num_bytes: int
    ) -> tuple[int, int, CodedLatent, bytes]:
        """Scale, level, symbols and stream of the best coding within ``num_bytes``."""
        size = (image.shape[0], image.shape[1])
        least = None
        for scale in range(len(SCALES)):
            levels = _Levels(loaded, resize(image, scaled_size(size, scale)))
            low, high = 0, LEVELS  # information grows with the level
            while high - low > 1:
                middle = (low + high) // 2
                fits = levels.coded(middle).bits() <= 8 * num_bytes
                low, high = (middle, high) if fits else (low, middle)
            for level in range(low, -1, -1):  # the last word may not fit
                data = loaded.model.write(levels.coded(level))
                if len(data) <= num_bytes:
                    return scale, level, levels.coded(level), data
            least = min(least or len(data), len(data))
        bits = 8 * (HEADER_BYTES + (least or 0)) / (size[0] * size[1])
        raise ValueError(
            f"{self.display_name} cannot code this picture in {self.settings.bits_per_pixel} bits "
            f"per pixel, its smallest form takes {bits:.4f}: ask for more"
        )


class _Levels:
    """One picture at every rate; the analysis runs once."""

    def __init__(self, loaded: Loaded, image: np.ndarray) -> None:
        import torch

        from semcom.segmentation.backbone import normalise

        self._loaded = loaded
        below, right = (-side % STRIDE for side in image.shape[:2])
        padded = np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")
        with torch.inference_mode():
            self._latent = loaded.network.analysis(normalise(torch.tensor(padded[None])))
        self._coded: dict[int, CodedLatent] = {}

    def coded(self, level: int) -> CodedLatent:
        """Symbols at ``level``."""
        import torch

        if level not in self._coded:
            network = self._loaded.network
            with torch.inference_mode():
                y = self._latent * network.gain(torch.tensor([level]))
                z = network.side_information(y).round()
            self._coded[level] = self._loaded.model.quantise(y[0].numpy(), z[0].numpy(), level)
        return self._coded[level]


def _synthesise(loaded: Loaded, latent: np.ndarray, header: Header) -> np.ndarray:
    import torch

    network = loaded.network
    with torch.inference_mode():
        scaled = torch.tensor(latent)[None] * network.inverse_gain(torch.tensor([header.level]))
        x = network.synthesis(scaled.contiguous(memory_format=torch.channels_last))[0]
        pixels = ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    height, width = header.coded_size
    shown = pixels.permute(1, 2, 0)[:height, :width].contiguous().numpy()
    return np.array(resize(shown, header.size))
