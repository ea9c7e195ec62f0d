"""What users of accounts.conf may do, on a real server: services everything, readers read, and nothing beside."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NoAnswerError

import gapscan
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_definitions, write_definition
from gapscan.bus.details import read_details, write_detail
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.topology import Retention, ensure_shared, shared
from gapscan.errors import BusError
from gapscan.protocol import names
from gapscan.protocol.messages import Detail, ListDefinition
from gapscan.runtime import end
from gapscan.service.reporting import reporting
from gapscan.service.status import collect, collect_hot
from tests.support.lists import publish_list
from tests.support.nats import GAPPERS_PASSWORD, NatsServer
from tests.support.until import PATIENCE, until

ONE_LIST = "gappers_up"
DEFINITION = ListDefinition("movers", "Moves.", "volume > 0", ["-volume"], 30, [])
DETAIL = Detail("AAPL", "2026-01-02", None, None, None, None)
READABLE = {
    names.bucket_stream(name)
    for name in (
        names.DEFAULT.bucket_snapshots,
        names.DEFAULT.bucket_lists,
        names.DEFAULT.bucket_details,
        names.DEFAULT.bucket_news,
    )
}
LOGS = {
    names.DEFAULT.stream_events,
    names.DEFAULT.stream_alerts,
}  # asked for by JSON: the subject-appended form has no import
SOON = 0.4  # what is not answered by then is not answered


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    yield from running(NatsServer(tmp_path / "nats", accounts=True))


@pytest.fixture
def one_list_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server with the user of one list, which accounts.conf has as a comment."""
    yield from running(NatsServer(tmp_path / "nats", accounts=with_example))


def running(server: NatsServer) -> Iterator[NatsServer]:
    server.start()
    try:
        yield server
    finally:
        server.close()


def with_example(text: str) -> str:
    """accounts.conf with its example in force."""
    found = re.search(r"^      # \{\n.*?^      # \}\n", text, re.MULTILINE | re.DOTALL)
    assert found
    return text.replace(found[0], re.sub(r"^      # ", "      ", found[0], flags=re.MULTILINE))


@asynccontextmanager
async def both(server: NatsServer) -> AsyncIterator[tuple[Bus, Bus]]:
    """A connection of the services, and one of a reader."""
    async with connect(server.services, "services") as services, connect(server.reader, "reader") as reader:
        yield services, reader


async def answers(bus: Bus, subject: str, payload: bytes = b"") -> list[Msg]:
    """All that comes as an answer, soon."""
    inbox = bus.nc.new_inbox()
    replies = await bus.nc.subscribe(inbox)
    await bus.nc.publish(subject, payload, reply=inbox)
    found = []
    try:
        while True:
            found.append(await replies.next_msg(timeout=SOON))
    except NoAnswerError:
        return found
    finally:
        await bus.unsubscribe(replies)


async def test_a_reader_follows_through_the_death_of_the_server(server: NatsServer) -> None:
    async with connect(server.services, "services") as services:
        published = await publish_list(services, "movers")
        await published.step(3)
        seen: list[gapscan.ListView] = []

        async def follow() -> None:
            async for view in gapscan.follow("movers", nats=server.reader):
                seen.append(view)

        following = asyncio.create_task(follow())
        try:
            await until(lambda: seen, "the first view")
            for _ in range(2):
                await server.restart(0.2)
                await until(lambda: services.connected, "the services' link")
                await published.step(20)
                await until(lambda: seen[-1].sequence == published.publisher.sequence, "the reader's arrival")
        finally:
            await end(following)
        for view in seen:
            assert list(view.rows) == published.truth[view.sequence]
        assert (seen[-1].link.mismatches, seen[-1].epoch) == (0, published.publisher.epoch)


async def test_a_reader_sees_how_all_is(server: NatsServer) -> None:
    async with both(server) as (services, reader):
        await ensure_shared(services, Retention())
        await write_detail(services, DETAIL)
        await write_definition(services, DEFINITION)
        published = await publish_list(services, "movers")
        await published.step(3)
        state = {"state": "live", "epoch": "e", "rows": 1, "sequence": published.publisher.sequence, "as_of": 1}
        report = {"role": "leader", "lists": {"movers": {**state, "published": 1, "published_bytes": 1}}}
        async with (
            reporting(services, "ranker", lambda: report),
            reporting(services, "feed", lambda: {"hot": {"desired": 7}}),
        ):
            await services.nc.flush()
            found = await collect(reader)
            assert found.problems == []
            assert found.lists["movers"].stream_sequence == published.publisher.sequence
            assert found.services.keys() == {"ranker", "feed"}
            hot = await collect_hot(reader)
            assert hot is not None
            assert hot.desired == 7
            answer = await reader.nc.request(names.DEFAULT.status_subject("feed"), b"", timeout=SOON)
            assert msgspec.json.decode(answer.data)["hot"] == {"desired": 7}
        assert [one.name for one in await read_definitions(reader)] == ["movers"]
        assert (await read_details(reader)).keys() == {"AAPL"}


def asked(stream: str, subject: str) -> list[tuple[str, bytes]]:
    """All forms of asking for what a stream holds."""
    queries = [{"seq": 1}, {"last_by_subj": subject}, {"multi_last": [">"]}, {"seq": 1, "batch": 9}]
    forms = [(names.direct_get_subject(stream), msgspec.json.encode(query)) for query in queries]
    return [*forms, (names.direct_get_subject(stream, subject), b"")]


async def test_what_a_reader_can_read_of_every_stream(server: NatsServer) -> None:
    """A stream that comes to the protocol must be in accounts.conf, or here."""
    async with both(server) as (services, reader):
        await ensure_shared(services, Retention())
        await publish_list(services, "movers")
        streams = {
            str(one.name): (one.subjects or [])[0].replace(">", "key") for one in shared(names.DEFAULT, Retention())
        }
        for subject in streams.values():
            await services.js.publish(subject, b"{}")

        async def readable(bus: Bus, stream: str, subject: str) -> int:
            got = await asyncio.gather(*(answers(bus, *form) for form in asked(stream, subject)))
            return sum(any(message.data for message in found) for found in got)

        own = await asyncio.gather(*(readable(services, *stream) for stream in streams.items()))
        theirs = await asyncio.gather(*(readable(reader, *stream) for stream in streams.items()))
        assert dict(zip(streams, own, strict=True)) == dict.fromkeys(streams, 5), "the streams hold nothing"
        assert dict(zip(streams, theirs, strict=True)) == {
            name: 5 * (name in READABLE) + 4 * (name in LOGS) for name in streams
        }


_TARGETS = (
    "harmless.subject",
    names.DEFAULT.feed_command,
    names.DEFAULT.feed_universe,
    names.DEFAULT.delta_subject("movers"),
    names.key_subject(names.DEFAULT.bucket_lists, "movers"),
    names.key_subject(names.DEFAULT.bucket_leases, "ranker"),
    "_INBOX.of.somebody",
    "$JS.API.STREAM.DELETE.GAPSCAN_LIST_movers",
)


async def test_no_answer_to_a_reader_lands_among_the_services(server: NatsServer) -> None:
    async with both(server) as (services, reader):
        await ensure_shared(services, Retention())
        published = await publish_list(services, "movers")
        await published.step(3)
        async with reporting(services, "ranker", dict):
            heard: list[str] = []

            async def hear(message: Msg) -> None:
                heard.append(message.subject)

            async def answer(message: Msg) -> None:
                await message.respond(b"why")

            await services.nc.subscribe(">", cb=hear)
            await services.nc.subscribe(names.DEFAULT.why, cb=answer)
            stored = asked(names.DEFAULT.list_stream("movers"), names.DEFAULT.delta_subject("movers"))
            questions = [
                *stored,
                (names.DEFAULT.why, b"{}"),
                ("$SRV.STATS", b""),
                (names.DEFAULT.status_subject("ranker"), b""),
            ]
            await answers(services, names.DEFAULT.why)  # what was subscribed is known to the server now

            async def ask_all(bus: Bus, targets: tuple[str, ...]) -> set[str]:
                heard.clear()
                for target, (question, payload) in itertools.product(targets, questions):
                    await bus.nc.publish(question, payload, reply=target)
                for target in targets:
                    await bus.nc.publish(target, b"said outright")
                await answers(bus, names.DEFAULT.why)
                # The subjects asked, and those that the server makes for answers on their way between accounts.
                return {one for one in heard if not one.startswith("_R_.")} - {question for question, _ in questions}

            assert await ask_all(services, _TARGETS[:1]) >= {"harmless.subject"}, "what is looked for is not heard"
            assert await ask_all(reader, _TARGETS) == set()
            await published.step(3)
            assert published.publisher.sequence == 6


async def test_rights_to_one_list(one_list_server: NatsServer) -> None:
    server = one_list_server
    user = BusOptions(server.url, "gappers", GAPPERS_PASSWORD, inbox_prefix="_INBOX_gappers")
    async with connect(server.services, "services") as services, connect(user, "gappers") as reader:
        seen, other = await publish_list(services, ONE_LIST), await publish_list(services, "winners")
        await seen.step(2)
        await other.step(2)
        views: list[gapscan.ListView] = []

        async def follow() -> None:
            async for view in gapscan.follow(ONE_LIST, bus=reader):
                views.append(view)

        following = asyncio.create_task(follow())
        try:
            await until(lambda: views, "the first view")
            await server.restart()
            await until(lambda: services.connected, "the services' link")
            await seen.step(20)
            await until(lambda: views[-1].sequence == seen.publisher.sequence, "the reader's arrival")
        finally:
            await end(following)
        assert list(views[-1].rows) == seen.truth[views[-1].sequence]

        with pytest.raises(BusError):
            await read_snapshot(reader, "winners")
        winners = (names.DEFAULT.list_stream("winners"), names.DEFAULT.delta_subject("winners"))
        assert not any([await answers(reader, *form) for form in asked(*winners)])
        whole = names.bucket_stream(names.DEFAULT.bucket_snapshots)
        assert await answers(reader, names.direct_get_subject(whole), b'{"seq":1,"batch":9}') == []
        for pattern in (names.DEFAULT.live_subject("winners"), names.DEFAULT.live_subject("*"), ">"):
            heard = await reader.nc.subscribe(pattern)
            await other.step(1)
            with pytest.raises(NoAnswerError):
                await heard.next_msg(timeout=SOON)


async def test_readers_of_two_accounts_cannot_reach_each_other(tmp_path: Path) -> None:
    """As accounts.conf advises for readers who do not trust one another."""

    def doubled(text: str) -> str:
        start, stop = text.index("  READERS {"), text.index("  # The servers' own")
        other = text[start:stop].replace("READERS", "OTHERS").replace("user: reader", "user: other")
        return (text[:start] + text[start:stop]).replace("[READERS]", "[READERS, OTHERS]") + other + text[stop:]

    for server in running(NatsServer(tmp_path / "nats", accounts=doubled)):
        other = BusOptions(server.url, "other", server.reader.password, inbox_prefix="_INBOX_reader")
        async with both(server) as (services, reader), connect(other, "other") as stranger:
            published = await publish_list(services, "movers")
            await published.step(2)
            live = await reader.nc.subscribe(names.DEFAULT.live_subject("movers"))
            form = asked(names.DEFAULT.list_stream("movers"), "")[0]
            await reader.nc.publish(*form, reply=names.DEFAULT.live_subject("movers"))
            assert (await live.next_msg(timeout=PATIENCE)).data, "within an account the answer comes"
            await stranger.nc.publish(*form, reply=names.DEFAULT.live_subject("movers"))
            assert (await answers(stranger, *form))[0].data
            with pytest.raises(NoAnswerError):
                await live.next_msg(timeout=SOON)


async def test_a_user_is_added_while_others_go_on(server: NatsServer) -> None:
    added = BusOptions(server.url, "gappers", GAPPERS_PASSWORD, inbox_prefix="_INBOX_gappers")
    async with both(server) as (services, reader):
        published = await publish_list(services, ONE_LIST)
        await published.step(2)
        await published.publisher.write_snapshot(simulated=True)
        with pytest.raises(BusError):
            async with connect(added, "gappers"):
                pass
        server.reload(with_example)

        async def let_in() -> bool:
            try:
                async with connect(added, "gappers") as bus:
                    return await read_snapshot(bus, ONE_LIST) is not None
            except BusError:
                return False

        await until(let_in, "the new user's being let in")
        assert (services.reconnects, reader.reconnects) == (0, 0)
        await published.step(2)
        assert await read_snapshot(reader, ONE_LIST)
