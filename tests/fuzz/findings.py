"""What a run found: each kind of failure once, with the input that shows it and how often it came."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field

_SHOWN = 400  # characters of an input


@dataclass
class Report:
    """One part of a run."""

    name: str
    tried: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # of what became of the inputs
    findings: dict[str, tuple[int, str]] = field(default_factory=dict)  # how often, and the shortest input
    began: float = field(default_factory=time.monotonic)

    def count(self, outcome: str) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def found(self, what: str, shown: object) -> None:
        number, known = self.findings.get(what, (0, ""))
        text = repr(shown)[:_SHOWN]
        self.findings[what] = number + 1, min((text, known or text), key=len)

    def raised(self, error: BaseException, shown: object) -> None:
        """An error that nobody should see."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        self.found(f"{type(error).__name__} in {last.name}: {str(error)[:100]}", shown)

    def text(self) -> str:
        seconds = time.monotonic() - self.began
        outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(self.counts.items()))
        lines = [f"{self.name}: {self.tried:,} tried in {seconds:.0f} s ({outcomes}); {len(self.findings)} findings"]
        lines += [f"  FOUND {number} times: {what}\n    {text}" for what, (number, text) in self.findings.items()]
        return "\n".join(lines)


@dataclass
class Bounds:
    """When a part ends: after so many inputs, or at a time, whichever comes first."""

    number: int
    ends: float

    def left(self, tried: int) -> bool:
        return tried < self.number and time.monotonic() < self.ends
