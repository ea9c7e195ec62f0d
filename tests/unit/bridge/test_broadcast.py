"""Both ways of writing to many sockets: readers get the same bytes, and what was not taken is told alike."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapscan.bridge import broadcast as module
from gapscan.bridge import io_uring as ring_module
from gapscan.bridge.broadcast import Broadcaster, open_writer
from tests.support.wire import ENTRIES, small_ring

_STEPS = st.lists(st.tuples(st.integers(1, 6000), st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19), max_size=1)))


class Pair:
    """A socket with a small buffer, and its reader."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.sent = self.got = self.held = b""
        self.shut = False

    def read(self) -> bool:
        try:
            part = self.theirs.recv(1 << 20)
        except BlockingIOError:
            return False
        self.got += part
        return bool(part)

    def send_held(self) -> None:
        """What the transport does."""
        try:
            self.held = self.held[self.ours.send(self.held) if self.held else 0 :]
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return


@contextmanager
def pairs(number: int) -> Iterator[list[Pair]]:
    with ExitStack() as stack:
        made = [Pair() for _ in range(number)]
        for pair in made:
            stack.callback(pair.ours.close)
            stack.callback(pair.theirs.close)
        yield made


def send(writer: Broadcaster, to: list[Pair], frame: bytes) -> None:
    ready = [pair for pair in to if not pair.held]
    short = dict(writer.write(array("i", [pair.ours.fileno() for pair in ready]), frame))
    for at, pair in enumerate(ready):
        taken = short.get(at, len(frame))
        assert 0 <= taken <= len(frame)
        pair.sent += frame
        pair.held = frame[taken:]


def test_more_sockets_than_entries(writer: Broadcaster) -> None:
    with pairs(5 * ENTRIES + 3) as many:
        for step in range(40):  # the rings' counters pass their ends
            send(writer, many, b"%02d" % step * 20)
            for pair in many:
                pair.read()
        assert all(pair.got == pair.sent for pair in many)


def test_a_full_socket_and_a_closed_one_cost_the_others_nothing(writer: Broadcaster) -> None:
    with pairs(12) as many:
        many[3].theirs.close()
        while not many[0].held:
            send(writer, many, os.urandom(700))
            assert all(pair.read() for pair in many[4:])
        assert many[3].held == many[3].sent[: len(many[3].held)]
        assert all(pair.got == pair.sent for pair in many[4:])


def test_a_number_that_is_none(writer: Broadcaster) -> None:
    with pairs(3) as many:
        numbers = array("i", [pair.ours.fileno() for pair in many])
        many[1].ours.close()
        assert writer.write(numbers, b"frame") == [(1, 0)]
        assert many[0].read()
        assert many[2].read()


def test_a_number_that_is_used_again(writer: Broadcaster) -> None:
    with pairs(3) as many:
        numbers = array("i", [pair.ours.fileno() for pair in many])
        os.dup2(many[2].ours.fileno(), numbers[1])
        assert writer.write(numbers, b"frame") == []
        many[1].read()
        many[2].read()
        assert (many[1].got, many[2].got) == (b"", b"frameframe")


@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("kind", ["write", "io_uring"])
@given(steps=_STEPS, seed=st.binary(min_size=1, max_size=8))
def test_readers_get_exactly_what_was_sent(kind: str, steps: list[tuple[int, set[int], set[int]]], seed: bytes) -> None:
    """Slow, fast and closed ones; the rest of a frame goes first, and nothing overtakes it."""
    with ExitStack() as stack:
        writer = Broadcaster(stack.enter_context(small_ring())) if kind == "io_uring" else Broadcaster()
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(module, "FEW", 1)
        many = stack.enter_context(pairs(20))
        for number, (size, readers, leavers) in enumerate(steps):
            send(writer, many, (seed + b"%d" % number) * size)
            for at in leavers:
                many[at].shut = True
                many[at].theirs.close()
            for pair in (many[at] for at in readers if not many[at].shut):
                pair.read()
                pair.send_held()
        for pair in (pair for pair in many if not pair.shut):
            while pair.read() or pair.held:
                pair.send_held()
            assert pair.got == pair.sent


def test_a_refusal_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_number: int, *_arguments: object) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("gapscan.bridge.io_uring.system_call", refused)
    with open_writer(io_uring=True) as writer, pairs(1) as (pair,):
        assert writer.name == "write"
        send(writer, [pair], b"frame")
        assert pair.read()
        assert pair.got == b"frame"


_UNDER_SECCOMP = """
import sys
from tests.support.seccomp import refuse
refuse(int(sys.argv[1]), int(sys.argv[2]))
from gapscan.bridge.broadcast import open_writer
with open_writer(io_uring=True) as writer:
    print(writer.name)
"""


@pytest.mark.parametrize(("number", "code"), [(425, errno.ENOSYS), (425, errno.EPERM), (426, errno.EPERM)])
def test_a_container_that_forbids_it(number: int, code: int) -> None:
    """A real filter: rings are refused, or given out and of no use."""
    command = [sys.executable, "-c", _UNDER_SECCOMP, str(number), str(code)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("write\n", 0), ended.stderr


def test_a_kernel_that_does_not_know_how_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each send would be refused as a socket's fault is, and all frames go the slow way."""
    monkeypatch.setattr("gapscan.bridge.io_uring.OP_SEND", 0xFF)
    with open_writer(io_uring=True) as writer:
        assert writer.name == "write"


def test_a_python_without_ctypes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gapscan.bridge.io_uring", None)
    with open_writer(io_uring=True) as writer:
        assert writer.name == "write"


@pytest.mark.parametrize("served", [False, True], ids=["before", "after"])
def test_an_exception_out_of_the_middle(monkeypatch: pytest.MonkeyPatch, *, served: bool) -> None:
    """The rings hold requests or results then; the next frame must not wait for what never comes."""
    monkeypatch.setattr(module, "FEW", 1)
    with small_ring() as opened, pairs(3 * ENTRIES) as many:
        writer = Broadcaster(opened)
        with monkeypatch.context() as patch:
            call = ring_module.system_call

            def interrupted(*arguments: Any) -> int:
                if served:
                    call(*arguments)
                raise KeyboardInterrupt

            patch.setattr(ring_module, "system_call", interrupted)
            with pytest.raises(KeyboardInterrupt):
                send(writer, many, b"lost")
        assert writer.name == "write"
        for pair in many:
            pair.read()
            pair.got = b""
        send(writer, many, b"frame")
        assert all(pair.read() and pair.got == b"frame" for pair in many)


def test_it_can_be_turned_off() -> None:
    with open_writer(io_uring=False) as writer:
        assert writer.name == "write"


def test_a_ring_that_fails_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW", 1)
    with small_ring() as opened, pairs(20) as many:
        writer = Broadcaster(opened)
        number = os.dup(opened.fd)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), opened.fd)
        send(writer, many, b"first")
        assert writer.name == "write"
        os.dup2(number, opened.fd)
        os.close(number)
        for pair in many:
            pair.send_held()
        send(writer, many, b"second")
        assert all(pair.read() and pair.got == b"firstsecond" for pair in many)


def test_nothing_is_left_open() -> None:
    small_ring().close()
    before = os.listdir("/proc/self/fd")
    small_ring().close()
    assert os.listdir("/proc/self/fd") == before


def test_a_closed_ring_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW", 1)
    with pairs(3) as many:
        with small_ring() as opened:
            writer = Broadcaster(opened)
            send(writer, many, b"first")
        send(writer, many, b"second")
        assert writer.name == "write"
        for pair in many:
            pair.send_held()
        assert all(pair.read() and pair.got == b"firstsecond" for pair in many)
