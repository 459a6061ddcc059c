"""Memory of feature maps: taken from the system once, not anew for every layer."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

__all__ = ["keep_memory"]

#: <malloc.h> of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20
_NEVER = 2**31 - 1


@cache
def keep_memory() -> bool:
    """Have this process keep freed memory for its next arrays; False where that cannot be said.

    glibc gives arrays of some megabytes back to the system at once, and a network at full
    resolution spends a sixth of its time on getting pages again that it has just returned. A
    process holds what it needed at its peak until it ends. Elsewhere nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, _NEVER)
    )
