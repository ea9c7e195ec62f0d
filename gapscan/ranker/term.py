"""One time of leading: rank what the feed says, publish what differs."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from itertools import chain
from typing import Final

from prometheus_client import Histogram

from gapscan.bus.client import Bus
from gapscan.bus.definitions import retire_list
from gapscan.bus.fenced import Leads
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.stage_times import Lateness
from gapscan.config import Config
from gapscan.errors import BusError, GapscanError, TopologyError
from gapscan.lists.delta import Rows
from gapscan.market.computed import coverage
from gapscan.market.restore import restore
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import State
from gapscan.ranker.checkpoint import Checkpointer
from gapscan.ranker.close_check import CloseCheck
from gapscan.ranker.definitions import Definitions
from gapscan.ranker.evening import is_over, never_ranked
from gapscan.ranker.explainer import Explainer
from gapscan.ranker.ingest import Ingest, News
from gapscan.ranker.leaving import LeaveReasons
from gapscan.ranker.near_watch import NearWatch
from gapscan.ranker.previews import Previewer
from gapscan.ranker.progress import WholeDay, tell_progress
from gapscan.ranker.publishing import Publishing
from gapscan.ranker.questions import answering, answering_previews
from gapscan.ranker.reconciler import Reconciler
from gapscan.ranker.stages import RankerStages
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, ListSpec
from gapscan.runtime import AdaptiveInterval, side_by_side
from gapscan.service.connecting import retention
from gapscan.service.leadership import Leadership
from gapscan.service.micro import Endpoint
from gapscan.service.retrying import retrying

REFUSED_SECONDS: Final = 10.0  # between two tries to begin a list that NATS refuses
# For longer, a list whose deltas are refused is not live: an interrupted link and a stream made anew take less.
REFUSED_IS_STALE: Final = 3.0
OVERDUE_IS_STALE: Final = 40.0  # for so long a scan may be overdue: meanwhile the feed tries again and again
_TICK_SECONDS: Final = 0.25

_log = logger("ranker")


class Term:
    """From the recovery of all lists to the loss of the lease. `heartbeat` is the time between two heartbeats."""

    def __init__(
        self,
        bus: Bus,
        config: Config,
        gate: Filter,
        definitions: Definitions,
        tally: Tally,
        heartbeat: float,
        cycles: Histogram,
        endpoints: tuple[Endpoint, Endpoint],
        leads: Leads,
    ) -> None:
        self.universe = Universe(config.scan_ms)
        # The first scan says it too; until then a simulated market must not pass for the real one.
        self.universe.simulated = config.provider.simulated
        self.publishers: dict[str, ListPublisher] = {}
        self.refused: dict[str, str] = {}  # lists that NATS has no room for, and why
        self.lists = ListSet(gate, ())
        self.cycle_ms = 0.0
        self.ingest = Ingest(bus, self.universe, tally)
        self._whole_day = WholeDay(self.ingest)
        self.checkpointer = Checkpointer(bus, self.universe, tally)
        self.retired: dict[str, ListPublisher] = {}  # of lists that are removed, but still to be cleared away
        self._bus = bus
        self._config = config
        self._gate = gate
        self._definitions = definitions
        self._tally = tally
        self._heartbeat = heartbeat
        self._cycles = cycles
        self._why, self._preview = endpoints
        self.pace = AdaptiveInterval(config.ranker.hot_interval, config.ranker.cpu_budget)
        self._leads = leads
        # Whether the feed takes the market for closed, and scans it less often, it alone knows.
        self._stale_after = config.feed.overdue_after(closed=True) + OVERDUE_IS_STALE
        self._scanner = Scanner(self.universe, self.lists)
        self._close = CloseCheck(self.universe, tally)
        self._leaving = LeaveReasons(self.universe, lambda: self.lists)
        self._explainer = Explainer(self.universe, self.lists, self._rows, self.ingest.headlines.of)
        self._previewer = Previewer(self.universe, lambda: self.lists)
        self._near = NearWatch(self.universe, lambda: self.lists, self.publishers)
        self._reconciler = Reconciler(bus, retention(config), self.publishers, self._losing, tally)
        self.stages = RankerStages()
        self._publishing = Publishing(
            self.publishers, self.universe, tally, self._reconciler.check_soon, self.stages.stored
        )
        self._behind = True  # whether something is still to be ranked
        self._later = math.inf  # until when something is to be ranked for which nobody waits, on the loop's clock
        self._recovered = False

    @property
    def last_scan_at(self) -> float | None:
        """When the last scan came, monotonic; None before the first."""
        return self.ingest.last_scan_at

    @property
    def fault(self) -> str:
        """What is wrong with streams and buckets that all lists need; empty when nothing is."""
        return self._reconciler.fault

    @property
    def settled(self) -> bool:
        """Whether all that came in is ranked, and all that is ranked is published."""
        return self._later == math.inf and not self._behind and self.ingest.is_empty and self._publishing.settled

    def _losing(self, publisher: ListPublisher) -> None:
        self._publishing.want_anew(publisher)

    def _rows(self, name: str) -> Rows:
        """The rows of a list as they are published."""
        return self.publishers[name].rows if name in self.publishers else ()

    async def lead(self, leadership: Leadership) -> None:
        """Rank and publish until the lease is lost (LeaseLostError) or another writer shows (FencedError)."""
        await retrying("ranker", "recovering the lists", self._recover)
        self._recovered = True
        try:
            near = self._near.misses.answer
            questions = answering(self._bus, self._explainer.answer, self._tally, self._why, near)
            previews = answering_previews(self._bus, self._previewer.answer, self._tally, self._preview)
            async with self.ingest.listening(), questions, previews:
                await self._restore()
                await leadership.while_held(
                    self._rank(), self._publishing.run(), self._beat(leadership), self.checkpointer.run(),
                    self._reconciler.run(), self._definitions.follow(), self._redefine(),
                    tell_progress(self._bus, self.ingest, lambda: self.settled),
                    self._publishing.keep_snapshots(self._config.ranker.snapshot_interval),
                )  # fmt: skip
        except asyncio.CancelledError:
            await self._finish()
            raise

    async def _recover(self) -> None:
        await self._definitions.recover()
        await self._set_lists()
        _log.info("leading", extra={"lists": {name: p.sequence for name, p in self.publishers.items()}})

    async def _restore(self) -> None:
        saved = await self.checkpointer.recover()
        restored = restore(self.universe, chain.from_iterable(p.rows for p in self.publishers.values()))
        _log.info("took back what was known of the day", extra={"saved": saved, "shown": restored})

    async def _set_lists(self) -> None:
        """Rank what is defined now: new lists are begun, or continued where they are; removed ones leave nothing.

        Raises BusError; done again, it goes on where it failed.
        """
        specs = self._definitions.specs
        defined = {spec.name for spec in specs}
        self.refused = {name: why for name, why in self.refused.items() if name in defined}
        await side_by_side(self._begin(name) for name in defined - self.publishers.keys())
        # No await in here: nobody may rank a list that has no publisher.
        self.lists = self._scanner.lists = ListSet(self._gate, tuple(s for s in specs if s.name in self.publishers))
        self._explainer.set_lists(self.lists)
        for name in self.publishers.keys() - defined:
            self._publishing.forget(name)
            self.retired[name] = self.publishers.pop(name)
        for name, publisher in self.retired.items():
            await publisher.retire()
            if name not in defined:
                await retire_list(self._bus, name)
        self.retired.clear()

    async def _begin(self, name: str) -> None:
        """A publisher for one more list; one that NATS refuses costs no other, and is tried again later."""
        publisher = ListPublisher(self._bus, name, self._leaving.explained, self._leads)
        try:
            await publisher.recover(retention(self._config), self.universe.simulated)
        except TopologyError as error:
            self._tally.trouble("list_refused", f"list {name} is not ranked: {error}")
            self.refused[name] = str(error)
        else:
            self.publishers[name] = publisher
            if self.refused.pop(name, ""):
                _log.info("list is refused no longer", extra={"list": name})

    async def _redefine(self) -> None:
        """Take over what users define, as soon as they do; now and then, try what NATS refused."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REFUSED_SECONDS if self.refused else None):
                    await self._definitions.changed.wait()
            self._definitions.changed.clear()
            await retrying("ranker", "taking over list definitions", self._set_lists)
            self._behind = True
            self.ingest.wake()

    async def _rank(self) -> None:
        """The first change after a quiet while is ranked at once, those that follow once an interval.

        What can wait is ranked with them, or after the longest interval: much of it comes while the feed fills back.
        """
        loop, next_at = asyncio.get_running_loop(), 0.0
        while True:
            if not self._behind:
                await self.ingest.arrival(self._later)
            await asyncio.sleep(next_at - loop.time())
            await self.ingest.read()
            now = loop.time()
            # No await from here on: of what is news, whoever saves the universe sees nothing that is not computed.
            news = self.ingest.apply()
            if news == News.LATER:
                self._later = min(self._later, now + self._config.ranker.hot_interval)
            if news & ~News.LATER or self._behind or now >= self._later:
                self._rank_once()
                self._behind, self._later = False, math.inf
                self.pace.observe(now, time.process_time())
                next_at = now + self.pace.seconds

    def _rank_once(self) -> None:
        """Rank the open lists; empty what stands since an earlier trading day."""
        if not self.ingest.ready:
            return
        began = time.perf_counter()
        self._publishing.times = self.stages.ranked(self.ingest.received)
        self._near.look()
        also = never_ranked(self.lists, self.publishers, self.universe)
        members = self._whole_day.members({name: p.rows for name, p in self.publishers.items()}, self._scanner)
        self._publishing.want(self._scanner.scan(members, also))
        over = (spec for spec in self.lists.specs if is_over(spec, self.publishers[spec.name], self.universe))
        self._publishing.want({spec.name: () for spec in over})
        self._explainer.observe()
        self._close.check()
        seconds = time.perf_counter() - began
        self.cycle_ms = seconds * 1000
        self._cycles.observe(seconds)
        self._tally.count("cycles")

    async def _beat(self, leadership: Leadership) -> None:
        """Once in each heartbeat's time, and at once when the feed's data stop or come again.

        What is stored is fenced, heartbeats are not: they are sent only while no other ranker can lead.
        """
        said, waited, tick = "", self._heartbeat, min(_TICK_SECONDS, self._heartbeat)
        while True:
            if leadership.in_force and (waited >= self._heartbeat or said != self.ingest.feed.state):
                said, waited = self.ingest.feed.state, 0.0
                await self._beat_once()
            await asyncio.sleep(tick)
            waited += tick
            self.ingest.feed.tick(tick)

    async def _beat_once(self) -> None:
        feed = self.ingest.feed
        lateness = Lateness(feed.behind, self.stages.ours_ms(), feed.delayed_by or None)
        for spec in self.lists.specs:
            with suppress(BusError):
                await self.publishers[spec.name].heartbeat(
                    self.state(spec), self.ingest.market_time, self.universe.simulated, lateness
                )

    async def _finish(self) -> None:
        """Leave behind what whoever comes next can start from at once."""
        with suppress(GapscanError):
            await self._publishing.store_snapshots()
            await self.checkpointer.save()

    def state(self, spec: ListSpec) -> State:
        """Stale without data or while NATS takes no delta, closed outside its sessions; else live, or delayed."""
        at = self.ingest.last_scan_at
        if not self.ingest.ready or at is None or time.monotonic() - at > self._stale_after:
            return "stale"
        if self._publishing.refused_for(spec.name) > REFUSED_IS_STALE:
            return "stale"
        session = self.universe.session
        return self.ingest.feed.state_of_list(session, is_open=spec.is_open(session))

    def coverage(self) -> dict[str, int]:
        """How many symbols may be listed, and for how many of them there is a price."""
        fresh, expected = coverage(self.universe)
        return {"fresh": fresh, "expected": expected}

    def waiting_for(self) -> str:
        """What is missing before anything can be ranked."""
        if not self._recovered:
            return "the lists' recovery"
        if not self.ingest.has_reference:
            return "reference data"
        return "" if self.ingest.has_scan else "a scan"
