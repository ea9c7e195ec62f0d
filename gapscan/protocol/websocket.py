"""The WebSocket protocol between browsers and the bridge: every message, error and close code, said once.

JSON in text frames. What a client sends has an `action`, what the bridge sends has a `type`. Lists themselves go as
the `snapshot` and `delta` of the messages module; a delta always has its `sequence` here.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.errors import ProtocolError
from gapscan.protocol.codes import BAD_JSON, BAD_MESSAGE, UNKNOWN_ACTION, ErrorCode
from gapscan.protocol.messages import Alert, Delta, EpochMs, Fields, Near, Sequence, SessionName, Snapshot, Why
from gapscan.protocol.past import AskAt, AskTimeline, Past, PastDelta, PastSnapshot, Play, Playing, Timeline
from gapscan.protocol.values import AskedEpoch, AskedLimit, AskedName, AskedNames, AskedSymbol, Milliseconds, WireState

HELLO_VERSION: Final = 1


class Wanted(Struct, frozen=True):
    """One list to subscribe to; `epoch` and `last_sequence` say what the client still has of it.

    With `limit` and `fields`, the first rows and some fields only; what the client has is of the same wish.
    """

    list: AskedName
    epoch: AskedEpoch | None = None
    last_sequence: Sequence | None = None
    limit: AskedLimit | None = None
    fields: AskedNames | None = None


Wants = list[Wanted]


class Subscribe(Struct, frozen=True, tag_field="action", tag="subscribe"):
    """Send these lists from now on. Each is answered with a snapshot or a delta."""

    lists: Wants


class Unsubscribe(Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """Send these lists no more."""

    lists: AskedNames


class Resync(Struct, frozen=True, tag_field="action", tag="resync"):
    """The client's copy has a hole or is wrong. Without `last_sequence` the answer is a snapshot."""

    list: AskedName
    epoch: AskedEpoch | None = None
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


class AskAlerts(Struct, frozen=True, tag_field="action", tag="alerts"):
    """Send alerts, the last ones first, or those after the one with the id `after`; or send no more."""

    on: bool
    after: Annotated[str, Meta(max_length=400)] | None = None


class AskNear(Struct, frozen=True, tag_field="action", tag="near"):
    """Say who nearly is in `list`."""

    list: AskedName


class AskWhy(Struct, frozen=True, tag_field="action", tag="why"):
    """Say why `symbol` is, or is not, in `list`; without it: in each of the lists."""

    symbol: AskedSymbol
    list: AskedName | None = None


Action = (
    Subscribe | Unsubscribe | Resync | AskLists | Auth | Aggregates | Overview | AskAlerts | AskWhy | AskNear | AskAt
    | AskTimeline | Play
)  # fmt: skip
Question = AskWhy | AskNear | AskAt | AskTimeline
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

    Of delayed data `state` is `stale` and `delayed` is true; `delayed_by` is by how much of market time. That of a
    played list is `past`.
    """

    epoch: str
    sequence: Sequence
    as_of: EpochMs
    state: WireState | Literal["past"]
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


class SentAlert(Struct, frozen=True):
    """An alert, and the id by which it is known when it comes again."""

    id: str
    alert: Alert


SentAlerts = list[SentAlert]


class Alerts(Struct, frozen=True, tag_field="type", tag="alerts"):
    """Alerts in their order. `first`: they are the last ones that there were, not news."""

    alerts: SentAlerts
    first: bool


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """Something the client sent was refused. `retry`: the same may work later."""

    code: str
    message: str
    retry: bool
    list: str | UnsetType = UNSET
    symbol: str | UnsetType = UNSET


Told = Hello | Lists | Snapshot | Delta | Beat | Aggregate | Sizes | Alerts | Why | Near | Error
Answer = Told | Past | PastSnapshot | PastDelta | Playing | Timeline


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
