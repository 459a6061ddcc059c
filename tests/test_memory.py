"""Freed memory stays with the process, where the C library can be told so."""

import subprocess
import sys

import pytest

from semcom.memory import keep_memory

#: page faults of twenty arrays of 24 MiB, each written and freed before the next
FAULTS = """
import resource, sys
import numpy as np
from semcom.memory import keep_memory
if sys.argv[1] == "kept" and not keep_memory():
    sys.exit(3)
np.ones(3 << 20).sum()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(3 << 20).sum()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(how: str) -> int:
    run = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=False
    )
    if run.returncode == 3:
        pytest.skip("this C library has no mallopt")
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")
def test_arrays_take_their_pages_from_the_system_once():
    """Few pages are asked for again; without it, every array asks for all of its own."""
    assert _faults("kept") < 0.2 * _faults("as usual")


def test_it_is_said_once_and_harmless_twice():
    assert keep_memory() == keep_memory()
