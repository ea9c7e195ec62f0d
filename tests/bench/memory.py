"""Memory of a ranker's core, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.registry import Benchmark, Figure

_PROBE = """
import psutil
from tests.bench.core import Cycles
from tests.bench.workload import twelve_lists
cycles = Cycles(twelve_lists())
cycles.run(1_000, 20)
print(psutil.Process().memory_info().rss)
"""


def ranker_memory() -> Sequence[Figure]:
    done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    return [Figure("ranker: resident memory at 11,000 symbols, 12 lists", int(done.stdout) / 1e6, "MB", 200.0)]


def peak_mb() -> float:
    """The most memory that this process has had, in MB.

    Not by `getrusage`: what a process was forked from counts there too.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6  # type: ignore[index]


BENCHMARKS: dict[str, Benchmark] = {"memory": ranker_memory}
