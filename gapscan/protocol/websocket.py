"""The WebSocket protocol between browsers and the bridge: every message, error and close code, said once.

JSON in text frames. What a client sends has an `action`, what the bridge sends has a `type`. Lists themselves go as
the `snapshot` and `delta` of the messages module; a delta always has its `sequence` here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.errors import ProtocolError
from gapscan.protocol.messages import Delta, EpochMs, Fields, Sequence, SessionName, Snapshot, Why
from gapscan.protocol.values import Milliseconds, WireState

HELLO_VERSION: Final = 1
RECONNECT_BELOW: Final = 4500  # our close codes from here on say: do not come back unchanged

# Names from clients are looked up, not checked against the pattern: a wrong one is an unknown list.
Name = Annotated[str, Meta(max_length=100)]
Epoch = Annotated[str, Meta(max_length=100)]
Names = list[Name]
Limit = Annotated[int, Meta(ge=1)]
AskedSymbol = Annotated[str, Meta(min_length=1, max_length=32)]


class Wanted(Struct, frozen=True):
    """One list to subscribe to; `epoch` and `last_sequence` say what the client still has of it.

    With `limit` and `fields`, the first rows and some fields only; what the client has is of the same wish.
    """

    list: Name
    epoch: Epoch | None = None
    last_sequence: Sequence | None = None
    limit: Limit | None = None
    fields: Names | None = None


Wants = list[Wanted]


class Subscribe(Struct, frozen=True, tag_field="action", tag="subscribe"):
    """Send these lists from now on. Each is answered with a snapshot or a delta."""

    lists: Wants


class Unsubscribe(Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """Send these lists no more."""

    lists: Names


class Resync(Struct, frozen=True, tag_field="action", tag="resync"):
    """The client's copy has a hole or is wrong. Without `last_sequence` the answer is a snapshot."""

    list: Name
    epoch: Epoch | None = None
    last_sequence: Sequence | None = None


class AskLists(Struct, frozen=True, tag_field="action", tag="lists"):
    """Say which lists there are."""


class Auth(Struct, frozen=True, tag_field="action", tag="auth"):
    """The first message of a client, when the bridge has a token."""

    token: str


class Aggregates(Struct, frozen=True, tag_field="action", tag="aggregates"):
    """Turn on or off the messages about single symbols of the subscribed lists."""

    on: bool


class Overview(Struct, frozen=True, tag_field="action", tag="overview"):
    """Turn on or off the messages about how all lists stand."""

    on: bool


class AskWhy(Struct, frozen=True, tag_field="action", tag="why"):
    """Say why `symbol` is, or is not, in `list`; without it: in each of the lists."""

    symbol: AskedSymbol
    list: Name | None = None


Action = Subscribe | Unsubscribe | Resync | AskLists | Auth | Aggregates | Overview | AskWhy
ACTIONS: Final = tuple(str(kind.__struct_config__.tag) for kind in Action.__args__)


class Hello(Struct, frozen=True, tag_field="type", tag="hello"):
    """The first message on a connection. `heartbeat` and `window` are seconds; `auth`: send the token first.

    `links` are addresses of pages about a symbol, which stands in them as `{symbol}`.
    """

    version: int
    simulated: bool
    heartbeat: float
    window: float
    auth: bool
    links: list[str] = []


class ListInfo(Struct, frozen=True):
    """What a list is, for those who show it."""

    name: str
    description: str
    sort: list[str]
    sessions: list[SessionName]
    limit: int
    columns: list[str] = []


ListInfos = list[ListInfo]


class Lists(Struct, frozen=True, tag_field="type", tag="lists"):
    """All lists; sent after the hello, whenever they change, and when asked for."""

    lists: ListInfos


class ListBeat(Struct, frozen=True):
    """How a subscribed list stands: what this client was last sent of it, and whether its data moves.

    Of delayed data `state` is `stale` and `delayed` is true; `delayed_by` is by how much of market time.
    """

    epoch: str
    sequence: Sequence
    as_of: EpochMs
    state: WireState
    delayed: bool | UnsetType = UNSET
    delayed_by: Milliseconds | UnsetType = UNSET


class Beat(Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """Once a second, for the lists that the client subscribes to. `behind` is how long prices take from the exchange to
    the feed, `ours` how long from there until they are sent: medians of the last minute, wall time."""

    lists: dict[str, ListBeat]
    simulated: bool
    behind: Milliseconds | UnsetType = UNSET
    ours: Milliseconds | UnsetType = UNSET


class Aggregate(Struct, frozen=True, tag_field="type", tag="aggregate"):
    """New values of some cells of one symbol, ahead of the list's next delta."""

    symbol: str
    data: Fields


class Size(Struct, frozen=True):
    """How a list stands, for those who do not subscribe to it; delayed as in a heartbeat."""

    size: Annotated[int, Meta(ge=0, description="rows that the list has")]
    state: WireState
    delayed: bool | UnsetType = UNSET


class Sizes(Struct, frozen=True, tag_field="type", tag="overview"):
    """How all lists stand; at most once a second, when it has changed. A list without a version is left out."""

    lists: dict[str, Size]


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """Something the client sent was refused. `retry`: the same may work later."""

    code: str
    message: str
    retry: bool
    list: str | UnsetType = UNSET
    symbol: str | UnsetType = UNSET


Answer = Hello | Lists | Snapshot | Delta | Beat | Aggregate | Sizes | Why | Error


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
UNAVAILABLE: Final = ErrorCode("unavailable", "no ranker answered the question", retry=True)
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
    UNKNOWN_LIST, TOO_MANY_LISTS, UNKNOWN_FIELD, LIST_FAILED, UNAVAILABLE, RATE_LIMITED, NOT_SUBSCRIBED, UNKNOWN_ACTION,
    BAD_MESSAGE, BAD_JSON, BINARY, BAD_FRAME, TOO_LONG, NO_TOKEN, TOO_MANY_GUESSES, TOO_FAST,
)  # fmt: skip


class RefusedError(ProtocolError):
    """A client's message that is answered with an error."""

    def __init__(self, error: ErrorCode, message: str, name: str | None = None, symbol: str | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.list = name
        self.symbol = symbol


_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Action]] = msgspec.json.Decoder(Action)


class _Head(Struct):
    action: str


def encode(message: Action | Answer) -> bytes:
    """The JSON of `message`."""
    return _encoder.encode(message)


def decode_action(data: str) -> Action:
    """What a client asks for. Raises RefusedError."""
    try:
        return _decoder.decode(data)
    except RecursionError:
        raise RefusedError(BAD_JSON, "the message is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _refused(data, error) from None


def _refused(data: str, error: Exception) -> RefusedError:
    """Why `data` is no action."""
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        if _is_object(data):
            return RefusedError(UNKNOWN_ACTION, "the message has no action")
        return RefusedError(BAD_JSON, "the message is not a JSON object")
    if head.action not in ACTIONS:
        return RefusedError(UNKNOWN_ACTION, f"there is no action {head.action[:40]!r}")
    return RefusedError(BAD_MESSAGE, f"{head.action}: {error}")


def _is_object(data: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(data), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
