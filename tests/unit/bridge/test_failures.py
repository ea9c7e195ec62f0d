"""A list that cannot be encoded is that list's trouble alone: its clients get an error, all others are sent theirs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from gapscan.bridge.encodings import WEBSOCKET
from gapscan.bridge.history import ListHistory, Position
from gapscan.bridge.metrics import KINDS, bridge_metrics, report
from gapscan.bridge.session import BrowserSession
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.protocol.websocket import Answer, Beat, Error, Sizes
from gapscan.runtime import end
from gapscan.service.metrics import Metrics
from gapscan.service.problems import instance_problems
from tests.support.answers import decode_answer
from tests.support.wire import BridgeHarness, FakeTransport, SocketTransport, answers

BAD: Any = object()  # no encoder takes it


def rows(price: Any, number: int = 30) -> list[Row]:
    return [Row(symbol=f"S{at}", name="the name of a company", price=price if at == 3 else 1.0) for at in range(number)]


class Client:
    """One that subscribes to some lists, and keeps what it is sent."""

    def __init__(self, harness: BridgeHarness, transport: FakeTransport | SocketTransport, *names: str) -> None:
        self.transport = transport
        self.session: BrowserSession = harness.bridge.enter(transport, WEBSOCKET, authorized=True)
        for name in names:
            harness.bridge.subscribe(self.session, name, None)

    def hears(self) -> list[Answer]:
        return answers(self.transport.take())

    def got(self) -> list[tuple[str, str, object]]:
        """Of each message the list and the sequence, or the error's code."""
        return [
            (type(each).__name__, each.list, each.sequence)
            if isinstance(each, Snapshot | Delta)
            else (type(each).__name__, getattr(each, "code", ""), 0)
            for each in self.hears()
        ]


@pytest.fixture
def harness() -> BridgeHarness:
    harness = BridgeHarness("a", "b")
    for name in ("a", "b"):
        harness.put(name, 1, rows(1.0))
    return harness


@pytest.fixture(params=[FakeTransport, SocketTransport])
def transport(request: pytest.FixtureRequest) -> Iterator[FakeTransport | SocketTransport]:
    """With a socket, the client is current and sent to together with the others; without, it is served alone."""
    made = request.param()
    yield made
    made.close()


def test_its_clients_are_told_once_and_the_next_version_reaches_them(
    harness: BridgeHarness, transport: FakeTransport | SocketTransport, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(harness, transport, "a", "b")
    harness.pass_time(0.2)
    assert client.got() == [("Snapshot", "a", 1), ("Snapshot", "b", 1)]
    with caplog.at_level(logging.WARNING, "gapscan"):
        for sequence in (2, 3):
            harness.put("a", sequence, rows(BAD))
            harness.put("b", sequence, rows(float(sequence)))
            harness.pass_time(0.2)
    assert client.got() == [("Error", "list_failed", 0), ("Delta", "b", 2), ("Delta", "b", 3)]
    assert [record.getMessage() for record in caplog.records] == [
        "list a: a version cannot be sent: TypeError: Encoding objects of type object is unsupported"
    ]
    harness.put("a", 4, rows(4.0))
    harness.pass_time(0.2)
    (delta,) = client.hears()
    assert isinstance(delta, Delta)
    assert (delta.list, delta.prev, delta.sequence) == ("a", 1, 4)
    harness.bridge.leave(client.session)


def test_it_shows_in_heartbeats_figures_and_status(harness: BridgeHarness) -> None:
    client = Client(harness, FakeTransport(), "a")
    client.session.wants_overview = True
    harness.put("a", 2, rows(BAD))
    harness.pass_time(0.2)
    harness.bridge.beat()
    heard = client.hears()
    assert [beat.lists["a"].state for beat in heard if isinstance(beat, Beat)] == ["stale"]
    assert [{n: size.state for n, size in sizes.lists.items()} for sizes in heard if isinstance(sizes, Sizes)] == [
        {"a": "stale", "b": "live"}
    ]
    assert report(harness.bridge)["failed"] == {"a": "TypeError: Encoding objects of type object is unsupported"}
    assert instance_problems("bridge", [report(harness.bridge)]) == [
        "bridge: list a stands still: TypeError: Encoding objects of type object is unsupported"
    ]
    metrics = Metrics("bridge", harness.tally, KINDS)
    metrics.add(lambda: bridge_metrics(harness.bridge, {}))
    figures = metrics.render()[0].decode().splitlines()
    assert 'gapscan_bridge_list_failures_total{list="a"} 1.0' in figures
    assert 'gapscan_bridge_list_failed{list="a"} 1.0' in figures
    assert 'gapscan_bridge_list_failed{list="b"} 0.0' in figures
    harness.put("a", 3, rows(3.0))
    harness.pass_time(0.2)
    harness.bridge.beat()
    assert [beat.lists["a"].state for beat in client.hears() if isinstance(beat, Beat)] == ["live"]
    assert report(harness.bridge)["failed"] == {}


def test_who_comes_meanwhile_gets_what_can_be_sent_and_gets_an_error(harness: BridgeHarness) -> None:
    first = Client(harness, FakeTransport(), "a")
    harness.put("a", 2, rows(BAD))
    harness.pass_time(0.2)
    late = Client(harness, FakeTransport(), "a", "b")
    assert late.got() == [("Snapshot", "a", 1), ("Error", "list_failed", 0), ("Snapshot", "b", 1)]
    harness.put("a", 3, rows(3.0))
    harness.pass_time(0.2)
    assert late.got() == [("Delta", "a", 3)]
    assert first.got()[-1] == ("Delta", "a", 3)


def test_a_subscription_that_finds_the_fault_keeps_the_connection() -> None:
    harness = BridgeHarness("a", "b")
    harness.put("a", 1, rows(BAD))
    harness.put("b", 1, rows(1.0))
    client = Client(harness, FakeTransport(), "a", "b")
    assert client.got() == [("Error", "list_failed", 0), ("Snapshot", "b", 1)]
    harness.put("a", 2, rows(2.0))
    harness.pass_time(0.2)
    assert client.got() == [("Snapshot", "a", 2)]


def test_a_lagging_client_catches_up_with_the_lists_behind_the_bad_one(harness: BridgeHarness) -> None:
    client = Client(harness, FakeTransport(), "a", "b")
    client.got()
    client.transport.full = True
    harness.put("b", 2, rows(2.0))
    harness.pass_time(0.2)
    harness.put("a", 2, rows(BAD))
    client.transport.full = False
    harness.pass_time(0.2)
    assert client.got() == [("Error", "list_failed", 0), ("Delta", "b", 2)]


def test_a_bad_version_that_nobody_was_sent_costs_those_who_name_it_a_snapshot() -> None:
    """It came and went between two sendings; another bridge may have sent it."""
    history, bad = ListHistory("a"), Position("e", 1)
    history.put(bad, 1, rows(1.0), 0.0)
    history.put(Position("e", 2), 2, rows(2.0), 0.0)
    assert not history.give_up(bad, "why")
    assert history.fault == ""
    assert (snapshot := history.answer_for(bad)) is not None
    assert isinstance(decode_answer(snapshot.payload), Snapshot)


async def test_the_sending_goes_on(harness: BridgeHarness) -> None:
    client = Client(harness, FakeTransport(), "a", "b")
    sending = asyncio.create_task(harness.bridge.run())
    try:
        harness.clock.now += 1
        harness.put("a", 2, rows(BAD))
        harness.put("b", 2, rows(2.0))
        await asyncio.sleep(0.01)
        harness.clock.now += 1
        harness.put("a", 3, rows(3.0))
        await asyncio.sleep(0.01)
        assert not sending.done()
    finally:
        await end(sending)
    assert ("Delta", "b", 2) in (got := client.got())
    assert ("Delta", "a", 3) in got


def test_the_error_is_about_its_list(harness: BridgeHarness) -> None:
    client = Client(harness, FakeTransport(), "a")
    harness.put("a", 2, rows(BAD))
    harness.pass_time(0.2)
    error = client.hears()[-1]
    assert isinstance(error, Error)
    assert (error.list, error.retry) == ("a", True)


def test_cells_are_counted_by_who_reads_them(harness: BridgeHarness) -> None:
    first, second = (Client(harness, FakeTransport(), "a").session for _ in range(2))
    assert not harness.bridge.wants_cells
    for session in (first, first, second):
        harness.bridge.want_cells(session, on=True)
    harness.bridge.want_cells(first, on=False)
    assert harness.bridge.wants_cells
    harness.bridge.leave(second)
    assert not harness.bridge.wants_cells
