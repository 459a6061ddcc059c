"""SQ-GAN's transmitter: segmentation -> SAMM -> VQ encoder -> entropy coder -> packets.

Between the last two the label map gets second tokens, where its network has some. The stages are in
:mod:`semcom.codecs.sqgan.stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from semcom.codecs.codec import Packet
from semcom.codecs.sqgan.bitstream import CELL, Entropy, PathTokens
from semcom.codecs.sqgan.networks import Networks
from semcom.codecs.sqgan.rate import SECOND_BITS, WORD, fit, keep, most_that_fit
from semcom.codecs.sqgan.residual import SecondTokens
from semcom.codecs.sqgan.stages import (
    EntropyCoder,
    Masked,
    MaskStage,
    ResidualEncoder,
    SelectionRule,
    VQEncoder,
    payload_bits,
)

__all__ = ["MapCoding", "Trace", "Transmitter"]

#: how the label map is sent: as tokens of G_s, without loss, or as the cheaper of the two
MapCoding = Literal["tokens", "lossless", "cheaper"]

#: worth of a bit when codes are chosen, in mean distances to the nearest code
RATE_WEIGHT = 0.5
#: weights of a task go by this power into SAMM's scores, which differ little from rank to rank
_GENTLY = 0.1
#: share of a rate's bits that first tokens may leave to second ones beyond their own
_LEFT = 0.03
#: shares of the rate weight that are tried, the nearest codes first, where all tokens fit a rate
_NEARER = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7)


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


class Transmitter:
    """The stages in their order.

    ``segmentation`` maps pictures [B, H, W, 3] to label maps [B, H, W]; it is not called when a
    label map comes with the picture (ground truth, as in the released SQ-GAN code).
    ``class_weights``, one per class, say what the task wants: whose cells get second tokens first,
    or, without these, which cells are kept first. With ``bits_per_pixel`` the keep fractions are
    chosen anew for every picture, so that its packets just fit. With ``map_coding`` other than
    ``tokens`` the label map itself may be sent. ``palette`` sends colours beside the picture's
    tokens; left out, in learned mode wherever the networks know how.
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
        if residual is None:
            known = networks.second_model is not None and entropy == "learned"
            residual = known and map_coding == "tokens"
        # SAMM's order is hard to beat: the task speaks where a second token goes, if any does
        first = None
        if class_weights is not None and not residual:
            first = [weight**_GENTLY for weight in class_weights]
        self.mask = MaskStage(networks, kept, first, painted, selection)
        packets = packets or {"image": 1, "label_map": 1}
        if rate_weight is None:
            rate_weight = RATE_WEIGHT if entropy == "learned" else 0.0
        self.vq_encoder = VQEncoder(networks, rate_weight, packets)
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
        more = sent.tokens["label_map"].with_second(second.cells, second.indices, count)
        own = self.entropy_coder.path_packets(more, self.entropy_coder.packets["label_map"], 0)
        packets = own + sent.packets[len(own) :]  # the map's come first
        return _Sent(sent.masked, {**sent.tokens, "label_map": more}, packets)

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
            return payload_bits(sent.packets) + second * fractions["residual"]

        # second tokens take what is left: then it may be more
        chosen = fit(spent, bits, _LEFT * bits if second else WORD)
        first = self._nearer(
            tried[tuple(chosen.values())], exact, bits - second * chosen["residual"]
        )
        return self._filled(first, bits) if second else first

    def _filled(self, sent: _Sent, bits: float) -> _Sent:
        """``sent`` with as many second tokens as ``bits`` have room for."""
        assert self.residual_encoder is not None
        room = bits - payload_bits(sent.packets)
        second = self.residual_encoder.within(sent.masked, sent.tokens["label_map"], room)
        tried = {0: sent}

        def spare(count: int) -> float:
            tried[count] = self._adding(sent, second, count)
            return bits - payload_bits(tried[count].packets)

        return tried[most_that_fit(spare, len(second.cells), room)]

    def _nearer(self, sent: _Sent, exact: Sequence[Packet], bits: float) -> _Sent:
        """Where every token fits, what is left of ``bits`` goes to codes that are nearer."""
        usual = self.vq_encoder
        if all(s.kept.shape == s.order.shape for s in sent.masked.selections.values()):
            for share in _NEARER if usual.rate_weight else ():
                encoder = VQEncoder(usual.networks, share * usual.rate_weight, usual.packets)
                nearer = self._sent(sent.masked, exact, encoder)
                if payload_bits(nearer.packets) <= bits:
                    return nearer
        return sent

    def __call__(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        """``image`` [H, W, 3] uint8 to packets."""
        return self.trace(image, label_map).packets
