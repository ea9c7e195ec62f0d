"""Two whole sets, each with a market of its own, in one NATS account: neither sees anything of the other."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from nats.aio.msg import Msg

from gapscan import event_log, follow
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.bus.direct_get import get_from
from gapscan.bus.why_client import ask_why
from gapscan.client.api import ListView
from gapscan.client.history import kept
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, ListDefinition
from gapscan.protocol.names import Names
from gapscan.runtime import end
from gapscan.service.status import collect
from gapscan.sim import SimServer
from gapscan.supervisor.ports import free_port
from tests.support.nats import NatsServer
from tests.support.processes import started
from tests.support.rig import market
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)

SERVICES = ("feed", "ranker", "hot", "events", "recorder", "bridge")
LISTS = ("most_active", "winners")
OWN = ListDefinition("mine", "", "price > 1", ["-price"], 10, [], 1000, own=True)


@dataclass
class Set:
    """One set: its market, its names, what followers of it saw."""

    prefix: str
    sim: SimServer
    options: BusOptions
    bus: Bus
    http: str
    processes: list[asyncio.subprocess.Process]
    seen: dict[str, list[ListView]] = field(default_factory=lambda: {name: [] for name in LISTS})
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def day(self) -> dt.date:
        """The day of its market: each set's is another."""
        return day_of(self.sim.clock.now())

    async def _follow(self, name: str) -> None:
        async for view in follow(name, nats=self.options):
            self.seen[name].append(view)

    def begin_following(self) -> None:
        self.tasks += [asyncio.create_task(self._follow(name)) for name in LISTS]

    async def healthy(self) -> bool:
        """Whether all services of this set, and no others, say that all is well."""
        report = await collect(self.bus)
        return report.services.keys() == {*SERVICES} and report.healthy

    def moved(self, more: int) -> bool:
        return all(len(views) >= more and views[-1].rows for views in self.seen.values())

    async def compared_with_the_stream(self, name: str) -> int:
        """How many of the views were found to be what the set's own stream makes of that sequence."""
        views = {view.sequence: view for view in self.seen[name]}
        copy, compared, sequence = Copy(), 0, 0
        copy.epoch = self.seen[name][-1].epoch
        while stored := await get_from(self.bus, self.bus.names.list_stream(name), sequence + 1, 1000):
            for message in stored:
                sequence += 1
                assert (message.sequence, copy.apply(decode_as(Delta, message.data), sequence)) == (
                    sequence,
                    Fit.APPLIED,
                )
                if view := views.get(sequence):
                    assert tuple(copy.rows) == view.rows
                    compared += 1
        return compared


def day_of(ms: int) -> dt.date:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).date()


def settings(nats: NatsServer, sim: SimServer, prefix: str, port: int, home: Path) -> dict[str, str]:
    given = {
        "NATS_URL": nats.url, "PROVIDER_REST_URL": sim.url, "PROVIDER_WEBSOCKET_HOST": sim.ws_feed,
        "PROVIDER_SECURE_WEBSOCKET": "false", "PROVIDER_SIMULATED": "true", "FEED_DISCOVERY_INTERVAL": "1",
        "FEED_BASELINE_SESSIONS": "1", "BRIDGE_PORT": str(port), "HISTORY_STORE_DIR": str(home),
        "NATS_DELTA_MAX_AGE": "3600",
    }  # fmt: skip
    own = {} if prefix == "gapscan" else {"GAPSCAN_NATS_PREFIX": prefix}
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GAPSCAN_", "XDG_"))}
    return {
        **clean, **own, "HOME": str(home), "POLYGON_API_KEY": "key",
        **{f"GAPSCAN_{key}": value for key, value in given.items()},
    }  # fmt: skip


@asynccontextmanager
async def running(nats: NatsServer, prefix: str, day: dt.date, home: Path) -> AsyncIterator[Set]:
    """All services of a set as processes, on a market of that day. The usual prefix is not named to anybody."""
    port, options = free_port(), BusOptions(nats.url, prefix="" if prefix == "gapscan" else prefix)
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(market(symbols=80, day=day, seed=day.day))
        bus = await stack.enter_async_context(connect(options, "test"))
        env = settings(nats, sim, prefix, port, home)
        processes = [
            await stack.enter_async_context(
                started(sys.executable, "-m", "gapscan_cli", "run", service, env=env, cwd=home)
            )
            for service in SERVICES
        ]
        found = Set(prefix, sim, options, bus, f"http://127.0.0.1:{port}", processes)
        try:
            await until(found.healthy, f"the set {prefix}")
            found.begin_following()
            yield found
        finally:
            await end(*found.tasks)


class Spy:
    """Hears what is published in the account."""

    def __init__(self) -> None:
        self.subjects: set[str] = set()

    async def on_message(self, message: Msg) -> None:
        self.subjects.add(message.subject)


async def streams_of(bus: Bus) -> set[str]:
    return {str(one.config.name) for one in await bus.js.streams_info()}


def shapes(found: Sequence[str] | set[str], prefix: str) -> set[str]:
    """What a set's names look like behind their prefix; of minutes on the tape, their place."""
    named = Names(prefix)
    starts = (named.live.removesuffix("live"), f"$KV.{prefix}-", f"KV_{prefix}-", f"{prefix.upper()}_")
    return {re.sub(r"\d+", "0", one.removeprefix(start)) for one in found for start in starts if one.startswith(start)}


async def test_two_sets_in_one_account(nats_server: NatsServer, tmp_path: Path) -> None:
    for home in ("one", "two"):
        (tmp_path / home).mkdir()
    async with AsyncExitStack() as acme:
        second = await acme.enter_async_context(running(nats_server, "acme", dt.date(2026, 11, 20), tmp_path / "two"))
        await alone(second)
        async with running(nats_server, "gapscan", dt.date(2026, 11, 19), tmp_path / "one") as first:
            await until(lambda: first.moved(20), "lists that move")
            for each in (first, second):
                await everything_is_its_own(each)
            await a_list_is_removed(first, second)
            streams = await streams_of(first.bus)
            assert shapes(streams, "gapscan") - shapes(streams, "acme") == {f"LIST_{OWN.name}"}
            assert len(streams) == len(shapes(streams, "gapscan")) + len(shapes(streams, "acme"))
            await acme.aclose()
            await the_other_goes(first, second)


async def alone(one: Set) -> None:
    """While it is the only one, nothing is said by the usual names."""
    spy = Spy()
    async with connect(one.options, "spy") as listening:
        for pattern in ("gapscan.>", "$KV.>"):
            await listening.nc.subscribe(pattern, cb=spy.on_message)
        await until(lambda: one.moved(20), "lists that move")
        await everything_is_its_own(one)
    assert spy.subjects
    assert not [subject for subject in spy.subjects if not subject.startswith("$KV.acme-")]
    assert not shapes(await streams_of(one.bus), "gapscan")


async def everything_is_its_own(one: Set) -> None:
    """Lists, status, why, the past, events and HTTP, each of the set's own day."""
    report = await collect(one.bus)
    assert {name: len(service.instances) for name, service in report.services.items()} == dict.fromkeys(SERVICES, 1)
    assert day_of(report.as_of) == one.day
    for name in LISTS:
        assert {day_of(view.as_of) for view in one.seen[name] if view.rows} == {one.day}
        assert await one.compared_with_the_stream(name) >= 5
    why = await ask_why(one.bus, one.seen["most_active"][-1].rows[0]["symbol"])
    assert day_of(why.as_of) == one.day
    past = await until(lambda: kept(one.bus, LISTS), "something on the tape")
    assert {day_of(each.begin) for each in past} == {one.day}
    async for event in event_log("most_active", "enter", nats=one.options):
        assert day_of(event.event.as_of) == one.day
        break
    async with aiohttp.ClientSession() as session, session.get(f"{one.http}/api/lists/most_active") as answer:
        assert day_of((await answer.json())["as_of"]) == one.day


async def a_list_is_removed(first: Set, second: Set) -> None:
    """Both sets have it, and it is taken from the second; the first has it still, and moves it."""
    for each in (first, second):
        await write_definition(each.bus, OWN)

    async def published(one: Set) -> bool:
        return OWN.name in (await collect(one.bus)).lists

    for each in (first, second):
        await until(lambda each=each: published(each), "the list")  # type: ignore[misc]
    before = (await collect(first.bus)).lists[OWN.name]
    assert await remove_list(second.bus, OWN.name)

    async def gone() -> bool:
        return not await published(second)

    await until(gone, "the list's removal")

    async def goes_on() -> bool:
        now = (await collect(first.bus)).lists[OWN.name]
        return now.epoch == before.epoch and now.as_of > before.as_of and now.stream_sequence >= before.stream_sequence

    await until(goes_on, "the same list of the other set going on")


async def the_other_goes(first: Set, second: Set) -> None:
    """The second set is stopped, and all that it has stored deleted: the first goes on as it was."""
    epochs = {name: views[-1].epoch for name, views in first.seen.items()}
    own = shapes(await streams_of(first.bus), "gapscan")
    async with connect(second.options, "operator") as bus:
        for stream in await streams_of(bus):
            if stream.startswith(("ACME_", "KV_acme-")):
                await bus.js.delete_stream(stream)
    assert not shapes(await streams_of(first.bus), "acme")
    seen = {name: len(views) for name, views in first.seen.items()}
    await until(lambda: all(len(views) > seen[name] + 5 for name, views in first.seen.items()), "lists that move on")
    for name, views in first.seen.items():
        assert {view.epoch for view in views} == {epochs[name]}
        assert await first.compared_with_the_stream(name) >= 5
    assert shapes(await streams_of(first.bus), "gapscan") == own
    assert await first.healthy()
