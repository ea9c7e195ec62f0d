"""Events on a real server: each once, over restarts of who makes them, of who publishes, and of NATS."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.bus.direct_get import get_from
from gapscan.bus.topology import Retention
from gapscan.events import term
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.protocol.events import Event, EventGap
from gapscan.protocol.messages import ListDefinition, Row
from gapscan.service import all_lists
from tests.support.events import events_of, expected_events, stored_events, told
from tests.support.lists import Published, publish_list
from tests.support.nats import NatsServer
from tests.support.until import until

NOON = 1_795_366_800_000  # a market time: 2026-11-22 17:00 UTC
KEPT = Retention(3600.0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(term, "SAVE_SECONDS", 0.2)


async def list_named(bus: Bus, name: str, retention: Retention = KEPT) -> Published:
    published = await publish_list(bus, name, retention, seed=len(name))
    await write_definition(bus, ListDefinition(name, "", "price > 1", ["symbol"], 200, ["regular"], own=True))
    return published


async def show(movers: Published, **prices: float) -> None:
    rows = [Row(symbol=symbol, price=price) for symbol, price in prices.items()]
    await movers.publisher.publish(rows, NOON + movers.publisher.sequence * 1000)
    await movers.beat()


def has(bus: Bus, name: str, number: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len(await stored_events(bus, name)) >= number

    return look


def beating(movers: Published, looks: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    """The same, while the list's writer says that it is there."""

    async def look() -> bool:
        await movers.beat()
        return await looks()

    return look


async def test_who_enters_and_who_leaves(bus: Bus, nats_server: NatsServer) -> None:
    movers = await list_named(bus, "movers")
    async with events_of(nats_server):
        await show(movers, AAPL=10.5, MSFT=20.0)
        await until(beating(movers, has(bus, "movers", 4)), "the entries")
        await show(movers, MSFT=21.0)
        await show(movers, AAPL=11.0, MSFT=21.0)
        await until(has(bus, "movers", 6), "the events")
    found = await stored_events(bus)
    assert told(found) == [
        ("enter", "AAPL", 1), ("first", "AAPL", 1), ("enter", "MSFT", 1), ("first", "MSFT", 1),
        ("leave", "AAPL", 2), ("enter", "AAPL", 3),
    ]  # fmt: skip
    left = next(one for one in found if isinstance(one, Event) and one.kind == "leave")
    assert (left.rank, left.data["price"], left.as_of) == (1, 10.5, NOON + 1000)
    assert left.simulated  # as its writer says


async def test_what_was_published_before_it_ran_is_told_too(bus: Bus, nats_server: NatsServer) -> None:
    movers = await list_named(bus, "movers")
    await movers.step(20)
    async with events_of(nats_server):
        await settled(bus, movers)
    assert await entries_and_exits(bus, "movers") == await expected_events(bus, "movers")


async def settled(bus: Bus, *lists: Published) -> None:
    """Until all that the lists' deltas mean is stored: the sum of it is what the lists hold."""

    last = {one.publisher.name: (await expected_events(bus, one.publisher.name))[-1:] for one in lists}
    lacking = {(name, *events[0]) for name, events in last.items() if events}
    sequence = 0

    async def done() -> bool:
        """By what came since the last look: reading all of it each time keeps who stores it from its work."""
        nonlocal sequence
        for stored in await get_from(bus, names.DEFAULT.stream_events, sequence + 1, 1000):
            sequence, event = stored.sequence, decode(stored.data)
            if isinstance(event, Event):
                lacking.discard((event.list, event.kind, event.symbol, event.sequence))
        return not lacking

    await until(done, "all events")


async def entries_and_exits(bus: Bus, name: str) -> list[tuple[str, str, int]]:
    return [one for one in told(await stored_events(bus, name)) if one[0] in ("enter", "leave")]


async def test_each_once_over_many_restarts(bus: Bus, nats_server: NatsServer) -> None:
    """Who makes them is cut off at any moment, with and without a kept position; lists go on meanwhile."""
    lists = [await list_named(bus, name) for name in ("movers", "winners", "losers")]
    dice = random.Random(5)
    for _ in range(12):
        async with events_of(nats_server):
            for _ in range(dice.randint(1, 25)):
                await dice.choice(lists).step()
        await dice.choice(lists).step(dice.randint(0, 3))
    async with events_of(nats_server):
        await settled(bus, *lists)
    for one in lists:
        assert await entries_and_exits(bus, one.publisher.name) == await expected_events(bus, one.publisher.name)
    assert not [one for one in await stored_events(bus) if isinstance(one, EventGap)]


async def test_each_once_over_restarts_of_the_server(bus: Bus, nats_server: NatsServer) -> None:
    movers = await list_named(bus, "movers")
    async with events_of(nats_server):
        for _ in range(4):
            await movers.step(8)
            await nats_server.restart()
            await until(lambda: bus.connected, "the link")
        await until(lambda: published(movers), "one more delta")
        await settled(bus, movers)
    assert await entries_and_exits(bus, "movers") == await expected_events(bus, "movers")


async def published(movers: Published) -> bool:
    sequence = movers.publisher.sequence
    try:
        await movers.step()
    except Exception:  # noqa: BLE001  # the server is not ready yet
        return False
    return movers.publisher.sequence > sequence


async def test_two_are_one(bus: Bus, nats_server: NatsServer) -> None:
    lists = [await list_named(bus, name) for name in ("movers", "winners")]
    async with events_of(nats_server) as first, events_of(nats_server) as second:
        for _ in range(30):
            for one in lists:
                await one.step()
        await settled(bus, *lists)
        assert {first.report()["role"], second.report()["role"]} == {"leader", "standby"}
    for one in lists:
        assert await entries_and_exits(bus, one.publisher.name) == await expected_events(bus, one.publisher.name)


async def test_a_hole_is_said_and_summed_up(bus: Bus, nats_server: NatsServer) -> None:
    movers = await list_named(bus, "movers")
    async with events_of(nats_server):
        await show(movers, AAPL=10.5, MSFT=20.0)
        await until(has(bus, "movers", 4), "the entries")
    await show(movers, MSFT=21.0)
    await show(movers, GME=5.0, MSFT=21.0)
    await show(movers, MSFT=21.0, TSLA=3.0)
    await movers.publisher.write_snapshot(True)
    await bus.js.purge_stream(names.DEFAULT.list_stream("movers"))
    async with events_of(nats_server):
        await until(beating(movers, has(bus, "movers", 8)), "the gap")
        await show(movers, MSFT=21.0)
        await until(has(bus, "movers", 9), "what comes after it")
    gap, *later = (await stored_events(bus, "movers"))[4:]
    assert isinstance(gap, EventGap)
    assert (gap.reason, gap.earlier_sequence, gap.sequence) == ("expired", 1, 4)
    assert told(later) == [("leave", "AAPL", 4), ("enter", "TSLA", 4), ("first", "TSLA", 4), ("leave", "TSLA", 5)]
    assert [one.missed for one in later if isinstance(one, Event)] == [True, True, True, False]


async def test_a_list_that_was_there_already(bus: Bus, nats_server: NatsServer) -> None:
    """Whose first deltas are gone: its rows are no entries."""
    movers = await list_named(bus, "movers")
    await show(movers, AAPL=10.5)
    await movers.publisher.write_snapshot(True)
    await bus.js.purge_stream(names.DEFAULT.list_stream("movers"))
    async with events_of(nats_server):
        await until(has(bus, "movers", 1), "the gap")
        await show(movers, AAPL=10.5, MSFT=2.0)
        await until(has(bus, "movers", 3), "an entry")
    gap, *later = await stored_events(bus, "movers")
    assert isinstance(gap, EventGap)
    assert (gap.reason, gap.earlier_epoch, gap.sequence) == ("start", "", 1)
    assert told(later) == [("enter", "MSFT", 2), ("first", "MSFT", 2)]


async def test_of_a_removed_list_all_leave(bus: Bus, nats_server: NatsServer) -> None:
    movers = await list_named(bus, "movers")
    await list_named(bus, "winners")
    async with events_of(nats_server):
        await show(movers, AAPL=10.5)
        await until(has(bus, "movers", 2), "the entry")
        await movers.publisher.retire()
        await remove_list(bus, "movers")
        await until(has(bus, "movers", 3), "the exit")
        again = await list_named(bus, "movers")
        await show(again, AAPL=10.5)
        await until(has(bus, "movers", 5), "the entry into the new one")
    kinds = [(one.kind, one.reason) for one in await stored_events(bus, "movers") if isinstance(one, Event)]
    assert kinds[2] == ("leave", "removed")
    assert [kind for kind, _ in kinds] == ["enter", "first", "leave", "enter", "first"]


async def test_a_list_that_begins_anew(bus: Bus, nats_server: NatsServer) -> None:
    """Its stream was deleted: the new epoch is a gap, and who stayed did not leave."""
    movers = await list_named(bus, "movers")
    async with events_of(nats_server):
        await show(movers, AAPL=10.5, MSFT=2.0)
        await until(has(bus, "movers", 4), "the entries")
        await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
        await show(movers, AAPL=10.5, GME=5.0)
        await until(has(bus, "movers", 7), "the gap and its sum")
    gap, *later = (await stored_events(bus, "movers"))[4:]
    assert isinstance(gap, EventGap)
    assert (gap.reason, gap.epoch) == ("epoch", movers.publisher.epoch)
    assert [(kind, symbol) for kind, symbol, _ in told(later)] == [
        ("leave", "MSFT"),
        ("enter", "GME"),
        ("first", "GME"),
    ]
