"""SQ-GAN's transmitter: segmentation -> SAMM -> VQ encoder -> entropy coder -> packets.

Between the last two the label map gets second tokens, where its network has some.

Every stage is an object of its own: call it alone, look at what it returns, replace it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

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
from semcom.codecs.sqgan.model import map_pyramid, one_hot_map
from semcom.codecs.sqgan.networks import Networks
from semcom.codecs.sqgan.palette import palette_of
from semcom.codecs.sqgan.rate import SECOND_BITS, WORD, fit, keep, most_that_fit
from semcom.codecs.sqgan.residual import SecondTokens, class_worth, second_tokens
from semcom.codecs.sqgan.samm import Selection
from semcom.entropy import Colours
from semcom.receiver import Generator

__all__ = [
    "CELL",
    "EntropyCoder",
    "MapCoding",
    "MaskStage",
    "Masked",
    "ResidualEncoder",
    "SelectionRule",
    "Trace",
    "Transmitter",
    "VQEncoder",
]

#: how the label map is sent: as tokens of G_s, without loss, or as the cheaper of the two
MapCoding = Literal["tokens", "lossless", "cheaper"]
#: which cells are kept: the most relevant ones by SAMM, or any, to see what SAMM is worth
SelectionRule = Literal["relevance", "random"]

#: worth of a bit when codes are chosen, in mean distances to the nearest code
RATE_WEIGHT = 0.5
#: share of a rate's bits that first tokens may leave to second ones beyond their own
_LEFT = 0.03
#: shares of the rate weight that are tried, the nearest codes first, where all tokens fit a rate
_NEARER = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7)


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


@dataclass(frozen=True)
class Trace:
    """All that happened on the way of one picture."""

    label_map: np.ndarray
    masked: Masked
    tokens: Mapping[str, PathTokens]
    packets: list[Packet]


class _Sent(NamedTuple):
    masked: Masked
    tokens: Mapping[str, PathTokens]
    packets: list[Packet]


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
        self.networks = networks
        self.class_weights = np.array([*(class_weights or [1.0] * networks.classes), 0], np.float32)

    def __call__(self, masked: Masked, tokens: PathTokens, most: int) -> SecondTokens:
        """At most ``most`` second tokens for the ``tokens`` of the label map."""
        residual = self.networks.label_map.residual
        if residual is None:
            raise ValueError("these SQ-GAN weights have no second tokens: set residual to false")
        received = Generator(self.networks).label_map(tokens)
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
            if path == "label_map" and exact and (not out or _bits(exact) <= _bits(out)):
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


def _bits(packets: Sequence[Packet]) -> int:
    return sum(8 * len(packet.payload) for packet in packets)


class Transmitter:
    """The stages in their order.

    ``segmentation`` maps pictures [B, H, W, 3] to label maps [B, H, W]; it is not called when a
    label map comes with the picture (ground truth, as in the released SQ-GAN code).
    ``class_weights``, one per class, say what the task wants sent first. With ``bits_per_pixel``
    the keep fractions are chosen anew for every picture, so that its packets just fit. With
    ``map_coding`` other than ``tokens`` the label map itself may be sent. ``palette`` sends colours
    beside the picture's tokens; left out, in learned mode wherever the networks know how.
    ``rate_weight`` trades nearness of codes for bits; left out, in learned mode it does.
    ``residual`` gives cells of the label map second tokens: a share ``keep_fraction["residual"]``
    of them, or those that ``bits_per_pixel`` has room for; left out, in learned mode wherever the
    networks know how and the map is sent as tokens.
    """

    def __init__(
        self,
        networks: Networks,
        keep_fraction: Mapping[str, float],
        entropy: Entropy = "learned",
        packets: Mapping[str, int] | None = None,
        segmentation: Callable[[np.ndarray], np.ndarray] | None = None,
        class_weights: Sequence[float] | None = None,
        bits_per_pixel: float | None = None,
        map_coding: MapCoding = "tokens",
        palette: bool | None = None,
        selection: SelectionRule = "relevance",
        rate_weight: float | None = None,
        residual: bool | None = None,
    ) -> None:
        if residual and networks.second_model is None:
            raise ValueError("these SQ-GAN weights have no second tokens: set residual to false")
        if residual and map_coding != "tokens":
            raise ValueError(
                "second tokens are for a label map sent as tokens: set residual to false"
            )
        if palette and networks.palette_model is None:
            raise ValueError("these SQ-GAN weights have no palette: set palette to false")
        self.segmentation = segmentation
        self.bits_per_pixel = bits_per_pixel
        self.map_coding = map_coding
        self.palette = palette
        kept = {"image": 1.0, "label_map": 1.0} if bits_per_pixel else dict(keep_fraction)
        if map_coding == "lossless":
            del kept["label_map"]
        painted = palette
        if painted is None:  # raw is the paper's own format
            painted = networks.palette_model is not None and entropy == "learned"
        self.mask = MaskStage(networks, kept, class_weights, painted, selection)
        packets = packets or {"image": 1, "label_map": 1}
        if rate_weight is None:
            rate_weight = RATE_WEIGHT if entropy == "learned" else 0.0
        self.vq_encoder = VQEncoder(networks, rate_weight, packets)
        if residual is None:
            known = networks.second_model is not None and entropy == "learned"
            residual = known and map_coding == "tokens"
        self.residual_encoder = ResidualEncoder(networks, class_weights) if residual else None
        self.second_share = keep_fraction.get("residual", 0.0)
        self.entropy_coder = EntropyCoder(networks, entropy, packets)

    def trace(self, image: np.ndarray, label_map: np.ndarray | None = None) -> Trace:
        """Run all stages and keep what each returned."""
        if label_map is None:
            if self.segmentation is None:
                raise ValueError("give a label map, or build the transmitter with a segmentation")
            label_map = self.segmentation(image[None])[0]
        masked = self.mask(image, label_map)
        exact = [] if self.map_coding == "tokens" else self.entropy_coder.exact(label_map)
        if self.bits_per_pixel:
            sent = self._within(masked, exact, self.bits_per_pixel * label_map.size)
        else:
            sent = self._with_second(self._sent(masked, exact), self.second_share)
        return Trace(label_map, *sent)

    def _sent(
        self, masked: Masked, exact: Sequence[Packet], encoder: VQEncoder | None = None
    ) -> _Sent:
        tokens = (encoder or self.vq_encoder)(masked)
        return _Sent(masked, tokens, self.entropy_coder(tokens, exact))

    def _with_second(self, sent: _Sent, share: float) -> _Sent:
        """``sent`` with second tokens for a ``share`` of the label map's cells."""
        tokens = sent.tokens.get("label_map")
        if self.residual_encoder is None or tokens is None or not share:
            return sent
        most = round(share * tokens.grid.size)
        return self._adding(sent, self.residual_encoder(sent.masked, tokens, most), most)

    def _adding(self, sent: _Sent, second: SecondTokens, count: int) -> _Sent:
        tokens = dict(sent.tokens)
        tokens["label_map"] = tokens["label_map"].with_second(second.cells, second.indices, count)
        return _Sent(sent.masked, tokens, self.entropy_coder(tokens))

    def _within(self, masked: Masked, exact: Sequence[Packet], bits: float) -> _Sent:
        """What may be sent of ``masked`` for ``bits``."""
        try:
            return self._fit(masked, exact, bits)
        except ValueError:
            if self.palette or masked.colours is None:
                raise
        return self._within(replace(masked, colours=None), exact, bits)  # tokens first

    def _fit(self, masked: Masked, exact: Sequence[Packet], bits: float) -> _Sent:
        tried: dict[tuple[float, ...], _Sent] = {}
        second = masked.label_map.size / CELL**2 * SECOND_BITS if self.residual_encoder else 0

        def spent(fractions: Mapping[str, float]) -> float:
            selections = {p: keep(s, fractions[p]) for p, s in masked.selections.items()}
            sent = self._sent(replace(masked, selections=selections), exact)
            tried[tuple(fractions.values())] = sent
            return _bits(sent.packets) + second * fractions["residual"]

        # second tokens take what is left: then it may be more
        chosen = fit(spent, bits, _LEFT * bits if second else WORD)
        first = self._nearer(
            tried[tuple(chosen.values())], exact, bits - second * chosen["residual"]
        )
        return self._filled(first, bits) if second else first

    def _filled(self, sent: _Sent, bits: float) -> _Sent:
        """``sent`` with as many second tokens as ``bits`` have room for."""
        assert self.residual_encoder is not None
        room = bits - _bits(sent.packets)
        second = self.residual_encoder.within(sent.masked, sent.tokens["label_map"], room)
        tried = {0: sent}

        def spare(count: int) -> float:
            tried[count] = self._adding(sent, second, count)
            return bits - _bits(tried[count].packets)

        return tried[most_that_fit(spare, len(second.cells), room)]

    def _nearer(self, sent: _Sent, exact: Sequence[Packet], bits: float) -> _Sent:
        """Where every token fits, what is left of ``bits`` goes to codes that are nearer."""
        usual = self.vq_encoder
        if all(s.kept.shape == s.order.shape for s in sent.masked.selections.values()):
            for share in _NEARER if usual.rate_weight else ():
                encoder = VQEncoder(usual.networks, share * usual.rate_weight, usual.packets)
                nearer = self._sent(sent.masked, exact, encoder)
                if _bits(nearer.packets) <= bits:
                    return nearer
        return sent

    def __call__(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """``image`` [H, W, 3] uint8 to packets."""
        return self.trace(image, label_map).packets
