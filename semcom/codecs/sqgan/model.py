"""The two paths of SQ-GAN, each from pixels to code indices and back.

::

    s --Encoder--> z --SAMM(s)--> kept vectors --VQ--> indices           label-map path G_s
    indices --codes--> AdaptiveDemasking --MapDecoder--> logits, s-hat
    s, s-hat --MapResidual--> second indices of some cells --> s-hat     where it has one

    x --Encoder + SemPE(s)--> z --SAMM(s)--> kept vectors --VQ--> indices   image path G_x
    indices --codes--> AdaptiveDemasking --ImageGenerator(s-hat)--> x-hat

Pezone, Barbarossa, Caire, "SQ-GAN: semantic image communications using masked vector
quantization", arXiv 2502.09520.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from semcom.codecs.sqgan.config import Size
from semcom.codecs.sqgan.demasking import AdaptiveDemasking
from semcom.codecs.sqgan.encoder import Encoder
from semcom.codecs.sqgan.generator import ImageGenerator, MapDecoder
from semcom.codecs.sqgan.maps import map_pyramid
from semcom.codecs.sqgan.quantizer import VectorQuantizer
from semcom.codecs.sqgan.residual import MapResidual
from semcom.codecs.sqgan.samm import SAMM, Selection

__all__ = ["ImagePath", "MapPath", "Tokens"]


class Tokens(NamedTuple):
    """``cells`` [B, k] raster positions, ``indices`` [B, k] codes, ``scores`` [B, N]."""

    cells: Tensor
    indices: Tensor
    scores: Tensor


class Trained(NamedTuple):
    """What a training step needs: the output, the commitment loss and the tokens."""

    output: Tensor
    commitment: Tensor
    tokens: Tokens


class _Path(nn.Module):
    """Encoder, SAMM, codebook and de-masking: what both paths share."""

    encoder: Encoder

    def __init__(self, size: Size, part: str) -> None:
        super().__init__()
        path = getattr(size, part)
        self.classes = size.classes
        self.samm = SAMM(path.widths[3], path.code_dim, size.classes, path.spade_hidden)
        self.quantizer = VectorQuantizer(path.codes, path.code_dim)
        self.demasking = AdaptiveDemasking(path.code_dim, path.widths[3], path.demasking_blocks)

    def encode(self, source: Tensor, pyramid: list[Tensor]) -> Tensor:
        """Features [B, C, h, w] of a picture or map."""
        raise NotImplementedError

    def select(
        self,
        source: Tensor,
        pyramid: list[Tensor],
        keep_fraction: float,
        class_weights: Tensor | None = None,
    ) -> Selection:
        """Encoder and SAMM: the kept vectors of ``source``, before quantisation."""
        return self.samm(self.encode(source, pyramid), pyramid[4], keep_fraction, class_weights)

    def features(self, cells: Tensor, indices: Tensor, shape: tuple[int, int]) -> Tensor:
        """Decode: fill the grid of ``shape`` from the cells that arrived."""
        return self.demasking(self.quantizer.lookup(indices), cells, shape)

    def _train(
        self,
        source: Tensor,
        pyramid: list[Tensor],
        keep_fraction: float,
        lost: float,
        generator: torch.Generator | None,
        quantised: float,
    ) -> tuple[Tensor, Tensor, Tokens]:
        chosen = self.select(source, pyramid, keep_fraction)
        b, k, d = chosen.vectors.shape
        codes, index, commitment = self.quantizer(
            chosen.vectors.reshape(b * k, d), generator, quantised
        )
        codes, index, cells = codes.reshape(b, k, d), index.reshape(b, k), chosen.kept
        if lost > 0:  # packets that never came: the decoder sees fewer codes than were sent
            arrived = torch.randperm(k, generator=generator)[: round(k * (1 - lost))]
            arrived = arrived.to(codes.device)
            codes, cells = codes[:, arrived], cells[:, arrived]
        shape = (pyramid[4].shape[2], pyramid[4].shape[3])
        tokens = Tokens(chosen.kept, index, chosen.scores)
        return self.demasking(codes, cells, shape), commitment, tokens


class MapPath(_Path):
    """G_s: label map -> indices -> logits; with ``residual`` some cells have a second token."""

    def __init__(self, size: Size, residual: bool = False) -> None:
        super().__init__(size, "label_map")
        self.encoder = Encoder(size.classes, size.label_map)
        self.decoder = MapDecoder(size.classes, size.label_map)
        self.residual = MapResidual(size.classes, size.residual) if residual else None

    def encode(self, source: Tensor, pyramid: list[Tensor]) -> Tensor:
        return self.encoder(source)

    def decode(self, cells: Tensor, indices: Tensor, shape: tuple[int, int]) -> Tensor:
        """Logits [B, classes, 16 h, 16 w]; the received label map is their arg-max."""
        return self.decoder(self.features(cells, indices, shape))

    def forward(
        self,
        one_hot: Tensor,
        keep_fraction: float,
        lost: float = 0.0,
        generator: torch.Generator | None = None,
        quantised: float = 1.0,
    ) -> Trained:
        """Training pass; ``lost`` of the kept codes are hidden, ``quantised`` of them quantised."""
        pyramid = map_pyramid(one_hot)
        x, commitment, tokens = self._train(
            one_hot, pyramid, keep_fraction, lost, generator, quantised
        )
        return Trained(self.decoder(x), commitment, tokens)


class ImagePath(_Path):
    """G_x: picture and label map -> indices -> picture under the decoded map."""

    def __init__(self, size: Size) -> None:
        super().__init__(size, "image")
        self.encoder = Encoder(3, size.image, sempe_classes=size.classes)
        self.decoder = ImageGenerator(size.classes, size.image)

    def encode(self, source: Tensor, pyramid: list[Tensor]) -> Tensor:
        return self.encoder(source, pyramid[1])

    def decode(
        self, cells: Tensor, indices: Tensor, shape: tuple[int, int], one_hot: Tensor
    ) -> Tensor:
        """Picture [B, 3, 16 h, 16 w] in [-1, 1] (not clamped), conditioned on ``one_hot``."""
        return self.decoder(self.features(cells, indices, shape), map_pyramid(one_hot))

    def forward(
        self,
        image: Tensor,
        one_hot: Tensor,
        decoded_one_hot: Tensor,
        keep_fraction: float,
        lost: float = 0.0,
        generator: torch.Generator | None = None,
        quantised: float = 1.0,
    ) -> Trained:
        """Training pass: the transmitter sees ``one_hot``, the generator ``decoded_one_hot``."""
        pyramid = map_pyramid(one_hot)
        x, commitment, tokens = self._train(
            image, pyramid, keep_fraction, lost, generator, quantised
        )
        seen = pyramid if decoded_one_hot is one_hot else map_pyramid(decoded_one_hot)
        return Trained(self.decoder(x, seen, generator), commitment, tokens)
