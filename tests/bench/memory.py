"""Memory of a ranker's core, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

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


BENCHMARKS: dict[str, Benchmark] = {"memory": ranker_memory}
