"""One time of leading: a reader for every list, from their kept positions to the loss of the lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from typing import Any, Final

from nats.aio.msg import Msg

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.definitions import read_entries
from gapscan.bus.direct_get import NoStreamError, get_last_of_each
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.events.copies import Copies
from gapscan.events.reader import ListReader
from gapscan.events.store import EventStore
from gapscan.events.watched import WatchedAlerts
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition
from gapscan.runtime import end, run_together
from gapscan.service.all_lists import REREAD_SECONDS, watch_definitions
from gapscan.service.connecting import retention
from gapscan.service.leadership import Leadership
from gapscan.service.retrying import retrying

SAVE_SECONDS: Final = 10.0  # between two savings of a list's position, at most
_SAVINGS: Final = 6  # within the time that deltas are kept
_GONE_SECONDS: Final = 5.0  # for which a list must be undefined: a server that lost its disk is told them one by one
_END_SECONDS: Final = 0.5  # for the positions at the end

_log = logger("events")


class EventsTerm:
    """Makes events of all lists' deltas."""

    def __init__(self, bus: Bus, config: Config, tally: Tally) -> None:
        self.store = EventStore(bus)
        self.readers: dict[str, ListReader] = {}
        self._bus = bus
        self._config = config
        self._tally = tally
        self._save_seconds = min(SAVE_SECONDS, config.nats.delta_max_age / _SAVINGS)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._undefined_since: dict[str, float] = {}
        self._begun = asyncio.Event()  # one more task
        self._definitions: dict[str, ListDefinition | None] = {}
        self.alerts = WatchedAlerts(bus, tally, self._set_alerts)
        self.copies = Copies(bus, retention(config), tally)

    async def lead(self, leadership: Leadership) -> None:
        """Read and store until the lease is lost (LeaseLostError) or another writer shows (FencedError)."""
        await retrying("events", "recovering the events", self._recover)
        try:
            async with self._listening():
                await leadership.while_held(self._run())
        finally:
            await self._finish()

    async def _recover(self) -> None:
        await ensure_shared(self._bus, retention(self._config))
        await self.store.recover()
        _log.info("leading", extra={"events": self.store.sequence})

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Hear all lists. Raises BusError."""
        try:
            subscription = await self._bus.nc.subscribe(self._bus.names.live_subject(">"), cb=self._on_message)
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to the lists") from error
        stop_listening = self._bus.on_link_change(self._look_everywhere)
        try:
            yield
        finally:
            stop_listening()
            await self._bus.unsubscribe(subscription)

    async def _on_message(self, message: Msg) -> None:
        name = message.subject.removeprefix(self._bus.names.live_subject("")).partition(".")[0]
        if reader := self.readers.get(name):
            reader.offer(message)

    def _look_everywhere(self) -> None:
        if self._bus.connected:
            for reader in self.readers.values():
                reader.look()

    async def _run(self) -> None:
        await retrying("events", "reading the alerts", self.alerts.read)
        for name in await retrying("events", "reading the positions", self._kept):
            self._begin(name)
        copying = [self.copies.run()] if self._config.events.copies else []
        await run_together(
            watch_definitions(self._bus, self._look, self._tally), self._supervise(), self.alerts.follow(), *copying
        )

    def _set_alerts(self) -> None:
        for name, reader in self.readers.items():
            reader.history.alerts.set_specs(self.alerts.of(name), self._definitions.get(name))

    async def _kept(self) -> list[str]:
        """The lists of which a position is kept: one that was removed meanwhile is still to be taken leave of."""
        bucket = self._bus.names.bucket_events
        try:
            stored = await get_last_of_each(self._bus, names.bucket_stream(bucket), names.key_subject(bucket, "*"))
        except NoStreamError:
            return []
        return [names.key_of(bucket, one.subject) for one in stored if one.data]

    async def _look(self, removed: Set[str]) -> float:
        """Read what is defined; of what is defined no longer, all leave."""
        entries = await read_entries(self._bus)
        if entries:
            self._define({entry.name: entry.definition for entry in entries})
            defined = {entry.name for entry in entries if names.LIST_NAME.fullmatch(entry.name)}
            for name in self._gone(defined, removed):
                await self._take_leave(name)
            for name in sorted(defined - self.readers.keys()):
                self._begin(name)
        return REREAD_SECONDS

    def _define(self, definitions: dict[str, ListDefinition | None]) -> None:
        """What the lists are: alerts say their conditions too."""
        if definitions != self._definitions:
            self._definitions = definitions
            self._set_alerts()

    def _gone(self, defined: Set[str], removed: Set[str]) -> set[str]:
        now, missing = time.monotonic(), self.readers.keys() - defined
        self._undefined_since = {name: self._undefined_since.get(name, now) for name in missing}
        late = {name for name, since in self._undefined_since.items() if now - since >= _GONE_SECONDS}
        return late | (removed & self.readers.keys())

    async def _take_leave(self, name: str) -> None:
        self.readers[name].remove()
        task = self._tasks[name]
        await asyncio.wait((task,))
        if task.cancelled() or not task.exception():  # else the one who supervises raises it
            del self._tasks[name], self.readers[name]
            _log.info("list is removed", extra={"list": name})

    def _begin(self, name: str) -> None:
        simulated = self._config.provider.simulated
        self.readers[name] = reader = ListReader(
            self._bus, name, self.store, self._tally, self._save_seconds, simulated=simulated
        )
        reader.history.alerts.set_specs(self.alerts.of(name), self._definitions.get(name))
        self._tasks[name] = asyncio.create_task(reader.run(), name=f"events of {name}")
        self._begun.set()

    async def _supervise(self) -> None:
        """Raises what a reader raises."""
        while True:
            self._begun.clear()
            begun = asyncio.create_task(self._begun.wait())
            await asyncio.wait((begun, *self._tasks.values()), return_when=asyncio.FIRST_COMPLETED)
            await end(begun)
            for task in tuple(self._tasks.values()):
                if task.done() and not task.cancelled() and (error := task.exception()):
                    raise error
            await asyncio.sleep(0)

    async def _finish(self) -> None:
        """Leave behind what whoever comes next goes on from."""
        await end(*self._tasks.values())
        try:
            async with asyncio.timeout(_END_SECONDS):
                await asyncio.gather(*(reader.save() for reader in self.readers.values()))
        except TimeoutError:
            _log.debug("not all positions were kept")

    def _alerts_report(self) -> dict[str, Any]:
        """How many there are and what they said; `spent` is seconds of this process, since it leads."""
        each = [reader.history.alerts for reader in self.readers.values()]
        return {
            **self.alerts.report(self._definitions),
            "told": self.store.alerts.appended,
            "suppressed": sum(alerts.suppressed for alerts in each),
            "spent": round(sum(alerts.spent for alerts in each), 3),
        }

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this term."""
        return {
            "sequence": self.store.sequence,
            "stored": self.store.log.appended,
            "repeated": self.store.log.repeated,
            "alerts": self._alerts_report(),
            "copies": self.copies.report(),
            "gaps": sum(reader.gaps for reader in self.readers.values()),
            "unsaved": {name: reader.unsaved for name, reader in self.readers.items() if reader.unsaved},
            "lists": {name: reader.history.copy.sequence for name, reader in self.readers.items()},
        }
