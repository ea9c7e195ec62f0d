"""Straight to the socket or through the transport: the client reads the same bytes in the same order."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from gapscan.bridge.broadcast import Broadcaster
from gapscan.bridge.encodings import ping_frame, text_frame
from gapscan.bridge.limits import BUFFER_BYTES
from gapscan.bridge.session import BrowserSession
from gapscan.bridge.transport import NO_SOCKET, Transport
from gapscan.bridge.versions import Position
from gapscan.protocol.messages import Delta, Row
from gapscan.protocol.websocket import SHUTDOWN
from tests.unit.bridge.wire import CLOSE, FakeTransport, SocketTransport, TestRoom, answers, split_frames


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


def following(stage: TestRoom, transport: SocketTransport) -> BrowserSession:
    session = stage.bridge.enter(transport, authorized=True)
    stage.bridge.subscribe(session, "a", None)
    return session


def test_frames_never_overtake_what_waits() -> None:
    with connections(1) as (transport,):
        transport.full = True
        outlet = Transport(transport)
        sent = b""
        while outlet.write(frame := text_frame(os.urandom(700))):
            sent += frame
            sent += ping_frame() if outlet.write(ping_frame()) else b""
        assert not outlet.direct
        assert not outlet.writable
        assert BUFFER_BYTES <= transport.get_write_buffer_size() < BUFFER_BYTES + 704
        transport.full = False
        assert outlet.write(ping_frame())
        assert outlet.direct
        assert b"".join(transport.take()) == sent + ping_frame()
        outlet.gone()


def test_the_socket_is_ours_until_we_say_so() -> None:
    """A transport closes its socket when it likes; the number must not become another's while we write to it."""
    transport, other = SocketTransport(), SocketTransport()
    outlet = Transport(transport)
    assert outlet.write(b"one")
    transport._ours.close()
    reused = os.dup(other._ours.fileno())
    assert reused != outlet.socket
    assert outlet.write(b"two")
    assert transport._theirs.recv(10) == b"onetwo"
    outlet.gone()
    assert (outlet.socket, outlet.write(b"three")) == (NO_SOCKET, False)
    os.close(reused)
    transport.close()
    other.close()


def test_scarce_descriptors_are_for_clients() -> None:
    """Where each has a second one, only half as many could come in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with connections(1) as (transport,):
        os.close(next_one := os.dup(transport._ours.fileno()))
        for limit, direct in ((2 * next_one, False), (2 * next_one + 2, True)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                outlet = Transport(transport, clients=1_000_000)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert outlet.write(b"frame")
            assert outlet.direct is direct
            assert transport._theirs.recv(10) == b"frame"
            outlet.gone()


def test_an_encrypted_connection_goes_through_its_transport() -> None:
    class Encrypted(FakeTransport):
        def get_extra_info(self, name: str) -> None:
            return object() if name in ("socket", "sslcontext") else None  # type: ignore[return-value]

    transport = Encrypted()
    outlet = Transport(transport)
    assert outlet.write(b"frame")
    assert (outlet.direct, transport.take()) == (False, [b"frame"])


def test_one_that_does_not_read_falls_out_of_step_and_comes_back(writer: Broadcaster) -> None:
    stage = TestRoom("a", "b", writer=writer)
    stage.put("a", 1, rows(1))
    stage.put("b", 1, rows(1))
    with connections(3) as transports:
        sessions = [following(stage, transport) for transport in transports]
        for session in sessions:
            stage.bridge.subscribe(session, "b", None)
        subscribers = stage.bridge.delivery.subscribers["a"]
        stage.pass_time(0.2)
        assert subscribers.current == 3
        transports[0].full = True
        for step in range(2, 60):
            stage.put("a", step, rows(step))
            stage.put("b", step, rows(step, 3))
            stage.pass_time(0.2)
            transports[1].full = transports[2].full = False  # they read
        assert sessions[0].blocked_since is not None
        assert (subscribers.current, stage.bridge.delivery.subscribers["b"].current) == (2, 2)
        assert subscribers.cursor(sessions[0]) != subscribers.position == Position("e1", 59)
        transports[0].full = False
        stage.pass_time(0.2)
        stage.put("a", 60, rows(60))
        stage.pass_time(0.2)
        assert subscribers.current == 3
        for transport in transports:
            got = [answer for data in transport.take() for answer in answers([data])]
            moves = [answer for answer in got if isinstance(answer, Delta) and answer.list == "a"]
            assert all(before.sequence == after.prev for before, after in pairwise(moves))
            assert moves[-1].sequence == 60
        for session in sessions:
            stage.bridge.leave(session)


def test_heartbeats_and_pings_of_one_in_step_keep_the_cursor(writer: Broadcaster) -> None:
    stage = TestRoom("a", writer=writer)
    stage.put("a", 1, rows(1))
    with connections(1) as (transport,):
        session = following(stage, transport)
        stage.pass_time(0.2)
        stage.bridge.beat()
        stage.put("a", 2, rows(2))
        stage.pass_time(0.2)
        assert stage.bridge.delivery.subscribers["a"].cursor(session) == Position("e1", 2)
        assert [frame[0] for data in transport.take() for frame in split_frames(data)] == [1, 1, 1]
        stage.bridge.leave(session)
        assert stage.bridge.subscriptions() == {}


async def test_nothing_follows_a_goodbye(writer: Broadcaster) -> None:
    stage = TestRoom("a", writer=writer)
    stage.put("a", 1, rows(1))
    with connections(2) as transports:
        leaving, staying = (following(stage, transport) for transport in transports)
        leaving.close(SHUTDOWN)
        stage.put("a", 2, rows(2))
        stage.pass_time(0.2)
        first, second = ([*split_frames(b"".join(transport.take()))] for transport in transports)
        assert [opcode for opcode, _ in first] == [1, CLOSE]
        assert len(second) == 2
        stage.bridge.leave(leaving)
        stage.bridge.leave(staying)


async def test_one_that_takes_no_heartbeats_is_slow_too() -> None:
    """The list does not move, so nothing else would show it."""
    stage = TestRoom("a")
    stage.put("a", 1, rows(1))
    transport = FakeTransport()
    session = stage.bridge.enter(transport, authorized=True)
    stage.bridge.subscribe(session, "a", None)
    transport.full = True
    stage.bridge.beat()
    assert stage.bridge.lagging == 1
    stage.pass_time(6.0)
    stage.bridge.beat()
    stage.pass_time(5.0)
    assert session.closed
    assert stage.tally.counts["close.slow"] == 1
    stage.bridge.leave(session)
