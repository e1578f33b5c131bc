"""allocator.py: a step's memory is there for the next step."""

import subprocess
import sys

import pytest

# Faults of pages while the same 64 MB are taken and freed again and again.
FAULTS = """
import resource, sys
import numpy as np
from svhn_lab.training.allocator import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
np.ones(2**26, dtype=np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**26, dtype=np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="is of Linux's C library")
def test_freed_memory_is_taken_again_without_a_page_fault() -> None:
    def faults(mode: str) -> int:
        command = [sys.executable, "-c", FAULTS, mode]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults("kept") < faults("usual") / 10
