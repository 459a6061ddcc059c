"""``semcom data drive``: a drive down a street, as pictures and as ray-traced radio channels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semcom.commands.terminal import complain

__all__ = ["drive"]


def drive(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder of the drive")],
    frames: Annotated[int, typer.Option(min=2, help="number of positions")] = 16,
    spacing: Annotated[float, typer.Option(min=0.01, help="metres between positions")] = 8.0,
    speed: Annotated[float, typer.Option(min=0.1, max=100, help="m/s")] = 8.0,
    carrier_ghz: Annotated[
        float, typer.Option("--carrier-ghz", min=0.5, max=100, help="carrier frequency")
    ] = 3.5,
    seed: Annotated[
        int | None, typer.Option(min=0, help="of the street; that of the package's drive")
    ] = None,
    spp: Annotated[int, typer.Option(min=1, help="paths traced through each pixel")] = 16,
) -> None:
    """Trace the radio paths along a drive and render what its camera sees.

    A link with `channel: ray_traced, drive: DIR/drive.safetensors` sends over them.
    """
    from semcom.data.street import radio_drive

    def say(done: int, total: int) -> None:
        print(f"{done} of {total} pictures", flush=True)

    try:
        paths = radio_drive.make_drive(
            out, seed=radio_drive.SEED if seed is None else seed, frames=frames, spacing=spacing,
            speed=speed, carrier_ghz=carrier_ghz, spp=spp, progress=say,
        )  # fmt: skip
    except KeyboardInterrupt:
        complain(f"stopped; what is done is kept in {out}, the same command goes on")
        raise typer.Exit(130) from None
    print("position       metres   gain over the mean   paths")
    for name, metres, gain, amplitudes in zip(
        paths.names, paths.metres, paths.gains_db, paths.amplitudes, strict=True
    ):
        print(f"{name:<12}  {metres:7.1f}  {gain:16.1f} dB  {(amplitudes != 0).sum():6d}")
    print(out / radio_drive.FILE)
