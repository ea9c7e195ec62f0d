"""How long data take from one stage to the next: what the last minute's were, as percentiles."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

WINDOW: Final = 60.0
_SAMPLES: Final = 4096


class Percentiles(Struct, frozen=True):
    """Median and 99th percentile, in seconds, of what the last minute brought."""

    p50: float
    p99: float


class Stage:
    """The times of one stage. The last 4,096 of the last minute count."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)

    def add(self, seconds: float, now: float | None = None) -> None:
        """One more; `now` is monotonic. A little below 0 is what two machines' clocks differ by, and is 0."""
        self._samples.append((time.monotonic() if now is None else now, max(0.0, seconds)))

    def percentiles(self, now: float | None = None) -> Percentiles | None:
        """Of the last minute; None when nothing came in it."""
        since = (time.monotonic() if now is None else now) - WINDOW
        while self._samples and self._samples[0][0] < since:
            self._samples.popleft()
        if not self._samples:
            return None
        ordered = sorted(seconds for _, seconds in self._samples)
        return Percentiles(_at(ordered, 0.5), _at(ordered, 0.99))

    def median_ms(self, now: float | None = None) -> int | None:
        """The median, in whole milliseconds."""
        found = self.percentiles(now)
        return None if found is None else round(found.p50 * 1000)


def _at(ordered: list[float], share: float) -> float:
    """The least value that is not below `share` of them (nearest rank)."""
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 4)


def report(stages: Mapping[str, Stage]) -> dict[str, Percentiles]:
    """Those of the stages that have any."""
    found = {name: stage.percentiles() for name, stage in stages.items()}
    return {name: percentiles for name, percentiles in found.items() if percentiles is not None}
