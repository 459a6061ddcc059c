"""DeepJSCC as a transmitter of symbols: see :class:`semcom.codecs.codec.AnalogCodec`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from semcom.codecs.codec import Reconstruction
from semcom.codecs.jscc.config import SIZES, STRIDE, uses_of

if TYPE_CHECKING:
    from torch import Tensor

    from semcom.codecs.jscc.network import Loaded

__all__ = ["JsccCodec", "JsccSettings"]


class JsccSettings(BaseModel):
    """One operating point: how many symbols, and what the transmitter knows of the channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel_uses_per_pixel: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="complex symbols per pixel of the full-size picture, 0.08 at most; trained for "
        "0.01, 0.03 and 0.08",
    )
    channel_uses: int | None = Field(
        default=None, ge=1, description="the same as a number of symbols per picture"
    )
    design_esn0_db: float = Field(
        default=10.0,
        ge=-40,
        le=80,
        description="Es/N0 in dB that the transmitter believes in; the receiver knows its own",
    )
    weights: str = Field(default="jscc", description="a shipped network, or a file of one's own")
    network: Literal["compact", "tiny"] = Field(
        default="compact", description="size; weights of one's own may be tiny, for experiments"
    )

    @model_validator(mode="after")
    def _one_bandwidth(self) -> JsccSettings:
        if (self.channel_uses_per_pixel is None) == (self.channel_uses is None):
            raise ValueError("give one of channel_uses_per_pixel and channel_uses")
        return self


class JsccCodec:
    """Deep joint source-channel coding: a network from pixels to symbols (arXiv 1809.01733).

    Nothing is ever lost: noise on the symbols is noise in the picture. The symbols of a picture
    have mean power 1 and are exactly as many as the settings say.
    """

    name = "jscc"
    display_name = "DeepJSCC"
    needs_label_map = False
    analog = True
    Settings = JsccSettings

    def __init__(self, settings: JsccSettings, size: tuple[int, int] = (256, 512)) -> None:
        self.settings = settings
        self.size = (int(size[0]), int(size[1]))
        most = SIZES[settings.network].latent * self._cells[0] * self._cells[1] // 2
        if self.channel_uses > most:
            raise ValueError(
                f"{self.channel_uses} channel uses are more than the {most} that DeepJSCC fills at "
                f"{self.size[0]}x{self.size[1]} pixels: lower its channel uses to "
                f"{most / (self.size[0] * self.size[1]):.3g} per pixel"
            )

    @property
    def _cells(self) -> tuple[int, int]:
        return -(-self.size[0] // STRIDE), -(-self.size[1] // STRIDE)

    @property
    def channel_uses(self) -> int:
        """Symbols of every picture."""
        if self.settings.channel_uses is not None:
            return self.settings.channel_uses
        return uses_of(self.settings.channel_uses_per_pixel or 0.0, self.size)

    @cached_property
    def _loaded(self) -> Loaded:
        from semcom.codecs.jscc.network import load_network

        return load_network(self.settings.weights, self.settings.network)

    def identity(self) -> dict[str, Any]:
        """Settings and the digest of the weights."""
        return {
            "codec": self.name,
            "channel_uses": self.channel_uses,
            "design_esn0_db": self.settings.design_esn0_db,
            "network": self.settings.network,
            "weights": self._loaded.digest,
        }

    def transmit(self, image: np.ndarray, label_map: np.ndarray | None = None) -> np.ndarray:
        """Symbols complex64 [N] of mean power 1 for ``image`` [H, W, 3] uint8.

        Raises ValueError for another shape or type than agreed.
        """
        import torch
        import torch.nn.functional as F

        image = np.asarray(image)
        if image.dtype != np.uint8 or image.shape != (*self.size, 3):
            raise ValueError(
                f"{self.display_name} sends uint8 RGB pictures of {self.size[0]} x {self.size[1]} "
                f"as agreed with the receiver, not {image.dtype} {image.shape}"
            )
        x = torch.tensor(image).permute(2, 0, 1)[None].float() / 127.5 - 1
        edges = (0, -self.size[1] % STRIDE, 0, -self.size[0] % STRIDE)
        x = F.pad(x, edges, mode="replicate").contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            symbols = self._loaded.network.transmit(x, self.channel_uses, self._design_noise())
        found: np.ndarray = symbols[0].numpy()
        return found

    def receive(self, symbols: np.ndarray, noise_variance: np.ndarray) -> Reconstruction:
        """The picture from equalised ``symbols`` complex64 [N] and their noise, float32 [N].

        Raises ValueError where another number of symbols was agreed.
        """
        import torch

        if symbols.shape != (self.channel_uses,) or noise_variance.shape != symbols.shape:
            raise ValueError(
                f"{self.display_name} got {symbols.shape[-1]} symbols where {self.channel_uses} "
                "were agreed"
            )
        height, width = (STRIDE * cells for cells in self._cells)
        with torch.no_grad():
            picture = self._loaded.network.reconstruct(
                torch.tensor(symbols)[None],
                torch.tensor(noise_variance)[None],
                (height, width),
                self._design_noise(),
            )[0, :, : self.size[0], : self.size[1]]
            pixels = (picture.clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)
        return Reconstruction(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))

    def _design_noise(self) -> Tensor:
        import torch

        return torch.tensor([10 ** (-self.settings.design_esn0_db / 10)])
