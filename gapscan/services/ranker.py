"""The ranker: universe in, exact ranked lists out. One leads; others stand by and take over when it is gone."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import chain
from typing import Any

from gapscan.bus.client import Bus
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.snapshots import write_definition
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.errors import BusError, FencedError, GapscanError
from gapscan.market.metrics import coverage
from gapscan.market.restore import restore
from gapscan.market.sessions import Session, trading_date
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Row, State
from gapscan.ranking.delta import symbols_of
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, ListSpec, shipped_lists
from gapscan.runtime import Backoff, until_stopped
from gapscan.services.common import patient_bus, patiently, reporting, retention
from gapscan.services.intake import Intake, News
from gapscan.services.leading import Leadership

_log = logger("ranker")


class Term:
    """One time of leading: from the recovery of all lists to the loss of the lease."""

    def __init__(self, bus: Bus, config: Config, lists: ListSet, tally: Tally) -> None:
        self.universe = Universe()
        self.publishers = {spec.name: ListPublisher(bus, spec.name) for spec in lists.specs}
        self.cycle_ms = 0.0
        self._bus = bus
        self._config = config
        self._lists = lists
        self._tally = tally
        self._scanner = Scanner(self.universe, lists)
        self._intake = Intake(bus, self.universe, tally)
        self._wanted: dict[str, list[Row]] = {}
        self._changed = asyncio.Event()
        self._recovered = False

    async def lead(self, leadership: Leadership) -> None:
        """Rank and publish until the lease is lost (LeaseLostError) or another writer shows (FencedError)."""
        await patiently("ranker", "recovering the lists", self._recover)
        self._recovered = True
        try:
            async with self._intake.listening():
                restore(self.universe, chain.from_iterable(p.rows for p in self.publishers.values()))
                await leadership.while_held(self._rank(), self._publish(), self._beat(), self._snapshot())
        except asyncio.CancelledError:
            await self._finish()
            raise

    async def _recover(self) -> None:
        for spec in self._lists.specs:
            publisher = self.publishers[spec.name]
            await publisher.recover(retention(self._config))
            await write_definition(self._bus, spec.definition)
        _log.info("leading", extra={"lists": {name: p.sequence for name, p in self.publishers.items()}})

    async def _rank(self) -> None:
        """The first change after a quiet while is ranked at once, those that follow once an interval."""
        loop = asyncio.get_running_loop()
        self._rank_once()
        while True:
            news = await self._intake.news()
            if News.REFERENCE in news:
                self._scanner.texts_changed()
            if news:
                due = loop.time() + self._config.ranker.hot_interval
                self._rank_once()
                await asyncio.sleep(due - loop.time())

    def _rank_once(self) -> None:
        """Rank what is open; empty what stands since an earlier trading day."""
        if not self._intake.ready:
            return
        began = time.perf_counter()
        members = {name: symbols_of(p.rows) for name, p in self.publishers.items()}
        self._wanted.update(self._scanner.scan(members))
        for spec in self._lists.specs:
            if not spec.is_open(self.universe.session) and self._is_of_earlier_day(spec):
                self._wanted[spec.name] = []
        self.cycle_ms = (time.perf_counter() - began) * 1000
        self._tally.count("cycles")
        self._changed.set()

    def _is_of_earlier_day(self, spec: ListSpec) -> bool:
        as_of = self.publishers[spec.name].as_of
        return self.universe.date is not None and as_of > 0 and trading_date(as_of) < self.universe.date

    async def _publish(self) -> None:
        backoff = Backoff(0.1, 2.0)
        while True:
            await self._changed.wait()
            self._changed.clear()
            if await self._publish_all():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next())
                self._changed.set()

    async def _publish_all(self) -> bool:
        """Publish every list that differs; False when NATS did not take all of them."""
        results = await asyncio.gather(*(self._publish_one(name) for name in self._wanted))
        return all(results)

    async def _publish_one(self, name: str) -> bool:
        try:
            if await self.publishers[name].publish(self._wanted[name], self.universe.as_of):
                self._tally.count("deltas")
        except FencedError:
            raise
        except BusError as error:
            self._tally.trouble("publish_failed", f"list {name} is not published: {error.message}")
            return False
        return True

    async def _beat(self) -> None:
        while True:
            for spec in self._lists.specs:
                with suppress(BusError):
                    await self.publishers[spec.name].heartbeat(
                        self.state(spec), self._intake.market_time, self.universe.simulated
                    )
            await asyncio.sleep(self._config.ranker.heartbeat_interval)

    async def _snapshot(self) -> None:
        while True:
            await asyncio.sleep(self._config.ranker.snapshot_interval)
            await self._snapshot_all()

    async def _snapshot_all(self) -> None:
        for publisher in self.publishers.values():
            try:
                await publisher.write_snapshot(self.universe.simulated)
            except FencedError:
                raise
            except BusError as error:
                self._tally.trouble("snapshot_failed", f"snapshot of {publisher.name} not stored: {error.message}")

    async def _finish(self) -> None:
        """Leave snapshots behind that whoever comes next can start from at once."""
        with suppress(GapscanError):
            await self._snapshot_all()

    def state(self, spec: ListSpec) -> State:
        """Whether the list's data moves: stale without scans, closed outside of its sessions."""
        at = self._intake.last_scan_at
        if not self._intake.ready or at is None or time.monotonic() - at > self._config.ranker.stale_after:
            return "stale"
        session = self.universe.session
        return "live" if session is not Session.CLOSED and spec.is_open(session) else "closed"

    def coverage(self) -> dict[str, int]:
        """How many symbols may be listed, and for how many of them there is a price."""
        fresh, expected = coverage(self.universe)
        return {"fresh": fresh, "expected": expected}

    def waiting_for(self) -> str:
        """What is missing before anything can be ranked."""
        if not self._recovered:
            return "the lists' recovery"
        if not self._intake.has_reference:
            return "reference data"
        return "" if self._intake.has_scan else "a scan"


class Ranker:
    """Leads when it may, stands by when it may not."""

    def __init__(self, bus: Bus, config: Config, lists: ListSet) -> None:
        self._bus = bus
        self._config = config
        self._lists = lists
        self._tally = Tally(_log)
        self._leadership = Leadership(bus, "ranker", config, self._tally)
        self._term: Term | None = None

    async def run(self) -> None:
        """Lead and stand by in turn, for ever."""
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        self._term = Term(self._bus, self._config, self._lists, self._tally)
        try:
            await self._term.lead(self._leadership)
        finally:
            self._term = None

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this ranker."""
        term = self._term
        if term is None:
            return {"role": "standby", "leader": self._leadership.leader, "counts": dict(self._tally.counts)}
        return {
            "role": "leader",
            "waiting_for": term.waiting_for(),
            "simulated": term.universe.simulated,
            "session": str(term.universe.session),
            "as_of": term.universe.as_of,
            "coverage": term.coverage(),
            "cycle_ms": round(term.cycle_ms, 2),
            "lists": {spec.name: self._list_report(term, spec) for spec in self._lists.specs},
            "counts": dict(self._tally.counts),
        }

    @staticmethod
    def _list_report(term: Term, spec: ListSpec) -> dict[str, Any]:
        publisher = term.publishers[spec.name]
        return {
            "state": term.state(spec),
            "epoch": publisher.epoch,
            "sequence": publisher.sequence,
            "rows": len(publisher.rows),
            "as_of": publisher.as_of,
            "published": publisher.published,
            "published_bytes": publisher.published_bytes,
            "adopted": publisher.adopted,
        }


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a ranker until `stop` is set."""
    lists = shipped_lists()
    async with patient_bus(config, "ranker") as bus:
        await patiently("ranker", "setting up streams", lambda: ensure_shared(bus, retention(config)))
        ranker = Ranker(bus, config, lists)
        async with reporting(bus, "ranker", ranker.report):
            await until_stopped(stop, ranker.run())
