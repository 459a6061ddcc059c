"""The link that a scenario asks for, checked before anything is sent over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from semcom.scenario import Scenario, Transmitter

if TYPE_CHECKING:
    from channels import Link
    from semcom.budget.link import BudgetLink

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


def build_own_links(scenario: Scenario, transmitters: Sequence[Transmitter]) -> dict[int, Link]:
    """Links of the ``transmitters`` that have a rate or modulation of their own, by number."""
    from channels import Link

    return {
        number: Link(scenario.link_of(transmitter))
        for number, transmitter in enumerate(transmitters)
        if transmitter.link is not None
    }
