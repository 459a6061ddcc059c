"""Rate sheets: one picture at rising rates, a block of rows for each codec, no channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from semcom.results import Row
from semcom.scenario import REFERENCE
from semcom.sheet import GAP, TEXT, Sheet, coloured, note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from semcom.pictures import PictureStore

__all__ = ["draw_rate_sheet", "groups_of_rates"]

#: rates of a codec that are shown
MOST = 4


def groups_of_rates(plan: Row) -> dict[str, list[str]]:
    """Labels by group, of a run that has nothing but rates to compare; else nothing.

    >>> sqgan = [{"group": "SQ-GAN", "label": f"SQ-GAN {r}"} for r in (0.01, 0.02)]
    >>> groups_of_rates({"esn0_db": [], "transmitters": sqgan})
    {'SQ-GAN': ['SQ-GAN 0.01', 'SQ-GAN 0.02']}
    """
    groups: dict[str, list[str]] = {}
    for one in plan["transmitters"]:
        if one.get("esn0_db", plan["esn0_db"]):
            return {}
        if one["label"] != REFERENCE:
            groups.setdefault(one["group"], []).append(one["label"])
    return groups if any(len(labels) > 1 for labels in groups.values()) else {}


def draw_rate_sheet(
    plan: Row,
    image: Row,
    pictures: Mapping[str, tuple[str, str]],
    store: PictureStore,
) -> Figure:
    """The sheet of ``image``; ``pictures``: the name of what was received and its rate, by label.

    In a block: the received pictures, the label maps that came with them, if any did, and what the
    scoring segmenter sees.
    """
    original, truth = store.sample(image["sample"])
    assert original is not None
    palette = np.array(plan["palette"], np.uint8)
    groups = {
        group: _evenly([label for label in labels if label in pictures])
        for group, labels in groups_of_rates(plan).items()
    }
    with_map = {
        group: any(store.get(pictures[label][0]).label_map is not None for label in labels)
        for group, labels in groups.items()
    }
    rows = {group: 2 + with_map[group] for group in groups}
    sheet = Sheet(
        1 + max(map(len, groups.values())),
        original.shape,
        lambda height: sum(n * (height + GAP) + TEXT + 0.12 for n in rows.values()) - 0.3,
    )
    sheet.title(f"{plan['title'] or 'Rates'}: {image['name']}")
    top, step = 0.5, sheet.height + GAP
    for group, labels in groups.items():
        sheet.write(group, GAP, top + 0.06, fontsize=11, fontweight="bold")
        line = top + TEXT
        axis = sheet.place(0, line)
        axis.imshow(original)
        note(axis, "original")
        if truth is not None:
            axis = sheet.place(0, line + (rows[group] - 1) * step)
            axis.imshow(coloured(truth, palette))
            note(axis, "label map (truth)")
        for column, label in enumerate(labels, start=1):
            name, rate = pictures[label]
            sheet.head(rate, column, top + 0.08)
            received = store.get(name)
            sheet.place(column, line).imshow(received.image)
            if received.label_map is not None:
                axis = sheet.place(column, line + step)
                axis.imshow(coloured(received.label_map, palette))
                note(axis, "label map sent, as decoded")
            seen = store.prediction(name, plan["scorer"]) if plan["scorer"] else None
            if seen is not None:
                axis = sheet.place(column, line + (rows[group] - 1) * step)
                axis.imshow(coloured(seen, palette))
                note(axis, "what the segmenter sees")
        top = line + rows[group] * step + 0.12
    sheet.legend(plan["classes"], palette)
    return sheet.figure


def _evenly(labels: Sequence[str]) -> list[str]:
    """At most ``MOST`` of ``labels``, the first and the last among them."""
    count = min(MOST, len(labels))
    if count < 2:
        return list(labels[:1])
    return [labels[round(n * (len(labels) - 1) / (count - 1))] for n in range(count)]
