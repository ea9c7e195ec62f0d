"""Why sessions end, and what the ledger makes of it."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from gapscan.polygon.events import StreamStatus
from gapscan.polygon.ledger import Ending, Ledger, Reason, ending_of

TOO_MANY = StreamStatus("max_connections", "Maximum number of websocket connections exceeded.")


@pytest.mark.parametrize(
    ("error", "words", "reason"),
    [
        (ConnectionClosedError(Close(1000, ""), None), [StreamStatus("success", "subscribed to: A.X")], Reason.CLOSED),
        (ConnectionClosedError(Close(1008, "policy"), None), [TOO_MANY], Reason.MAX_CONNECTIONS),
        (ConnectionClosedError(None, None), [TOO_MANY], Reason.MAX_CONNECTIONS),
        (ConnectionClosedError(Close(1008, "slow consumer"), None), [], Reason.FAILED),
        (ConnectionClosedError(Close(1001, ""), None), [], Reason.CLOSED),
        (ConnectionClosedError(None, None), [], Reason.LOST),
        (ConnectionClosedError(None, Close(1011, "keepalive ping timeout")), [], Reason.STALLED),
        (ConnectionClosedError(None, Close(1009, "too big")), [], Reason.FAILED),
        (ValueError("no"), [StreamStatus("auth_failed", "authentication failed")], Reason.AUTH_FAILED),
        (ValueError("no"), [StreamStatus("auth_timeout", "too late")], Reason.AUTH_FAILED),
        (ValueError("no"), [], Reason.FAILED),
    ],
)
def test_reason(error: Exception, words: list[StreamStatus], reason: Reason) -> None:
    assert ending_of(error, words).reason is reason


def test_details_say_what_was_seen() -> None:
    assert "1008 slow consumer" in ending_of(ConnectionClosedError(Close(1008, "slow consumer"), None), []).detail
    assert ending_of(ValueError("x" * 1000), []).detail.startswith("ValueError: xxx")
    assert len(ending_of(ValueError("x" * 1000), []).detail) <= 200


def test_what_follows_before_the_repair_is_one_entry() -> None:
    ledger = Ledger()
    ledger.note(Ending(Reason.SILENT, "quiet"), 1_000, 30, session_lost=True)
    ledger.note(Ending(Reason.MAX_CONNECTIONS, "full"), 2_000, 0, session_lost=True)
    ledger.note(Ending(Reason.MAX_CONNECTIONS, "full"), 3_000, 0, session_lost=True)
    ledger.note(Ending(Reason.UNANSWERED, "lost"), 4_000, 5, session_lost=False)
    assert ledger.is_open
    ledger.repaired(5_000, 30)
    assert not ledger.is_open
    assert ledger.shown() == [
        {
            "from": 1_000,
            "to": 5_000,
            "reason": "silent, max_connections, unanswered",
            "detail": "lost",
            "symbols": 30,
            "sessions": 3,
            "repaired": "fresh session, 30 topics confirmed",
        }
    ]


def test_nothing_to_repair() -> None:
    ledger = Ledger()
    assert ledger.repaired(1, 1) is None
    assert ledger.shown() == []


def test_the_last_fifty_are_kept() -> None:
    ledger = Ledger()
    for at in range(60):
        ledger.note(Ending(Reason.CLOSED), at, 1, session_lost=True)
        ledger.repaired(at, 1)
    assert [entry["from"] for entry in ledger.shown()] == list(range(10, 60))


def test_repairs_within_a_session() -> None:
    ledger = Ledger()
    ledger.note(Ending(Reason.REFUSED, "no"), 1, 1, session_lost=False)
    ledger.repaired(2, 9)
    ledger.note(Ending(Reason.UNANSWERED, ""), 3, 2, session_lost=False)
    ledger.repaired(4, 9)
    assert [entry["repaired"] for entry in ledger.shown()] == ["left out, to be asked for again", "asked again"]
