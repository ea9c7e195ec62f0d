"""Following all lists that are defined: what cannot be read or reached costs no other list, and is said once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import TimeoutError as NatsTimeoutError

from gapscan.bus.client import Bus
from gapscan.bus.definitions import Entry, remove_list, write_definition
from gapscan.bus.keyvalue import put
from gapscan.client.api import ListView
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition
from gapscan.runtime import Backoff, end
from gapscan.service import all_lists
from gapscan.service.all_lists import ListWatches
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT
from tests.support.bridge import running_bridge
from tests.support.lists import publish_list
from tests.support.nats import NatsServer
from tests.support.until import until


class Steps(Backoff):
    """Waits as long as `Backoff` says in the books only."""

    noted: list[float]

    def next(self) -> float:
        self.noted.append(super().next())
        return 0.0


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each wait after a failure would have been."""
    noted: list[float] = []
    monkeypatch.setattr(Steps, "noted", noted, raising=False)
    monkeypatch.setattr(all_lists, "Backoff", Steps)
    return noted


class Noting:
    """A watcher that follows all that can be read, and stumbles over as many views as it is told to."""

    def __init__(self, stumbles: int = 0) -> None:
        self.stumbles = stumbles
        self.views: dict[str, ListView] = {}
        self.missed: list[str] = []
        self.looks = 0

    def defined(self, entries: Sequence[Entry]) -> Set[str]:
        self.looks += 1
        return {entry.name for entry in entries if entry.definition}

    def on_view(self, earlier: ListView | None, view: ListView) -> None:
        if self.stumbles:
            self.stumbles -= 1
            raise RuntimeError("stumbled")
        self.views[view.list] = view

    def lost(self, name: str) -> None:
        self.missed.append(name)

    def looked_after(self, looks: int) -> bool:
        return self.looks > looks


def _longer(waits: Sequence[float], than: int) -> bool:
    return len(waits) > than


def definition(name: str) -> ListDefinition:
    return ListDefinition(name, "", "price > 1", ["-price"], 10, [])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.05)


@asynccontextmanager
async def watching_all(bus: Bus, watcher: Noting) -> AsyncIterator[Tally]:
    """Follow all lists meanwhile; what is counted."""
    tally = Tally(logger("test"))
    task = asyncio.create_task(ListWatches(bus, watcher, tally).run())
    try:
        yield tally
        assert not task.done()
    finally:
        await end(task)


async def test_after_a_success_the_waits_begin_anew(bus: Bus, waits: list[float]) -> None:
    noting, tally = Noting(), Tally(logger("test"))
    watch = all_lists.ListWatch(bus, "movers", noting, tally)
    task = asyncio.create_task(watch.run())
    try:
        await until(lambda: len(waits) > 6, "failures")  # nobody publishes the list
        assert waits[6] >= RETRY_LIMIT / 2
        await publish_list(bus, "movers")
        await write_definition(bus, definition("movers"))
        await until(lambda: noting.views, "a view")
        failures = len(waits)
        await remove_list(bus, "movers")
        await until(lambda: len(waits) > failures, "another failure")
        assert waits[failures] <= RETRY_FIRST
    finally:
        await end(task)


@pytest.mark.usefixtures("quick")
async def test_after_a_look_the_waits_for_definitions_begin_anew(
    bus: Bus, waits: list[float], nats_server: NatsServer
) -> None:
    noting = Noting()
    async with watching_all(bus, noting) as tally:
        for _ in range(2):
            looks = noting.looks
            await until(partial(noting.looked_after, looks), "a look")
            failures = len(waits)
            await asyncio.to_thread(nats_server.kill)
            await until(partial(_longer, waits, failures + 5), "failures")
            assert waits[failures] <= RETRY_FIRST
            assert waits[failures + 5] >= RETRY_LIMIT / 2
            await asyncio.to_thread(nats_server.start)
        assert tally.counts["definitions_failed"] == len(waits)


@pytest.mark.usefixtures("quick")
async def test_what_cannot_be_read_is_said_once(
    bus: Bus, nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    await publish_list(bus, "movers")
    await write_definition(bus, definition("movers"))
    await put(bus, names.DEFAULT.bucket_lists, "garbled", b"{")

    with caplog.at_level(logging.WARNING, "gapscan"):
        async with running_bridge(nats_server.url) as served:
            await served.knows("movers")
            for number in range(3):  # each is seen in another look
                await publish_list(bus, f"more_{number}")
                await write_definition(bus, definition(f"more_{number}"))
                await served.knows(f"more_{number}")
            assert served.counts["definitions_unreadable"] == 1
    assert len([record for record in caplog.records if "definition" in record.getMessage()]) == 1


@pytest.mark.usefixtures("quick")
async def test_nats_gone_while_definitions_are_read(
    bus: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge goes on, whether a look fails or the listening itself."""
    await publish_list(bus, "movers")
    await write_definition(bus, definition("movers"))
    refused = iter(range(2))
    really_subscribe = Client.subscribe

    async def subscribe(nc: Client, subject: str, **options: Any) -> Subscription:
        if subject == names.key_subject(names.DEFAULT.bucket_lists) and next(refused, None) is not None:
            raise NatsTimeoutError
        return await really_subscribe(nc, subject, **options)

    monkeypatch.setattr(Client, "subscribe", subscribe)
    async with running_bridge(nats_server.url) as served:
        await served.knows("movers")
        assert served.counts["definitions_failed"] == 2
        await asyncio.to_thread(nats_server.kill)
        await until(lambda: served.counts["definitions_failed"] > 4, "failed looks")
        await asyncio.to_thread(nats_server.start)
        await until(lambda: bus.connected, "the link")
        await publish_list(bus, "later")
        await write_definition(bus, definition("later"))
        await served.knows("later", "movers")


async def test_one_list_s_trouble_costs_no_other(bus: Bus) -> None:
    for name in ("one", "two"):
        await publish_list(bus, name)
        await write_definition(bus, definition(name))
    noting = Noting(stumbles=1)
    async with watching_all(bus, noting) as tally:
        await until(lambda: noting.views.keys() == {"one", "two"}, "both lists")
    assert len(noting.missed) == 1
    assert tally.counts["follow_crashed"] == 1
