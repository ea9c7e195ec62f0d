"""How the bridge refuses what a client sent, and how it ends a connection: every error and close code, said once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RECONNECT_BELOW: Final = 4500  # our close codes from here on say: do not come back unchanged


@dataclass(frozen=True, slots=True)
class CloseCode:
    """A close code; below RECONNECT_BELOW a client comes back by itself, after a wait with jitter."""

    code: int
    name: str
    meaning: str

    @property
    def reconnect(self) -> bool:
        """Whether a client should come back."""
        return self.code < RECONNECT_BELOW


SHUTDOWN: Final = CloseCode(4000, "shutdown", "this bridge is going down; another one, or its successor, goes on")
SLOW: Final = CloseCode(4001, "slow", "the client did not take what it was sent for too long")
SILENT: Final = CloseCode(4002, "silent", "the client did not answer pings")
FAILED: Final = CloseCode(4003, "failed", "the bridge failed on this connection")
LOCKED_OUT: Final = CloseCode(4004, "locked_out", "too many wrong tokens came from the client's address")
BAD_REQUEST: Final = CloseCode(4500, "bad_request", "the client sent what is no JSON object in a text frame")
TOO_BIG: Final = CloseCode(4501, "too_big", "the client sent a message that is too long")
UNAUTHORIZED: Final = CloseCode(4502, "unauthorized", "the token is missing or wrong, or did not come in time")
TOO_MANY: Final = CloseCode(4503, "too_many", "the client sent too many messages a second")
CLOSE_CODES: Final = (SHUTDOWN, SLOW, SILENT, FAILED, LOCKED_OUT, BAD_REQUEST, TOO_BIG, UNAUTHORIZED, TOO_MANY)


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """An error; with `close`, the connection is closed after it."""

    code: str
    meaning: str
    retry: bool = False
    close: CloseCode | None = None


UNKNOWN_LIST: Final = ErrorCode("unknown_list", "there is no list of this name; `lists` is sent when that changes")
TOO_MANY_LISTS: Final = ErrorCode("too_many_lists", "the client has as many lists as one client may have")
UNKNOWN_FIELD: Final = ErrorCode("unknown_field", "a row has no such field; the list comes without it")
LIST_FAILED: Final = ErrorCode(
    "list_failed", "its newest version cannot be sent; it goes on with the next one that can", retry=True
)
UNAVAILABLE: Final = ErrorCode(
    "unavailable", "no ranker answered the question, or the past could not be read", retry=True
)
NOT_RECORDED: Final = ErrorCode("not_recorded", "what the list was then is not recorded")
TOO_MANY_PLAYS: Final = ErrorCode("too_many_plays", "as many pasts are played as may be", retry=True)
RATE_LIMITED: Final = ErrorCode("rate_limited", "as many questions of this client are unanswered as may be", retry=True)
NOT_SUBSCRIBED: Final = ErrorCode("not_subscribed", "a resync of a list that the client does not subscribe to")
UNKNOWN_ACTION: Final = ErrorCode("unknown_action", "there is no such action")
BAD_MESSAGE: Final = ErrorCode("bad_message", "a field of the action is missing or of the wrong type")
BAD_JSON: Final = ErrorCode("bad_json", "the message is not a JSON object, or nested too deeply", close=BAD_REQUEST)
BINARY: Final = ErrorCode("binary", "the message came in a binary frame", close=BAD_REQUEST)
BAD_FRAME: Final = ErrorCode("bad_frame", "the bytes break the WebSocket protocol, or are not UTF-8", close=BAD_REQUEST)
TOO_LONG: Final = ErrorCode("too_long", "the message is too long", close=TOO_BIG)
NO_TOKEN: Final = ErrorCode("no_token", "the first message must be `auth`, with the right token", close=UNAUTHORIZED)
TOO_MANY_GUESSES: Final = ErrorCode(
    "too_many_guesses", "too many wrong tokens came from this address: none is looked at for a while", True, LOCKED_OUT
)
TOO_FAST: Final = ErrorCode("too_fast", "the client sends more messages than it may, over some seconds", close=TOO_MANY)
ERROR_CODES: Final = (
    UNKNOWN_LIST, TOO_MANY_LISTS, UNKNOWN_FIELD, LIST_FAILED, UNAVAILABLE, NOT_RECORDED, TOO_MANY_PLAYS, RATE_LIMITED,
    NOT_SUBSCRIBED, UNKNOWN_ACTION, BAD_MESSAGE, BAD_JSON, BINARY, BAD_FRAME, TOO_LONG, NO_TOKEN, TOO_MANY_GUESSES,
    TOO_FAST,
)  # fmt: skip
