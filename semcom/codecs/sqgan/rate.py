"""Rate control: the keep fractions (m_s, m_x) that a number of bits can pay for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from semcom.codecs.sqgan.samm import Selection, kept_cells

__all__ = ["LADDER", "SECOND_BITS", "WORD", "fit", "keep", "most_that_fit", "rung", "second_bits"]

#: m_s, m_x and the share of the map's cells with a second token, of rising rates. Meaning comes
#: first: the map gets most of the first bits, the picture catches up where the map is nearly
#: complete. Measured on CamVid at 0.02 bits per pixel: more for the map is worth mIoU, less costs
#: it, and the Fréchet distance the other way round.
LADDER = (
    (0.0, 0.0, 0.0),
    (0.22, 0.03, 0.015),
    (0.45, 0.06, 0.05),
    (0.7, 0.1, 0.1),
    (0.9, 0.18, 0.16),
    (1.0, 0.4, 0.22),
    (1.0, 1.0, 0.3),
)
_STEPS = 256
#: range-coded packets grow by words of so many bits: less cannot be spent better
WORD = 32
#: what a second token usually takes, bits
SECOND_BITS = 12


def rung(step: int) -> dict[str, float]:
    """Keep fractions at ``step`` of 256 of the ladder.

    >>> rung(256)
    {'label_map': 1.0, 'image': 1.0, 'residual': 0.3}
    """
    at = np.linspace(0, 1, len(LADDER))
    m_s, m_x, second = (float(np.interp(step / _STEPS, at, m)) for m in zip(*LADDER, strict=True))
    least = 1e-6  # a path always sends a token: a picture of nothing is no picture
    return {"label_map": max(m_s, least), "image": max(m_x, least), "residual": second}


def second_bits(kept: int, cells: int) -> float:
    """Bits of second tokens that go with ``kept`` of a label map's ``cells`` on the ladder.

    >>> second_bits(0, 512), round(second_bits(512, 512))
    (0.0, 1352)
    """
    m_s, _, second = zip(*LADDER, strict=True)
    rising = m_s.index(1.0) + 1  # further rungs have no more of the first ones
    return float(np.interp(kept / cells, m_s[:rising], second[:rising])) * cells * SECOND_BITS


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


def fit(
    spent: Callable[[Mapping[str, float]], float], bits: float, left: float = WORD
) -> dict[str, float]:
    """A rung whose packets, as ``spent`` counts them, take at most ``bits``: nearly all.

    The highest one, or one that leaves less than ``left`` bits. Raises ValueError where even
    one token a path is too much.
    """
    spare = bits - spent(rung(0))
    if spare < 0:
        raise ValueError(
            f"SQ-GAN cannot send this picture in {bits:.0f} bits: "
            f"one token of each path takes {bits - spare:.0f}; ask for more bits per pixel"
        )
    # bits rise nearly evenly: false position, an end that stays twice counting half (the Illinois
    # rule, Dowell and Jarratt, 1971); beyond the last rung that fits they are thought to go on
    low, near, high, far, moved = 0, spare, _STEPS + 1, 0.0, 0
    step = _STEPS // 4
    while high - low > 1 and spare >= left:
        over = spent(rung(step)) - bits
        if over <= 0:
            if high > _STEPS:
                far = (spare + over) / (step - low) * (high - step) + over
            elif moved > 0:
                far /= 2
            low, near, spare, moved = step, -over, -over, 1
        else:
            near = near / 2 if moved < 0 else near
            high, far, moved = step, over, -1
        step = low + round(near / (near + max(far, 1)) * (high - low))
        step = min(max(step, low + 1), high - 1)
    return rung(low)


def most_that_fit(spare: Callable[[int], float], most: int, room: float) -> int:
    """How many of ``most`` second tokens fit the ``room``, bits: nearly all.

    ``spare`` counts the bits that so many leave of it, below 0 where they do not fit.

    >>> most_that_fit(lambda count: 1000 - 15 * count, 100, 1000)
    66
    """
    low, high, step = 0, most + 1, int(room / SECOND_BITS)
    while high - low > 1:
        step = min(max(step, low + 1), high - 1)
        left = spare(step)
        if left < 0:
            high = step
        else:
            low = step
            if left < WORD:
                break
        step += int(left // max(1, (room - left) / step))
    return low
