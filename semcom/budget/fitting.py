"""A codec that fills the transport blocks of a frame, picture by picture.

A conventional codec takes the best setting that fits its block. SQ-GAN keeps as many tokens of each
path as fit the blocks of that path, the most relevant ones first: packets of the best protected
class carry the first of SAMM's order, those of the next class go on from there. Packets of one
class share their tokens cell by cell, so that a lost one thins the picture. A palette goes with the
first packets of its picture, unless that leaves no room for a token. Where the label map has second
tokens, its first ones leave them the room that :data:`semcom.codecs.sqgan.rate.LADDER` says; they
are chosen last, since what they improve is the map that all first ones say. The layered codec has a
block for its base and one for its enhancement, and fills both. A picture that no setting brings
into its block is not sent: its packet is empty, and the receiver conceals it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from semcom.budget.frame import Frame, TransportBlock
from semcom.codecs.codec import Packet, Reconstruction
from semcom.codecs.sqgan.bitstream import PathTokens, owned_cells
from semcom.codecs.sqgan.rate import WORD, most_that_fit, second_bits

if TYPE_CHECKING:
    from semcom.codecs.sqgan.residual import SecondTokens
    from semcom.codecs.sqgan.stages import Masked
    from semcom.transmitter import Transmitter

__all__ = ["FittedCodec", "FittedSettings", "packet_paths"]


class FittedSettings(BaseModel):
    """The codec's own settings without its rate, and the frame that decides on it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: dict[str, Any]
    frame: Frame


def packet_paths(codec: str, settings: dict[str, Any]) -> list[str]:
    """The path of every packet that ``codec`` sends.

    >>> packet_paths("sqgan", {"packets": {"image": 2}})
    ['label_map', 'image', 'image']
    """
    if codec == "layered":
        return ["base", "enhancement"]
    if codec != "sqgan":
        return ["image"]
    if settings.get("map_coding", "tokens") != "tokens":
        raise ValueError("a budget fits tokens into its frames: leave map_coding out")
    counts = {"image": 1, "label_map": 1} | dict(settings.get("packets", {}))
    return ["label_map"] * counts["label_map"] + ["image"] * counts["image"]


class FittedCodec:
    """``codec``, a class of :data:`semcom.codecs.CODECS`, in a frame; same contract."""

    Settings = FittedSettings

    def __init__(self, codec: Any, settings: FittedSettings, size: tuple[int, int]) -> None:
        self._class, self.settings, self.size = codec, settings, size
        self.name, self.needs_label_map = codec.name, codec.needs_label_map

    @cached_property
    def _codec(self) -> Any:
        """The codec at a rate that just fits."""
        own = dict(self.settings.settings)
        if self.name == "sqgan":
            own["keep_fraction"] = {"image": 1, "label_map": 1}
        elif self.name == "layered":
            own["bits_per_pixel"] = 1.0  # the blocks say more
        else:
            # half a byte above, so that rounding does not take a whole one
            capacity = self.settings.frame.blocks[0].capacity + 0.5
            own["bits_per_pixel"] = 8 * capacity / (self.size[0] * self.size[1])
        return self._class(self._class.Settings.model_validate(own), size=self.size)

    @property
    def display_name(self) -> str:
        """The name for plots and tables."""
        return str(getattr(self._codec, "display_name", self.name))

    @property
    def classes(self) -> tuple[str, ...] | None:
        """What the ids of the label map mean, where the codec cares."""
        return getattr(self._codec, "classes", None)

    def identity(self) -> dict[str, Any]:
        """The codec's own, and the frame."""
        frame = self.settings.frame.model_dump(mode="json")
        return {**self._codec.identity(), "frame": frame}

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """A packet for every block of the frame, none longer than its block holds."""
        if image.shape != (*self.size, 3):
            raise ValueError(
                f"a picture of shape {image.shape} where {self.size} was agreed with the receiver"
            )
        if self.needs_label_map and label_map is None:
            raise ValueError(f"{self.display_name} needs a label map: segment the picture first")
        if label_map is not None and self.name in ("sqgan", "layered"):
            fit = self._fit_paths if self.name == "sqgan" else self._fit_layers
            return fit(image, label_map)
        try:
            packets: list[Packet] = self._codec.encode(image, label_map)
        except ValueError:
            return [Packet(b"")]  # its smallest form is too long
        return packets

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """Rebuild the picture from what arrived; an empty packet says nothing."""
        found: Reconstruction = self._codec.decode([payload or None for payload in payloads])
        return found

    def _fit_layers(self, image: np.ndarray, label_map: np.ndarray) -> list[Packet]:
        base, enhancement = self.settings.frame.blocks
        nothing = Packet(b"", kind="enhancement", rank=1)
        capacities = base.capacity, enhancement.capacity
        try:
            packets: list[Packet] = self._codec.encode_layers(image, label_map, capacities)
        except ValueError:
            return [Packet(b"", kind="base"), nothing]  # the smallest base is too long
        return packets if len(packets) == 2 else [*packets, nothing]

    def _fit_paths(self, image: np.ndarray, label_map: np.ndarray) -> list[Packet]:
        stages = self._codec.transmitter
        masked = stages.mask(image, label_map)
        everything = stages.vq_encoder(masked)
        packets: list[Packet] = []
        for path in ("label_map", "image"):
            tokens, order = everything[path], masked.selections[path].order[0].numpy()
            classes = groupby(self.settings.frame.of(path), key=lambda b: b.protection)
            layers: list[_Layer] = []
            rank, sent = len(packets), 0
            for _, members in classes:
                blocks = list(members)
                layer = _fit_layer(stages, tokens, order[sent:], blocks, rank)
                tokens = replace(tokens, colours=None)  # said once
                if not layer.count:
                    layer = _fit_layer(stages, tokens, order[sent:], blocks, rank)
                layers.append(layer)
                rank, sent = rank + len(blocks), sent + layer.count
            if path == "label_map" and sent and stages.residual_encoder is not None:
                layers = _with_second(stages, masked, tokens.only(order[:sent]), layers)
            packets += [packet for layer in layers for packet in layer.packets]
        return packets


@dataclass(frozen=True)
class _Layer:
    """Blocks of one protection, packets for them, and the tokens that these hold."""

    blocks: list[TransportBlock]
    packets: list[Packet]
    tokens: PathTokens

    @property
    def count(self) -> int:
        """Tokens that are sent."""
        return int(self.tokens.mask.sum())

    def room(self, number: int) -> int:
        """Bits that packet ``number`` leaves of its block."""
        return 8 * (self.blocks[number].capacity - len(self.packets[number].payload))


def _fit_layer(
    stages: Transmitter,
    tokens: PathTokens,
    order: np.ndarray,
    blocks: list[TransportBlock],
    first: int,
) -> _Layer:
    """The most tokens that fit ``blocks``, with room for the second ones that go with them.

    ``order`` [n] holds the cells that are left, the most relevant one first.
    """
    nothing = [Packet(b"", kind=tokens.path, rank=first + n) for n in range(len(blocks))]
    found = _Layer(blocks, nothing, tokens.only(order[:0]))
    second = tokens.path == "label_map" and stages.residual_encoder is not None
    cells = tokens.grid.size
    earlier = cells - len(order)
    low, high = 0, len(order) + 1
    while high - low > 1:
        middle = (low + high) // 2
        kept = tokens.only(order[:middle])
        layer = _Layer(blocks, stages.entropy_coder.path_packets(kept, len(blocks), first), kept)
        bits = second_bits(earlier + middle, cells) - second_bits(earlier, cells) if second else 0
        bits = bits / len(blocks) // WORD * WORD  # packets grow by whole words
        if all(layer.room(number) >= bits for number in range(len(blocks))):
            found, low = layer, middle
        else:
            high = middle
    return found


def _with_second(
    stages: Transmitter, masked: Masked, sent: PathTokens, layers: list[_Layer]
) -> list[_Layer]:
    """``layers``, whose tokens together are those ``sent``, with second tokens in what is left.

    Those that gain most go first; every packet takes what it has room for of its own cells.
    """
    assert stages.residual_encoder is not None
    room = sum(layer.room(n) for layer in layers for n in range(len(layer.blocks)))
    second = stages.residual_encoder.within(masked, sent, room)
    filled = []
    for layer in layers:
        packets = []
        for number in range(len(layer.blocks)):
            packet, second = _fill_packet(stages, layer, number, second)
            packets.append(packet)
        filled.append(replace(layer, packets=packets))
    return filled


def _fill_packet(
    stages: Transmitter, layer: _Layer, number: int, second: SecondTokens
) -> tuple[Packet, SecondTokens]:
    """Packet ``number`` of ``layer`` with what it has room for of ``second``, and what remains."""
    count, packet, room = len(layer.blocks), layer.packets[number], layer.room(number)
    owned = owned_cells(layer.tokens.grid.shape, number, count).reshape(-1)
    own = np.flatnonzero(owned[second.cells])
    tried = {0: packet}

    def spare(several: int) -> int:
        tokens = layer.tokens.with_second(second.cells[own], second.indices[own], several)
        tried[several] = stages.entropy_coder.packet(tokens, number, count, packet.rank)
        return room + 8 * (len(packet.payload) - len(tried[several].payload))

    taken = most_that_fit(spare, len(own), room)
    rest = (np.delete(part, own[:taken]) for part in second)
    return tried[taken], type(second)(*rest)
