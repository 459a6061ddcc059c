"""``semcom show``: the summary of a run as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from semcom.commands.terminal import ResultsFolder

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from semcom.results import Results, Row

__all__ = ["show"]

#: heading and column, what is left out first in a narrow terminal at the end
_COLUMNS = (
    ("Es/N0\ndB", "esn0_db"),
    ("Eb/N0\ndB", "ebn0_db"),
    ("lost", "lost"),
    ("BLER", "bler"),
    ("mIoU", "miou"),
    ("95 %", "miou_interval"),
    ("Fréchet", "frechet_efficientnet_lite0"),
    ("PSNR\ndB", "psnr_db"),
    ("mIoU\nof map", "miou_map"),
    ("MS-SSIM", "ms_ssim"),
    ("HED-VGG", "hed_vgg"),
    ("SI", "semantic_information"),
    ("accuracy", "accuracy"),
    ("FID", "fid"),
    ("KID", "kid"),
    ("kernel\ndistance", "kid_efficientnet_lite0"),
    ("uses\n/pixel", "channel_uses_per_pixel"),
    ("bits\n/pixel", "bits_per_pixel"),
    ("images", "images"),
)
#: columns that a table is of no use without
_LEAST = 4


def show(
    folder: ResultsFolder,
    tasks: Annotated[
        bool, typer.Option("--tasks", help="list every transmission with its id instead")
    ] = False,
) -> None:
    """Print the summary of a run: every point, the cliffs, and where the bits go."""
    from rich.console import Console

    from semcom.report.content import by_label, collect
    from semcom.results import Results
    from semcom.summary import read_summary

    results = Results.read(folder)
    if tasks:
        if results.run is None:
            raise FileNotFoundError(f"{folder}: there are no results here; `semcom run` makes them")
        _print_tasks(results, results.run["plan"])
        return
    rows = read_summary(folder / "summary.csv")
    content = collect(rows, results, folder)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200, color_system=None)
    console.print(content["title"], style="bold", markup=False)
    links = sorted({row["link"] for row in rows if row["link"]})
    console.print(", ".join(links) or "no channel", style="dim", markup=False)
    found = by_label(content["rows"])
    console.print("", _points(found, console), sep="\n")
    for metric in content["metrics"]:
        if metric["note"]:
            console.print("", f"{metric['name']}: {metric['note']}", sep="\n", markup=False)
    for table in (_cliffs(content["transmitters"], found), _budget(content["transmitters"])):
        if table is not None:
            console.print("", table, sep="\n")


def _print_tasks(results: Results, plan: Row) -> None:
    """A line per transmission that ``plan`` asks for; ``semcom replay`` takes its id."""
    from semcom.replay import DIGITS
    from semcom.selection import select

    sent = [row for rows in select(results, plan).values() for row in rows]
    widths = [max([5, *(len(row[key]) for row in sent)]) for key in ("transmitter", "image")]
    print(f"{'task':{DIGITS}}  {'Es/N0':>6} {'try':>4}  {'transmitter':{widths[0]}}  "
          f"{'image':{widths[1]}}  arrived")  # fmt: skip
    for row in sent:
        kinds = [packet["kind"] for packet in results.encodings[row["encoding"]]["packets"]]
        marks = list(zip(kinds, row["arrived"], strict=True))
        lost = list(dict.fromkeys(kind.replace("_", " ") for kind, mark in marks if mark == "0"))
        fate = f"{row['arrived'].count('1')} of {len(kinds)}" if kinds else "symbols"
        fate += f", lost: {', '.join(lost)}" if lost else ""
        snr = "none" if row["esn0_db"] is None else f"{row['esn0_db']:g}"
        print(f"{row['id'][:DIGITS]}  {snr:>6} {row['realisation'] + 1:>4}  "
              f"{row['transmitter']:{widths[0]}}  {row['image']:{widths[1]}}  {fate}")  # fmt: skip


def _points(found: list[tuple[str, list[dict[str, Any]]]], console: Console) -> Table:
    """As many columns as the console is wide enough for."""
    rows = [row for _, own in found for row in own]
    columns = [
        (name, column) for name, column in _COLUMNS if any(_cell(row, column) for row in rows)
    ]
    while True:
        table = _table("transmitter", *(name for name, _ in columns))
        for _, own in found:
            table.add_section()
            for row in own:
                # what matters lies between everything lost and nothing lost
                style = "dim" if row["bler"] == 1 else "bold" if row["bler"] else ""
                cells = [_cell(row, column) for _, column in columns]
                table.add_row(row["label"], *cells, style=style)
        wide = console.options.update(max_width=1000)
        if console.measure(table, options=wide).maximum <= console.width or len(columns) <= _LEAST:
            return table
        columns.pop()


def _cliffs(
    transmitters: list[dict[str, Any]], found: list[tuple[str, list[dict[str, Any]]]]
) -> Table | None:
    """Es/N0 at which a tenth, half and nine tenths of the payloads arrive."""
    shown = [one for one in transmitters if one["cliff"] is not None]
    if not shown:
        return None
    table = _table(
        "the cliff", "Es/N0 dB\n10 % arrive", "Es/N0 dB\n50 %", "Es/N0 dB\n90 %", "Eb/N0 dB\n50 %"
    )
    rows = dict(found)
    for one in shown:
        cliff = one["cliff"]
        offsets = [
            row["ebn0_db"] - row["esn0_db"]
            for row in rows[one["label"]]
            if row["ebn0_db"] is not None
        ]
        ends = [f"{cliff[name]:.2f}" for name in ("low", "half", "high")]
        table.add_row(one["label"], *ends, f"{cliff['half'] + offsets[0]:.2f}" if offsets else "")
    return table


def _budget(transmitters: list[dict[str, Any]]) -> Table | None:
    """Bits per pixel of every part, in the order in which the parts first occur."""
    budgets = {one["label"]: one["budget"] for one in transmitters if one["budget"]}
    if not budgets:
        return None
    parts = list(dict.fromkeys(part for budget in budgets.values() for part in budget))
    added = [part for part in ("padding", "crc", "parity") if part in parts]
    parts = [part for part in parts if part not in added] + added
    names = ["CRC" if part == "crc" else part.replace("_", " ") for part in parts]
    table = _table("bits per pixel", *names, "all")
    for label, budget in budgets.items():
        counts = [f"{budget[part]:.4f}" if part in budget else "" for part in parts]
        table.add_row(label, *counts, f"{sum(budget.values()):.4f}")
    return table


def _table(first: str, *others: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True, max_width=28, vertical="bottom")
    for name in others:
        table.add_column(Text(name), justify="right", no_wrap=True)
    return table


def _cell(row: dict[str, Any], column: str) -> str:
    none = row["esn0_db"] is None
    if column == "esn0_db":
        return "none" if none else f"{row[column]:.3f}".removesuffix("0")
    if column == "lost":
        nothing = none or not row["payloads"]
        return "" if nothing else f"{row['payloads_lost']} of {row['payloads']}"
    if column == "bler" and row["bler"] == 0:
        return f"<{row['bler_high']:.1e}"
    if column == "miou_interval":
        low, high = row.get("miou_low"), row.get("miou_high")
        return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    value = row.get(column)
    if value is None or column == "images":
        return "" if value is None else str(value)
    if column == "bler":
        return f"{value:.1e}"
    if column == "ebn0_db":
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
