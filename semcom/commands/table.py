"""``semcom table``: measure the block errors of a link for sweeps too large to decode."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.progress import show_events
from semcom.commands.terminal import complain

__all__ = ["table"]


def table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML: a link block or a scenario")],
    out: Annotated[Path, typer.Argument(metavar="TABLE", help="JSON file that is written")],
    num_bytes: Annotated[
        list[int] | None, typer.Option("--bytes", min=1, max=1 << 20, help="sizes of payloads")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="code a scenario's pictures into DIR for their sizes"),
    ] = None,
    esn0_db: Annotated[
        str, typer.Option(metavar="DB", help="SNRs as start:stop:step; else those of the scenario")
    ] = "",
    max_errors: Annotated[
        int, typer.Option(min=1, help="lost payloads after which a point is good enough")
    ] = 100,
    max_payloads: Annotated[
        int, typer.Option(min=1, help="payloads after which a point is given up")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="picks payloads and noise")] = 0,
) -> None:
    """Measure the TABLE that `link: {block_errors: TABLE}` draws lost payloads from.

    The same command goes on where an earlier one stopped, and adds sizes and SNRs to a TABLE.
    """
    from semcom import sweep
    from semcom.link_table import coding_alone, frames, parse_snrs, payload_sizes, start
    from semcom.yaml_source import YamlSource

    source = YamlSource.read(file)
    made, scenario = start(source, out)
    snrs = parse_snrs(esn0_db, scenario)
    sizes = set(num_bytes or ())
    if run is not None:
        alone = coding_alone(scenario, source.name)
        show_events(sweep.run(alone, run, text=source.text))
        sizes |= payload_sizes(alone, run)
    missing = frames(made, sizes, snrs)
    print(f"{len(missing)} points to measure", flush=True)
    try:
        for size, snr in missing:
            at = time.perf_counter()
            made = made.extended(
                size, snr, seed=seed, max_errors=max_errors, max_payloads=max_payloads
            )
            made.save(out)
            seconds = time.perf_counter() - at
            print(
                f"{size:8d} bytes {snr:8.2f} dB   {made.count(size, snr)}   {seconds:6.1f} s",
                flush=True,
            )
    except KeyboardInterrupt:
        complain(f"stopped; what is done is kept in {out}, the same command goes on from there")
        raise typer.Exit(130) from None
    print(f"table       {out}")
