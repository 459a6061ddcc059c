"""Which of the transmissions in a folder are those that its newest run asked for.

A folder may hold more: other points, other links, other pictures of earlier runs. It may also hold
less, while a run is on its way or where a line of the counts was damaged and taken out.
"""

from __future__ import annotations

from collections.abc import Sequence

from semcom.identity import digest
from semcom.plan import WHOLE, Shard
from semcom.results import Results, Row

__all__ = ["select"]


def select(
    results: Results, plan: Row, points: Sequence[float | None] | None = None
) -> dict[tuple[str, float | None], list[Row]]:
    """Transmissions that the plan asks for, by transmitter and point, in the plan's order.

    ``points`` picks some of the plan's; None stands in it for the row without a channel.
    """
    shard = Shard.parse((results.run or {}).get("shard") or str(WHOLE))
    order = {
        image["sample"]: number
        for number, image in enumerate(plan["images"])
        if shard.holds(number)
    }
    # along a drive, the name of a picture says where it is sent
    positions = {image["name"] for image in plan["images"] if "metres" in image}
    found: dict[tuple[str, float | None], list[Row]] = {}
    for transmitter in plan["transmitters"]:
        own = {None, *transmitter.get("esn0_db", plan["esn0_db"])}
        link = digest(transmitter.get("link_identity") or plan["link"])
        for point in [None, *plan["esn0_db"]] if points is None else points:
            if point not in own:
                continue
            key = (transmitter["setup"], point)
            rows = [
                row
                for row in results.by_point.get(key, ())
                if row["sample"] in order and results.knows(row)
                if point is None
                or (
                    row["link_identity"] == link
                    and row["seed"] == plan["seed"]
                    and row["realisation"] < plan["realisations"]
                    and (not positions or row["image"] in positions)
                )
            ]
            if rows:
                found[key] = sorted(rows, key=lambda r: (order[r["sample"]], r["realisation"]))
    return found
