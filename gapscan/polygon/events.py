"""Polygon's stream: frames to events, and those to what the feed takes. Zero and null mean unset; times are in ms.

A frame is an array of events. A field or an event that cannot be read costs itself only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal, cast

import msgspec
import numpy as np
from msgspec import Meta, Raw, Struct, field

from gapscan.polygon.lenient import UNREADABLE, elements_of, saved
from gapscan.polygon.times import milliseconds, milliseconds_each
from gapscan.protocol.values import Symbol
from gapscan.provider import BarColumns, Halt, StreamBatch, Trade

Frame = str | bytes
AnswerKind = Literal["subscribed", "unsubscribed", "refused", "note", "unknown"]

_SHOWN: Final = 60  # bytes of a bad event or frame that an error quotes
_TOPIC: Final = re.compile(r"(?<![\w.])(?:AM|A|T|LULD)\.[^\s,;:'\"\])]+")

# What the provider says before it ends a session, whatever was asked for in it.
SESSION_ENDS: Final = frozenset(("max_connections", "auth_failed", "auth_timeout"))
_OF_THE_SESSION: Final = SESSION_ENDS | {"connected", "auth_success"}

# Sale conditions that do not update the consolidated last price, by the provider's numbers: the column "Update Last"
# of polygon.io/glossary/us/stocks/conditions-indicators, which restates the SIPs' tables (CTS output specification,
# UTP UTDF specification). Those are averages (2), sold late or out of sequence (5, 13, 32, 33), other settlement
# (7, 20, 29), derived, agreed or earlier prices (10, 21, 22, 52, 53), the official prices of one exchange (15, 16) and
# odd lots (37). Form T (12) is not among them: before the open and after the close all trades are that.
_NOT_LAST: Final = frozenset((2, 5, 7, 10, 13, 15, 16, 20, 21, 22, 29, 32, 33, 37, 52, 53))

# Indicators of massive.com/docs/websocket/stocks/luld; there are any of Nasdaq listings only.
_HALTED: Final = 17
_RESUMED: Final = 18

_Time = Annotated[int, Meta(gt=0, le=2**62)]  # in ms, or what `milliseconds` takes for another unit


class StreamBar(Struct, gc=False, tag_field="ev", tag="A"):
    """A bar of a second. `av`, `op` and `a` are the day's volume, official open and vwap so far."""

    sym: Symbol
    s: _Time
    e: _Time
    o: float | None = 0.0
    h: float | None = 0.0
    l: float | None = 0.0  # noqa: E741  # the provider's name
    c: float | None = 0.0
    v: float | None = 0.0
    av: float | None = 0.0
    op: float | None = 0.0
    a: float | None = 0.0


class StreamMinuteBar(StreamBar, gc=False, tag_field="ev", tag="AM"):
    """A bar of a minute."""


class StreamTrade(Struct, gc=False, tag_field="ev", tag="T"):
    """A trade: price, time and conditions, without which a price is not known to be one."""

    NEEDED: ClassVar = frozenset({"c"})

    sym: Symbol
    t: _Time
    p: float | None = 0.0
    c: list[int] | None = None


class StreamLuld(Struct, gc=False, tag_field="ev", tag="LULD"):
    """A symbol's price bands, or its halt: `i` are indicators. `t` is documented as ms, its example is in ns."""

    NEEDED: ClassVar = frozenset({"i"})

    T: Symbol
    t: int
    i: list[int] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.time < 10**13:
            raise ValueError(f"no time in ms or ns: {self.t}")

    @property
    def time(self) -> int:
        """Epoch ms, whichever unit it came in."""
        return milliseconds(self.t)

    @property
    def halts(self) -> bool | None:
        """Whether the symbol halts (True) or resumes (False); None: it says neither."""
        if not self.i or not {_HALTED, _RESUMED}.intersection(self.i):
            return None
        return _RESUMED not in self.i


class StreamStatus(Struct, tag_field="ev", tag="status"):
    """What the provider says of the connection or of a topic."""

    status: str
    message: str = ""


Event = StreamBar | StreamMinuteBar | StreamTrade | StreamLuld | StreamStatus


class Events(Struct):
    """What one or several frames held; `bad` counts what could not be read, `lost` fields of the others that could
    not, `first_fault` says of what kind."""

    bars: list[StreamBar] = field(default_factory=list)
    trades: list[StreamTrade] = field(default_factory=list)
    lulds: list[StreamLuld] = field(default_factory=list)
    statuses: list[StreamStatus] = field(default_factory=list)
    bad: int = 0
    lost: int = 0
    first_fault: str = ""

    def add(self, event: Event) -> None:
        """Add one event."""
        if isinstance(event, StreamBar):
            self.bars.append(event)
        elif isinstance(event, StreamTrade):
            self.trades.append(event)
        elif isinstance(event, StreamLuld):
            self.lulds.append(event)
        else:
            self.statuses.append(event)

    def add_fault(self, error: Exception, where: Frame) -> None:
        """Count something unreadable."""
        self.bad += 1
        self._note(error, where)

    def add_saved(self, event: Event, lost: int, error: Exception, where: Frame) -> None:
        """Add an event without the fields that could not be read."""
        self.add(event)
        self.lost += max(lost, 1)
        self._note(error, where)

    def _note(self, error: Exception, where: Frame) -> None:
        self.first_fault = self.first_fault or f"{error} in {where[:_SHOWN]!r}"


_frame: Final[msgspec.json.Decoder[list[Event]]] = msgspec.json.Decoder(list[Event])
_parts: Final = msgspec.json.Decoder(list[Raw])
_event: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)
_BAR_TYPES: Final = frozenset((StreamBar, StreamMinuteBar))
_TAG: Final = re.compile(rb'"ev"\s*:\s*"(\w+)"')
_KINDS: Final[dict[bytes, type[Event]]] = {
    b"A": StreamBar, b"AM": StreamMinuteBar, b"T": StreamTrade, b"LULD": StreamLuld, b"status": StreamStatus,
}  # fmt: skip


def read_frame(frame: Frame, into: Events) -> None:
    """Add the frame's events to `into`. Never raises."""
    try:
        events = _frame.decode(frame)
    except UNREADABLE:
        _read_one_by_one(frame, into)
        return
    if _BAR_TYPES.issuperset(map(type, events)):
        into.bars += cast(list[StreamBar], events)
        return
    for event in events:
        into.add(event)


def _read_one_by_one(frame: Frame, into: Events) -> None:
    try:
        parts = _parts_of(frame)
    except UNREADABLE as error:
        into.add_fault(error, frame)
        return
    for part in parts:
        try:
            into.add(_event.decode(part))
        except UNREADABLE as error:
            _save(part, into, error)


def _parts_of(frame: Frame) -> list[bytes]:
    try:
        return [bytes(part) for part in _parts.decode(frame)]
    except UNREADABLE as error:  # one event that is malformed is the usual reason
        if parts := elements_of(frame.encode() if isinstance(frame, str) else frame):
            return parts
        raise ValueError(str(error)) from None


def _save(part: bytes, into: Events, error: Exception) -> None:
    try:
        event, lost = saved(part, _KINDS[tag[1] if (tag := _TAG.search(part)) else b""])
    except (*UNREADABLE, KeyError):
        into.add_fault(error, part)
    else:
        into.add_saved(event, lost, error, part)


def statuses_in(frame: Frame) -> list[StreamStatus]:
    """The status events of a frame."""
    events = Events()
    read_frame(frame, events)
    return events.statuses


class Answer(Struct, frozen=True):
    """What a status event means for topics. A refusal without topics names none; a note is about no topic, and what is
    unknown is about none either as far as one can tell."""

    kind: AnswerKind
    topics: list[str]
    message: str


def answer_of(status: StreamStatus) -> Answer:
    """What a status event means."""
    topics = [topic.rstrip(".!") for topic in _TOPIC.findall(status.message)]
    return Answer(_kind_of(status, names_topics=bool(topics)), topics, status.message)


def _kind_of(status: StreamStatus, *, names_topics: bool) -> AnswerKind:
    if status.status in _OF_THE_SESSION:
        return "note"
    if status.status == "success":
        if status.message.startswith("unsubscribed"):
            return "unsubscribed"
        return "subscribed" if names_topics else "note"
    return "refused" if names_topics or status.status == "error" else "unknown"


def batch_of(events: Events) -> StreamBatch:
    """What the events say, without those that say nothing to the feed."""
    return StreamBatch(
        bars=columns_of(events.bars),
        trades=[Trade(trade.sym, milliseconds(trade.t), trade.p or 0.0) for trade in events.trades if is_last(trade)],
        halts=[Halt(luld.T, luld.time, halted) for luld in events.lulds if (halted := luld.halts) is not None],
    )


def columns_of(bars: Sequence[StreamBar]) -> BarColumns:
    """The bars as columns, in which what is not set has no value."""
    numbers = np.array(
        [
            [bar.o for bar in bars], [bar.h for bar in bars], [bar.l for bar in bars], [bar.c for bar in bars],
            [bar.v for bar in bars], [bar.av for bar in bars], [bar.op for bar in bars], [bar.a for bar in bars],
        ],
        np.float64,
    )  # fmt: skip
    numbers[numbers == 0.0] = np.nan
    start, end = milliseconds_each([bar.s for bar in bars]), milliseconds_each([bar.e for bar in bars])
    return BarColumns([bar.sym for bar in bars], start, end, numbers)


def is_last(trade: StreamTrade) -> bool:
    """Whether a trade sets the market's price at its time."""
    return (trade.p or 0.0) > 0 and updates_last(trade.c)


def updates_last(conditions: Sequence[int] | None) -> bool:
    """Whether a trade under these sale conditions updates the last price."""
    return not (conditions and _NOT_LAST.intersection(conditions))
