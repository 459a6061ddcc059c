"""A link with retransmissions whose receiver asks for no more than it needs of a picture.

What a packet meets depends on itself alone, so all packets are sent by the plain link first, and
the rounds are gone through with what is known of them by then; those that are given up earlier are
sent again with as many attempts as they were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels import Link, LinkSettings, Transmission
from semcom.budget.measure import RATE_SETTINGS
from semcom.budget.quality import Curve, load_table
from semcom.good_enough import GoodEnough, attempts_given
from semcom.identity import digest

__all__ = ["StoppingLink", "with_attempts"]


class StoppingLink:
    """The link of ``settings`` for one transmitter, whose quality is ``curve``.

    Raises ValueError for settings without retransmissions, or with losses by a table.
    """

    def __init__(self, settings: LinkSettings, rule: GoodEnough, curve: Curve) -> None:
        if settings.attempts == 1:
            raise ValueError(
                "good_enough stops retransmissions, but link.attempts is 1: raise it or leave out "
                "good_enough"
            )
        if settings.block_errors is not None:
            raise ValueError(
                "good_enough needs packets that are decoded, not lost by a table: leave out "
                "block_errors"
            )
        self.settings, self.rule, self.curve = settings, rule, curve
        self.score([(path, 1) for path in curve.paths])  # says which columns there are

    @classmethod
    def of(
        cls, settings: LinkSettings, rule: GoodEnough, codec: str, own: Mapping[str, Any]
    ) -> StoppingLink:
        """That of a transmitter: its ``codec`` and that one's ``own`` settings.

        Raises FileNotFoundError or ValueError where the quality of its pictures is not known.
        """
        without_rate = {key: value for key, value in own.items() if key not in RATE_SETTINGS}
        return cls(settings, rule, load_table(rule.quality).curve(codec, without_rate))

    def identity(self) -> dict[str, Any]:
        """That of the plain link, the rule and the curve."""
        rule = self.rule.model_dump(mode="json") | {"curve": digest(self.curve.record())}
        return {**Link(self.settings).identity(), "good_enough": rule}

    def transmit(
        self,
        payloads: Sequence[bytes],
        esn0_db: float | Sequence[float],
        seeds: Sequence[int],
        positions: Sequence[str] | None = None,
        pictures: Sequence[Sequence[str]] = (),
    ) -> Transmission:
        """As :meth:`channels.Link.transmit`, with pictures that are given up when good enough.

        ``pictures`` holds the kinds of the packets of each picture; together they are the first of
        ``payloads`` in their order. The others know of no picture and are all asked for.
        """
        whole = Link(self.settings).transmit(payloads, esn0_db, seeds, positions)
        limits = [self.settings.attempts] * len(payloads)
        start = 0
        for kinds in pictures:
            own = slice(start, start + len(kinds))
            packets = [(kind, len(p)) for kind, p in zip(kinds, payloads[own], strict=True)]
            needed = [
                None if got is None else report.attempts
                for got, report in zip(whole.payloads[own], whole.reports[own], strict=True)
            ]
            limits[own] = attempts_given(packets, needed, self.settings.attempts, self.enough)
            start += len(kinds)
        received, reports = list(whole.payloads), list(whole.reports)
        for limit in sorted(set(limits) - {self.settings.attempts}):
            earlier = [
                i for i, own in enumerate(limits) if own == limit < whole.reports[i].attempts
            ]
            again = Link(with_attempts(self.settings, limit)).transmit(
                [payloads[i] for i in earlier],
                esn0_db if isinstance(esn0_db, int | float) else [esn0_db[i] for i in earlier],
                [seeds[i] for i in earlier],
                None if positions is None else [positions[i] for i in earlier],
            )
            for i, got, report in zip(earlier, again.payloads, again.reports, strict=True):
                received[i], reports[i] = got, report
        return Transmission(received, reports)

    def enough(self, packets: Sequence[tuple[str, int]], received: Sequence[int]) -> bool:
        """Whether the ``received`` ones of the ``packets`` are as good as is wanted."""
        wanted = self.rule.share * self.score(packets)
        return self.score([packets[i] for i in received]) >= wanted

    def score(self, packets: Sequence[tuple[str, int]]) -> float:
        """Expected score of a picture of ``packets``, each its path and its bytes."""
        unknown = {path for path, _ in packets} - set(self.curve.paths)
        if unknown:
            raise ValueError(
                f"{self.curve.codec} sends {', '.join(sorted(unknown))}, but quality was measured "
                f"for {', '.join(self.curve.paths)}"
            )
        by_path = [sum(size for path, size in packets if path == own) for own in self.curve.paths]
        return self.curve.score([(1.0, by_path)], self.rule.score)


def with_attempts(settings: LinkSettings, attempts: int) -> LinkSettings:
    """``settings`` with that many ``attempts``, which are the first of theirs."""
    own = settings.model_dump() | {"attempts": attempts}
    if attempts == 1:
        own["combining"] = None
    return LinkSettings.model_validate(own)
