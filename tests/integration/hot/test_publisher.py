"""The hot set's writer against a real server: exact for whoever joins at any point, fenced, recoverable."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError

from gapscan.bus import hotset
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import Stored, get_from
from gapscan.bus.fenced import FencedValue
from gapscan.bus.hotset import HotPublisher, read_hot_set
from gapscan.bus.keyvalue import put
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import BusError, FencedError
from gapscan.lists.hot_set import obey
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import FeedCommand, HotSet
from tests.support.nats import NatsServer
from tests.support.until import until

SYMBOLS = [f"S{number}" for number in range(40)]


async def recovered(bus: Bus) -> HotPublisher:
    publisher = HotPublisher(bus)
    await publisher.recover(Retention())
    return publisher


async def stored_commands(bus: Bus, after: int = 0) -> list[Stored]:
    return await get_from(bus, names.DEFAULT.stream_commands, after + 1, 1000)


async def stored_set(bus: Bus) -> HotSet:
    found = await read_hot_set(bus)
    assert found is not None
    return found


def joined(value: HotSet, commands: list[Stored]) -> set[str]:
    """What a reader has that took `value`, then obeyed the commands after it."""
    held = set(value.symbols)
    for number, stored in enumerate((c for c in commands if c.sequence > value.sequence), value.sequence + 1):
        assert stored.sequence == number
        obey(held, decode_as(FeedCommand, stored.data))
    return held


async def lose_answers(bus: Bus, monkeypatch: pytest.MonkeyPatch, subject: str) -> None:
    """Publishes on `subject` are stored, and their acknowledgements lost."""
    really_publish = bus.js.publish

    async def publish(to: str, *args: object, **kwargs: object) -> object:
        if to != subject:
            return await really_publish(to, *args, **kwargs)
        with suppress(APIError):  # a refusal is an answer, too
            await really_publish(to, *args, **kwargs)
        raise NatsTimeoutError

    monkeypatch.setattr(bus.js, "publish", publish)


async def test_exact_for_a_late_joiner_at_every_point(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotset, "BATCH", 7)
    dice, publisher = random.Random(3), await recovered(bus)
    values = [await stored_set(bus)]
    truth: dict[int, set[str]] = {0: set()}
    for step in range(25):
        wanted = set(dice.sample(SYMBOLS, dice.randint(0, len(SYMBOLS))))
        await publisher.publish(wanted, step)
        truth[publisher.sequence] = wanted
        values.append(await stored_set(bus))
    commands = await stored_commands(bus)
    assert [stored.sequence for stored in commands] == list(range(1, publisher.sequence + 1))
    assert len(commands) > 40  # of several batches each
    for value in values:
        assert set(value.symbols) == truth[value.sequence]
        assert value.symbols == sorted(value.symbols)
        for sequence in truth:
            if sequence >= value.sequence:
                assert joined(value, commands[:sequence]) == truth[sequence]


async def test_nothing_is_sent_for_nothing(bus: Bus) -> None:
    publisher = await recovered(bus)
    assert await publisher.publish({"A", "B"}, 1)
    assert not await publisher.publish({"A", "B"}, 2)
    assert (await stored_set(bus), len(await stored_commands(bus))) == (HotSet(1, 1, ["A", "B"]), 1)


async def test_a_restarted_writer_continues_and_writes_nothing(bus: Bus) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A", "B"}, 1)
    await publisher.publish({"B", "C"}, 2)
    again = await recovered(bus)
    assert (again.sequence, again.symbols, again.as_of) == (3, {"B", "C"}, 2)
    assert len(await stored_commands(bus)) == 3
    assert not await again.publish({"B", "C"}, 3)
    await again.publish({"C"}, 4)
    assert again.sequence == 4


async def test_a_writer_that_died_before_it_stored_the_set(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A", "B"}, 1)

    async def die(_value: FencedValue, _payload: bytes) -> None:
        raise BusError("killed")

    monkeypatch.setattr(FencedValue, "put", die)
    with pytest.raises(BusError):
        await publisher.publish({"B", "C"}, 2)
    monkeypatch.undo()
    assert joined(await stored_set(bus), await stored_commands(bus)) == {"B", "C"}
    again = await recovered(bus)
    assert (again.sequence, again.symbols) == (3, {"B", "C"})
    assert (await stored_set(bus)).sequence == 3


async def test_a_second_writer_is_fenced_off(bus: Bus) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A"}, 1)
    other = await recovered(bus)
    await other.publish({"A", "B"}, 2)
    with pytest.raises(FencedError, match="another writer publishes commands to the feed"):
        await publisher.publish({"C"}, 3)
    assert joined(await stored_set(bus), await stored_commands(bus)) == {"A", "B"}


async def test_another_writers_set_is_not_overwritten(bus: Bus) -> None:
    publisher = await recovered(bus)
    await put(bus, names.DEFAULT.bucket_hot, names.HOT_KEY, b"theirs")
    with pytest.raises(FencedError, match="another writer stores the hot set"):
        await publisher.publish({"A"}, 1)


async def test_a_lost_acknowledgement_of_a_command_is_adopted(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A"}, 1)
    await lose_answers(bus, monkeypatch, names.DEFAULT.feed_command)
    with pytest.raises(BusError):
        await publisher.publish({"A", "B"}, 2)
    monkeypatch.undo()
    assert (publisher.sequence, publisher.symbols) == (1, {"A"})
    await publisher.publish({"A", "C"}, 3)
    commands = [decode_as(FeedCommand, stored.data) for stored in await stored_commands(bus)]
    assert commands[1:] == [
        FeedCommand("subscribe", ["B"]),
        FeedCommand("unsubscribe", ["B"]),
        FeedCommand("subscribe", ["C"]),
    ]
    assert await stored_set(bus) == HotSet(4, 3, ["A", "C"])


async def test_it_is_adopted_without_the_servers_memory_of_ids(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    info = await bus.js.stream_info(names.DEFAULT.stream_commands)
    info.config.duplicate_window = 0.1
    await bus.js.update_stream(info.config)
    publisher = await recovered(bus)
    await lose_answers(bus, monkeypatch, names.DEFAULT.feed_command)
    with pytest.raises(BusError):
        await publisher.publish({"A"}, 1)
    monkeypatch.undo()
    await asyncio.sleep(1)  # ten times as long as the server remembers ids
    await publisher.publish({"A", "B"}, 2)
    assert (publisher.adopted, publisher.sequence, len(await stored_commands(bus))) == (1, 2, 2)


async def test_a_lost_acknowledgement_of_the_set_is_no_other_writers(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = await recovered(bus)
    await lose_answers(bus, monkeypatch, f"$KV.{names.DEFAULT.bucket_hot}.{names.HOT_KEY}")
    for symbols in ({"A"}, {"A", "B"}):
        with pytest.raises(BusError):
            await publisher.publish(symbols, 1)
    monkeypatch.undo()
    assert not await publisher.publish({"A", "B"}, 2)
    assert await stored_set(bus) == HotSet(2, 1, ["A", "B"])


async def test_a_stream_that_is_behind_the_set_gets_all_of_it_again(bus: Bus) -> None:
    publisher = await recovered(bus)
    for number in range(5):
        await publisher.publish({"A", f"S{number}"}, number)
    await bus.js.delete_stream(names.DEFAULT.stream_commands)
    again = await recovered(bus)
    assert again.symbols == {"A", "S4"}
    value, commands = await stored_set(bus), await stored_commands(bus)
    assert (value.sequence, set(value.symbols)) == (1, {"A", "S4"})
    assert decode_as(FeedCommand, commands[0].data) == FeedCommand("subscribe", ["A", "S4"])


@pytest.mark.parametrize("value", [None, b"rubbish"])
async def test_without_the_set_the_commands_alone_give_it(bus: Bus, value: bytes | None) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A", "B"}, 1)
    await publisher.publish({"B", "C"}, 2)
    if value is None:
        await bus.js.purge_stream(f"KV_{names.DEFAULT.bucket_hot}")
    else:
        await put(bus, names.DEFAULT.bucket_hot, names.HOT_KEY, value)
    again = await recovered(bus)
    assert (again.sequence, again.symbols) == (3, {"B", "C"})
    assert (await stored_set(bus)).symbols == ["B", "C"]


async def test_commands_trimmed_before_the_set_was_stored_are_made_good(bus: Bus) -> None:
    publisher = await recovered(bus)
    early = (
        await bus.js.get_last_msg(f"KV_{names.DEFAULT.bucket_hot}", f"$KV.{names.DEFAULT.bucket_hot}.{names.HOT_KEY}")
    ).data
    for number in range(5):
        await publisher.publish({"A", f"S{number}"}, number)
    assert early is not None
    await put(bus, names.DEFAULT.bucket_hot, names.HOT_KEY, early)
    await bus.js.purge_stream(names.DEFAULT.stream_commands, seq=publisher.sequence)
    again = await recovered(bus)
    assert again.sequence == publisher.sequence + 1
    value, commands = await stored_set(bus), await stored_commands(bus)
    assert joined(value, commands) == again.symbols
    assert decode_as(FeedCommand, commands[-1].data).symbols == sorted(again.symbols)


async def test_trimmed_commands_that_the_set_holds_are_not_missed(bus: Bus) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A", "B"}, 1)
    await bus.js.purge_stream(names.DEFAULT.stream_commands)
    again = await recovered(bus)
    assert (again.sequence, again.symbols) == (1, {"A", "B"})
    await again.publish({"B"}, 2)
    assert joined(await stored_set(bus), await stored_commands(bus)) == {"B"}


async def test_a_server_that_is_away_loses_nothing(nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "writer") as bus:
        await ensure_shared(bus, Retention())
        publisher = await recovered(bus)
        await publisher.publish({"A"}, 1)
        nats_server.kill()
        await until(lambda: not bus.connected, "the loss of the link")
        with pytest.raises(BusError):
            await publisher.publish({"B"}, 2)
        await asyncio.to_thread(nats_server.start)
        await until(lambda: bus.connected, "the link")
        await publisher.publish({"B", "C"}, 3)
        assert joined(await stored_set(bus), await stored_commands(bus)) == {"B", "C"}
        assert joined(HotSet(0, 0, []), await stored_commands(bus)) == {"B", "C"}


async def test_commands_that_are_deleted_while_published_begin_anew(bus: Bus) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A", "B"}, 1)
    await bus.js.delete_stream(names.DEFAULT.stream_commands)
    await publisher.publish({"B", "C"}, 2)
    assert publisher.symbols == {"B", "C"}
    value = await stored_set(bus)
    assert (set(value.symbols), value.sequence) == ({"B", "C"}, publisher.sequence)
    assert joined(HotSet(0, 0, []), await stored_commands(bus)) == {"B", "C"}


async def test_a_failure_while_beginning_anew_is_no_other_writer(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A", "B"}, 1)
    await publisher.publish({"A", "B", "C"}, 2)
    await bus.js.delete_stream(names.DEFAULT.stream_commands)

    async def fail(_value: FencedValue) -> None:
        raise BusError("no answer")

    with monkeypatch.context() as broken:
        broken.setattr(FencedValue, "read", fail)
        with pytest.raises(BusError, match="no answer"):
            await publisher.publish({"B", "D"}, 3)
    assert await publisher.publish({"B", "D"}, 4)
    assert joined(HotSet(0, 0, []), await stored_commands(bus)) == publisher.symbols == {"B", "D"}


async def test_a_stream_that_is_gone_is_noticed_while_others_listen_for_commands(bus: Bus) -> None:
    """The server cannot say then that nobody takes the command: the feed hears it."""

    async def hear(_message: Msg) -> None:
        pass

    await bus.nc.subscribe(names.DEFAULT.feed_command, cb=hear)
    publisher = await recovered(bus)
    await publisher.publish({"A"}, 1)
    await bus.js.delete_stream(names.DEFAULT.stream_commands)
    with pytest.raises(NatsTimeoutError):
        await bus.js.publish(names.DEFAULT.feed_command, b"", timeout=0.5)  # no "no responders"
    assert await publisher.publish({"A", "B"}, 2)
    assert await stored_set(bus) == HotSet(2, 2, ["A", "B"])


async def test_a_set_that_somebody_deleted_is_stored_again(bus: Bus) -> None:
    publisher = await recovered(bus)
    await publisher.publish({"A"}, 1)
    await publisher.restore()
    revision = (await bus.js.stream_info(f"KV_{names.DEFAULT.bucket_hot}")).state.last_seq
    for _ in range(2):
        await (await bus.js.key_value(names.DEFAULT.bucket_hot)).delete(names.HOT_KEY)
        assert await read_hot_set(bus) is None
        await publisher.restore()
        assert await stored_set(bus) == HotSet(1, 1, ["A"])
    assert (await bus.js.stream_info(f"KV_{names.DEFAULT.bucket_hot}")).state.last_seq == revision + 4
    await put(bus, names.DEFAULT.bucket_hot, names.HOT_KEY, b"theirs")
    with pytest.raises(FencedError, match="another writer stores the hot set"):
        await publisher.restore()
