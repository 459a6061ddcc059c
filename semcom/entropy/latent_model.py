"""Entropy model of a transform codec's latent: hyperprior, slices of channels, two passes each.

A coarse grid of side information ``z`` (a hyperprior: Ballé et al., 2018) is sent first;
whole-number convolutions turn it into features of every cell of the latent ``y``. The channels of
``y`` follow in slices, and the cells of a slice in the two colours of a checkerboard (He et al.,
2021): mean and scale of every value come from the features and from all values already known
around it. Means are multiples of 1/16, scales are indices of logistic tables, and all of it is
whole numbers, so that the receiver finds the transmitter's probabilities exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from semcom.entropy.integer_conv import ACTIVATION_STEPS, WEIGHT_STEPS, IntegerConv, activation
from semcom.entropy.logistic_tables import HIGHEST_SYMBOL, SCALES, information, tables
from semcom.entropy.range_coder import RangeReader, RangeWriter

__all__ = [
    "HYPER_STRIDE",
    "LEVELS",
    "MIDDLE_SCALE",
    "SCALE_GAIN",
    "CodedLatent",
    "LatentModel",
    "checkerboard",
    "level_input",
]

#: a cell of z stands for HYPER_STRIDE x HYPER_STRIDE cells of y
HYPER_STRIDE = 4
#: rates of the variable-rate network
LEVELS = 256
#: a network output u names the scale MIDDLE_SCALE + SCALE_GAIN * u
MIDDLE_SCALE, SCALE_GAIN = 20, 8
#: |y| beyond this is cut before it becomes context
_HIGHEST_CONTEXT = 128 * ACTIVATION_STEPS
_UNIT = ACTIVATION_STEPS * WEIGHT_STEPS


def level_input(level: int) -> int:
    """What the networks are told of the rate, in activation steps: 0 to 63, that is 0 to 3.94."""
    return level * 64 // LEVELS


def checkerboard(shape: tuple[int, int]) -> np.ndarray:
    """Cells [h, w] bool of the first pass.

    >>> checkerboard((2, 3)).astype(int).tolist()
    [[1, 0, 1], [0, 1, 0]]
    """
    rows, columns = np.indices(shape)
    return (rows + columns) % 2 == 0


@dataclass(frozen=True)
class CodedLatent:
    """``passes``: symbols and their scale indices in the order sent, side information first.

    ``latent`` [channels, h, w] float32 is what the receiver finds.
    """

    passes: tuple[tuple[np.ndarray, np.ndarray], ...]
    latent: np.ndarray

    def hyper_bits(self) -> float:
        """Information of the side information, in bits."""
        return information(*self.passes[0])

    def bits(self) -> float:
        """Information of everything, in bits."""
        return sum(information(symbols, scales) for symbols, scales in self.passes)

    def parts(self, num_bytes: int) -> dict[str, int]:
        """Bits of side information, latent and padding in a stream of ``num_bytes``."""
        hyper = round(self.hyper_bits())
        latent = min(round(self.bits()), 8 * num_bytes) - hyper
        return {
            "side_information": hyper,
            "latent": latent,
            "padding": 8 * num_bytes - hyper - latent,
        }


#: values [n] (empty on the receiving side), means [n] and scale indices [n] -> symbols [n]
_Exchange = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class LatentModel:
    """Codes latents under whole-number networks, see the module's description.

    ``weights`` holds ``weight`` and ``bias`` (see :class:`IntegerConv`) of ``hyper_scale``,
    ``hyper.0``, ``hyper.1`` and, for every slice i, ``slice_in.i`` and ``slice_out.i``.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        def conv(name: str) -> IntegerConv:
            return IntegerConv({k: weights[f"{name}.{k}"] for k in ("weight", "bias")})

        self._hyper_scale = conv("hyper_scale")
        self._hyper = (conv("hyper.0"), conv("hyper.1"))
        count = sum(key.startswith("slice_in.") for key in weights) // 2
        self._slices = [(conv(f"slice_in.{i}"), conv(f"slice_out.{i}")) for i in range(count)]
        self.hyper_channels = self._hyper_scale.channels
        self.channels = sum(out.channels // 2 for _, out in self._slices)

    def quantise(self, y: np.ndarray, z: np.ndarray, level: int) -> CodedLatent:
        """Round ``y`` [channels, h, w] float around its means, given ``z`` [.., h/4, w/4] int."""

        def send(values: np.ndarray, means: np.ndarray, scales: np.ndarray) -> np.ndarray:
            rounded = np.rint(values - means / ACTIVATION_STEPS)
            return np.clip(rounded, -HIGHEST_SYMBOL, HIGHEST_SYMBOL).astype(np.int64)

        return self._walk(level, y.shape[1:], send, z, y)

    def write(self, coded: CodedLatent) -> bytes:
        """Range-code the symbols; a whole number of 32-bit words."""
        writer = RangeWriter()
        for symbols, scales in coded.passes:
            for scale in np.unique(scales):
                writer.write_symbols(symbols[scales == scale] + HIGHEST_SYMBOL, tables()[scale])
        return writer.getvalue()

    def read(self, data: bytes, level: int, shape: tuple[int, int]) -> CodedLatent:
        """Inverse of :meth:`write` for a latent of ``shape`` (h, w).

        Raises ValueError where ``data`` is not exactly what :meth:`write` makes.
        """
        reader = RangeReader(data)

        def receive(values: np.ndarray, means: np.ndarray, scales: np.ndarray) -> np.ndarray:
            symbols = np.empty(len(scales), np.int64)
            for scale in np.unique(scales):
                here = scales == scale
                symbols[here] = reader.read_symbols(int(here.sum()), tables()[scale])
            return symbols - HIGHEST_SYMBOL

        coded = self._walk(level, shape, receive)
        # a cut stream decodes to garbage without complaint; only its own symbols give it back
        if self.write(coded) != data:
            raise ValueError("the range-coded latent is cut short or damaged")
        return coded

    def _walk(
        self,
        level: int,
        shape: tuple[int, int],
        exchange: _Exchange,
        z: np.ndarray | None = None,
        y: np.ndarray | None = None,
    ) -> CodedLatent:
        """What both ends do: go through all passes, each knowing what came before it."""
        nothing = np.empty(0)
        height, width = shape
        rows, columns = -(-height // HYPER_STRIDE), -(-width // HYPER_STRIDE)
        told = np.full((1, 1, 1), level_input(level))
        scales = np.broadcast_to(
            _scale_index(self._hyper_scale(told)), (self.hyper_channels, rows, columns)
        ).reshape(-1)
        z_values = nothing if z is None else z.reshape(-1)
        symbols = exchange(z_values, np.zeros(len(scales), np.int64), scales)
        passes = [(symbols, scales)]
        features = self._features(symbols.reshape(-1, rows, columns), level)[:, :height, :width]

        first = checkerboard(shape)
        known: list[np.ndarray] = []  # slices, in activation steps
        start = 0
        for conv, out in self._slices:
            count = out.channels // 2
            latent = np.zeros((count, height, width), np.int64)
            for cells, seen in ((first, np.zeros_like(first)), (~first, first)):
                context = np.concatenate([*known, latent])
                context = np.clip(context, -_HIGHEST_CONTEXT, _HIGHEST_CONTEXT)
                seen_input = ACTIVATION_STEPS * seen[None].astype(np.int64)
                inputs = np.concatenate([features, seen_input, context])
                output = out(activation(conv(inputs)))
                means = (output[:count] + WEIGHT_STEPS // 2) // WEIGHT_STEPS
                indices = _scale_index(output[count:])
                means, indices = means[:, cells].reshape(-1), indices[:, cells].reshape(-1)
                values = nothing if y is None else y[start : start + count, cells].reshape(-1)
                symbols = exchange(values, means, indices)
                passes.append((symbols, indices))
                latent[:, cells] = (ACTIVATION_STEPS * symbols + means).reshape(count, -1)
            known.append(latent)
            start += count
        whole = np.concatenate(known).astype(np.float32) / ACTIVATION_STEPS
        return CodedLatent(tuple(passes), whole)

    def _features(self, z: np.ndarray, level: int) -> np.ndarray:
        """z [hyper channels, h/4, w/4] -> features [.., h, w] in activation steps."""
        told = np.full((1, *z.shape[1:]), level_input(level))
        h = activation(self._hyper[0](np.concatenate([ACTIVATION_STEPS * z, told])))
        h = activation(self._hyper[1](_enlarge(h)))
        return _enlarge(h)


def _enlarge(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, axis=1).repeat(2, axis=2)


def _scale_index(sums: np.ndarray) -> np.ndarray:
    index = MIDDLE_SCALE + (SCALE_GAIN * sums + _UNIT // 2) // _UNIT
    return np.clip(index, 0, SCALES - 1)
