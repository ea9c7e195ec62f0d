"""The HTTP interface of the bridge: what its answers are made of. Documented in docs/protocol.md, section 17."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from gapscan.protocol.fields import Fields
from gapscan.protocol.headlines import Headlines
from gapscan.protocol.lists import RankedRows
from gapscan.protocol.values import Crc32, EpochMs, ListName, Rank, Sequence, SessionName, State, Symbol

PREFIX: Final = "/api"
TradingDay = Annotated[str, Meta(description="YYYY-MM-DD")]
Size = Annotated[int, Meta(ge=0, description="rows that the whole list has")]


class ListSummary(Struct, frozen=True):
    """What a list is and how it stands. Without rows yet, it has no `epoch`."""

    name: ListName
    description: str
    sort: list[str]
    sessions: list[SessionName]
    limit: int
    columns: list[str]
    state: State
    epoch: str | None
    sequence: Sequence
    as_of: EpochMs
    size: Size


class ListsAnswer(Struct, frozen=True):
    """All lists, in the order in which they are shown."""

    lists: list[ListSummary]
    simulated: bool


class ListAnswer(Struct, frozen=True):
    """The rows of a list, or those wanted of it, at `sequence`; `checksum` is of these rows."""

    list: ListName
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    state: State
    simulated: bool
    size: Size
    checksum: Crc32
    rows: RankedRows


class PastAnswer(Struct, frozen=True):
    """The rows of a list, or those wanted of it, as it was at market time `time`; `checksum` is of these rows.

    `complete` is false where the tape ends: more may come of that time.
    """

    list: ListName
    time: EpochMs
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    state: Literal["past"]
    complete: bool
    simulated: bool
    size: Size
    checksum: Crc32
    rows: RankedRows


class SymbolPlace(Struct, frozen=True):
    """Where a symbol stands in a list."""

    list: ListName
    rank: Rank
    size: Size
    state: State
    epoch: str
    sequence: Sequence
    as_of: EpochMs


SymbolPlaces = list[SymbolPlace]


class SymbolHalt(Struct, frozen=True):
    """Trading in a symbol is halted since `time`, or was resumed then, on this trading day.

    `reason` is the exchange's code, `resumes_at` when trading is to go on, or was; null where that is not known.
    """

    symbol: Symbol
    status: Literal["halted", "resumed"]
    time: EpochMs
    reason: str | None
    resumes_at: EpochMs | None


SymbolHalts = list[SymbolHalt]


class HaltsAnswer(Struct, frozen=True):
    """All halts of the market: those that last, then those of the day that are over, each the newest first.

    They are published when they change: `as_of` is when they last did, 0 where no feed has said anything of halts, and
    `date` the trading day that they are of. How the market stands, the lists say: `market_time` is the newest time
    that is known of it, by which a halt's length counts, `market_date` its trading day, and `state` whether it moves;
    0 and null before any list has rows.
    """

    as_of: EpochMs
    simulated: bool
    halts: SymbolHalts
    date: TradingDay | None = None
    market_time: EpochMs = 0
    market_date: TradingDay | None = None
    state: State | None = None


class SymbolAnswer(Struct, frozen=True):
    """A symbol in the lists: its newest row, null when it is in none, and its places.

    `news` are its newest headlines, the newest first; null when they cannot be read. `halt` is null when it neither is
    halted nor was today, as far as is known; where `halt_unread` is true, that cannot be read. `market_time` is the
    newest time that is known of the market, and `state` whether it moves; 0 and null before any list has rows.
    """

    symbol: str
    row: Fields | None
    places: SymbolPlaces
    simulated: bool
    news: Headlines | None = None
    halt: SymbolHalt | None = None
    halt_unread: bool = False
    market_time: EpochMs = 0
    state: State | None = None


class SymbolStay(Struct, frozen=True):
    """A time that a symbol was in a list, with its rank and price when it came and when it went.

    `entered` is null when it was in before anything was recorded, `left` when it is in. `reason` is why it left, as the
    list said it, or `removed`: the list was removed with the symbol in it, `left` is the end of what is recorded of the
    list, and uncertain. `uncertain`: else it came or went at some time in a gap of the tape, which ends at the time
    that stands here. `unrecorded`: it came at some time that is not recorded (yet), and `entered` is null for that.
    """

    list: ListName
    entered: EpochMs | None
    left: EpochMs | None
    rank_in: Rank | None
    rank_out: Rank | None
    price_in: float | None
    price_out: float | None
    reason: str | None
    uncertain: bool
    unrecorded: bool = False


SymbolStays = list[SymbolStay]


class StaysAnswer(Struct, frozen=True):
    """When a symbol was in the lists on trading day `date`, by the time; the tape may be a minute behind."""

    symbol: str
    date: Annotated[str | None, Meta(description="trading day, YYYY-MM-DD; null before any list has rows")]
    stays: SymbolStays


class TriedReturn(Struct, frozen=True):
    """What followed entries after some time, in percent, beside symbols chosen at random; null: nothing is known."""

    after: str
    entries: int
    mean: float | None
    random: float | None
    share_above_zero: float | None


class TriedEntry(Struct, frozen=True):
    """One entry, and what followed it, in percent."""

    time: EpochMs
    symbol: str
    rank: Rank
    price: float | None
    return_5m: float | None
    return_30m: float | None
    return_close: float | None


TriedEntries = list[TriedEntry]
TriedReturns = list[TriedReturn]


class TriedMoment(Struct, frozen=True):
    """One entry of today: the full minute at which the symbol was first seen in, and its rank among those known."""

    time: EpochMs
    symbol: str
    rank: Rank
    price: float | None


TriedMoments = list[TriedMoment]


class TriedToday(Struct, frozen=True):
    """How often a definition would have fired on the tape's newest day, among the `symbols` that recorded lists showed.

    It counts from `begin` to `end`; `already_in` were in at `begin`, and are no entries. `latest` are the last entries,
    newest first. `notes` say what the tape does not tell. With a `fault` there is nothing, and this is why.
    """

    day: str = ""
    begin: EpochMs = 0
    end: EpochMs = 0
    symbols: int = 0
    already_in: int = 0
    entries: int = 0
    by_half_hour: dict[str, int] = {}
    latest: TriedMoments = []
    simulated: bool = False
    notes: list[str] = []
    fault: str = ""


class TriedAnswer(Struct, frozen=True):
    """How often a definition would have fired on `days` of flat files; `latest` are the last entries, newest first.

    `by_half_hour` counts entries by when they were, in New York. `notes` say what the files do not tell, `faults` which
    days were lost and why. `today` is of the tape's newest day. Without flat files there are no `days`.
    """

    days: list[str]
    entries: int
    entries_a_day: float
    by_half_hour: dict[str, int]
    followed: TriedReturns
    latest: TriedEntries
    notes: list[str]
    faults: dict[str, str]
    today: TriedToday


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why a request was not answered (RFC 9457). Programs know the reason by `code`."""

    title: str
    status: int
    detail: str
    code: str
    type: str = "about:blank"


# The codes of problems, and when they come.
# How the process ends that tries a definition, when there is no answer: what it says is for whoever asked.
NO_FILES: Final = 3
REFUSED: Final = 4

PROBLEMS: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (400, "a parameter is unknown, or its value is none"),
    "no_token": (401, "the bridge has a token: `Authorization: Bearer ...` must say it"),
    "origin": (403, "the page's origin is not allowed"),
    "no_files": (404, "there are no flat files to try a definition on, and no tape"),
    "not_allowed": (403, "whoever asks may not change lists"),
    "unknown_list": (404, "there is no list of this name"),
    "not_found": (404, "there is nothing at this path"),
    "not_recorded": (404, "what the list was then is not recorded"),
    "bad_method": (405, "the path does not know the method; most are only read: GET"),
    "not_acceptable": (406, "a list comes as JSON or CSV"),
    "exists": (409, "there is a list of this name already"),
    "changed": (412, "the list was changed by somebody else in the meantime"),
    "host": (421, "the request's `Host` is no name of this bridge"),
    "bad_list": (422, "the definition is wrong, or of another list"),
    "rate_limited": (429, "too many requests, or too many wrong tokens, came from this address"),
    "not_published": (503, "the list has no rows yet, or it is not known yet which lists there are"),
    "list_failed": (503, "the newest rows cannot be sent"),
    "unavailable": (503, "no ranker answered the question, the past could not be read, or others are being answered"),
    "full": (503, "the bridge has as many clients as it may have"),
}
