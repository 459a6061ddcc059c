"""The states of the channel that a frame may meet, as the transmitter knows them.

Over flat channels a state is one Es/N0. Over OFDM it is a realisation as its receiver estimates it:
the symbols of a frame have an Es/N0 each, and count with their effective one, at which white noise
lets as much mutual information through (:func:`channels.adaptation.effective_esn0_db`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtri
from scipy.stats import ncx2

from channels import LinkSettings
from channels.adaptation import effective_esn0_db
from channels.analog import AnalogLink
from semcom.budget.settings import Allocation, BudgetLinkSettings

__all__ = ["STATES", "ChannelStates", "channel_states"]

#: equally likely channel states that stand for a distribution
STATES = 200
#: quantiles that stand for the symbols of one realisation
_SYMBOLS = 64
#: slots that stand for a longer frame, which averages over still more of its channel
_SLOTS = 64


class ChannelStates:
    """Equally likely states, those of the least capacity first.

    ``esn0_db`` [S, Q] is that of Q equal shares of the symbols in each of S states.

    >>> states = ChannelStates(np.array([[-30.0, 30.0], [3.0, 3.0]]))
    >>> len(states), states.effective_esn0_db("qpsk").round(1).tolist()
    (2, [3.0, 0.2])
    >>> ChannelStates(np.array([[4.0], [-2.0]])).effective_esn0_db("qpsk").tolist()
    [-2.0, 4.0]
    """

    def __init__(self, esn0_db: np.ndarray) -> None:
        order = np.argsort([_gaussian(row) for row in esn0_db], kind="stable")
        self._esn0_db = esn0_db[order]
        self._known: dict[str | None, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._esn0_db)

    def effective_esn0_db(self, modulation: str | None) -> np.ndarray:
        """Es/N0 in dB [S] of white noise that is as bad for ``modulation``.

        None: for Gaussian symbols.
        """
        if modulation not in self._known:
            self._known[modulation] = np.array(
                [effective_of_symbols(modulation, row) for row in self._esn0_db]
            )
        return self._known[modulation]


def effective_of_symbols(modulation: str | None, esn0_db: np.ndarray) -> float:
    """Effective Es/N0 in dB of symbols of ``esn0_db`` [Q]; None: of Gaussian ones."""
    if len(esn0_db) == 1:
        return float(esn0_db[0])
    return _gaussian(esn0_db) if modulation is None else effective_esn0_db(modulation, esn0_db)


def _gaussian(esn0_db: np.ndarray) -> float:
    capacity = np.log2(1 + 10 ** (esn0_db / 10)).mean()
    return float(10 * np.log10(np.maximum(2**capacity - 1, 1e-12)))


def channel_states(
    settings: BudgetLinkSettings, allocation: Allocation, esn0_db: float, channel_uses: int = 1
) -> ChannelStates:
    """The states that a frame of ``channel_uses`` may meet at a mean of ``esn0_db``.

    One state where the transmitter knows the channel; else quantiles of flat fading or realisations
    of multipath, and quantiles of ``spread_db``.

    >>> settings = BudgetLinkSettings(budget={"channel_uses": 9})
    >>> channel_states(settings, Allocation(), 6.0).effective_esn0_db("qpsk").tolist()
    [6.0]
    """
    mean = esn0_db if allocation.design_esn0_db is None else allocation.design_esn0_db
    quantiles = (np.arange(STATES) + 0.5) / STATES
    spread = allocation.spread_db * ndtri(quantiles)
    if settings.channel == "awgn":
        return ChannelStates((mean + spread if allocation.spread_db else np.array([mean]))[:, None])
    # what is random beside the fading: quantiles of the sum by a fixed shuffle of one of them
    means = mean + spread[np.random.default_rng(0).permutation(STATES)]
    if settings.ofdm is not None:
        slots = min(max(1, settings.slots(channel_uses)), _SLOTS)
        return ChannelStates(_realisations(AnalogLink(settings).settings, slots, tuple(means)))
    direct = settings.direct_over_scattered
    power = ncx2.ppf(quantiles, 2, 2 * direct) / (2 * (1 + direct))
    return ChannelStates((means + 10 * np.log10(np.maximum(power, 1e-12)))[:, None])


@lru_cache(maxsize=64)
def _realisations(settings: LinkSettings, slots: int, means: tuple[float, ...]) -> np.ndarray:
    """Es/N0 in dB behind the equaliser, [S, Q], of one frame of ``slots`` for each of ``means``."""
    assert settings.ofdm is not None
    link = AnalogLink(settings)
    symbols = np.zeros(slots * settings.ofdm.data_per_slot, np.complex64)
    shares = (np.arange(_SYMBOLS) + 0.5) / _SYMBOLS
    found = []
    for seed, mean in enumerate(means):
        (met,) = link.transmit([symbols], mean, [seed])
        found.append(np.quantile(met.noise_variance, shares, method="linear"))
    return -10 * np.log10(np.maximum(np.stack(found), 1e-12))
