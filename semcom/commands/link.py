"""``semcom link``: error rates of a link against SNR."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semcom.commands.terminal import complain

if TYPE_CHECKING:
    from channels.curves import Point

__all__ = ["link"]


def link(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML: a link block or a scenario")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="folder for tables and figures")
    ] = None,
    num_bytes: Annotated[
        int, typer.Option("--bytes", min=1, max=1 << 20, help="size of a payload")
    ] = 125,
    low: Annotated[
        float, typer.Option(min=1e-5, max=0.5, help="block error rate at which the cliff ends")
    ] = 0.001,
    max_errors: Annotated[
        int, typer.Option(min=1, help="lost payloads after which a point is good enough")
    ] = 100,
    seed: Annotated[int, typer.Option(min=0, help="picks payloads and noise")] = 0,
) -> None:
    """Find the cliff of the link in FILE and measure its error rates there.

    A point ends after 100 lost payloads, or where 4 of them were to be expected at the lowest rate.
    The same command goes on where an earlier one into DIR stopped.
    """
    from channels import Link
    from semcom.link_curve import Curve, read_link

    curve = Curve(Link(read_link(file)), num_bytes, low, max_errors, seed)
    curve.link.check_device()
    print(curve.title)
    _say_limits(curve.limits())
    print("   Es/N0     Eb/N0  payloads    lost  block error rate (95 %)         bit error rate")
    at = time.perf_counter()

    def say(point: Point) -> None:
        nonlocal at
        seconds, at = time.perf_counter() - at, time.perf_counter()
        print(f"{_line(point)}   {seconds:6.1f} s", flush=True)

    try:
        cliff = curve.measure(out, say)
    except KeyboardInterrupt:
        if out is None:
            raise
        curve.write(out)
        complain(f"stopped; what is done is kept in {out}, the same command goes on from there")
        raise typer.Exit(130) from None
    print(
        f"cliff: block error rate 0.1 at Es/N0 {cliff.esn0_db(0.1):.2f} dB; "
        f"{cliff.width_db:.2f} dB wide from 0.9 to {low:g}"
    )
    for path in curve.write(out) if out is not None else ():
        print(path)


def _say_limits(limits: object) -> None:
    from channels.curves import References

    if isinstance(limits, References):
        print(
            f"limits of this rate: Shannon {limits.shannon_db:.2f} dB, "
            f"{limits.modulation} {limits.constrained_db:.2f} dB (Es/N0)"
        )


def _line(point: Point) -> str:
    """One point as a line of the table; without an error seen, the bound says what is known."""
    low, high = point.interval
    rate = f"{point.block_error_rate:.2e} ({low:.1e} to {high:.1e})"
    if not point.errors:
        rate = f"below {high:.1e}"
    bits = f"{point.bit_error_rate:.2e}" if point.report.bit_errors else "none seen"
    return (
        f"{point.esn0_db:8.2f}  {point.ebn0_db:8.2f}  {point.report.payloads:8d}  "
        f"{point.errors:6d}  {rate:<30}  {bits:>14}"
    )
