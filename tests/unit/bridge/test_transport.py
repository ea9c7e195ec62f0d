"""Straight to the socket or through the transport: the client reads the same bytes in the same order."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from gapscan.bridge.broadcast import Broadcaster
from gapscan.bridge.encodings import WEBSOCKET
from gapscan.bridge.history import Position
from gapscan.bridge.limits import BUFFER_BYTES
from gapscan.bridge.session import BrowserSession
from gapscan.bridge.transport import NO_SOCKET, Transport
from gapscan.lists.wish import WHOLE
from gapscan.protocol.codes import SHUTDOWN
from gapscan.protocol.messages import Delta, Row
from tests.support.wire import CLOSE, BridgeHarness, FakeTransport, SocketTransport, answers, split_frames

SHORT = WEBSOCKET.message(b"{}", "")


@contextmanager
def connections(number: int) -> Iterator[list[SocketTransport]]:
    transports = [SocketTransport() for _ in range(number)]
    try:
        yield transports
    finally:
        for transport in transports:
            transport.close()


def rows(step: int, number: int = 40) -> list[Row]:
    return [Row(symbol=f"S{at}", name="x" * 40, price=float(step * 1000 + at)) for at in range(number)]


def following(harness: BridgeHarness, transport: SocketTransport) -> BrowserSession:
    session = harness.bridge.enter(transport, WEBSOCKET, authorized=True)
    harness.bridge.subscribe(session, "a", None)
    return session


def test_frames_never_overtake_what_waits() -> None:
    with connections(1) as (transport,):
        transport.full = True
        way_out = Transport(transport)
        sent = b""
        while way_out.write(frame := WEBSOCKET.message(os.urandom(700), "")):
            sent += frame
            sent += SHORT if way_out.write(SHORT) else b""
        assert not way_out.direct
        assert not way_out.writable
        assert BUFFER_BYTES <= transport.get_write_buffer_size() < BUFFER_BYTES + 704
        transport.full = False
        assert way_out.write(SHORT)
        assert way_out.direct
        assert b"".join(transport.take()) == sent + SHORT
        way_out.gone()


def test_the_socket_is_ours_until_we_say_so() -> None:
    """A transport closes its socket when it likes; the number must not become another's while we write to it."""
    transport, other = SocketTransport(), SocketTransport()
    way_out = Transport(transport)
    assert way_out.write(b"one")
    transport.ours.close()
    reused = os.dup(other.ours.fileno())
    assert reused != way_out.socket
    assert way_out.write(b"two")
    assert transport.theirs.recv(10) == b"onetwo"
    way_out.gone()
    assert (way_out.socket, way_out.write(b"three")) == (NO_SOCKET, False)
    os.close(reused)
    transport.close()
    other.close()


def test_scarce_descriptors_are_for_clients() -> None:
    """Where each has a second one, only half as many could come in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with connections(1) as (transport,):
        os.close(next_one := os.dup(transport.ours.fileno()))
        for limit, direct in ((2 * next_one, False), (2 * next_one + 2, True)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                way_out = Transport(transport, clients=1_000_000)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert way_out.write(b"frame")
            assert way_out.direct is direct
            assert transport.theirs.recv(10) == b"frame"
            way_out.gone()


def test_an_encrypted_connection_goes_through_its_transport() -> None:
    class Encrypted(FakeTransport):
        def get_extra_info(self, name: str) -> None:
            return object() if name in ("socket", "sslcontext") else None  # type: ignore[return-value]

    transport = Encrypted()
    way_out = Transport(transport)
    assert way_out.write(b"frame")
    assert (way_out.direct, transport.take()) == (False, [b"frame"])


def test_one_that_does_not_read_falls_behind_and_comes_back(writer: Broadcaster) -> None:
    harness = BridgeHarness("a", "b", writer=writer)
    harness.put("a", 1, rows(1))
    harness.put("b", 1, rows(1))
    with connections(3) as transports:
        sessions = [following(harness, transport) for transport in transports]
        for session in sessions:
            harness.bridge.subscribe(session, "b", None)
        subscribers = harness.bridge.fanout.subscribers["a"][WHOLE]
        harness.pass_time(0.2)
        assert subscribers.current == 3
        transports[0].full = True
        for step in range(2, 60):
            harness.put("a", step, rows(step))
            harness.put("b", step, rows(step, 3))
            harness.pass_time(0.2)
            transports[1].full = transports[2].full = False  # they read
        assert sessions[0].blocked_since is not None
        assert (subscribers.current, harness.bridge.fanout.subscribers["b"][WHOLE].current) == (2, 2)
        assert subscribers.cursor(sessions[0]) != subscribers.position == Position("e1", 59)
        transports[0].full = False
        harness.pass_time(0.2)
        harness.put("a", 60, rows(60))
        harness.pass_time(0.2)
        assert subscribers.current == 3
        for transport in transports:
            got = [answer for data in transport.take() for answer in answers([data])]
            moves = [answer for answer in got if isinstance(answer, Delta) and answer.list == "a"]
            assert all(before.sequence == after.prev for before, after in pairwise(moves))
            assert moves[-1].sequence == 60
        for session in sessions:
            harness.bridge.leave(session)


def test_heartbeats_and_pings_of_one_that_is_current_keep_the_cursor(writer: Broadcaster) -> None:
    harness = BridgeHarness("a", writer=writer)
    harness.put("a", 1, rows(1))
    with connections(1) as (transport,):
        session = following(harness, transport)
        harness.pass_time(0.2)
        harness.bridge.beat()
        harness.put("a", 2, rows(2))
        harness.pass_time(0.2)
        assert harness.bridge.fanout.subscribers["a"][WHOLE].cursor(session) == Position("e1", 2)
        assert [frame[0] for data in transport.take() for frame in split_frames(data)] == [1, 1, 1]
        harness.bridge.leave(session)
        assert harness.bridge.subscriptions() == {}


async def test_nothing_follows_a_goodbye(writer: Broadcaster) -> None:
    harness = BridgeHarness("a", writer=writer)
    harness.put("a", 1, rows(1))
    with connections(2) as transports:
        leaving, staying = (following(harness, transport) for transport in transports)
        leaving.close(SHUTDOWN)
        harness.put("a", 2, rows(2))
        harness.pass_time(0.2)
        first, second = ([*split_frames(b"".join(transport.take()))] for transport in transports)
        assert [opcode for opcode, _ in first] == [1, CLOSE]
        assert len(second) == 2
        harness.bridge.leave(leaving)
        harness.bridge.leave(staying)


async def test_one_that_takes_no_heartbeats_is_slow_too() -> None:
    """The list does not move, so nothing else would show it."""
    harness = BridgeHarness("a")
    harness.put("a", 1, rows(1))
    transport = FakeTransport()
    session = harness.bridge.enter(transport, WEBSOCKET, authorized=True)
    harness.bridge.subscribe(session, "a", None)
    transport.full = True
    harness.bridge.beat()
    assert harness.bridge.lagging == 1
    harness.pass_time(6.0)
    harness.bridge.beat()
    harness.pass_time(5.0)
    assert session.closed
    assert harness.tally.counts["close.slow"] == 1
    harness.bridge.leave(session)
