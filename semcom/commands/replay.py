"""``semcom replay``: one transmission of a run again, opened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.terminal import ResultsFolder

__all__ = ["replay"]


def replay(
    folder: ResultsFolder,
    task: Annotated[
        str,
        typer.Option(
            "--task", metavar="ID", help="its first digits do; `semcom show DIR --tasks` lists them"
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="where to write; DIR/replay/ID if left out"),
    ] = None,
) -> None:
    """Send one transmission of a run again and show what happened to every packet, and why.

    An analog transmitter has no packets: shown are its symbols as sent and as received.

    Writes a figure (symbols, bits, the picture with and without what was lost), both pictures and
    replay.json. Checks that everything comes out as in the results; exit code 1 if it does not.
    """
    from semcom.replay import DIGITS
    from semcom.replay import replay as made_again
    from semcom.replay_report import write_replay
    from semcom.replay_words import reason, symbols_in_words

    made = made_again(folder, task)
    row = made.task
    name = row["id"][:DIGITS]
    where = "without a channel" if row["esn0_db"] is None else f"at {row['esn0_db']:g} dB"
    print(
        f"task {name}: {row['transmitter']}, {row['image']} {where}, try {row['realisation'] + 1}"
    )
    for number, packet in enumerate(made.packets, start=1):
        kind = packet.kind.replace("_", " ")
        parts = ", ".join(f"{part} {count}" for part, count in packet.bits.items() if count)
        print(f"packet {number}  {kind}, {len(packet.sent)} bytes: bits of {parts}")
        print(f"          {reason(packet, row['esn0_db'])}")
    if made.symbols is not None:
        print(f"symbols     {symbols_in_words(made)}")
    for path in write_replay(made, out or folder / "replay" / name):
        print(f"written     {path}")
    if not made.differences:
        print("exactly as in the results: packets, counts and picture agree")
        return
    print("not as in the results:")
    for difference in made.differences:
        print(f"  {difference}")
    raise typer.Exit(1)
