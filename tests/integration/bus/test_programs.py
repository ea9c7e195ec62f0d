"""Programs in an account of their own: consumers on copies of events and alerts, over restarts of everything."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from nats.errors import TimeoutError as NoAnswerError
from nats.js.errors import APIError, NotFoundError

from gapscan.bus.alert_definitions import write_alert
from gapscan.bus.client import NATS_ERRORS, Bus, connect
from gapscan.bus.direct_get import get_from
from gapscan.bus.topology import Retention, ensure_shared, events_config
from gapscan.events import copies
from gapscan.protocol import names
from gapscan.protocol.alerts import AlertDefinition
from tests.integration.events.test_events import list_named, show
from tests.support.events import events_of, stored_alerts, stored_events
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.until import until

COPY = names.DEFAULT.stream_events_copy
SOON = 0.4  # what is not answered by then is not answered


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "LOOK_SECONDS", 0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server with the user `program`, which accounts.conf has as a comment."""
    server = NatsServer(tmp_path / "nats", accounts=with_program)
    server.start()
    try:
        yield server
    finally:
        server.close()


def with_program(text: str) -> str:
    found = re.search(r"^      # \{\n      #   user: program\n.*?^      # \}\n", text, re.MULTILINE | re.DOTALL)
    assert found
    return text.replace(found[0], re.sub(r"^      # ", "      ", found[0], flags=re.MULTILINE))


async def consumed(program: Bus, seen: list[str], stream: str = COPY) -> None:
    """Take what there is from the durable consumer `bot`, and note the ids."""
    subscription = await program.js.pull_subscribe(">", durable="bot", stream=stream)
    try:
        for message in await subscription.fetch(100, timeout=0.3):
            seen.append((message.headers or {})[names.HEADER_MSG_ID])
            await message.ack_sync()
    except NoAnswerError:
        pass
    finally:
        await subscription.unsubscribe()


def consuming(
    server: NatsServer, seen: list[str], wanted: Callable[[], int], stream: str = COPY
) -> Callable[[], Awaitable[bool]]:
    """Each look is a program of its own: it starts, takes some, and ends."""

    async def look() -> bool:
        async with connect(server.program, "program") as program:
            try:
                await consumed(program, seen, stream)
            except NATS_ERRORS:
                return False  # there is no copy yet, or the server starts
        return len(dict.fromkeys(seen)) >= wanted()

    return look


async def test_a_durable_consumer_goes_on_over_restarts_of_everything(server: NatsServer) -> None:
    dice = random.Random(5)
    seen: list[str] = []
    truth: list[str] = []
    async with connect(server.services, "services") as services:
        lists = [await list_named(services, name) for name in ("movers", "winners")]
        for _ in range(3):
            async with events_of(server, accounts=True):
                await step(lists, dice)
                await until(consuming(server, seen, lambda: len(truth) + 1), "more events")
                await server.restart()
                await until(lambda: services.connected, "the services' link")
                await step(lists, dice)
                await until(lambda: all_made(services, lists), "the events")
            truth[:] = [
                one.id for one in await stored_events(services)
            ]  # of the last change too: they are stored in turn
            await until(consuming(server, seen, lambda: len(truth)), "all events")
    assert len(truth) > 100
    assert list(dict.fromkeys(seen)) == truth


async def step(lists: list[Published], dice: random.Random) -> None:
    for _ in range(10):
        await dice.choice(lists).step()
    for one in lists:
        await one.beat()


async def all_made(bus: Bus, lists: list[Published]) -> bool:
    """Whether the last change of each list is among the events: all of them change rows."""
    made = {(one.list, one.sequence) for one in await stored_events(bus)}
    for one in lists:
        await one.beat()
    return all((one.publisher.name, one.publisher.sequence) in made for one in lists)


async def test_alerts_are_copied_too(server: NatsServer) -> None:
    seen: list[str] = []
    async with connect(server.services, "services") as services, events_of(server, accounts=True) as events:
        movers = await list_named(services, "movers")
        await write_alert(services, AlertDefinition("any", "movers"))
        await until(lambda: events.report().get("alerts", {}).get("watched") == 1, "the alert")
        await show(movers, AAPL=10.5, MSFT=20.0)
        await movers.beat()
        await until(consuming(server, seen, lambda: 2, names.DEFAULT.stream_alerts_copy), "both alerts")
        assert seen == [alert.id for alert in await stored_alerts(services)]
        whole = {COPY: {"behind": 0}, names.DEFAULT.stream_alerts_copy: {"behind": 0}}
        await until(lambda: events.report()["copies"] == whole, "that status says so")


async def test_a_copy_of_a_stream_that_was_made_anew_begins_anew(server: NatsServer) -> None:
    seen: list[str] = []
    async with connect(server.services, "services") as services:
        await ensure_shared(services, Retention())
        subject = names.DEFAULT.event_subject("movers", "enter")
        for number in range(9):
            await services.js.publish(subject, b"{}", headers={names.HEADER_MSG_ID: f"old-{number}"})
        async with events_of(server, accounts=True) as events:
            await until(consuming(server, seen, lambda: 9), "the old ones")
            await services.js.delete_stream(names.DEFAULT.stream_events)
            await services.js.add_stream(
                events_config(names.DEFAULT.stream_events, names.DEFAULT.event_subject("*", "*"), Retention())
            )
            await services.js.publish(subject, b"{}", headers={names.HEADER_MSG_ID: "new"})
            await until(consuming(server, seen, lambda: 10), "the new one")
            assert events.report()["counts"]["copies_made_anew"] == 1
    assert seen[-1] == "new"


_OURS = (
    names.DEFAULT.event_subject("movers", "enter"),
    names.DEFAULT.alert_subject("any"),
    names.DEFAULT.delta_subject("movers"),
    names.key_subject(names.DEFAULT.bucket_lists, "movers"),
    f"{names.DEFAULT.copied}.x",
    f"$JS.API.STREAM.DELETE.{names.DEFAULT.stream_events}",
)


async def test_a_program_cannot_touch_ours(server: NatsServer) -> None:
    async with connect(server.services, "services") as services, events_of(server, accounts=True):
        movers = await list_named(services, "movers")
        await show(movers, AAPL=10.5)
        await movers.beat()
        seen: list[str] = []
        await until(consuming(server, seen, lambda: 2), "the events")
        heard: list[str] = []

        async def hear(message: object) -> None:
            heard.append(str(getattr(message, "subject", "")))

        for subject in _OURS:
            await services.nc.subscribe(subject, cb=hear)
        origin = f"{names.DEFAULT.origin_api}.CONSUMER.CREATE.{names.DEFAULT.stream_events}.mine"
        async with connect(server.program, "program") as program:
            for number, subject in enumerate(_OURS):
                await program.nc.publish(subject, b"said outright")
                # What a consumer of the program's own delivers stays in its account.
                answer = await ask(program, COPY, f"to{number}", subject)
                assert "error" not in answer, answer
                await program.nc.publish(origin, creation(names.DEFAULT.stream_events, "mine", subject))
                await program.nc.publish(
                    f"$JS.API.CONSUMER.CREATE.{COPY}.by{number}", creation(COPY, f"by{number}", subject), reply=origin
                )
            with pytest.raises(NATS_ERRORS):
                await program.js.delete_stream(COPY)
            with pytest.raises(NATS_ERRORS):
                await program.js.purge_stream(COPY)
            with pytest.raises((NotFoundError, APIError, *NATS_ERRORS)):
                await program.js.stream_info(names.DEFAULT.stream_events)
            await until(lambda: has_consumers(program, 2 * len(_OURS)), "the consumers on the copy")
        assert await services.js.consumers_info(names.DEFAULT.stream_events) == []
        await services.js.stream_info(names.DEFAULT.stream_events)  # behind all that was sent to it
        assert set(heard) <= {names.DEFAULT.event_subject("movers", "enter")}, heard
        stored = await get_from(services, names.DEFAULT.stream_events, 1, 100)
        assert [one.data[:15] for one in stored] == [b'{"type":"event"'] * len(stored)


def creation(stream: str, name: str, deliver: str) -> bytes:
    config = {"durable_name": name, "name": name, "deliver_subject": deliver, "ack_policy": "none"}
    return msgspec.json.encode({"stream_name": stream, "config": config, "action": ""})


async def ask(program: Bus, stream: str, name: str, deliver: str) -> dict[str, object]:
    subject = f"$JS.API.CONSUMER.CREATE.{stream}.{name}"
    answer = await program.nc.request(subject, creation(stream, name, deliver), timeout=5)
    found: dict[str, object] = msgspec.json.decode(answer.data)
    return found


async def has_consumers(program: Bus, number: int) -> bool:
    return (await program.js.stream_info(COPY)).state.consumer_count > number
