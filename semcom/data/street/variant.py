"""Picks the Mitsuba variant: LLVM where a working library is found, scalar otherwise."""

from __future__ import annotations

import os

from channels import llvm

__all__ = ["FAST", "SLOW", "activate", "choose"]

FAST, SLOW = "llvm_ad_rgb", "scalar_rgb"


def choose() -> tuple[str, str | None]:
    """(Mitsuba variant, path of the LLVM library or ``None``)."""
    library = llvm.find()
    return (SLOW, None) if library is None else (FAST, str(library))


def activate(variant: str | None = None, library: str | None = None) -> str:
    """Make ``variant`` (default: :func:`choose`) Mitsuba's current one and return its name."""
    if variant is None:
        variant, library = choose()
    if library is not None:
        os.environ["DRJIT_LIBLLVM_PATH"] = library
    import mitsuba as mi

    if mi.variant() != variant:
        mi.set_variant(variant)
    return variant
