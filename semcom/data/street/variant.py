"""Picks the Mitsuba variant: LLVM where a working library is found, scalar otherwise.

An LLVM that is too old aborts the process in the middle of a render, so candidates are tried out in
a process of their own.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["FAST", "SLOW", "activate", "choose"]

FAST, SLOW = "llvm_ad_rgb", "scalar_rgb"
OLDEST = 19
_FOLDERS = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
            "/opt/homebrew/opt/llvm*/lib", "/usr/lib/llvm-*/lib")  # fmt: skip
#: renders a small scene with the features that an unsuited LLVM fails on
_PROBE = """
import mitsuba as mi
mi.set_variant("llvm_ad_rgb")
scene = mi.load_dict(mi.cornell_box())
import numpy
assert numpy.isfinite(numpy.array(mi.render(scene, spp=1))).all()
print("works")
"""


def _candidates() -> list[Path]:
    """Library files by version, newest first."""
    found: dict[Path, int] = {}
    for pattern in _FOLDERS:
        root = Path(pattern).anchor
        for path in Path(root).glob(f"{pattern.removeprefix(root)}/libLLVM*"):
            version = re.search(r"libLLVM[-.](?:so\.|dylib\.)?(\d+)", path.name)
            if version and int(version[1]) >= OLDEST:
                found.setdefault(path.resolve(), int(version[1]))
    return sorted(found, key=lambda path: (-found[path], str(path)))


def _works(library: Path) -> bool:
    environment = dict(os.environ, DRJIT_LIBLLVM_PATH=str(library))
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "works" in answer.stdout


@functools.cache
def choose() -> tuple[str, str | None]:
    """(Mitsuba variant, path of the LLVM library or ``None``).

    The library that ``DRJIT_LIBLLVM_PATH`` names is tried first.
    """
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    for library in ([Path(named)] if named else []) + _candidates():
        if _works(library):
            return FAST, str(library)
    return SLOW, None


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
