"""Range coding by ``constriction``, with the information content counted beside the bytes."""

from __future__ import annotations

import math
from typing import Any

import constriction
import numpy as np

__all__ = ["RangeReader", "RangeWriter"]

_bernoulli = constriction.stream.model.Bernoulli
_categorical = constriction.stream.model.Categorical


class RangeWriter:
    """Codes symbols one by one under changing probabilities.

    ``information`` is the sum of ``-log2 p`` over all symbols so far, in bits; the bytes exceed it
    by less than one 32-bit word and the coder's own 0.1 %.

    >>> writer = RangeWriter()
    >>> for bit in (1, 0, 1, 1):
    ...     writer.write_bit(bit, 0.75)
    >>> reader = RangeReader(writer.getvalue())
    >>> [reader.read_bit(0.75) for _ in range(4)]
    [1, 0, 1, 1]
    """

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()
        self.information = 0.0

    def write_bit(self, bit: int, p_one: float) -> None:
        """Code one bit, where 1 has the probability ``p_one``."""
        self._coder.encode(bit, _bernoulli(p_one, perfect=False))
        self.information -= math.log2(p_one if bit else 1 - p_one)

    def write_bits(self, bits: np.ndarray, p_one: np.ndarray) -> None:
        """Code ``bits`` [n], each under its own ``p_one`` [n]: the bytes of n single ones."""
        self._coder.encode(bits.astype(np.int32), _bernoulli(perfect=False), p_one)
        self.information -= float(np.log2(np.where(bits, p_one, 1 - p_one)).sum())

    def write_symbol(self, symbol: int, frequencies: np.ndarray) -> None:
        """Code one symbol under integer ``frequencies`` [alphabet], all positive."""
        p = frequencies.astype(np.float32, copy=False)
        self._coder.encode(symbol, _categorical(p, perfect=False))
        self.information -= math.log2(float(p[symbol]) / float(frequencies.sum()))

    def write_symbols(self, symbols: np.ndarray, frequencies: np.ndarray) -> None:
        """Code ``symbols`` [n] int under ``frequencies`` [alphabet], or each under its row of
        [n, alphabet]; the bytes are those of :meth:`write_symbol` called n times.
        """
        p, values = frequencies.astype(np.float32, copy=False), symbols.astype(np.int32)
        if p.ndim == 1:
            self._coder.encode(values, _categorical(p, perfect=False))
            chosen = p[symbols]
        else:
            self._coder.encode(values, _categorical(perfect=False), p)
            chosen = np.take_along_axis(p, symbols[:, None], 1)[:, 0]
        self.information -= float(np.log2(chosen / p.sum(-1, dtype=np.float64)).sum())

    def getvalue(self) -> bytes:
        """All bytes; a whole number of 32-bit words, little endian."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class RangeReader:
    """The inverse of :class:`RangeWriter`; the same probabilities must be given in the same order.

    Raises ValueError when ``data`` is no whole number of 32-bit words, or while reading where it
    turns out that no encoder can have made it.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) % 4:
            raise ValueError("range-coded data is no whole number of 32-bit words: it was cut")
        words = np.frombuffer(data, "<u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def read_bit(self, p_one: float) -> int:
        return int(self._read(_bernoulli(p_one, perfect=False)))

    def read_symbol(self, frequencies: np.ndarray) -> int:
        return int(
            self._read(_categorical(frequencies.astype(np.float32, copy=False), perfect=False))
        )

    def read_symbols(self, count: int, frequencies: np.ndarray) -> np.ndarray:
        """The next ``count`` symbols [count] int64, all under the same frequencies."""
        return self._read(
            _categorical(frequencies.astype(np.float32, copy=False), perfect=False), count
        )

    def _read(self, model: Any, *count: int) -> Any:
        try:
            return self._coder.decode(model, *count)
        except AssertionError:  # how constriction reports data that no encoder can have made
            raise ValueError("range-coded data is damaged") from None

    def exhausted(self) -> bool:
        """False where data is certainly left over; True says that it may all be read."""
        return bool(self._coder.maybe_exhausted())
