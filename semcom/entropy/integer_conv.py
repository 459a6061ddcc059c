"""Convolutions of whole numbers: every machine computes the same result, to the last bit.

Probabilities drawn from a network of floating-point numbers differ between machines in their last
digits, and one digit is enough to lose a range decoder. Whole numbers have no last digit (Ballé,
Johnston and Minnen, "Integer networks for data compression with latent-variable models", 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["ACTIVATION_STEPS", "HIGHEST_ACTIVATION", "WEIGHT_STEPS", "IntegerConv", "activation"]

#: activations are multiples of 1/ACTIVATION_STEPS, weights and biases of 1/WEIGHT_STEPS
ACTIVATION_STEPS = 16
WEIGHT_STEPS = 64
#: in steps
HIGHEST_ACTIVATION = 4095


class IntegerConv:
    """A convolution of stride 1, zeros around its input, with an odd square kernel.

    ``weights`` holds ``weight`` [out, in, k, k] int8 and ``bias`` [out] int16. Sums stay far below
    2**53, so that double precision is exact whatever the order of summation.

    >>> conv = IntegerConv({"weight": np.full((1, 1, 3, 3), 64, np.int8), "bias": np.array([2])})
    >>> (conv(np.full((1, 3, 3), 16)) // WEIGHT_STEPS).tolist()
    [[[64, 96, 64], [96, 144, 96], [64, 96, 64]]]
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weight = np.asarray(weights["weight"], np.float64)
        self._bias = np.asarray(weights["bias"], np.int64) * ACTIVATION_STEPS
        if self._weight.ndim != 4 or self._bias.shape != self._weight.shape[:1]:
            raise ValueError("the weights of an integer convolution do not fit each other")

    @property
    def channels(self) -> int:
        """Of the output."""
        return len(self._bias)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """``x`` [in, h, w] int -> [out, h, w] int64, in 1/(ACTIVATION_STEPS * WEIGHT_STEPS)."""
        channels, size = self._weight.shape[1], self._weight.shape[2]
        if x.shape[0] != channels:
            raise ValueError(f"{x.shape[0]} channels where {channels} are expected")
        around = size // 2
        padded = np.pad(x.astype(np.float64), ((0, 0), (around, around), (around, around)))
        windows = sliding_window_view(padded, (size, size), axis=(1, 2))
        sums = np.tensordot(self._weight, windows, axes=((1, 2, 3), (0, 3, 4)))
        return sums.astype(np.int64) + self._bias[:, None, None]


def activation(sums: np.ndarray) -> np.ndarray:
    """ReLU of a convolution's sums, rounded to activation steps.

    >>> activation(np.array([-100, 31, 32, 640])).tolist()
    [0, 0, 1, 10]
    """
    return np.clip((sums + WEIGHT_STEPS // 2) // WEIGHT_STEPS, 0, HIGHEST_ACTIVATION)
