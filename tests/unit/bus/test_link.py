"""What the client changes of the library's is there to be changed, and health is what was answered."""

from __future__ import annotations

import inspect
import time
from contextlib import suppress

import pytest
from nats.aio.client import Client
from nats.aio.transport import TcpTransport
from nats.js.errors import NoStreamResponseError

from gapscan.bus import jetstream
from gapscan.bus.jetstream import JetStreamHealth, Kind
from gapscan.bus.link import LastingClient
from gapscan.bus.options import BusOptions

CHANGED = (
    "_process_err", "_attempt_reconnect", "_connect_to_server", "_process_info", "_process_connect_init",
    "_connect_command", "_parse_header_lines", "publish",
)  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_the_library_has_what_is_changed(name: str) -> None:
    assert name in vars(LastingClient)
    assert callable(getattr(Client, name))


def test_the_library_calls_what_is_changed() -> None:
    source = inspect.getsource(Client)
    for name in (*CHANGED, "ssl_context"):
        assert f"self.{name}" in source or name == "publish"
    assert "_io_writer" in vars(TcpTransport())  # type: ignore[no-untyped-call]


class Moves:
    def __init__(self) -> None:
        self.health = JetStreamHealth(self._move)
        self.number = 0

    def _move(self, why: str) -> None:
        assert why
        self.number += 1

    def ask(self, began: float, *, answered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """A request of two seconds."""
        self.end_with(None if answered else TimeoutError(), began, monkeypatch)

    def end_with(
        self, fault: Exception | None, began: float, monkeypatch: pytest.MonkeyPatch, kind: Kind = "read"
    ) -> None:
        """A request of two seconds that ends so."""
        times = iter((began, began + 2.0))
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda: next(times))
            with suppress(TimeoutError, NoStreamResponseError), self.health.asking(kind):
                if fault is not None:
                    raise fault


def test_two_requests_without_an_answer_and_not_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = Moves()
    for began, answered, expected in (
        (100.0, False, 0), (102.0, False, 1), (104.0, False, 1), (106.0, False, 1), (120.0, False, 2),
        (140.0, False, 2), (152.0, False, 3),
    ):  # fmt: skip
        moves.ask(began, answered=answered, monkeypatch=monkeypatch)
        assert moves.number == expected, began


def test_leaders_may_be_missing_for_as_long_as_an_election_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = Moves()
    for began in range(100, 113, 2):
        moves.end_with(TimeoutError(), began, monkeypatch, "ask_leader")
    assert moves.number == 0
    moves.end_with(TimeoutError(), 114, monkeypatch, "ask_leader")
    assert moves.number == 1


def test_a_silent_server_is_passed_by_sooner_in_the_first_round() -> None:
    """One that is slow gets its time in the next."""
    client = LastingClient(BusOptions("nats://a:1,nats://b:2"))
    client._setup_server_pool(["nats://a:1", "nats://b:2"])
    waits = []
    for _ in range(5):
        client.next_server(client._server_pool, {})  # type: ignore[arg-type]
        waits.append(client.options["connect_timeout"])
    assert waits == [0.7, 0.7, 2.0, 2.0, 2.0]


def test_an_answer_in_between_is_life(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = Moves()
    for began in (100.0, 104.0, 108.0):
        moves.ask(began, answered=False, monkeypatch=monkeypatch)
        moves.ask(began + 2, answered=True, monkeypatch=monkeypatch)
    assert moves.number == 0
    assert jetstream.MUTE_SECONDS > 2


@pytest.mark.parametrize("fault", [TimeoutError(), NoStreamResponseError()])
def test_what_can_be_read_is_no_sign_of_what_can_be_stored(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a node that is cut off: it is moved away from, and less and less often where that helps nobody."""
    moves, moved_at = Moves(), []
    for began in range(100, 300, 4):
        before = moves.number
        moves.end_with(fault, began, monkeypatch, "store")
        moves.ask(began + 2, answered=True, monkeypatch=monkeypatch)
        if moves.number > before:
            moved_at.append(began)
    assert moved_at == [104, 120, 152, 212]


def test_a_stream_that_is_not_there_is_an_answer_to_who_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = Moves()
    for began in range(100, 200, 2):
        moves.end_with(NoStreamResponseError(), began, monkeypatch)
    assert moves.number == 0


def test_silence_is_moved_away_from_whatever_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a reader's node that is cut off: he hears no heartbeat, and goes on reading what the node has."""
    moves, moved_at = Moves(), []
    for now in range(103, 203, 3):
        before = moves.number
        moves.ask(now - 2, answered=True, monkeypatch=monkeypatch)
        monkeypatch.setattr(time, "monotonic", lambda now=now: float(now))
        moves.health.heard_nothing(3.0)
        if moves.number > before:
            moved_at.append(now)
    assert moved_at == [106, 121, 151]
    moves.health.heard()
    assert moves.number == len(moved_at)
