"""How long the ranker's stages take: from the feed to a ranking, and from there until NATS has stored the deltas."""

from __future__ import annotations

import time

from gapscan.bus.stage_times import StageTimes
from gapscan.service.lateness import Stage


class RankerStages:
    """Percentiles of both. Wall time, of two machines perhaps: by as much as their clocks differ it is wrong."""

    def __init__(self) -> None:
        self.to_ranked = Stage()
        self.to_stored = Stage()
        self._received = 0

    @property
    def all(self) -> dict[str, Stage]:
        """The stages by name."""
        return {"feed_to_ranked": self.to_ranked, "ranked_to_stored": self.to_stored}

    def ranked(self, received: int) -> StageTimes | None:
        """A ranking begins, and the newest data in it were `received` by the feed then (epoch ms; 0: not known)."""
        if not received:
            return None
        now = round(time.time() * 1000)
        if received != self._received:  # ranked again without news: that took no time
            self._received = received
            self.to_ranked.add((now - received) / 1000)
        return StageTimes(received, now)

    def stored(self, times: StageTimes | None) -> None:
        """NATS has stored a delta of that ranking."""
        if times is not None:
            self.to_stored.add(time.time() - times.ranked / 1000)

    def ours_ms(self) -> int | None:
        """The medians of both together, ms; None while nothing came."""
        medians = [stage.median_ms() for stage in self.all.values()]
        return None if None in medians else sum(median for median in medians if median is not None)
