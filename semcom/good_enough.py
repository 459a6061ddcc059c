"""HARQ that stops when the receiver's picture is good enough.

The packets of a picture come in the order of what they are worth, and any first few of them are a
picture. After every round the receiver knows which packets it has, and by a table of measured
quality what a picture of that many bytes scores. It asks again for no more of the missing packets
than bring the expected score to the share that it wants, the first ones first; where none is needed
it asks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["GoodEnough", "attempts_given"]


class GoodEnough(BaseModel):
    """When a receiver asks for no more.

    >>> GoodEnough(share=0.95).score
    {'miou': 1.0}
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    share: float = Field(
        gt=0, le=1, description="of the expected score that all packets of a picture would have"
    )
    score: dict[str, float] = Field(
        default={"miou": 1.0},
        min_length=1,
        description="the score: a positive weight for each measured column (miou, psnr_db, ...)",
    )
    quality: str = Field(
        default="street", description="table of measured quality: a shipped name or a JSON file"
    )

    @field_validator("score")
    @classmethod
    def _the_more_the_better(cls, score: dict[str, float]) -> dict[str, float]:
        for name, weight in score.items():
            if weight <= 0:
                raise ValueError(
                    f"the score weighs {name} with {weight:g}, of which there is no share: give "
                    "columns of which more is better, with positive weights"
                )
        return score


def attempts_given(
    packets: Sequence[tuple[str, int]],
    needed: Sequence[int | None],
    attempts: int,
    enough: Callable[[Sequence[tuple[str, int]], Sequence[int]], bool],
) -> list[int]:
    """How often every one of a picture's ``packets`` is sent at most, in their order.

    ``needed`` are the attempts after which each arrives, None: not after ``attempts`` either. What
    is decided after a round depends on those that arrived by then alone.

    >>> def two(packets, received):
    ...     return len(received) >= 2
    >>> attempts_given([("image", 9)] * 4, [3, 1, None, 2], 4, two)
    [4, 4, 1, 1]
    """
    limits = [attempts] * len(packets)
    asked = list(range(len(packets)))
    received: list[int] = []
    for number in range(1, attempts):
        arrived = {i for i in asked if (needed[i] or attempts + 1) <= number}
        received += sorted(arrived)
        missing = [i for i in asked if i not in arrived]
        counts = range(len(missing) + 1)
        count = next((n for n in counts if enough(packets, received + missing[:n])), len(missing))
        for i in missing[count:]:
            limits[i] = number
        asked = missing[:count]
        if not asked:
            break
    return limits
