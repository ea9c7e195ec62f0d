"""What a benchmark is: a function that returns figures. Each module of benchmarks names its own in BENCHMARKS."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One row of the table. `goal` is an upper bound; `lower_bound` turns it around."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    reference: str = ""
    lower_bound: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.lower_bound else self.value <= self.goal


Benchmark = Callable[[], Sequence[Figure]]


@dataclass
class Timing:
    """Milliseconds that a step took, on the wall clock and of this process's CPU time."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self, step: Callable[[], object]) -> None:
        """Run `step` once."""
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        self.cpu.append((time.process_time() - cpu) * 1000)
        self.wall.append((time.perf_counter() - wall) * 1000)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]
