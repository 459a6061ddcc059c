"""What becomes of coded pictures on their way: the fate of every packet, point by point.

A :class:`Delivery` holds the links of all transmitters of a run. It sends, and neither rebuilds
pictures nor writes anything down.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from semcom.identity import fading_seed, packet_seeds
from semcom.plan import Task
from semcom.results import Results
from semcom.scenario_link import build_link, build_own_links
from semcom.stopping_link import StoppingLink
from semcom.workbench import Workbench

if TYPE_CHECKING:
    from channels import Link
    from semcom.budget.link import BudgetLink

__all__ = ["Delivery", "Fate"]


@dataclass(frozen=True)
class Fate:
    """What became of the packets of one picture: see :func:`semcom.identity.receipt_id`."""

    arrived: str
    altered: dict[str, str]
    #: what the link counted; None without a channel
    counts: dict[str, int] | None

    @classmethod
    def of(
        cls, sent: Sequence[bytes], received: Sequence[bytes | None], reports: Sequence[Any]
    ) -> Fate:
        """That of packets as ``sent`` and as ``received``, with the link's account of each."""
        counts: dict[str, int] = {}
        for report in reports:
            for key, value in asdict(report).items():
                counts[key] = counts.get(key, 0) + value
        altered = {
            str(number): got.hex()
            for number, (payload, got) in enumerate(zip(sent, received, strict=True))
            if got is not None and got != payload
        }
        return cls("".join("01"[got is not None] for got in received), altered, counts)


class Delivery:
    """The links of the transmitters of a run, whose coded pictures are in ``results``.

    Raises FileNotFoundError or ValueError for a link that cannot be built here.
    """

    def __init__(self, bench: Workbench, results: Results) -> None:
        self.bench, self.results = bench, results
        self.link = build_link(bench.scenario)
        #: links of transmitters that have their own, by number
        self.own_links = build_own_links(bench.scenario, bench.transmitters)
        self.identity = self.link.identity() if self.link else None
        #: what the links of transmitters that have their own are, by number
        self.own_identities: dict[int, dict[str, Any]] = {
            number: link.identity() for number, link in (self.own_links | bench.airs).items()
        }

    def link_of(self, transmitter: int) -> Link | StoppingLink:
        """The link that the packets of a transmitter cross."""
        return self.own_links.get(transmitter, cast("Link", self.link))

    def identity_of(self, transmitter: int) -> dict[str, Any] | None:
        """Everything that changes what a transmitter's packets meet; None without a link."""
        return self.own_identities.get(transmitter, self.identity)

    def fates(
        self, tasks: Sequence[Task], esn0_db: float | None, positions: Sequence[str] | None
    ) -> list[Fate]:
        """What becomes of ``tasks`` at one point (None: without a channel), sent in one batch.

        Along a drive, ``positions`` names that of every picture.
        """
        analog = [task for task in tasks if self.bench.is_analog(task.transmitter)]
        digital = [task for task in tasks if not self.bench.is_analog(task.transmitter)]
        found = {task.id: self._as_symbols(task) for task in analog}
        if esn0_db is None:
            found |= {task.id: self._arrives(task) for task in digital}
        elif digital:
            fates = self._over_the_link(digital, esn0_db, positions)
            found |= {task.id: fate for task, fate in zip(digital, fates, strict=True)}
        return [found[task.id] for task in tasks]

    def _as_symbols(self, task: Task) -> Fate:
        """Symbols always arrive; their noise is drawn where the picture is made."""
        if task.esn0_db is None:
            return Fate("", {}, None)
        air = self.bench.airs[task.transmitter]
        return Fate("", {}, asdict(air.report(self.bench.symbols(task.encoding))))

    def _arrives(self, task: Task) -> Fate:
        """Without a channel everything arrives."""
        return Fate("1" * len(self._kinds(task)), {}, None)

    def _kinds(self, task: Task) -> list[str]:
        """The path of every packet of a task's picture."""
        return [packet["kind"] for packet in self.results.encodings[task.encoding]["packets"]]

    def _over_the_link(
        self, tasks: Sequence[Task], esn0_db: float, positions: Sequence[str] | None
    ) -> list[Fate]:
        payloads = [self.bench.payloads(task.encoding) for task in tasks]
        seeds = [
            packet_seeds(*self._occasion(task, esn0_db), len(own))
            for task, own in zip(tasks, payloads, strict=True)
        ]
        if self.bench.allocated:
            return self._in_frames(tasks, esn0_db, payloads, seeds)
        fates: dict[int, Fate] = {}
        links = [self.link_of(task.transmitter) for task in tasks]
        for link in dict.fromkeys(links):  # one batch for each
            places = [place for place, own in enumerate(links) if own is link]
            more: dict[str, Any] = {}
            if positions is not None:
                more["positions"] = [
                    positions[tasks[place].index] for place in places for _ in payloads[place]
                ]
            if isinstance(link, StoppingLink):
                more["pictures"] = [self._kinds(tasks[place]) for place in places]
            batch = list(itertools.chain.from_iterable(payloads[place] for place in places))
            own_seeds = list(itertools.chain.from_iterable(seeds[place] for place in places))
            sent = link.transmit(batch, esn0_db, own_seeds, **more)
            start = 0
            for place in places:
                packets = payloads[place]
                got = slice(start, start + len(packets))
                fates[place] = Fate.of(packets, sent.payloads[got], sent.reports[got])
                start += len(packets)
        return [fates[place] for place in range(len(tasks))]

    def _in_frames(
        self,
        tasks: Sequence[Task],
        esn0_db: float,
        payloads: Sequence[Sequence[bytes]],
        seeds: Sequence[Sequence[int]],
    ) -> list[Fate]:
        """Send every task's packets in the frame that was chosen for it."""
        frames = [self.bench.transmitters[task.transmitter].settings.frame for task in tasks]
        fading = [fading_seed(*self._occasion(task, esn0_db)) for task in tasks]
        link = cast("BudgetLink", self.link)
        sent = link.transmit_frames(frames, payloads, esn0_db, seeds, fading)
        return [
            Fate.of(own, one.payloads, one.reports) for own, one in zip(payloads, sent, strict=True)
        ]

    def _occasion(self, task: Task, esn0_db: float) -> tuple[int, str, float, int]:
        """What the seeds of a task's packets are drawn from."""
        sample = self.bench.sample_digests[task.index]
        return self.bench.scenario.seed, sample, esn0_db, task.realisation
