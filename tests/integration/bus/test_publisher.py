"""The publisher against a real server: fenced, recoverable, never twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import api
from nats.js.errors import APIError, NoStreamResponseError

from gapscan.bus import keyvalue
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_definitions, write_definition
from gapscan.bus.direct_get import Stored, get_at, get_from, get_last
from gapscan.bus.keyvalue import put
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.snapshots import read_snapshot, snapshot_names
from gapscan.bus.topology import Retention, ensure_list, ensure_shared, list_names
from gapscan.errors import BusError, FencedError, StreamLostError, TopologyError
from gapscan.lists.state import unranked
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.ranking.spec import shipped_lists
from tests.support.lists import Published, publish_list, some_rows
from tests.support.nats import NatsServer
from tests.support.until import until


async def recovered(bus: Bus, name: str = "movers") -> ListPublisher:
    publisher = ListPublisher(bus, name)
    await publisher.recover(Retention())
    return publisher


async def test_sequences_are_contiguous_and_nothing_is_sent_for_nothing(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(20)
    before = published.publisher.sequence
    assert not await published.publisher.publish(published.publisher.rows, 99)
    assert published.publisher.sequence == before
    stored = await get_from(bus, names.DEFAULT.list_stream("movers"), 1, 1000)
    assert [message.sequence for message in stored] == list(range(1, before + 1))
    assert [decode_as(Delta, message.data).prev for message in stored] == list(range(before))


async def test_an_emptied_list_publishes_its_removals(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.publisher.publish([Row(symbol="A"), Row(symbol="B")], 1)
    await published.publisher.publish([], 2)
    stored = await get_at(bus, names.DEFAULT.list_stream("movers"), 2)
    assert stored is not None
    delta = decode_as(Delta, stored.data)
    assert [change.symbol for change in delta.changes] == ["A", "B"]
    assert (delta.size, delta.checksum) == (0, 0)


async def test_a_restarted_writer_continues(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(6)
    await published.publisher.write_snapshot(True)
    await published.step(6)
    again = await recovered(bus)
    assert (again.epoch, again.sequence) == (published.publisher.epoch, 12)
    assert list(again.rows) == published.truth[12]
    await again.publish(some_rows(random.Random(8)), 1)
    assert again.sequence == 13


async def test_a_second_writer_is_fenced_off(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(3)
    other = await recovered(bus)
    await other.publish(some_rows(random.Random(8)), 1)
    with pytest.raises(FencedError, match="another writer publishes list movers"):
        await published.step(1)
    stored = await get_from(bus, names.DEFAULT.list_stream("movers"), 1, 100)
    assert len(stored) == 4


async def test_a_lost_acknowledgement_is_adopted(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is stored, its acknowledgement lost: the next publish goes on from it, and stores it once."""
    published = await publish_list(bus, "movers")
    await published.step(2)
    really_publish = bus.js.publish

    async def lose_the_answer(*args: object, **kwargs: object) -> None:
        with suppress(APIError):  # a refusal is an answer, too
            await really_publish(*args, **kwargs)  # type: ignore[arg-type]
        raise NatsTimeoutError

    lost = [Row(symbol="LOST")]
    monkeypatch.setattr(bus.js, "publish", lose_the_answer)
    with pytest.raises(BusError):
        await published.publisher.publish(lost, 3)
    monkeypatch.undo()
    assert published.publisher.sequence == 2
    await published.publisher.publish([Row(symbol="LOST"), Row(symbol="NEXT")], 4)
    stored = await get_from(bus, names.DEFAULT.list_stream("movers"), 1, 100)
    assert [message.sequence for message in stored] == [1, 2, 3, 4]
    assert [change.symbol for change in decode_as(Delta, stored[3].data).changes] == ["NEXT"]


async def test_a_lost_acknowledgement_is_asked_for_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same call, and the message is stored once."""
    published = await publish_list(bus, "movers")
    really_publish, calls = bus.js.publish, 0

    async def lose_every_other_answer(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        answer = await really_publish(*args, **kwargs)  # type: ignore[arg-type]
        if calls % 2:
            raise NatsTimeoutError
        return answer

    monkeypatch.setattr(bus.js, "publish", lose_every_other_answer)
    await published.step(5)
    stored = await get_from(bus, names.DEFAULT.list_stream("movers"), 1, 100)
    assert [message.sequence for message in stored] == [1, 2, 3, 4, 5]
    assert (calls, published.publisher.sequence) == (10, 5)


async def test_a_lost_acknowledgement_is_adopted_without_the_servers_memory_of_ids(nats_server: NatsServer) -> None:
    """After the duplicate window the server refuses the sequence instead; the stored id tells whose it is."""
    async with connect(BusOptions(nats_server.url), "writer") as bus:
        await ensure_shared(bus, Retention())
        publisher = ListPublisher(bus, "movers")
        await publisher.recover(Retention(max_age_seconds=0.2))  # the duplicate window is no longer than that
        really_publish, calls = bus.js.publish, 0

        async def lose_the_first_answer(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            answer = await really_publish(*args, **kwargs)  # type: ignore[arg-type]
            if calls == 1:
                await asyncio.sleep(0.5)
                raise NatsTimeoutError
            return answer

        bus.js.publish = lose_the_first_answer  # type: ignore[method-assign,assignment]
        await publisher.publish([Row(symbol="A")], 1)
        assert publisher.adopted == 1
        await publisher.publish([Row(symbol="A"), Row(symbol="B")], 2)
        assert publisher.sequence == 2


async def test_a_server_that_is_away_loses_nothing(nats_server: NatsServer) -> None:
    async with connect(BusOptions(nats_server.url), "writer") as bus:
        published = await publish_list(bus, "movers")
        await published.step(5)
        nats_server.kill()
        await until(lambda: not bus.connected, "the loss of the link")
        rows = some_rows(random.Random(4))
        with pytest.raises(BusError):
            await published.publisher.publish(rows, 6)
        await asyncio.to_thread(nats_server.start)
        await until(lambda: bus.connected, "the link")
        await published.publisher.publish(rows, 6)
        stored = await get_from(bus, names.DEFAULT.list_stream("movers"), 1, 100)
        assert [message.sequence for message in stored] == list(range(1, published.publisher.sequence + 1))
        assert list(published.publisher.rows) == rows


async def test_a_stream_that_is_behind_its_snapshot_begins_a_new_epoch(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(9)
    await published.publisher.write_snapshot(False)
    await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
    again = await recovered(bus)
    assert again.epoch != published.publisher.epoch
    assert (again.sequence, list(again.rows), again.as_of) == (0, published.truth[9], published.publisher.as_of)
    snapshot = await read_snapshot(bus, "movers")
    assert snapshot is not None
    assert (snapshot.epoch, snapshot.sequence, unranked(snapshot)) == (again.epoch, 0, published.truth[9])


async def test_a_stream_that_is_deleted_while_published_is_made_anew(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    publisher = published.publisher
    await published.step(9)
    await publisher.write_snapshot(True)
    epoch, rows = publisher.epoch, some_rows(random.Random(1))
    await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
    assert await publisher.publish(rows, 7)
    assert publisher.epoch != epoch
    assert (publisher.sequence, list(publisher.rows)) == (1, rows)
    snapshot = await read_snapshot(bus, "movers")
    assert snapshot is not None
    assert (snapshot.epoch, snapshot.sequence, snapshot.simulated) == (publisher.epoch, 1, True)
    assert unranked(snapshot) == rows
    again = await recovered(bus)
    assert (again.epoch, again.sequence, list(again.rows)) == (publisher.epoch, 1, rows)


async def test_a_stream_that_another_writer_made_anew_is_not_taken(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(3)
    await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
    await recovered(bus)
    with pytest.raises(FencedError):
        await published.publisher.publish([Row(symbol="MINE")], 8)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes that many reads of a stored snapshot fail, as those do that NATS does not answer in time."""

    def fail(times: int) -> None:
        left = iter(range(times))

        async def read(*args: Any) -> Stored | None:
            if next(left, None) is not None:
                raise BusError("NATS did not answer in time")
            return await get_last(*args)

        monkeypatch.setattr(keyvalue, "leader_last", read)

    return fail


async def lost_list(bus: Bus, steps: int = 9) -> ListPublisher:
    """A list with rows whose stream was deleted."""
    published = await publish_list(bus, "movers")
    await published.step(steps)
    await published.publisher.write_snapshot(False)
    await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
    return published.publisher


async def check_stored(bus: Bus, publisher: ListPublisher, rows: Sequence[Row]) -> None:
    """The publisher, the snapshot, and what a next writer recovers, are all the same."""
    assert list(publisher.rows) == list(rows)
    await publisher.write_snapshot(False)
    snapshot = await read_snapshot(bus, publisher.name)
    assert snapshot is not None
    assert (snapshot.epoch, snapshot.sequence) == (publisher.epoch, publisher.sequence)
    assert unranked(snapshot) == list(rows)
    again = await recovered(bus)
    assert (again.epoch, again.sequence, list(again.rows)) == (publisher.epoch, publisher.sequence, list(rows))


@pytest.mark.parametrize("then", ["renew", "publish the same", "publish others"])
async def test_a_stream_whose_making_anew_was_cut_short_is_begun_again(
    bus: Bus, unread: Callable[[int], None], then: str
) -> None:
    """The stream is there again, but empty: what the dead one held is not what it holds."""
    publisher = await lost_list(bus)
    epoch, rows = publisher.epoch, publisher.rows
    unread(1)
    with pytest.raises(BusError, match="did not answer"):
        await publisher.renew()
    assert publisher.unsettled
    if then == "renew":
        await publisher.renew()
    else:
        rows = rows if then == "publish the same" else some_rows(random.Random(3))
        assert await publisher.publish(rows, 9)
    assert not publisher.unsettled
    assert publisher.epoch != epoch
    await check_stored(bus, publisher, rows)
    await publisher.publish(some_rows(random.Random(5)), 10)
    await check_stored(bus, publisher, some_rows(random.Random(5)))


async def test_a_publish_whose_making_anew_was_cut_short_is_repeated(bus: Bus, unread: Callable[[int], None]) -> None:
    publisher = await lost_list(bus)
    rows = some_rows(random.Random(3))
    unread(2)
    for _ in range(2):
        with pytest.raises(BusError, match="did not answer"):
            await publisher.publish(rows, 9)
    assert await publisher.publish(rows, 9)
    await check_stored(bus, publisher, rows)


async def test_a_stream_whose_first_delta_failed_begins_with_it(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then its snapshot is the old one: nobody is shown the list empty."""
    publisher = await lost_list(bus)
    rows, before = publisher.rows, await read_snapshot(bus, "movers")
    really_publish = bus.js.publish

    async def publish(subject: str, *args: Any, **kwargs: Any) -> api.PubAck:
        if subject == names.DEFAULT.delta_subject("movers"):
            raise NatsTimeoutError
        return await really_publish(subject, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(bus.js, "publish", publish)
        with pytest.raises(BusError):
            await publisher.renew()
        assert not await publisher.write_snapshot(False)
        assert await read_snapshot(bus, "movers") == before
    await publisher.renew()
    await check_stored(bus, publisher, rows)


async def test_no_snapshot_is_stored_while_a_stream_is_made_anew(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = await lost_list(bus)
    rows, before = publisher.rows, await read_snapshot(bus, "movers")
    really_publish = bus.js.publish
    meanwhile: list[Snapshot | None] = []

    async def publish(subject: str, *args: Any, **kwargs: Any) -> api.PubAck:
        if subject == names.DEFAULT.delta_subject("movers"):
            assert not await publisher.write_snapshot(False)
            meanwhile.append(await read_snapshot(bus, "movers"))
        return await really_publish(subject, *args, **kwargs)

    monkeypatch.setattr(bus.js, "publish", publish)
    await publisher.renew()
    assert meanwhile == [before]
    await check_stored(bus, publisher, rows)


async def test_a_stream_that_another_writer_made_anew_is_not_renewed(bus: Bus, unread: Callable[[int], None]) -> None:
    publisher = await lost_list(bus)
    unread(1)
    with pytest.raises(BusError, match="did not answer"):
        await publisher.renew()
    other = await recovered(bus)
    await other.publish([Row(symbol="OTHERS")], 8)
    with pytest.raises(FencedError):
        await publisher.renew()
    await other.publish([Row(symbol="OTHERS"), Row(symbol="NEXT")], 9)


async def test_a_retired_list_is_not_begun_again(bus: Bus, unread: Callable[[int], None]) -> None:
    publisher = await lost_list(bus)
    unread(1)
    with pytest.raises(BusError, match="did not answer"):
        await publisher.renew()
    await publisher.retire()
    await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
    with pytest.raises(StreamLostError):
        await publisher.publish(some_rows(random.Random(3)), 9)
    await publisher.renew()
    assert await list_names(bus) == set()


async def test_a_stream_that_nobody_answers_for_is_not_made_anew(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while a cluster chooses a leader."""
    published = await publish_list(bus, "movers")
    await published.step(3)
    epoch, sequence = published.publisher.epoch, published.publisher.sequence

    async def publish(*args: object, **kwargs: object) -> None:
        raise NoStreamResponseError

    with monkeypatch.context() as patch:
        patch.setattr(bus.js, "publish", publish)
        with pytest.raises(BusError) as raised:
            await published.publisher.publish([Row(symbol="NEXT")], 8)
    assert raised.value.retry
    assert not isinstance(raised.value, StreamLostError)
    await published.publisher.publish([Row(symbol="NEXT")], 8)
    assert list(published.publisher.rows) == [Row(symbol="NEXT")]
    assert (published.publisher.epoch, published.publisher.sequence) == (epoch, sequence + 1)


async def test_a_gap_between_snapshot_and_stream_begins_a_new_epoch(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(9)
    await bus.js.purge_stream(names.DEFAULT.list_stream("movers"), seq=5)
    again = await recovered(bus)
    assert again.epoch != published.publisher.epoch
    assert again.sequence == 9


KEPT = Retention(max_age_seconds=0.5)


async def test_deltas_that_no_snapshot_has_outlive_their_age(bus: Bus) -> None:
    """A writer that died is away for longer than deltas are kept, and goes on in the same epoch."""
    published = await publish_list(bus, "movers", KEPT)
    await published.step(4)
    await published.publisher.write_snapshot(False)
    await published.step(5)
    await asyncio.sleep(3 * KEPT.max_age_seconds)
    again = ListPublisher(bus, "movers")
    await again.recover(KEPT)
    assert (again.epoch, again.sequence) == (published.publisher.epoch, 9)
    assert list(again.rows) == published.truth[9]


async def test_old_deltas_are_dropped_when_a_snapshot_has_them(bus: Bus) -> None:
    published = await publish_list(bus, "movers", KEPT)
    publisher = published.publisher
    await published.step(4)
    await publisher.trim()
    await publisher.write_snapshot(False)
    await published.step(3)
    assert await stored_sequences(bus) == list(range(1, 8)), "nothing is old yet"
    await asyncio.sleep(1.2 * KEPT.max_age_seconds)
    await publisher.trim()
    assert await stored_sequences(bus) == [5, 6, 7], "those after the snapshot are kept, whatever their age"
    await publisher.write_snapshot(False)
    await asyncio.sleep(1.2 * KEPT.max_age_seconds)
    await publisher.trim()
    assert await stored_sequences(bus) == []
    again = ListPublisher(bus, "movers")
    await again.recover(KEPT)
    assert (again.epoch, again.sequence, list(again.rows)) == (publisher.epoch, 7, published.truth[7])
    await published.step()
    assert await stored_sequences(bus) == [8]


async def stored_sequences(bus: Bus) -> list[int]:
    return [message.sequence for message in await get_from(bus, names.DEFAULT.list_stream("movers"), 1, 1000)]


async def test_the_limit_of_age_of_an_earlier_version_is_lifted(bus: Bus) -> None:
    await ensure_shared(bus, KEPT)
    info = await ensure_list(bus, "movers", KEPT)
    info.config.max_age = KEPT.max_age_seconds
    await bus.js.update_stream(info.config)
    await ListPublisher(bus, "movers").recover(KEPT)
    assert not (await bus.js.stream_info(names.DEFAULT.list_stream("movers"))).config.max_age


async def test_an_unreadable_snapshot_begins_a_new_epoch(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(2)
    await put(bus, names.DEFAULT.bucket_snapshots, "movers", b"rubbish")
    again = await recovered(bus)
    assert again.epoch != published.publisher.epoch


async def test_snapshots_hold_epoch_sequence_and_rows_together(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    for _ in range(10):
        await published.step(2)
        assert await published.publisher.write_snapshot(True)
        assert not await published.publisher.write_snapshot(True)
        snapshot = await read_snapshot(bus, "movers")
        assert snapshot is not None
        assert unranked(snapshot) == published.truth[snapshot.sequence]
        assert snapshot.sequence == published.publisher.sequence
        assert snapshot.simulated


async def test_a_stale_writer_cannot_put_its_snapshot_over_a_newer_one(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await published.step(2)
    other = await recovered(bus)
    newer = Published(other, random.Random(9))
    await newer.step(3)
    await other.write_snapshot(False)
    with pytest.raises(FencedError):
        await published.publisher.write_snapshot(False)
    snapshot = await read_snapshot(bus, "movers")
    assert snapshot is not None
    assert snapshot.sequence == other.sequence


async def test_a_snapshot_whose_acknowledgement_was_lost_is_no_other_writers(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = await publish_list(bus, "movers")
    await published.step(2)
    really_publish = bus.js.publish

    async def lose_the_answer(*args: object, **kwargs: object) -> None:
        await really_publish(*args, **kwargs)  # type: ignore[arg-type]
        raise NatsTimeoutError

    monkeypatch.setattr(bus.js, "publish", lose_the_answer)
    with pytest.raises(BusError):
        await published.publisher.write_snapshot(False)
    monkeypatch.undo()
    await published.step(2)
    await published.publisher.write_snapshot(False)
    snapshot = await read_snapshot(bus, "movers")
    assert snapshot is not None
    assert snapshot.sequence == published.publisher.sequence


async def test_streams_of_another_kind_are_refused(bus: Bus) -> None:
    subject = names.DEFAULT.delta_subject("movers")
    await bus.js.add_stream(name=names.DEFAULT.list_stream("movers"), subjects=[subject])
    with pytest.raises(TopologyError, match=r"stream GAPSCAN_LIST_movers exists with .* gapscan needs") as caught:
        await ensure_list(bus, "movers", Retention())
    assert "delete that stream" in str(caught.value)


async def test_topology_is_idempotent_and_leaves_limits_to_the_operator(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    info = await ensure_list(bus, "movers", Retention())
    info.config.max_age = 7200
    await bus.js.update_stream(info.config)
    await ensure_shared(bus, Retention())
    again = await ensure_list(bus, "movers", Retention())
    assert again.config.max_age == 7200


async def test_a_refused_question_for_lists_is_no_answer(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish_list(bus, "movers")
    really_request = bus.nc.request

    async def ask_badly(subject: str, payload: bytes, **options: Any) -> Msg:
        return await really_request(subject, b"{", **options)

    monkeypatch.setattr(bus.nc, "request", ask_badly)
    with pytest.raises(BusError, match="looking for lists: invalid JSON"):
        await list_names(bus)
    monkeypatch.undo()
    assert await list_names(bus) == {"movers"}


async def test_only_stored_snapshots_are_named(bus: Bus) -> None:
    assert await snapshot_names(bus) == set()
    await ensure_shared(bus, Retention())
    assert await snapshot_names(bus) == set()
    stored = {f"list_{number}" for number in range(100)}
    for name in stored | {"deleted"}:
        await put(bus, names.DEFAULT.bucket_snapshots, name, b"x" * 100_000)
    await put(bus, names.DEFAULT.bucket_snapshots, "deleted", b"", headers={names.HEADER_KV_OPERATION: "DEL"})
    assert await snapshot_names(bus) == stored
    info = await bus.js.stream_info(f"KV_{names.DEFAULT.bucket_snapshots}")
    assert info.state.consumer_count == 0


async def test_definitions_are_published(bus: Bus) -> None:
    assert await read_definitions(bus) == []
    await ensure_shared(bus, Retention())
    for spec in shipped_lists().specs:
        await write_definition(bus, spec.definition)
    assert {found.name for found in await read_definitions(bus)} == set(shipped_lists().names)
