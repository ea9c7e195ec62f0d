"""The hot manager against a real server: exact, calm over restarts, one at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import write_definition
from gapscan.bus.direct_get import get_from, get_last
from gapscan.bus.hotset import HotPublisher, read_hot_set
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention
from gapscan.config import Config, HotSection, NatsSection, RankerSection
from gapscan.hot import service as hot_service
from gapscan.hot.service import Hot
from gapscan.lists.hot_set import obey
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import FeedCommand, HotSet, ListDefinition, Row
from gapscan.runtime import end
from gapscan.service import all_lists
from gapscan.service.status import collect
from tests.support.nats import NatsServer
from tests.support.until import until

DWELL = 60
SYMBOLS = [f"S{number}" for number in range(20)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(hot_service, "DECIDE_SECONDS", 0.01)


def config_for(server: NatsServer) -> Config:
    return Config(
        nats=NatsSection(url=server.url),
        ranker=RankerSection(lease=1.0),
        hot=HotSection(top=3, margin=1, dwell=DWELL, cap=12),
    )


class Market:
    """Made-up lists, the market time they tell, and what readers of the hot set have."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.now = 1_000_000
        self.lists: dict[str, ListPublisher] = {}

    async def define(self, name: str) -> None:
        await write_definition(self.bus, ListDefinition(name, "", "price > 1", ["symbol"], 200, ["regular"]))

    async def remove(self, name: str) -> None:
        del self.lists[name]
        await self.bus.js.publish(f"$KV.{names.DEFAULT.bucket_lists}.{name}", b"", headers={"KV-Operation": "DEL"})

    async def show(self, name: str, *symbols: str) -> None:
        """Publish list `name` with these rows, a second later."""
        self.now += 1000
        if name not in self.lists:
            self.lists[name] = ListPublisher(self.bus, name)
            await self.lists[name].recover(Retention())
            await self.define(name)
        await self.lists[name].publish([Row(symbol=symbol) for symbol in symbols], self.now)

    async def beat(self, seconds: float = 0.0) -> None:
        """Market time passes, and every list tells it."""
        self.now += round(seconds * 1000)
        for publisher in self.lists.values():
            await publisher.heartbeat("live", self.now, simulated=True)

    async def reaches(self, *symbols: str, passing: float = 0.0) -> None:
        """Wait until the stored hot set has exactly these, while `passing` seconds of market time pass at each beat."""
        found: HotSet | None = None
        for _ in range(400):
            await self.beat(passing)
            found = await read_hot_set(self.bus)
            if found is not None and found.symbols == sorted(symbols):
                return
            await asyncio.sleep(0.05)
        assert found is not None
        assert found.symbols == sorted(symbols)

    async def stays(self) -> None:
        """Give the hot manager time to do something, some beats of its lists long."""
        for _ in range(10):
            await self.beat()
            await asyncio.sleep(0.02)
        assert await self.joined() == await self.from_the_first()

    async def commands(self, after: int = 0) -> list[FeedCommand]:
        stored = await get_from(self.bus, names.DEFAULT.stream_commands, after + 1, 1000)
        assert [message.sequence for message in stored] == list(range(after + 1, after + 1 + len(stored)))
        return [decode_as(FeedCommand, message.data) for message in stored]

    async def from_the_first(self) -> set[str]:
        """What a reader has that obeyed every command."""
        return await self._after(HotSet(0, 0, []))

    async def joined(self) -> set[str]:
        """What a reader has that comes now."""
        value = await read_hot_set(self.bus)
        assert value is not None
        return await self._after(value)

    async def _after(self, value: HotSet) -> set[str]:
        held = set(value.symbols)
        for command in await self.commands(value.sequence):
            obey(held, command)
        return held

    async def stored(self) -> tuple[int, int, int]:
        """How far stream and bucket have come: nothing was written while this stays the same."""
        value = await get_last(
            self.bus, f"KV_{names.DEFAULT.bucket_hot}", f"$KV.{names.DEFAULT.bucket_hot}.{names.HOT_KEY}"
        )
        info = await self.bus.js.stream_info(names.DEFAULT.stream_commands)
        kv = await self.bus.js.stream_info(f"KV_{names.DEFAULT.bucket_hot}")
        return info.state.last_seq, kv.state.last_seq, value.sequence if value else 0


@pytest.fixture
def market(bus: Bus) -> Market:
    return Market(bus)


@asynccontextmanager
async def hot_on(server: NatsServer) -> AsyncIterator[Hot]:
    """A hot manager on a connection of its own."""
    config = config_for(server)
    async with connect(BusOptions(server.url), "hot") as bus:
        hot = Hot(bus, config)
        task = asyncio.create_task(hot.run())
        try:
            yield hot
        finally:
            await end(task)


@asynccontextmanager
async def leading(server: NatsServer) -> AsyncIterator[Hot]:
    """The same, once it leads."""
    async with hot_on(server) as hot:
        await until(lambda: role(hot) == "leader", "leading")
        yield hot


def role(hot: Hot) -> str:
    return str(hot.report()["role"])


async def ready(market: Market, hot: Hot) -> None:
    """Wait until `hot` may take symbols out: market time has moved on in its sight."""
    for _ in range(400):
        if hot.report().get("ready"):
            return
        await market.beat(0.01)
        await asyncio.sleep(0.02)
    raise AssertionError(f"not ready: {hot.report()}")


async def test_the_tops_of_all_lists_with_margin_and_dwelling(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A", "B", "C", "D")
    await market.show("two", "E", "A")
    async with leading(nats_server) as hot:
        await market.reaches("A", "B", "C", "E")
        await ready(market, hot)
        await market.show("one", "X", "A", "B", "C")  # C is in the margin now
        await market.reaches("A", "B", "C", "E", "X")
        await market.show("two", "F")  # E dwells
        await market.reaches("A", "B", "C", "E", "F", "X")
        await market.beat(DWELL - 5)
        await market.stays()
        assert await market.joined() == {"A", "B", "C", "E", "F", "X"}
        await market.reaches("A", "B", "C", "F", "X", passing=5)
        assert await market.from_the_first() == {"A", "B", "C", "F", "X"}


async def test_exact_for_whoever_joins_at_any_moment(nats_server: NatsServer, market: Market) -> None:
    dice = random.Random(2)
    values: list[HotSet] = []
    async with leading(nats_server) as hot:
        for _ in range(40):
            name = dice.choice(["one", "two", "three"])
            await market.show(name, *dice.sample(SYMBOLS, dice.randint(0, 8)))
            await market.beat(dice.choice([0, 5, 40]))
            await asyncio.sleep(0.02)
            if value := await read_hot_set(market.bus):
                values.append(value)
        await market.stays()
        await until(lambda: hot.report()["published"] > 0, "a command")
    commands = await market.commands()
    final = await market.joined()
    assert len({value.sequence for value in values}) > 5
    for value in values:
        for start in (HotSet(0, 0, []), value):
            held = set(start.symbols)
            for command in commands[start.sequence :]:
                obey(held, command)
                assert len(held) <= 12
            assert held == final


async def test_a_restart_changes_nothing(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A", "B")
    await market.show("two", "C")
    async with leading(nats_server) as hot:
        await market.reaches("A", "B", "C")
        await ready(market, hot)
        await market.show("two", "D")
        await market.reaches("A", "B", "C", "D")
        await market.beat(DWELL / 2)  # C dwells
        await market.stays()
    before = await market.stored()
    for _ in range(3):
        async with leading(nats_server) as hot:
            await ready(market, hot)
            await market.beat(DWELL / 2)
            await market.stays()
            assert hot.report()["desired"] == 4
    assert await market.stored() == before
    async with leading(nats_server) as hot:
        await ready(market, hot)
        await market.stays()
        await market.reaches("A", "B", "D", passing=DWELL)


async def test_a_list_that_was_not_seen_yet_keeps_the_set(
    nats_server: NatsServer, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    await market.show("one", "A", "B")
    await market.define("nobodys")
    async with leading(nats_server) as hot:
        await market.reaches("A", "B")
        await market.show("one", "C")
        await market.reaches("A", "B", "C")
        await market.beat(10 * DWELL)
        await market.stays()
        assert await market.joined() == {"A", "B", "C"}
        assert hot.report()["lists"] == {"nobodys": "waiting", "one": "live"}
        monkeypatch.setattr(all_lists, "ABSENT_SECONDS", 0.0)  # nor is it waited for for ever
        await ready(market, hot)
        await market.stays()
        await market.reaches("C", passing=DWELL)


async def test_lists_come_and_go(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A")
    async with leading(nats_server) as hot:
        await market.reaches("A")
        await market.define("later")  # a list is defined before anybody publishes it
        await until(lambda: "later" in hot.report()["lists"], "the definition")
        await market.show("later", "B")
        await market.reaches("A", "B")
        await ready(market, hot)
        await market.bus.js.publish(f"$KV.{names.DEFAULT.bucket_lists}.Not-A-List", b"rubbish")
        await market.remove("later")
        await until(lambda: hot.report()["lists"].keys() == {"one"}, "the removal")
        await market.stays()
        assert await market.joined() == {"A", "B"}  # dwelling
        await market.reaches("A", passing=DWELL)


async def test_a_clock_that_jumps_back_keeps_nothing_for_ever(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A", "B")
    async with leading(nats_server) as hot:
        await market.reaches("A", "B")
        await ready(market, hot)
        await market.show("one", "B")
        await market.beat()
        market.now -= 900_000
        await market.lists["one"].publish([Row(symbol="C")], market.now)
        await market.reaches("A", "B", "C")
        await market.beat(1)
        await market.stays()
        await market.reaches("C", passing=DWELL)


@pytest.mark.parametrize("pause", [0.0, 2.5])
async def test_a_killed_server(nats_server: NatsServer, market: Market, pause: float) -> None:
    """Shorter than the lease, and longer: the set stays, and goes on exactly."""
    await market.show("one", "A", "B")
    async with leading(nats_server) as hot:
        await market.reaches("A", "B")
        await ready(market, hot)
        before = await market.stored()
        await nats_server.restart(pause)
        await until(lambda: market.bus.connected, "the link")
        await until(lambda: role(hot) == "leader", "leading")
        await ready(market, hot)
        assert await market.stored() == before
        await market.show("one", "B", "C")
        await market.reaches("A", "B", "C")
        await market.stays()
        await market.reaches("B", "C", passing=DWELL)
        assert await market.from_the_first() == {"B", "C"}


async def test_one_leads_and_the_other_takes_over(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A", "B")
    async with AsyncExitStack() as rest:
        async with leading(nats_server) as first:
            second = await rest.enter_async_context(hot_on(nats_server))
            await market.reaches("A", "B")
            before = await market.stored()
            await asyncio.sleep(1.5)
            assert (role(first), role(second)) == ("leader", "standby")
            assert await market.stored() == before
        await until(lambda: role(second) == "leader", "taking over")
        await ready(market, second)
        assert await market.stored() == before
        await market.show("one", "B", "C")
        await market.reaches("A", "B", "C")


async def test_a_fenced_one_stands_by_and_begins_again(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A")
    async with leading(nats_server) as hot:
        await market.reaches("A")
        other = HotPublisher(market.bus)
        await other.recover(Retention())
        await other.publish({"A", "Z"}, market.now)
        await market.show("one", "A", "B")
        await until(lambda: hot.report()["counts"].get("terms_lost"), "the end of the term")
        await until(lambda: role(hot) == "leader", "leading again")
        await market.reaches("A", "B", "Z")
        await ready(market, hot)
        await market.stays()
        await market.reaches("A", "B", passing=DWELL)
        assert await market.from_the_first() == {"A", "B"}


async def test_a_server_that_lost_its_disk(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A", "B")
    async with leading(nats_server) as hot:
        await market.reaches("A", "B")
        for stream in await market.bus.js.streams_info():
            await market.bus.js.delete_stream(str(stream.config.name))
        await until(lambda: hot.report()["counts"].get("terms_lost"), "the end of the term")
        await until(lambda: role(hot) == "leader", "leading again")
        market.lists.clear()
        await market.show("one", "B", "C")
        await market.reaches("B", "C")
        assert await market.from_the_first() == {"B", "C"}


async def test_the_service_and_what_it_reports(nats_server: NatsServer, market: Market) -> None:
    await market.show("one", "A", "B")
    stop = asyncio.Event()
    service = asyncio.create_task(hot_service.main(config_for(nats_server), stop))
    try:
        await market.reaches("A", "B")
        [found] = (await collect(market.bus)).services["hot"].instances
        expected: dict[str, Any] = {"role": "leader", "desired": 2, "sequence": 1, "published": 1}
        assert found | expected == found
        assert found["lists"].keys() == {"one"}
        assert found["last_change"] == market.now
    finally:
        stop.set()
        await service


async def test_a_set_that_somebody_deleted_comes_back_without_a_change(
    nats_server: NatsServer, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_service, "RESTORE_SECONDS", 0.05)
    await market.show("one", "A", "B")
    async with leading(nats_server) as hot:
        await market.reaches("A", "B")
        published = hot.report()["published"]
        await market.bus.js.purge_stream(f"KV_{names.DEFAULT.bucket_hot}")
        await until(lambda: read_hot_set(market.bus), "the set")
        assert await market.joined() == {"A", "B"}
        assert hot.report()["published"] == published
