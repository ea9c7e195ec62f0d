"""A list that cannot be encoded is that list's trouble alone: its clients are told, all others are sent theirs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from gapscan.bridge.metrics import metrics_text, report
from gapscan.bridge.session import BrowserSession
from gapscan.bridge.versions import ListHistory, Position
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.protocol.websocket import Answer, Beat, Error, Sizes
from gapscan.runtime import end
from gapscan.service.status import _instance_problems
from tests.unit.bridge.wire import FakeTransport, SocketTransport, TestRoom, answers

BAD: Any = object()  # no encoder takes it


def rows(price: Any, number: int = 30) -> list[Row]:
    return [Row(symbol=f"S{at}", name="the name of a company", price=price if at == 3 else 1.0) for at in range(number)]


class Client:
    """One that subscribes to some lists, and keeps what it was told."""

    def __init__(self, stage: TestRoom, transport: FakeTransport | SocketTransport, *names: str) -> None:
        self.transport = transport
        self.session: BrowserSession = stage.bridge.enter(transport, authorized=True)
        for name in names:
            stage.bridge.subscribe(self.session, name, None)

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
def stage() -> TestRoom:
    stage = TestRoom("a", "b")
    for name in ("a", "b"):
        stage.put(name, 1, rows(1.0))
    return stage


@pytest.fixture(params=[FakeTransport, SocketTransport])
def transport(request: pytest.FixtureRequest) -> Iterator[FakeTransport | SocketTransport]:
    """With a socket, the client is in step and sent to together with the others; without, it is served alone."""
    made = request.param()
    yield made
    made.close()


def test_its_clients_are_told_once_and_the_next_version_reaches_them(
    stage: TestRoom, transport: FakeTransport | SocketTransport, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(stage, transport, "a", "b")
    stage.pass_time(0.2)
    assert client.got() == [("Snapshot", "a", 1), ("Snapshot", "b", 1)]
    with caplog.at_level(logging.WARNING, "gapscan"):
        for sequence in (2, 3):
            stage.put("a", sequence, rows(BAD))
            stage.put("b", sequence, rows(float(sequence)))
            stage.pass_time(0.2)
    assert client.got() == [("Error", "list_failed", 0), ("Delta", "b", 2), ("Delta", "b", 3)]
    assert [record.getMessage() for record in caplog.records] == [
        "list a: a version cannot be sent: TypeError: Encoding objects of type object is unsupported"
    ]
    stage.put("a", 4, rows(4.0))
    stage.pass_time(0.2)
    (delta,) = client.hears()
    assert isinstance(delta, Delta)
    assert (delta.list, delta.prev, delta.sequence) == ("a", 1, 4)
    stage.bridge.leave(client.session)


def test_it_shows_in_heartbeats_figures_and_status(stage: TestRoom) -> None:
    client = Client(stage, FakeTransport(), "a")
    client.session.wants_overview = True
    stage.put("a", 2, rows(BAD))
    stage.pass_time(0.2)
    stage.bridge.beat()
    told = client.hears()
    assert [beat.lists["a"].state for beat in told if isinstance(beat, Beat)] == ["stale"]
    assert [{n: size.state for n, size in sizes.lists.items()} for sizes in told if isinstance(sizes, Sizes)] == [
        {"a": "stale", "b": "live"}
    ]
    assert report(stage.bridge)["failed"] == {"a": "TypeError: Encoding objects of type object is unsupported"}
    assert _instance_problems("bridge", [report(stage.bridge)]) == [
        "bridge: list a stands still: TypeError: Encoding objects of type object is unsupported"
    ]
    figures = metrics_text(stage.bridge, {}).splitlines()
    assert 'gapscan_bridge_list_failures_total{list="a"} 1' in figures
    assert 'gapscan_bridge_list_failed{list="a"} 1' in figures
    assert 'gapscan_bridge_list_failed{list="b"} 0' in figures
    stage.put("a", 3, rows(3.0))
    stage.pass_time(0.2)
    stage.bridge.beat()
    assert [beat.lists["a"].state for beat in client.hears() if isinstance(beat, Beat)] == ["live"]
    assert report(stage.bridge)["failed"] == {}


def test_who_comes_meanwhile_gets_what_can_be_sent_and_is_told(stage: TestRoom) -> None:
    first = Client(stage, FakeTransport(), "a")
    stage.put("a", 2, rows(BAD))
    stage.pass_time(0.2)
    late = Client(stage, FakeTransport(), "a", "b")
    assert late.got() == [("Snapshot", "a", 1), ("Error", "list_failed", 0), ("Snapshot", "b", 1)]
    stage.put("a", 3, rows(3.0))
    stage.pass_time(0.2)
    assert late.got() == [("Delta", "a", 3)]
    assert first.got()[-1] == ("Delta", "a", 3)


def test_a_subscription_that_finds_the_fault_keeps_the_connection() -> None:
    stage = TestRoom("a", "b")
    stage.put("a", 1, rows(BAD))
    stage.put("b", 1, rows(1.0))
    client = Client(stage, FakeTransport(), "a", "b")
    assert client.got() == [("Error", "list_failed", 0), ("Snapshot", "b", 1)]
    stage.put("a", 2, rows(2.0))
    stage.pass_time(0.2)
    assert client.got() == [("Snapshot", "a", 2)]


def test_a_lagging_client_catches_up_with_the_lists_behind_the_bad_one(stage: TestRoom) -> None:
    client = Client(stage, FakeTransport(), "a", "b")
    client.got()
    client.transport.full = True
    stage.put("b", 2, rows(2.0))
    stage.pass_time(0.2)
    stage.put("a", 2, rows(BAD))
    client.transport.full = False
    stage.pass_time(0.2)
    assert client.got() == [("Error", "list_failed", 0), ("Delta", "b", 2)]


def test_a_bad_version_that_nobody_was_sent_costs_those_who_name_it_a_snapshot() -> None:
    """It came and went within a window; another bridge may have sent it."""
    history, bad = ListHistory("a"), Position("e", 1)
    history.put(bad, 1, rows(1.0), 0.0)
    history.put(Position("e", 2), 2, rows(2.0), 0.0)
    assert not history.give_up(bad, "why")
    assert history.fault == ""
    assert isinstance(answers([history.answer_for(bad) or b""])[0], Snapshot)


async def test_the_sending_goes_on(stage: TestRoom) -> None:
    client = Client(stage, FakeTransport(), "a", "b")
    sending = asyncio.create_task(stage.bridge.run())
    try:
        stage.clock.now += 1
        stage.put("a", 2, rows(BAD))
        stage.put("b", 2, rows(2.0))
        await asyncio.sleep(0.01)
        stage.clock.now += 1
        stage.put("a", 3, rows(3.0))
        await asyncio.sleep(0.01)
        assert not sending.done()
    finally:
        await end(sending)
    assert ("Delta", "b", 2) in (got := client.got())
    assert ("Delta", "a", 3) in got


def test_the_error_is_about_its_list(stage: TestRoom) -> None:
    client = Client(stage, FakeTransport(), "a")
    stage.put("a", 2, rows(BAD))
    stage.pass_time(0.2)
    error = client.hears()[-1]
    assert isinstance(error, Error)
    assert (error.list, error.retry) == ("a", True)


def test_cells_are_counted_by_who_reads_them(stage: TestRoom) -> None:
    first, second = (Client(stage, FakeTransport(), "a").session for _ in range(2))
    assert not stage.bridge.wants_cells
    for session in (first, first, second):
        stage.bridge.want_cells(session, on=True)
    stage.bridge.want_cells(first, on=False)
    assert stage.bridge.wants_cells
    stage.bridge.leave(second)
    assert not stage.bridge.wants_cells
