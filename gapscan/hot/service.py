"""The hot manager: watches all lists, and commands the feed to bring exactly the symbols live that deserve it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from typing import Any, Final

from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.bus.definitions import Entry
from gapscan.bus.hotset import HotPublisher
from gapscan.bus.topology import ensure_shared
from gapscan.client.api import ListView
from gapscan.config import Config
from gapscan.errors import BusError, FencedError
from gapscan.hot.metrics import KINDS, hot_metrics
from gapscan.lists.hot_set import Held, HotRules, ObservedClock, afresh, decide
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.runtime import Backoff, until_stopped
from gapscan.service.all_lists import ListWatches
from gapscan.service.connecting import lasting_bus, retention
from gapscan.service.leadership import Leadership
from gapscan.service.metrics import Metrics, serving
from gapscan.service.reporting import reporting
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT, retrying

DECIDE_SECONDS: Final = 0.2  # at least, between two decisions
RESTORE_SECONDS: Final = 5.0  # without a change, until the stored set is checked

_log = logger("hot")


def rules_of(config: Config) -> HotRules:
    """The settings as the hot set's rules."""
    section = config.hot
    return HotRules(section.top, section.margin, round(section.dwell * 1000), section.cap)


class HotTerm:
    """One time of leading: from the recovery of the set to the loss of the lease. It is the watcher of all lists."""

    def __init__(self, bus: Bus, config: Config, tally: Tally) -> None:
        self.publisher = HotPublisher(bus)
        self.watches = ListWatches(bus, self, tally)
        # Enough is known to take symbols out: the market time, and what every list holds.
        self.ready = False
        self._config = config
        self._rules = rules_of(config)
        self._clock = ObservedClock(self._rules.dwell_ms)
        self._held: Held = {}
        self._changed = asyncio.Event()
        self._tally = tally

    async def lead(self, leadership: Leadership) -> None:
        """Decide and publish until the lease is lost (LeaseLostError) or another writer shows (FencedError)."""
        await retrying("hot", "recovering the hot set", lambda: self.publisher.recover(retention(self._config)))
        self._held = afresh(self.publisher.symbols)
        _log.info("leading", extra={"symbols": len(self._held), "sequence": self.publisher.sequence})
        await leadership.while_held(self.watches.run(), self._publish())

    def defined(self, entries: Sequence[Entry]) -> Set[str]:
        """The lists whose rows count. The keys alone say it, so that what cannot be read hides no list."""
        return {entry.name for entry in entries if names.LIST_NAME.fullmatch(entry.name)}

    def on_view(self, earlier: ListView | None, view: ListView) -> None:
        """A list has changed: so may the set, and with it what time it is."""
        if earlier is None or view.as_of != earlier.as_of:
            self._clock.observe(view.as_of, live=view.state in ("live", "delayed"))
        self._changed.set()

    def lost(self, name: str) -> None:
        """A list that is gone counts no longer."""
        self._changed.set()

    async def _publish(self) -> None:
        backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RESTORE_SECONDS):
                    await self._changed.wait()
            try:
                await self._publish_once()
            except FencedError:
                raise
            except BusError as error:
                self._tally.trouble("publish_failed", f"the hot set is not published: {error.message}")
                self._changed.set()
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                await asyncio.sleep(DECIDE_SECONDS)

    async def _publish_once(self) -> None:
        """Publish what differs, or see that the set is still stored."""
        if not self._changed.is_set():
            await self.publisher.restore()
            return
        self._changed.clear()
        if await self.publisher.publish(self._decide(), self._clock.now):
            self._tally.count("changes")

    def _decide(self) -> set[str]:
        self.ready = self._clock.started and self.watches.settled
        lists = [[row["symbol"] for row in view.rows] for view in self.watches.views().values() if view]
        held = decide(lists, self._held, self._clock.now, self._rules)
        self._held = held if self.ready else afresh(held)
        return set(held)

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this term."""
        return {
            "desired": len(self.publisher.symbols),
            "sequence": self.publisher.sequence,
            "ready": self.ready,
            "lists": {name: view.state if view else "waiting" for name, view in self.watches.views().items()},
            "published": self.publisher.published,
            "adopted": self.publisher.adopted,
            "last_change": self.publisher.as_of,
            "as_of": self._clock.now,
        }


class Hot:
    """Leads when it may, stands by when it may not."""

    def __init__(self, bus: Bus, config: Config, tally: Tally | None = None) -> None:
        self._bus = bus
        self._config = config
        self._tally = tally or Tally(_log)
        self._leadership = Leadership(bus, "hot", config, self._tally)
        self._term: HotTerm | None = None

    async def run(self) -> None:
        """Lead and stand by in turn, for ever."""
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        self._term = HotTerm(self._bus, self._config, self._tally)
        try:
            await self._term.lead(self._leadership)
        finally:
            self._term = None

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this hot manager."""
        counts = dict(self._tally.counts)
        if self._term is None:
            return {"role": "standby", "leader": self._leadership.leader, "counts": counts}
        return {"role": "leader", **self._term.report(), "counts": counts}

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return hot_metrics(self._term)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a hot manager until `stop` is set."""
    tally = Tally(_log)
    metrics = Metrics("hot", tally, KINDS)
    async with serving(config.service, metrics), lasting_bus(config, "hot") as bus:
        metrics.observe(bus)
        await retrying("hot", "setting up streams", lambda: ensure_shared(bus, retention(config)))
        hot = Hot(bus, config, tally)
        metrics.add(hot.metrics)
        async with reporting(bus, "hot", hot.report):
            await until_stopped(stop, hot.run())
