"""Which picture is sent from where, when a link is along a drive: a picture from its namesake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from channels import LinkSettings

__all__ = ["places_of"]


def places_of(
    link: LinkSettings | None, names: Sequence[str]
) -> list[dict[str, float | None]] | None:
    """Metres driven and gain over the mean position in dB of the pictures ``names``, JSON-able.

    The gain is None where no path leads. None for a link that is along no drive or stays at one
    position. Raises ValueError for a picture that the drive does not pass.

    >>> from channels import LinkSettings
    >>> link = LinkSettings(channel="ray_traced")
    >>> [place["metres"] for place in places_of(link, ["drive_00000"])]
    [0.0]
    >>> places_of(link.model_copy(update={"position": "drive_00003"}), ["anything"]) is None
    True
    """
    if link is None or link.drive is None or link.position is not None:
        return None
    from channels.drives import load_drive

    drive = load_drive(link.drive)
    gains = drive.gains_db
    places: list[dict[str, Any]] = []
    for name in names:
        try:
            index = drive.index(name)
        except ValueError as error:
            raise ValueError(
                f"{error}; send the pictures of the drive, or set link.position for all"
            ) from None
        gain = float(gains[index]) if np.isfinite(gains[index]) else None
        places.append({"metres": float(drive.metres[index]), "gain_db": gain})
    return places
