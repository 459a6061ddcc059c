"""Finds the LLVM library that Dr.Jit, under Mitsuba and Sionna RT, can compile its kernels with.

A library that is too old loads well and aborts the process in the middle of its work, so each is
tried out in a process of its own. What uses one is told it by ``DRJIT_LIBLLVM_PATH``.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["MISSING", "candidates", "find"]

# Oldest version that was seen to finish large scenes.
_OLDEST = 19
#: what to do where none is found
MISSING = (
    f"needs a libLLVM of version {_OLDEST} or newer, and none that works was found: install one "
    "(libllvm19 on Debian) or name it in DRJIT_LIBLLVM_PATH"
)
_FOLDERS = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
            "/opt/homebrew/opt/llvm*/lib", "/usr/lib/llvm-*/lib")  # fmt: skip
# Renders a small scene with the features that an unsuited LLVM fails on.
_PROBE = """
import mitsuba as mi
mi.set_variant("llvm_ad_rgb")
scene = mi.load_dict(mi.cornell_box())
import numpy
assert numpy.isfinite(numpy.array(mi.render(scene, spp=1))).all()
print("works")
"""


def candidates() -> list[Path]:
    """Library files in the order to try them: that of ``DRJIT_LIBLLVM_PATH``, then newest first."""
    found: dict[Path, int] = {}
    for pattern in _FOLDERS:
        root = Path(pattern).anchor
        for path in Path(root).glob(f"{pattern.removeprefix(root)}/libLLVM*"):
            version = re.search(r"libLLVM[-.](?:so\.|dylib\.)?(\d+)", path.name)
            if version and int(version[1]) >= _OLDEST:
                found.setdefault(path.resolve(), int(version[1]))
    newest = sorted(found, key=lambda path: (-found[path], str(path)))
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    return ([Path(named)] if named else []) + newest


@functools.cache
def find() -> Path | None:
    """The first of :func:`candidates` that works, or None."""
    return next((library for library in candidates() if _works(library)), None)


def _works(library: Path) -> bool:
    environment = dict(os.environ, DRJIT_LIBLLVM_PATH=str(library))
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "works" in answer.stdout
