"""The provider's stream: frames to events, events to messages. Zero means unset; all times are ms.

A frame is an array of events. One that cannot be read costs itself only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct, field

from gapscan.market.sessions import NS_PER_MS
from gapscan.protocol.messages import Bars, Trades

Frame = str | bytes
AnswerKind = Literal["subscribed", "unsubscribed", "refused", "note", "unknown"]

# Far below NATS's max_payload (1 MiB): about 130 bytes a bar, 40 a trade.
SYMBOLS_A_MESSAGE: Final = 2_000
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

# Indicators of massive.com/docs/websocket/stocks/luld; it tells them of Nasdaq listings only.
_HALTED: Final = 17
_RESUMED: Final = 18

_Symbol = Annotated[str, Meta(min_length=1)]
_Ms = Annotated[int, Meta(gt=0, lt=10**13)]  # what is greater is in another unit


class Bar(Struct, gc=False, tag_field="ev", tag="A"):
    """A bar of a second. `av`, `op` and `a` are the day's volume, official open and vwap so far."""

    sym: _Symbol
    s: _Ms
    e: _Ms
    o: float = 0.0
    h: float = 0.0
    l: float = 0.0  # noqa: E741  # the provider's name
    c: float = 0.0
    v: float = 0.0
    av: float = 0.0
    op: float = 0.0
    a: float = 0.0


class MinuteBar(Bar, gc=False, tag_field="ev", tag="AM"):
    """A bar of a minute."""


class Trade(Struct, gc=False, tag_field="ev", tag="T"):
    """A trade: price, time and conditions."""

    sym: _Symbol
    t: _Ms
    p: float = 0.0
    c: list[int] | None = None


class Luld(Struct, gc=False, tag_field="ev", tag="LULD"):
    """A symbol's price bands, or its halt: `i` are indicators. `t` is documented as ms, its example is in ns."""

    T: _Symbol
    t: int
    i: list[int] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.time < 10**13:
            raise ValueError(f"no time in ms or ns: {self.t}")

    @property
    def time(self) -> int:
        """Epoch ms, whichever unit it came in."""
        return self.t // NS_PER_MS if self.t >= 10**16 else self.t

    @property
    def halts(self) -> bool | None:
        """Whether the symbol halts (True) or resumes (False); None: it says neither."""
        if not self.i or not {_HALTED, _RESUMED}.intersection(self.i):
            return None
        return _RESUMED not in self.i


class Status(Struct, tag_field="ev", tag="status"):
    """What the provider says of the connection or of a topic."""

    status: str
    message: str = ""


Event = Bar | MinuteBar | Trade | Luld | Status


class Events(Struct):
    """What one or several frames held; `bad` counts what could not be read, `first_fault` says of what kind."""

    bars: list[Bar] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    lulds: list[Luld] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    bad: int = 0
    first_fault: str = ""

    def add(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, Bar):
            self.bars.append(event)
        elif isinstance(event, Trade):
            self.trades.append(event)
        elif isinstance(event, Luld):
            self.lulds.append(event)
        else:
            self.statuses.append(event)

    def add_fault(self, error: Exception, where: Frame) -> None:
        """Count something unreadable."""
        self.bad += 1
        self.first_fault = self.first_fault or f"{error} in {where[:_SHOWN]!r}"


_frame: Final[msgspec.json.Decoder[list[Event]]] = msgspec.json.Decoder(list[Event])
_parts: Final = msgspec.json.Decoder(list[Raw])
_event: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)


def read_frame(frame: Frame, into: Events) -> None:
    """Add the frame's events to `into`. Never raises."""
    try:
        events = _frame.decode(frame)
    except _UNREADABLE:
        _read_one_by_one(frame, into)
        return
    for event in events:
        into.add(event)


def _read_one_by_one(frame: Frame, into: Events) -> None:
    try:
        parts = _parts.decode(frame)
    except _UNREADABLE as error:
        into.add_fault(error, frame)
        return
    for part in parts:
        try:
            into.add(_event.decode(part))
        except _UNREADABLE as error:
            into.add_fault(error, bytes(part))


def statuses_in(frame: Frame) -> list[Status]:
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


def answer_of(status: Status) -> Answer:
    """What a status event means."""
    topics = [topic.rstrip(".!") for topic in _TOPIC.findall(status.message)]
    return Answer(_kind_of(status, names_topics=bool(topics)), topics, status.message)


def _kind_of(status: Status, *, names_topics: bool) -> AnswerKind:
    if status.status in _OF_THE_SESSION:
        return "note"
    if status.status == "success":
        if status.message.startswith("unsubscribed"):
            return "unsubscribed"
        return "subscribed" if names_topics else "note"
    return "refused" if names_topics or status.status == "error" else "unknown"


def bars_messages(bars: Sequence[Bar], *, simulated: bool) -> Iterator[Bars]:
    """The bars, in messages of at most SYMBOLS_A_MESSAGE."""
    for at in range(0, len(bars), SYMBOLS_A_MESSAGE):
        part = bars[at : at + SYMBOLS_A_MESSAGE]
        yield Bars(
            simulated=simulated,
            symbols=[bar.sym for bar in part],
            start=[bar.s for bar in part],
            end=[bar.e for bar in part],
            open=[bar.o or None for bar in part],
            high=[bar.h or None for bar in part],
            low=[bar.l or None for bar in part],
            close=[bar.c or None for bar in part],
            volume=[bar.v or None for bar in part],
            day_volume=[bar.av or None for bar in part],
            day_open=[bar.op or None for bar in part],
            day_vwap=[bar.a or None for bar in part],
        )


def trades_messages(trades: Sequence[Trade], *, simulated: bool) -> Iterator[Trades]:
    """The newest trade of each symbol that tells the market's price, in messages of at most SYMBOLS_A_MESSAGE."""
    newest: dict[str, Trade] = {}
    for trade in trades:
        before = newest.get(trade.sym)
        if is_last(trade) and (before is None or before.t <= trade.t):
            newest[trade.sym] = trade
    last = list(newest.values())
    for at in range(0, len(last), SYMBOLS_A_MESSAGE):
        part = last[at : at + SYMBOLS_A_MESSAGE]
        yield Trades(
            simulated=simulated,
            symbols=[trade.sym for trade in part],
            price=[trade.p for trade in part],
            time=[trade.t for trade in part],
        )


def is_last(trade: Trade) -> bool:
    """Whether a trade tells the market's price at its time."""
    return trade.p > 0 and updates_last(trade.c)


def updates_last(conditions: Sequence[int] | None) -> bool:
    """Whether a trade under these sale conditions updates the last price."""
    return not (conditions and _NOT_LAST.intersection(conditions))
