"""SQ-GAN's receiver: packets -> entropy decoder -> de-masking -> generator -> picture and map.

Any packet may be missing: tokens that never came are masked tokens to the de-masking module. With
nothing received at all, both paths decode from mask tokens alone: the networks' own idea of a
street, the stated prior of this codec. Where the label map alone is missing, it may be guessed from
the picture's packets (:mod:`semcom.codecs.sqgan.lost_map`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from semcom.codecs.codec import Reconstruction
from semcom.codecs.sqgan.bitstream import CELL, PathTokens, TokenPacket, read_packet
from semcom.codecs.sqgan.exact_map import LOST, is_exact_map, read_exact_map
from semcom.codecs.sqgan.lost_map import LostMap
from semcom.codecs.sqgan.maps import one_hot_map
from semcom.codecs.sqgan.networks import Networks
from semcom.codecs.sqgan.palette import Palette, with_colours
from semcom.entropy import Colours

__all__ = ["Demasking", "EntropyDecoder", "Generator", "Receiver"]


class EntropyDecoder:
    """Payloads to tokens, per path; a path without any packet comes back all masked."""

    def __init__(self, networks: Networks, size: tuple[int, int] | None) -> None:
        self.networks, self.size = networks, size

    def __call__(self, payloads: Sequence[bytes | None]) -> dict[str, PathTokens]:
        """Raises ValueError where a payload is foreign, damaged or at odds with another."""
        parts = [self._read(p) for p in payloads if p is not None]
        shape, padding = self._format([p.tokens for p in parts])
        tokens = {
            path: PathTokens(path, np.full(shape, -1, np.int64), padding)
            for path in ("label_map", "image")
        }
        for part in parts:
            if part.network != self.networks.tag:
                raise ValueError(
                    "this packet was made by another SQ-GAN network than the receiver's"
                )
            whole = tokens[part.tokens.path]
            sent = part.tokens.grid >= 0
            whole.grid[sent] = part.tokens.grid[sent]
            if part.tokens.colours is not None:
                colours = part.tokens.colours
                if whole.colours is not None:  # cells of a palette come in one packet each
                    colours = Colours(*(a + b for a, b in zip(whole.colours, colours, strict=True)))
                whole = tokens[part.tokens.path] = replace(whole, colours=colours)
            if part.tokens.second is not None:
                second = part.tokens.second
                if whole.second is not None:  # every cell belongs to one packet
                    second = np.maximum(second, whole.second)
                whole = tokens[part.tokens.path] = replace(whole, second=second)
            if part.tokens.exact is not None:
                exact = part.tokens.exact
                if whole.exact is not None:
                    exact = np.where(exact == LOST, whole.exact, exact)
                tokens[part.tokens.path] = replace(whole, exact=exact)
        return tokens

    def _read(self, payload: bytes) -> TokenPacket:
        if not is_exact_map(payload):
            networks = self.networks
            return read_packet(
                payload, networks.index_models, networks.palette_model, networks.second_model
            )
        part = read_exact_map(payload, self.networks.classes, self.size)
        height, width = part.label_map.shape
        padding = (-height % CELL, -width % CELL)
        shape = ((height + padding[0]) // CELL, (width + padding[1]) // CELL)
        tokens = PathTokens("label_map", np.full(shape, -1, np.int64), padding, part.label_map)
        return TokenPacket(tokens, part.number, part.packets, "learned", part.network)

    def _format(self, parts: list[PathTokens]) -> tuple[tuple[int, int], tuple[int, int]]:
        formats = {(p.grid.shape, p.padding) for p in parts}
        if self.size is not None:
            height, width = self.size
            padding = (-height % CELL, -width % CELL)
            shape = ((height + padding[0]) // CELL, (width + padding[1]) // CELL)
            if formats - {(shape, padding)}:
                raise ValueError(f"a packet does not belong to a picture of {height} x {width}")
            return shape, padding
        if len(formats) != 1:
            raise ValueError(
                "the packets belong to pictures of different sizes"
                if formats
                else "nothing was received and no picture size was agreed"
            )
        return formats.pop()


class Demasking:
    """Tokens to a filled grid of features, the arguments of a path's decoder."""

    def __call__(self, tokens: PathTokens) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """``(cells [1, k], indices [1, k], shape)``."""
        flat = tokens.grid.reshape(-1)
        cells = np.flatnonzero(flat >= 0)
        rows, columns = tokens.grid.shape
        return torch.tensor(cells)[None], torch.tensor(flat[cells])[None], (rows, columns)


class Generator:
    """Features to the label map, and, conditioned on that decoded map, to the picture."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.demasking = Demasking()

    def label_map(self, tokens: PathTokens) -> np.ndarray:
        """Decoded label map [16 h, 16 w] uint8; void, their number, only where it was sent so.

        Second tokens improve what the first ones of all cells say.
        """
        exact = tokens.exact
        if exact is not None:
            edges = ((0, tokens.padding[0]), (0, tokens.padding[1]))
            exact = np.pad(exact, edges, mode="edge")
            if not (exact == LOST).any():
                return exact
        with torch.inference_mode():
            path = self.networks.label_map
            found = path.decode(*self.demasking(tokens)).argmax(1)[0].to(torch.uint8)
            if tokens.second is not None and path.residual is not None:
                second = tokens.second.reshape(-1)
                cells = np.flatnonzero(second >= 0)
                found = path.residual.improved(
                    found, torch.tensor(cells), torch.tensor(second[cells])
                )
        decoded = found.numpy()
        return decoded if exact is None else np.where(exact == LOST, decoded, exact)

    def image(self, tokens: PathTokens, label_map: np.ndarray) -> np.ndarray:
        """Picture [16 h, 16 w, 3] uint8 under ``label_map`` [16 h, 16 w], coloured."""
        with torch.inference_mode():
            one_hot = one_hot_map(torch.tensor(label_map)[None], self.networks.classes)
            x = self.networks.image.decode(*self.demasking(tokens), one_hot)
            if tokens.colours is not None:
                palette = Palette(*(torch.tensor(part)[None] for part in tokens.colours))
                x = with_colours(x, palette, one_hot)
        x = ((x[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return x.permute(1, 2, 0).numpy()


class Receiver:
    """The stages in their order; ``size`` (H, W) is what both ends agreed on beforehand.

    ``lost_map`` guesses a label map of which nothing arrived from what arrived of the picture; None
    leaves it to the network's own idea.
    """

    def __init__(
        self,
        networks: Networks,
        size: tuple[int, int] | None = (256, 512),
        lost_map: LostMap | None = None,
    ) -> None:
        self.lost_map = lost_map
        self.entropy_decoder = EntropyDecoder(networks, size)
        self.generator = Generator(networks)

    def __call__(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        """Picture, label map and, in ``extras``, the cells that arrived."""
        tokens = self.entropy_decoder(payloads)
        return self.reconstruct(tokens)

    def reconstruct(self, tokens: Mapping[str, PathTokens]) -> Reconstruction:
        """The picture of given tokens."""
        sent, picture = tokens["label_map"], tokens["image"]
        if self.lost_map is not None and not sent.mask.any() and picture.mask.any():
            label_map = self.lost_map(picture)
        else:
            label_map = self.generator.label_map(sent)
        image = self.generator.image(picture, label_map)
        bottom = image.shape[0] - picture.padding[0]
        right = image.shape[1] - picture.padding[1]
        extras = {
            "kept_mask": tokens["image"].mask,
            "kept_mask_label_map": tokens["label_map"].mask,
        }
        return Reconstruction(
            np.ascontiguousarray(image[:bottom, :right]),
            np.ascontiguousarray(label_map[:bottom, :right]),
            extras,
        )
