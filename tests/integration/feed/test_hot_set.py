"""The feed's hot set by way of NATS: a command says when to read the value, and the value is what counts."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.fenced import FencedValue
from gapscan.bus.keyvalue import put
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import BusError, FencedError
from gapscan.feed import hot_set
from gapscan.feed.hot_set import CHECK_SECONDS, HotFollower
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import FeedCommand, HotSet
from gapscan.runtime import end
from gapscan.service.retrying import retrying
from tests.support.hot_set import Writer
from tests.support.nats import NatsServer
from tests.support.proxy import link_to
from tests.support.until import until

Changes = list[frozenset[str]]


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is read without a command, too, before a test's patience ends."""
    monkeypatch.setattr(hot_set, "CHECK_SECONDS", 0.1)


@pytest.fixture
def _never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but a command, or the link, makes it be read."""
    monkeypatch.setattr(hot_set, "CHECK_SECONDS", 600.0)


@asynccontextmanager
async def following(bus: Bus, tally: Tally | None = None) -> AsyncIterator[tuple[HotFollower, Changes]]:
    """A running follower, and the sets that it told of."""
    changes: Changes = []
    follower = HotFollower(bus, tally or Tally(logger("feed")), lambda symbols: changes.append(frozenset(symbols)))
    task = asyncio.create_task(follower.run())
    try:
        yield follower, changes
    finally:
        await end(task)


def agrees(follower: HotFollower, writer: Writer) -> Callable[[], bool]:
    return lambda: (follower.symbols, follower.sequence) == (writer.symbols, writer.sequence)


def is_back(bus: Bus, reconnects: int) -> bool:
    """Whether the link came back once more."""
    return bus.reconnects > reconnects


async def command_alone(bus: Bus, prev: int, *symbols: str, expects: bool = True) -> None:
    """A command of a writer that has not stored its set yet."""
    headers = {names.HEADER_EXPECTED_SEQUENCE: str(prev)} if expects else None
    await bus.js.publish(names.DEFAULT.feed_command, encode(FeedCommand("subscribe", list(symbols))), headers=headers)


async def store(bus: Bus, sequence: int, *symbols: str) -> None:
    await put(bus, names.DEFAULT.bucket_hot, names.HOT_KEY, encode(HotSet(sequence, 0, sorted(symbols))))


@pytest.mark.usefixtures("_never")
async def test_commands_are_followed_in_tens_of_milliseconds(bus: Bus) -> None:
    writer, took = Writer(bus), []
    async with following(bus) as (follower, changes):
        await writer.send("subscribe", "AAPL", "BRK.B", "BCpC")
        await until(agrees(follower, writer), "the start")
        for number in range(20):
            await writer.send("subscribe" if number % 2 == 0 else "unsubscribe", f"S{number // 2}", "AAPL")
            began = time.perf_counter()
            while not agrees(follower, writer)():
                await asyncio.sleep(0.001)
            took.append(time.perf_counter() - began)
        assert changes[-1] == {"BRK.B", "BCpC"}
        assert all(one != other for one, other in pairwise(changes))
    assert statistics.median(took) < 0.1


@pytest.mark.usefixtures("_never")
async def test_a_late_joiner_has_the_set_at_once(bus: Bus) -> None:
    writer = Writer(bus)
    for number in range(50):
        await writer.send("subscribe", f"S{number}")
    await writer.send("unsubscribe", "S3", "S40")
    async with following(bus) as (follower, changes):
        await until(agrees(follower, writer), "the same set")
        assert changes == [writer.symbols]
        await writer.send("subscribe", "LATER")
        await until(agrees(follower, writer), "the later command")


@pytest.mark.usefixtures("_never")
@pytest.mark.parametrize("expects", [True, False])
async def test_a_value_that_comes_after_its_commands_is_waited_for(bus: Bus, expects: bool) -> None:
    await store(bus, 0)
    tally = Tally(logger("feed"))
    async with following(bus, tally) as (follower, changes):
        for prev, symbol in enumerate("ABC"):
            await command_alone(bus, prev, symbol, expects=expects)
        await asyncio.sleep(0.3)
        assert not changes
        await store(bus, 3, *"ABC")
        await until(lambda: follower.symbols == {*"ABC"}, "the value")
        assert (follower.sequence, tally.counts["hot_set_behind"]) == (3, 0)


@pytest.mark.usefixtures("_often")
async def test_a_writer_that_died_before_it_stored_the_value(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(bus)
    await writer.send("subscribe", "A")

    async def die(_value: FencedValue, _payload: bytes) -> None:
        raise BusError("killed")

    tally = Tally(logger("feed"))
    async with following(bus, tally) as (follower, _):
        await until(agrees(follower, writer), "the same set")
        with monkeypatch.context() as broken:
            broken.setattr(FencedValue, "put", die)
            with pytest.raises(BusError):
                await writer.send("subscribe", "B")
        await until(lambda: tally.counts["hot_set_behind"], "the end of patience")
        assert follower.symbols == {"A"}
        again = Writer(bus)
        await again.recover()
        await until(agrees(follower, again), "what the next writer stored")
        assert follower.symbols == {"A", "B"}


@pytest.mark.usefixtures("_never")
async def test_a_command_that_the_stream_refused_changes_nothing(bus: Bus) -> None:
    writer, late = Writer(bus), Writer(bus)
    await late.recover()
    await writer.send("subscribe", "A")
    async with following(bus) as (follower, changes):
        await until(agrees(follower, writer), "the same set")
        with pytest.raises(FencedError):
            await late.send("subscribe", "X")
        await writer.send("subscribe", "B")
        await until(agrees(follower, writer), "the next command")
        assert changes == [{"A"}, {"A", "B"}]


@pytest.mark.usefixtures("_often")
async def test_a_value_that_is_deleted_or_unreadable_leaves_the_set_as_it_was(bus: Bus) -> None:
    writer = Writer(bus)
    await writer.send("subscribe", "A", "B")
    tally = Tally(logger("feed"))
    async with following(bus, tally) as (follower, changes):
        await until(agrees(follower, writer), "the same set")
        await (await bus.js.key_value(names.DEFAULT.bucket_hot)).delete(names.HOT_KEY)
        await asyncio.sleep(0.5)
        await put(bus, names.DEFAULT.bucket_hot, names.HOT_KEY, b"rubbish")
        await until(lambda: tally.counts["bad_hot_set"], "the rubbish")
        await bus.js.purge_stream(names.bucket_stream(names.DEFAULT.bucket_hot))
        await asyncio.sleep(0.5)
        assert (changes, follower.symbols) == ([{"A", "B"}], {"A", "B"})
        again = Writer(bus)
        await again.send("subscribe", "C")
        await until(agrees(follower, again), "the value")
        assert follower.symbols == {"A", "B", "C"}


async def test_a_value_that_only_another_reads_is_found_after_a_while(bus: Bus) -> None:
    """Nobody commands anything, and the real pause is waited for."""
    async with following(bus) as (follower, _):
        await asyncio.sleep(0.1)
        await store(bus, 7, "A")
        await until(lambda: follower.symbols == {"A"}, "the value", CHECK_SECONDS + 3)


async def test_the_durable_consumer_of_older_feeds_is_deleted(bus: Bus) -> None:
    await bus.js.pull_subscribe(names.DEFAULT.feed_command, durable="feed", stream=names.DEFAULT.stream_commands)
    writer = Writer(bus)
    await writer.send("subscribe", "A")
    async with following(bus) as (follower, _):
        await until(agrees(follower, writer), "the same set")
        assert (await bus.js.stream_info(names.DEFAULT.stream_commands)).state.consumer_count == 0


@pytest.mark.usefixtures("_never")
async def test_server_restarts(nats_server: NatsServer, bus: Bus) -> None:
    writer = Writer(bus)
    await writer.send("subscribe", "A")
    async with following(bus) as (follower, changes):
        await until(agrees(follower, writer), "the same set")
        for symbol in ("B", "C"):
            before = bus.reconnects
            await nats_server.restart(0.1)
            await until(partial(is_back, bus, before), "the link")
            await retrying("test", "commanding", partial(writer.send, "subscribe", symbol))
            await until(agrees(follower, writer), "the same set", 5)
        assert changes == [{"A"}, {"A", "B"}, {"A", "B", "C"}]


@pytest.mark.usefixtures("_never")
async def test_what_changed_while_the_link_was_away_is_read_on_its_return(nats_server: NatsServer) -> None:
    async with link_to(nats_server.port) as link, connect(BusOptions(nats_server.url), "manager") as far:
        await ensure_shared(far, Retention())
        writer = Writer(far)
        await writer.send("subscribe", "A")
        async with connect(BusOptions(f"nats://127.0.0.1:{link.port}"), "feed") as bus, following(bus) as (follower, _):
            await until(agrees(follower, writer), "the same set")
            await link.cut()
            await until(lambda: not bus.connected, "the loss of the link")
            await writer.send("subscribe", "B")
            await asyncio.sleep(0.3)
            assert follower.symbols == {"A"}
            await link.mend()
            await until(agrees(follower, writer), "the same set", 5)


@pytest.mark.usefixtures("_often")
async def test_nats_that_is_away_at_the_start_is_waited_for(nats_server: NatsServer, bus: Bus) -> None:
    writer = Writer(bus)
    await writer.send("subscribe", "A")
    nats_server.kill()
    await until(lambda: not bus.connected, "the loss of the link")
    tally = Tally(logger("feed"))
    async with following(bus, tally) as (follower, _):
        await until(lambda: tally.counts["hot_set_unavailable"], "a try")
        await asyncio.to_thread(nats_server.start)
        await until(agrees(follower, writer), "the same set")


@pytest.mark.usefixtures("_often")
async def test_server_that_lost_its_disk(tmp_path: Path, nats_server: NatsServer, bus: Bus) -> None:
    writer = Writer(bus)
    await writer.send("subscribe", "A", "B")
    await writer.send("subscribe", "X")
    async with following(bus) as (follower, _):
        await until(agrees(follower, writer), "the same set")
        before = bus.reconnects
        nats_server.kill()
        nats_server.data = tmp_path / "another"
        nats_server.start()
        await until(lambda: bus.reconnects > before, "the link")
        await retrying("test", "setting up streams", lambda: ensure_shared(bus, Retention()))
        assert follower.symbols == {"A", "B", "X"}
        fresh = Writer(bus)
        await fresh.send("subscribe", "C")
        await until(agrees(follower, fresh), "the new set")
        assert follower.symbols == {"C"}


@pytest.mark.usefixtures("_never")
async def test_a_command_stream_that_was_made_anew(bus: Bus) -> None:
    """Its sequences begin at 1 again, and the set in the bucket is of the old stream until it is stored again."""
    writer = Writer(bus)
    for number in range(20):
        await writer.send("subscribe", f"OLD{number}")
    async with following(bus) as (follower, changes):
        await until(agrees(follower, writer), "the same set")
        await bus.js.delete_stream(names.DEFAULT.stream_commands)
        await writer.send("subscribe", "NEW")
        await until(agrees(follower, writer), "the new set")
        assert follower.sequence < 5
        await writer.send("unsubscribe", "OLD3")
        await until(agrees(follower, writer), "the next command")
        assert all(one >= {"OLD1", "OLD19"} for one in changes)
