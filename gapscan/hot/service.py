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
from gapscan.client.api import ListView
from gapscan.config import Config
from gapscan.errors import BusError, FencedError
from gapscan.hot.metrics import KINDS, hot_metrics
from gapscan.lists.hot_set import Held, HotRules, ObservedClock, afresh, decide
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.runtime import Backoff
from gapscan.service.all_lists import ListWatches
from gapscan.service.connecting import retention
from gapscan.service.leadership import Leadership
from gapscan.service.led_process import LedProcess, run_process
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


class Hot(LedProcess[HotTerm]):
    """The one that leads decides."""

    def __init__(self, bus: Bus, config: Config, tally: Tally | None = None) -> None:
        tally = tally or Tally(_log)
        super().__init__("hot", bus, config, tally, lambda: HotTerm(bus, config, tally))

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return hot_metrics(self.term)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a hot manager until `stop` is set."""
    await run_process("hot", KINDS, config, stop, lambda bus, tally: Hot(bus, config, tally))
