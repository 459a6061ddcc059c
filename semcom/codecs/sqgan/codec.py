"""SQ-GAN as a codec: :mod:`semcom.transmitter` and :mod:`semcom.receiver` behind one contract."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from semcom.codecs.checks import checked_label_map, checked_picture
from semcom.codecs.codec import Packet, Reconstruction
from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.tasks import class_weights
from semcom.data.classes import CAMVID_CLASSES, class_names

__all__ = ["SqganCodec"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeepFraction(_Strict):
    """m_x and m_s of the paper: the share of tokens that is kept, quantised and sent.

    And that of second tokens, where the network has some.
    """

    image: float = Field(default=0.25, gt=0, le=1, description="m_x, share of picture tokens kept")
    label_map: float = Field(default=0.35, gt=0, le=1, description="m_s, share of map tokens kept")
    residual: float = Field(
        default=0.05, ge=0, le=1, description="share of the map's cells that get a second token"
    )


class Packets(_Strict):
    """Into how many packets each path is divided; a lost packet costs its own tokens only."""

    image: int = Field(default=1, ge=1, le=16)
    label_map: int = Field(default=1, ge=1, le=16)


class SqganSettings(_Strict):
    """One operating point of SQ-GAN."""

    keep_fraction: KeepFraction = KeepFraction()
    entropy: Literal["learned", "raw"] = Field(
        default="learned",
        description="learned: range-coded; raw: 10 bits an index and a flag a cell",
    )
    map_coding: Literal["tokens", "lossless", "cheaper"] = Field(
        default="tokens",
        description="the label map as tokens of G_s, as it is, or as the cheaper of the two",
    )
    packets: Packets = Packets()
    bits_per_pixel: float | None = Field(
        default=None,
        gt=0,
        description="choose the keep fractions of every picture for this rate, in place of them",
    )
    palette: bool | None = Field(
        default=None,
        description="colours by class beside the tokens; left out: with entropy: learned",
    )
    selection: Literal["relevance", "random"] = Field(
        default="relevance", description="which tokens are kept; random shows what SAMM is worth"
    )
    rate_weight: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="codes that cost fewer bits in place of nearest ones: worth of a bit in mean "
        "distances to the nearest code; 0: nearest, as in the paper; left out: with entropy: "
        "learned",
    )
    residual: bool | None = Field(
        default=None,
        description="second tokens where the first ones of the label map say least; left out: with "
        "entropy: learned and map_coding: tokens",
    )
    task: str | dict[str, float] | None = Field(
        default=None,
        description="driving, mapping or weights by class: what second tokens are for, or, without "
        "them, which first ones are kept",
    )
    lost_map: Literal["prior", "picture"] = Field(
        default="prior",
        description="where nothing arrives of the label map: the network's own idea of a street, "
        "or a guess from the picture's packets (shipped networks only)",
    )
    image_weights: str = Field(default="sqgan_image", description="name or file of G_x")
    map_weights: str = Field(default="sqgan_map", description="name or file of G_s")
    prior_weights: str = Field(default="sqgan_prior", description="name or file of index models")
    network: Literal["compact", "paper", "tiny"] = "compact"

    @model_validator(mode="after")
    def _one_rate(self) -> SqganSettings:
        # told by value, as settings that were written to a file name their defaults, too
        usual = KeepFraction()
        if self.bits_per_pixel is not None and self.keep_fraction != usual:
            raise ValueError("give keep_fraction or bits_per_pixel, not both")
        if self.map_coding == "lossless" and self.keep_fraction.label_map != usual.label_map:
            raise ValueError("keep_fraction.label_map has no meaning with map_coding: lossless")
        if self.residual and self.map_coding != "tokens":
            raise ValueError("residual is for map_coding: tokens")
        if self.keep_fraction.residual != usual.residual:
            for without, setting in (
                (self.residual is False, "residual: false"),
                (self.map_coding != "tokens", f"map_coding: {self.map_coding}"),
                (self.entropy == "raw" and not self.residual, "entropy: raw: set residual to true"),
            ):
                if without:
                    raise ValueError(f"keep_fraction.residual has no meaning with {setting}")
        if self.selection == "random" and self.task is not None:
            raise ValueError("task has no meaning with selection: random")
        if self.rate_weight and self.entropy == "raw":
            raise ValueError(
                "rate_weight has no meaning with entropy: raw, where codes cost the same"
            )
        if self.lost_map == "picture" and self.image_weights != "sqgan_image":
            raise ValueError("lost_map: picture knows the codes of the shipped image_weights only")
        if self.task is not None:
            class_weights(self.task, CAMVID_CLASSES)
        return self


class SqganCodec:
    """Masked vector-quantised GAN codec conditioned on the label map (arXiv 2502.09520).

    >>> codec = SqganCodec(SqganSettings(keep_fraction={"image": 0.2, "label_map": 0.3}))
    >>> picture, label_map = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.uint8)
    >>> codec = SqganCodec(codec.settings, size=(64, 96))
    >>> packets = codec.encode(picture, label_map)
    >>> [p.kind for p in packets], codec.decode([p.payload for p in packets]).image.shape
    (['label_map', 'image'], (64, 96, 3))
    """

    name = "sqgan"
    display_name = "SQ-GAN"
    needs_label_map = True
    Settings = SqganSettings

    def __init__(
        self, settings: SqganSettings | None = None, size: tuple[int, int] | None = (256, 512)
    ) -> None:
        self.settings = settings or SqganSettings()
        self.size = size

    @cached_property
    def _networks(self) -> Any:
        from semcom.codecs.sqgan.networks import load_networks

        s = self.settings
        return load_networks(s.image_weights, s.map_weights, s.prior_weights, s.network)

    @cached_property
    def transmitter(self) -> Any:
        """The :class:`semcom.transmitter.Transmitter` of this operating point."""
        from semcom.transmitter import Transmitter

        s = self.settings
        weights = None if s.task is None else class_weights(s.task, CAMVID_CLASSES)
        return Transmitter(
            self._networks,
            s.keep_fraction.model_dump(),
            s.entropy,
            s.packets.model_dump(),
            class_weights=weights,
            bits_per_pixel=s.bits_per_pixel,
            map_coding=s.map_coding,
            palette=s.palette,
            selection=s.selection,
            rate_weight=s.rate_weight,
            residual=s.residual,
        )

    @cached_property
    def receiver(self) -> Any:
        """The :class:`semcom.receiver.Receiver` of this operating point."""
        from semcom.receiver import Receiver

        return Receiver(self._networks, self.size, self._lost_map)

    @cached_property
    def _lost_map(self) -> Any:
        if self.settings.lost_map == "prior":
            return None
        from semcom.codecs.sqgan.lost_map import load_lost_map

        size = SIZES[self.settings.network]
        return load_lost_map("sqgan_lost_map", size.image.codes, size.classes)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the ids of the label map mean."""
        return class_names(SIZES[self.settings.network].classes)

    def identity(self) -> dict[str, Any]:
        """Settings and the digest of all weights."""
        settings = self.settings.model_dump(
            exclude={"image_weights", "map_weights", "prior_weights"}
        )
        if self.settings.map_coding == "tokens":
            del settings["map_coding"]  # results made before there was a choice stay valid
        if self.settings.palette is None:
            del settings["palette"]
        if self.settings.residual is None:
            del settings["residual"]
        if self.settings.rate_weight is None:
            settings["rate_weight"] = self.transmitter.vq_encoder.rate_weight
        if self.settings.selection == "relevance":
            del settings["selection"]
        if self.settings.lost_map == "prior":
            del settings["lost_map"]
        else:
            from semcom import weights

            settings["lost_map"] = weights.digest("sqgan_lost_map")
        return {"codec": self.name, **settings, "weights": self._networks.digest}

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """``image`` [H, W, 3] uint8 and ``label_map`` [H, W] uint8 to packets, the map's first.

        Raises ValueError for another shape or type, a picture under 16 x 16, a missing map or one
        of other classes.
        """
        image = checked_picture(image, self.display_name, self.size, least_side=16)
        classes = SIZES[self.settings.network].classes
        label_map = checked_label_map(label_map, self.display_name, image.shape[:2], classes)
        return self.transmitter(image, label_map)

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """Picture and label map from what arrived; ValueError for foreign or damaged payloads."""
        return self.receiver(payloads)
