"""Rate control: the keep fractions (m_x, m_s) that a number of bits can pay for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from semcom.codecs.sqgan.samm import Selection, kept_cells

__all__ = ["LADDER", "fit", "keep", "rung"]

#: m_s and m_x of rising rates. Meaning comes first: the map gets most of the first bits, the
#: picture catches up where the map is nearly complete. Measured on CamVid at 0.02 bits per pixel:
#: more for the map is worth mIoU, less costs it, and the Fréchet distance the other way round.
LADDER = ((0.0, 0.0), (0.22, 0.03), (0.45, 0.06), (0.7, 0.1), (0.9, 0.18), (1.0, 0.4), (1.0, 1.0))
_STEPS = 256


def rung(step: int) -> dict[str, float]:
    """Keep fractions at ``step`` of 256 of the ladder.

    >>> rung(256)
    {'label_map': 1.0, 'image': 1.0}
    """
    at = np.linspace(0, 1, len(LADDER))
    m_s, m_x = (float(np.interp(step / _STEPS, at, m)) for m in zip(*LADDER, strict=True))
    least = 1e-6  # a path always sends a token: a picture of nothing is no picture
    return {"label_map": max(m_s, least), "image": max(m_x, least)}


def keep(selection: Selection, keep_fraction: float) -> Selection:
    """Thin a selection of all N cells to the most relevant ``keep_fraction`` of them.

    The same as asking SAMM for that fraction at once: neither scores nor vectors depend on it.
    """
    k = kept_cells(keep_fraction, selection.scores.shape[1])
    kept = selection.order[:, :k].sort(dim=1).values
    vectors = selection.vectors.gather(
        1, kept[..., None].expand(-1, -1, selection.vectors.shape[2])
    )
    return Selection(selection.scores, kept, vectors, selection.order)


def fit(spent: Callable[[Mapping[str, float]], int], bits: float) -> dict[str, float]:
    """The highest rung whose packets, as ``spent`` counts them, take at most ``bits``.

    Raises ValueError where even one token a path is too much.
    """
    least, most = spent(rung(0)), spent(rung(_STEPS))
    if least > bits:
        raise ValueError(
            f"SQ-GAN cannot send this picture in {bits:.0f} bits: "
            f"one token of each path takes {least}; ask for more bits per pixel"
        )
    if most <= bits:
        return rung(_STEPS)
    low, high = 0, _STEPS  # low fits, high does not; between them bits rise about evenly
    while high - low > 1:
        share = (bits - least) / (most - least)
        middle = min(max(low + round(share * (high - low)), low + 1), high - 1)
        taken = spent(rung(middle))
        if taken <= bits:
            low, least = middle, taken
        else:
            high, most = middle, taken
    return rung(low)
