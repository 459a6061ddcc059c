"""The link that a scenario asks for, checked before anything is sent over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from semcom.scenario import Scenario, Transmitter

if TYPE_CHECKING:
    from channels import Link
    from semcom.budget.link import BudgetLink
    from semcom.stopping_link import StoppingLink

__all__ = ["build_link", "build_own_links"]


def build_link(scenario: Scenario) -> Link | BudgetLink | None:
    """The link of ``scenario``; None where it has none.

    Raises FileNotFoundError or ValueError for a table of block errors that is none, that another
    link measured, or that does not reach as far as the points of the sweep, and for a device that
    is not here.
    """
    if scenario.link is None:
        return None
    if scenario.has_budget:
        from semcom.budget.link import BudgetLink

        return BudgetLink(scenario.link)
    from channels import Link

    link = Link(scenario.link)
    link.check_device()
    sweep = scenario.sweep
    if scenario.link.block_errors is not None and sweep is not None and sweep.esn0_db != "auto":
        assert link.table is not None
        try:
            link.table.check_range(sweep.esn0_db)
        except ValueError as error:
            raise ValueError(f"{scenario.link.block_errors}: {error}") from None
    return link


def build_own_links(
    scenario: Scenario, transmitters: Sequence[Transmitter]
) -> dict[int, Link | StoppingLink]:
    """Links of the ``transmitters`` that have one of their own, by number.

    Raises FileNotFoundError or ValueError where the quality that a receiver goes by is not known.
    """
    return {
        number: _own_link(scenario, transmitter)
        for number, transmitter in enumerate(transmitters)
        if transmitter.link is not None
    }


def _own_link(scenario: Scenario, transmitter: Transmitter) -> Link | StoppingLink:
    from channels import Link

    settings = scenario.link_of(transmitter)
    rule = None if transmitter.link is None else transmitter.link.good_enough
    if rule is None:
        return Link(settings)
    from semcom.stopping_link import StoppingLink

    own = transmitter.settings.model_dump(mode="json")
    try:
        return StoppingLink.of(settings, rule, transmitter.codec, own)
    except ValueError as error:
        raise ValueError(f"{transmitter.label}: {error}") from None
