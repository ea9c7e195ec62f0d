"""The hot set by way of NATS: bucket plus commands, acknowledged when applied, exact for late joiners and restarts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from nats.js.errors import NotFoundError

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.keyvalue import put
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.feed.hot_set import DURABLE, HotFollower
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import FeedCommand, HotSet
from gapscan.runtime import end
from gapscan.service.common import retrying
from tests.support.until import until


class Writer:
    """Stands in for the hot manager."""

    def __init__(self, bus):
        self.bus = bus
        self.symbols = set()
        self.sequence = 0

    async def send(self, action, *symbols):
        command = FeedCommand(action, list(symbols))
        ack = await self.bus.js.publish(names.FEED_COMMAND, encode(command))
        self.sequence = ack.seq
        (self.symbols.update if action == "subscribe" else self.symbols.difference_update)(symbols)

    async def store(self):
        hot = HotSet(self.sequence, 0, sorted(self.symbols))
        await put(self.bus, names.BUCKET_HOT, names.HOT_KEY, encode(hot))


@asynccontextmanager
async def following(bus):
    """A running follower; `changes` is what it told."""
    follower = HotFollower(bus, Tally(logger("feed")), lambda symbols: follower.changes.append(frozenset(symbols)))
    follower.changes = []
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        await end(task)


def agrees(follower, writer):
    """Whether the follower has told the writer's set, and knows that it is at the writer's sequence."""
    return lambda: follower.changes[-1:] == [frozenset(writer.symbols)] and follower.copy.sequence == writer.sequence


@pytest.fixture
async def bus(nats_server):
    async with connect(BusOptions(nats_server.url), "test") as bus:
        await ensure_shared(bus, Retention())
        yield bus


async def pending(bus):
    """Commands that are not acknowledged; none of them is while nobody follows yet."""
    try:
        info = await bus.js.consumer_info(names.STREAM_COMMANDS, DURABLE)
    except NotFoundError:
        return (await bus.js.stream_info(names.STREAM_COMMANDS)).state.messages
    return info.num_ack_pending + info.num_pending


async def test_commands_are_applied_and_acknowledged(bus):
    writer = Writer(bus)
    async with following(bus) as follower:
        await writer.send("subscribe", "AAPL", "BRK.B", "BCpC")
        await writer.send("unsubscribe", "AAPL", "NEVER")
        await until(agrees(follower, writer), "the same set")
        assert follower.changes[-1] == {"BRK.B", "BCpC"}
        while await pending(bus):
            await asyncio.sleep(0.01)


async def test_late_joiner_has_the_set_and_what_came_after_it(bus):
    writer = Writer(bus)
    for number in range(50):
        await writer.send("subscribe", f"S{number}")
        if number == 30:
            await writer.store()
    await writer.send("unsubscribe", "S3", "S40")
    async with following(bus) as follower:
        await until(agrees(follower, writer), "the same set")
        assert follower.changes[0] == writer.symbols  # never anything in between
        await writer.send("subscribe", "LATER")
        await until(agrees(follower, writer), "the later command")


async def test_restart_with_a_bucket_older_than_what_was_acknowledged(bus):
    writer = Writer(bus)
    await writer.store()
    async with following(bus) as follower:
        await writer.send("subscribe", "A", "B")
        await until(agrees(follower, writer), "the same set")
        while await pending(bus):
            await asyncio.sleep(0.01)
    await writer.send("subscribe", "C")
    async with following(bus) as follower:
        await until(agrees(follower, writer), "the same set")
        assert follower.copy.symbols == {"A", "B", "C"}
        assert follower.changes[0] == {"A", "B", "C"}


async def test_commands_from_before_the_first_store(bus):
    writer = Writer(bus)
    await writer.send("subscribe", "A")
    await writer.send("subscribe", "B")
    async with following(bus) as follower:
        await until(agrees(follower, writer), "the same set")


async def test_redelivered_commands_change_nothing(bus):
    writer = Writer(bus)
    async with following(bus) as follower:
        await until(lambda: follower.changes, "the start")
        await writer.send("subscribe", "A")
        await writer.send("unsubscribe", "A")
        await until(agrees(follower, writer), "the same set")
        while await pending(bus):
            await asyncio.sleep(0.01)
    await bus.js.delete_consumer(names.STREAM_COMMANDS, DURABLE)
    await bus.js.pull_subscribe(names.FEED_COMMAND, durable=DURABLE, stream=names.STREAM_COMMANDS)  # all from the start
    async with following(bus) as follower:
        await until(agrees(follower, writer), "the same set")
        await until(lambda: follower._tally.counts["commands_again"] == 2, "redelivery")
        assert set(follower.changes) == {frozenset()}


async def test_a_command_that_cannot_be_read_does_not_stop_the_others(bus):
    writer = Writer(bus)
    await writer.store()
    async with following(bus) as follower:
        await writer.send("subscribe", "A")
        await bus.js.publish(names.FEED_COMMAND, b"rubbish")
        await writer.send("subscribe", "B")
        await until(agrees(follower, writer), "the same set")
        assert follower._tally.counts["bad_commands"] >= 1


async def test_a_hole_is_filled_from_the_stream(bus):
    writer = Writer(bus)
    await writer.store()
    async with following(bus) as follower:
        await until(lambda: follower.changes, "the start")
        await writer.send("subscribe", "A")
        await until(agrees(follower, writer), "the same set")
        follower.copy.sequence -= 1  # as if the next one had been taken by another reader
        follower.copy.symbols.clear()
        await writer.send("subscribe", "B")
        await until(agrees(follower, writer), "the same set")
        assert follower._tally.counts["command_holes"] == 1


async def test_trimmed_commands_wait_for_a_newer_set(bus, monkeypatch):
    monkeypatch.setattr("gapscan.feed.hot_set._RELOAD_SECONDS", 0.2)
    writer = Writer(bus)
    await writer.store()
    await writer.send("subscribe", "A")
    await writer.send("subscribe", "B")
    await bus.js.purge_stream(names.STREAM_COMMANDS, keep=1)
    async with following(bus) as follower:
        await until(lambda: follower.copy.symbols == {"B"}, "what there is")
        await writer.store()
        await until(agrees(follower, writer), "the whole set")


async def test_server_restart(nats_server, bus):
    writer = Writer(bus)
    await writer.store()
    async with following(bus) as follower:
        await writer.send("subscribe", "A")
        await until(agrees(follower, writer), "the same set")
        for restarts, symbol in enumerate(("B", "C"), 1):
            await nats_server.restart(0.1)
            await until(lambda restarts=restarts: bus.reconnects == restarts, "the link")
            await writer.send("subscribe", symbol)
            await until(agrees(follower, writer), "the same set", 5)
        assert not any(later < earlier for earlier, later in zip(follower.changes, follower.changes[1:], strict=False))


async def test_server_that_lost_its_disk(tmp_path, nats_server, bus):
    writer = Writer(bus)
    await writer.send("subscribe", "A", "B")
    await writer.store()
    async with following(bus) as follower:
        await until(agrees(follower, writer), "the same set")
        before = bus.reconnects
        nats_server.kill()
        nats_server.data = tmp_path / "another"
        nats_server.start()
        await until(lambda: bus.reconnects > before, "the link")
        await retrying("test", "setting up streams", lambda: ensure_shared(bus, Retention()))
        assert follower.copy.symbols == {"A", "B"}
        fresh = Writer(bus)
        await fresh.send("subscribe", "C")
        await fresh.store()
        await until(agrees(follower, fresh), "the new set")


async def test_a_command_stream_that_was_made_anew_is_followed_from_its_beginning(bus):
    """The stored set is of the old stream until the hot manager stores it again, with a smaller sequence."""
    writer = Writer(bus)
    for number in range(20):
        await writer.send("subscribe", f"OLD{number}")
    await writer.store()
    async with following(bus) as follower:
        await until(agrees(follower, writer), "the same set")
        await bus.js.delete_stream(names.STREAM_COMMANDS)
        await ensure_shared(bus, Retention())
        fresh = Writer(bus)
        fresh.symbols |= writer.symbols
        await fresh.send("subscribe", "NEW")
        await until(lambda: follower._tally.counts["hot_set_unavailable"], "a look at the new stream")
        assert follower.copy.symbols >= writer.symbols
        await fresh.store()
        await fresh.send("unsubscribe", "OLD3")
        await until(agrees(follower, fresh), "the new set")


async def test_a_set_of_before_the_streams_loss_is_taken_for_the_time_being_only(bus, monkeypatch):
    """The new stream has passed the old set's sequence before the hot manager stores its set again."""
    monkeypatch.setattr("gapscan.feed.hot_set._RELOAD_SECONDS", 0.2)
    writer = Writer(bus)
    await writer.send("subscribe", "A", "GONE")
    await writer.store()
    async with following(bus) as follower:
        await until(agrees(follower, writer), "the same set")
        await bus.js.delete_stream(names.STREAM_COMMANDS)
        await ensure_shared(bus, Retention())
        fresh = Writer(bus)
        await fresh.send("subscribe", "A")
        await fresh.send("subscribe", "B")
        await until(lambda: follower.copy.sequence == fresh.sequence, "the new stream's end")
        await fresh.store()
        await until(agrees(follower, fresh), "the new set")
