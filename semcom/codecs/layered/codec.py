"""The layered codec: a generated base picture and, over it, an enhancement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from semcom.codecs.checks import checked_label_map, checked_picture
from semcom.codecs.codec import Packet, Reconstruction
from semcom.codecs.conventional.picture_codec import conceal
from semcom.codecs.layered.bitstream import (
    BASE_BYTES,
    CELLS,
    ENHANCEMENT_BYTES,
    BaseHeader,
    EnhancementHeader,
    read_labels,
    write_labels,
)
from semcom.codecs.layered.concepts import class_levels, offsets, read_levels, write_levels
from semcom.codecs.layered.config import SIZES
from semcom.data.classes import class_names

if TYPE_CHECKING:
    from semcom.codecs.layered.network import Loaded

__all__ = ["LayeredCodec", "LayeredSettings"]


class LayeredSettings(BaseModel):
    """One operating point of the layered codec."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits_per_pixel: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="most bits per pixel of both layers together, headers included",
    )
    enhancement_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the bits that refine the picture (pixels); the rest generate it"
        " (perception). The base never has less than its smallest form takes",
    )
    label_cell: Literal[16, 8, 4, 2] = Field(
        default=8,
        description="pixels a side of a cell of the label map; larger where the base must shrink",
    )
    quantisation: str | dict[str, int] = Field(
        default="uniform",
        description="of the enhancement; uniform; semantic: classes are finer or coarser, by what "
        "that was measured to gain; or levels of one's own by class, from -4, coarse, to 3, fine",
    )
    weights: str = Field(default="layered", description="name or file of weights")
    network: Literal["compact", "tiny"] = Field(
        default="compact", description="size; weights of one's own may be tiny, for experiments"
    )

    @model_validator(mode="after")
    def _known_classes(self) -> LayeredSettings:
        class_levels(self.quantisation, class_names(SIZES[self.network].classes))
        return self


class _Base(NamedTuple):
    """A base packet, and the labels [H, W] and picture [1, 3, H, W] that a receiver makes of it."""

    packet: Packet
    labels: np.ndarray
    picture: Any


class LayeredCodec:
    """Coarse-to-fine generative codec (Huang, Tao, Gao and Lu, GLOBECOM 2021).

    Two packets per picture. The base is label map and features, and its picture is generated; the
    enhancement, left out where its share is too small for any, corrects that picture's pixels. It
    is worth nothing without its base: with the base lost, the receiver shows the mean colour of
    photographs.

    >>> codec = LayeredCodec(LayeredSettings(bits_per_pixel=0.8), size=(64, 96))
    >>> picture, label_map = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.uint8)
    >>> base, enhancement = codec.encode(picture, label_map)
    >>> codec.decode([base.payload, None]).image.shape
    (64, 96, 3)
    """

    name = "layered"
    display_name = "Layered"
    needs_label_map = True
    Settings = LayeredSettings

    def __init__(
        self, settings: LayeredSettings, size: tuple[int, int] | None = (256, 512)
    ) -> None:
        self.settings = settings
        self.size = None if size is None else (int(size[0]), int(size[1]))

    @cached_property
    def _loaded(self) -> Loaded:
        from semcom.codecs.layered.network import load_network

        return load_network(self.settings.weights, self.settings.network)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the ids of the label map mean."""
        return class_names(SIZES[self.settings.network].classes)

    @property
    def _levels(self) -> tuple[int, ...] | None:
        """Quantisation levels of the classes and void; None with one for all."""
        return class_levels(self.settings.quantisation, self.classes)

    def identity(self) -> dict[str, Any]:
        """Settings and the digest of the weights."""
        settings = self.settings.model_dump(exclude={"weights", "quantisation"})
        if self._levels is not None:  # results made before there was a choice stay valid
            settings["quantisation"] = list(self._levels)
        return {"codec": self.name, **settings, "weights": self._loaded.digest}

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """``image`` [H, W, 3] and ``label_map`` [H, W], uint8, to the base's packet and, where
        there is room for it, the enhancement's.

        Raises ValueError for another shape or type, another size than agreed, a missing map or one
        of other classes, or a rate below the base's smallest form.
        """
        pixels, labels, size = self._padded(image, label_map)
        whole = int(self.settings.bits_per_pixel * size[0] * size[1] / 8)
        share = self.settings.enhancement_share
        base = self._base(pixels, labels, size, int((1 - share) * whole), whole)
        room = min(whole - len(base.packet.payload), int(share * whole))
        return self._refined(base, pixels, room)

    def encode_layers(
        self, image: np.ndarray, label_map: np.ndarray | None, num_bytes: tuple[int, int]
    ) -> list[Packet]:
        """The same with ``num_bytes`` for each layer in place of a rate and a share.

        Raises ValueError also where the base's smallest form takes more than its bytes.
        """
        pixels, labels, size = self._padded(image, label_map)
        base = self._base(pixels, labels, size, num_bytes[0], num_bytes[0])
        return self._refined(base, pixels, num_bytes[1])

    def _padded(
        self, image: np.ndarray, label_map: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Both in whole cells, and the picture's own size; ValueError for what cannot be coded."""
        from semcom.codecs.layered.layers import padded

        image = checked_picture(image, self.display_name, self.size)
        height, width = image.shape[:2]
        classes = self._loaded.network.size.classes
        label_map = checked_label_map(label_map, self.display_name, (height, width), classes)
        BaseHeader(0, (height, width), 0, CELLS[0], 0).to_bytes()  # too large: before any work
        return padded(image), padded(label_map), (height, width)

    def _refined(self, base: _Base, pixels: np.ndarray, num_bytes: int) -> list[Packet]:
        """The base's packet and, where ``num_bytes`` are enough for one, the enhancement's."""
        from semcom.codecs.layered.layers import fit_level, residual_levels

        levels, labels = self._levels, base.labels
        concepts = b"" if levels is None else write_levels(levels, labels)
        room = num_bytes - ENHANCEMENT_BYTES - len(concepts)
        if room < 0:
            return [base.packet]
        apart = None if levels is None else offsets(labels, levels)
        fitted = fit_level(residual_levels(self._loaded, pixels, base.picture, apart), room)
        if fitted is None:
            return [base.packet]
        head = EnhancementHeader.over(base.packet.payload, fitted.level, bool(concepts))
        bits = {"header": 8 * ENHANCEMENT_BYTES, **fitted.parts()}
        if concepts:
            bits["levels"] = 8 * len(concepts)
        payload = head.to_bytes() + concepts + fitted.data
        return [base.packet, Packet(payload, kind="enhancement", rank=1, bits=bits)]

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """Picture [H, W, 3] and label map [H, W], uint8, from what arrived.

        Raises ValueError for foreign or damaged payloads, and for an enhancement of another base.
        """
        from semcom.codecs.layered.layers import refine, shown

        if len(payloads) not in (1, 2):
            raise ValueError(f"{self.display_name} sends one or two packets, got {len(payloads)}")
        base, enhancement = payloads[0], payloads[1] if len(payloads) == 2 else None
        over = None if enhancement is None else EnhancementHeader.from_bytes(enhancement)
        if base is None:
            if self.size is None:
                raise ValueError("the base was not received and no picture size was agreed")
            return Reconstruction(conceal(self.size))
        header, labels, picture = self._generated(base)
        if over is not None and enhancement is not None:
            if over.check != EnhancementHeader.over(base, over.level).check:
                raise ValueError("this enhancement refines another picture than the base's")
            data, apart = enhancement[ENHANCEMENT_BYTES:], None
            if over.concepts:
                levels, used = read_levels(data, labels, self._loaded.network.size.classes)
                data, apart = data[used:], offsets(labels, levels)
            coded = self._loaded.residual.read(data, over.level, header.shape)
            picture = refine(self._loaded, picture, coded.latent, over.level, apart)
        height, width = header.size
        return Reconstruction(shown(picture, header.size), labels[:height, :width])

    def _base(
        self, pixels: np.ndarray, labels: np.ndarray, size: tuple[int, int], own: int, most: int
    ) -> _Base:
        """The base in its ``own`` bytes if it can be, in its smallest form of ``most`` if not."""
        from semcom.codecs.layered.layers import base_levels, coarse_labels, fit_level, generate

        loaded = self._loaded
        classes = loaded.network.size.classes
        levels = base_levels(loaded, pixels)
        least = BASE_BYTES + len(loaded.base.write(levels.coded(0)))
        finest = CELLS.index(self.settings.label_cell)
        for cell in CELLS[finest::-1]:
            coarse = coarse_labels(labels, cell, classes)
            stream, information = write_labels(coarse, classes)
            fitted = fit_level(levels, max(own, least + len(stream)) - BASE_BYTES - len(stream))
            if fitted is not None and (least + len(stream) <= own or cell == CELLS[0]):
                break
        used = BASE_BYTES + len(stream)
        if fitted is None or used + len(fitted.data) > most:
            rates = (8 * count / (size[0] * size[1]) for count in (most, least + len(stream)))
            raise ValueError(
                "{} cannot code this picture in {:.4f} bits per pixel, its smallest form takes "
                "{:.4f}: ask for more".format(self.display_name, *rates)
            )
        head = BaseHeader(fitted.level, size, loaded.tag, cell, len(stream)).to_bytes()
        parts = fitted.parts()
        parts["padding"] += 8 * len(stream) - round(information)
        bits = {"header": 8 * BASE_BYTES, "labels": round(information), **parts}
        packet = Packet(head + stream + fitted.data, kind="base", rank=0, bits=bits)
        shown_labels = coarse.repeat(cell, 0).repeat(cell, 1)
        picture = generate(loaded, shown_labels, fitted.coded.latent, fitted.level)
        return _Base(packet, shown_labels, picture)

    def _generated(self, payload: bytes) -> tuple[BaseHeader, np.ndarray, Any]:
        """Header, label map and picture of a base packet."""
        from semcom.codecs.layered.layers import generate

        header, loaded = BaseHeader.from_bytes(payload), self._loaded
        if header.network != loaded.tag:
            raise ValueError("this packet was made by another network than the receiver's")
        if self.size is not None and header.size != self.size:
            raise ValueError(
                f"the packet holds {header.size[0]} x {header.size[1]} pixels where "
                f"{self.size[0]} x {self.size[1]} were agreed"
            )
        end = BASE_BYTES + header.label_bytes
        classes = loaded.network.size.classes
        labels = read_labels(payload[BASE_BYTES:end], header.label_shape, classes)
        labels = labels.repeat(header.cell, 0).repeat(header.cell, 1)
        latent = loaded.base.read(payload[end:], header.level, header.shape).latent
        return header, labels, generate(loaded, labels, latent, header.level)
