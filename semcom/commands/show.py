"""``semcom show``: the summary of a run as a table."""

from __future__ import annotations

from semcom.commands.terminal import ResultsFolder

__all__ = ["show"]


def show(folder: ResultsFolder) -> None:
    """Print the summary of a run."""
    from semcom.summary import read_summary
    from semcom.table import summary_table

    for line in summary_table(read_summary(folder / "summary.csv")):
        print(line)
