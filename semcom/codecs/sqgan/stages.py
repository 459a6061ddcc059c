"""The stages of SQ-GAN's transmitter, after segmentation and up to packets.

Every stage is an object of its own: call it alone, look at what it returns, replace it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from semcom.codecs.codec import Packet
from semcom.codecs.sqgan.bitstream import (
    CELL,
    Entropy,
    PathTokens,
    TokenPacket,
    write_packet,
)
from semcom.codecs.sqgan.economy import economical
from semcom.codecs.sqgan.exact_map import write_exact_map
from semcom.codecs.sqgan.maps import map_pyramid, one_hot_map
from semcom.codecs.sqgan.networks import Networks
from semcom.codecs.sqgan.palette import palette_of
from semcom.codecs.sqgan.rate import SECOND_BITS, keep
from semcom.codecs.sqgan.residual import SecondTokens, class_worth, second_tokens
from semcom.codecs.sqgan.samm import Selection
from semcom.entropy import Colours
from semcom.receiver import Generator

__all__ = [
    "EntropyCoder",
    "MaskStage",
    "Masked",
    "ResidualEncoder",
    "SelectionRule",
    "VQEncoder",
    "payload_bits",
]

#: which cells are kept: the most relevant ones by SAMM, or any, to see what SAMM is worth
SelectionRule = Literal["relevance", "random"]


@dataclass(frozen=True)
class Masked:
    """What SAMM lets through: a :class:`Selection` per path, the grid [h, w] and the padding.

    ``label_map`` [16 h, 16 w] uint8 is the padded map. ``colours`` is the palette that goes beside
    the picture's tokens, if one does.
    """

    selections: Mapping[str, Selection]
    shape: tuple[int, int]
    padding: tuple[int, int]
    label_map: np.ndarray
    colours: Colours | None = None


class MaskStage:
    """Encoders and SAMM: a picture and its map to the kept feature vectors of every path.

    ``keep_fraction`` names the paths: one without a keep fraction sends no tokens. With ``palette``
    the colours of the picture are taken, too. ``selection: random`` takes any cells, the same ones
    for the same picture, in place of the most relevant ones.
    """

    def __init__(
        self,
        networks: Networks,
        keep_fraction: Mapping[str, float],
        class_weights: Sequence[float] | None = None,
        palette: bool = False,
        selection: SelectionRule = "relevance",
    ) -> None:
        self.networks, self.keep_fraction = networks, dict(keep_fraction)
        self.palette, self.selection = palette, selection
        self.class_weights = None if class_weights is None else torch.tensor(class_weights)

    def __call__(self, image: np.ndarray, label_map: np.ndarray) -> Masked:
        """``image`` [H, W, 3] uint8, ``label_map`` [H, W] uint8; sizes are padded to 16."""
        padding = (-image.shape[0] % CELL, -image.shape[1] % CELL)
        edges = (0, padding[1], 0, padding[0])
        x = torch.tensor(image).permute(2, 0, 1)[None].float() / 127.5 - 1
        x = F.pad(x, edges, mode="replicate").contiguous(memory_format=torch.channels_last)
        s = F.pad(torch.tensor(label_map)[None, None].float(), edges, mode="replicate")[:, 0]
        with torch.inference_mode():
            one_hot = one_hot_map(s, self.networks.classes)
            pyramid = map_pyramid(one_hot)
            sources = {"label_map": one_hot, "image": x}
            draw = torch.Generator().manual_seed(zlib.crc32(image.tobytes()))
            selections = {
                path: self._select(path, source, pyramid, draw)
                for path, source in sources.items()
                if path in self.keep_fraction
            }
            colours = self._colours(x, one_hot) if self.palette else None
        shape = (x.shape[2] // CELL, x.shape[3] // CELL)
        return Masked(selections, shape, padding, s[0].to(torch.uint8).numpy(), colours)

    def _colours(self, x: Tensor, one_hot: Tensor) -> Colours:
        palette = palette_of(x, one_hot)
        return Colours(palette.levels[0].numpy(), palette.known[0].numpy())

    def _select(
        self, path: str, source: Tensor, pyramid: list[Tensor], draw: torch.Generator
    ) -> Selection:
        network, fraction = getattr(self.networks, path), self.keep_fraction[path]
        if self.selection == "relevance":
            return network.select(source, pyramid, fraction, self.class_weights)
        everything = network.select(source, pyramid, 1.0)
        order = torch.randperm(everything.order.shape[1], generator=draw)[None]
        return keep(everything._replace(order=order), fraction)


class VQEncoder:
    """Kept vectors to the indices of their codes.

    Those of the nearest codes, or, with a ``rate_weight``, of cheaper ones close by; see
    :mod:`semcom.codecs.sqgan.economy`. ``packets`` are those of each path.
    """

    def __init__(
        self, networks: Networks, rate_weight: float = 0.0, packets: Mapping[str, int] | None = None
    ) -> None:
        self.networks, self.rate_weight, self.packets = networks, rate_weight, packets or {}

    def __call__(self, masked: Masked) -> dict[str, PathTokens]:
        tokens = {}
        for path, selection in masked.selections.items():
            quantizer = getattr(self.networks, path).quantizer
            with torch.inference_mode():
                distances = quantizer.distances(selection.vectors[0]).numpy()
            grid = np.full(masked.shape[0] * masked.shape[1], -1, np.int64)
            grid[selection.kept[0].numpy()] = distances.argmin(1)
            tokens[path] = PathTokens(
                path,  # type: ignore[arg-type]
                economical(
                    grid.reshape(masked.shape),
                    distances,
                    self.networks.index_models[path],
                    self.rate_weight,
                    self.packets.get(path, 1),
                ),
                masked.padding,
                colours=masked.colours if path == "image" else None,
            )
        return tokens


class ResidualEncoder:
    """Second tokens for the cells of the label map where one more pays most.

    The map is decoded as the receiver will decode it. What a class is worth is how rare it is, and
    what the task wants, ``class_weights``, one per class.
    """

    def __init__(self, networks: Networks, class_weights: Sequence[float] | None = None) -> None:
        self.networks, self.receiver = networks, Generator(networks)
        self.class_weights = np.array([*(class_weights or [1.0] * networks.classes), 0], np.float32)

    def __call__(self, masked: Masked, tokens: PathTokens, most: int) -> SecondTokens:
        """At most ``most`` second tokens for the ``tokens`` of the label map."""
        residual = self.networks.label_map.residual
        if residual is None:
            raise ValueError("these SQ-GAN weights have no second tokens: set residual to false")
        received = self.receiver.label_map(tokens)
        worth = class_worth(masked.label_map, self.networks.classes) * self.class_weights
        return second_tokens(residual, masked.label_map, received, worth, most)

    def within(self, masked: Masked, tokens: PathTokens, bits: float) -> SecondTokens:
        """No fewer than ``bits`` have room for."""
        return self(masked, tokens, int(bits / SECOND_BITS * 1.3))


class EntropyCoder:
    """Tokens to packets, the label map's before the picture's."""

    def __init__(self, networks: Networks, entropy: Entropy, packets: Mapping[str, int]) -> None:
        self.networks, self.entropy, self.packets = networks, entropy, dict(packets)

    def __call__(
        self, tokens: Mapping[str, PathTokens], exact: Sequence[Packet] = ()
    ) -> list[Packet]:
        """``exact`` are the packets of the label map itself: sent where tokens cost no less."""
        out: list[Packet] = []
        for path in ("label_map", "image"):
            if path in tokens:
                out += self.path_packets(tokens[path], self.packets[path], len(out))
            if (
                path == "label_map"
                and exact
                and (not out or payload_bits(exact) <= payload_bits(out))
            ):
                out = list(exact)
        return out

    def exact(self, label_map: np.ndarray) -> list[Packet]:
        """Packets of ``label_map`` [H, W] itself."""
        networks = self.networks
        return write_exact_map(label_map, networks.classes, self.packets["label_map"], networks.tag)

    def path_packets(self, tokens: PathTokens, count: int, first_rank: int) -> list[Packet]:
        """One path's tokens in ``count`` packets, ranked from ``first_rank`` on."""
        return [self.packet(tokens, n, count, first_rank + n) for n in range(count)]

    def packet(self, tokens: PathTokens, number: int, count: int, rank: int) -> Packet:
        """Packet ``number`` of the ``count`` that carry one path's tokens."""
        networks = self.networks
        return write_packet(
            TokenPacket(tokens, number, count, self.entropy, networks.tag),
            networks.index_models[tokens.path],
            rank,
            networks.palette_model,
            networks.second_model,
        )


def payload_bits(packets: Sequence[Packet]) -> int:
    """Bits of all payloads.

    >>> payload_bits([Packet(b"12"), Packet(b"3")])
    24
    """
    return sum(8 * len(packet.payload) for packet in packets)
