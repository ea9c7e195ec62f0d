"""Every message on the wire. JSON; times are UTC epoch milliseconds, money is USD, percent 5.0 means 5 %."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import UNSET, Meta, Struct, UnsetType

Rank = Annotated[int, Meta(ge=1, description="1-based position in the list")]
Sequence = Annotated[int, Meta(ge=0, description="the list's stream sequence; 0 before the first delta")]
EpochMs = Annotated[int, Meta(description="UTC epoch milliseconds")]
Symbol = Annotated[str, Meta(min_length=1, description="case-sensitive ticker symbol")]
ListName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,47}$")]
Crc32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF, description='CRC-32 of the symbols in order, joined by "\\n"')]
State = Literal["live", "stale", "closed"]
SessionName = Literal["pre", "regular", "post", "closed"]


class Fields(TypedDict, total=False):
    """The fields of a row beside its symbol. Null and absent both mean "no value"; a missing value is never 0."""

    name: str | None
    exchange: str | None
    type: str | None
    price: float | None
    prev_close: float | None
    open: float | None
    high: float | None
    low: float | None
    vwap: float | None
    change_percent: float | None
    gap_percent: float | None
    change_from_open_percent: float | None
    from_high_percent: float | None
    volume: int | None
    dollar_volume: int | None
    average_volume: int | None
    rvol: float | None
    price_time: int | None
    as_of: int | None
    session: SessionName | None
    gap_indicative: bool | None
    split_today: bool | None
    stale: bool | None
    source: Literal["snapshot", "bar"] | None


class Row(Fields):
    """One row of a list as a client holds it; its rank is its position."""

    symbol: Symbol


class RankedRow(Row):
    """One row of a snapshot: the row and its rank."""

    rank: Rank


class Remove(Struct, frozen=True, tag_field="action", tag="remove"):
    """The symbol leaves the list."""

    symbol: Symbol


class Rerank(Struct, frozen=True, tag_field="action", tag="rerank"):
    """The symbol moves; both ranks are positions in the whole list, before and after the delta."""

    symbol: Symbol
    old_rank: Rank
    new_rank: Rank


class Add(Struct, frozen=True, tag_field="action", tag="add"):
    """The symbol enters at `rank` (its position after the delta) with all of its fields."""

    rank: Rank
    symbol: Symbol
    data: Fields


class Update(Struct, frozen=True, tag_field="action", tag="update"):
    """Fields of a row that stays; `rank` is its position after the delta."""

    rank: Rank
    symbol: Symbol
    data: Fields


Change = Remove | Rerank | Add | Update

# Aliases, because a field named `list` hides the type inside its class.
Changes = list[Change]
RankedRows = list[RankedRow]
Column = list[float | None]
Symbols = list[Symbol]
Texts = list[str | None]
Flags = list[bool]
Times = list[EpochMs]


class Delta(Struct, frozen=True, tag_field="type", tag="delta"):
    """What takes a list from sequence `prev` to the next.

    On NATS the message's stream sequence is the delta's sequence (always prev + 1) and `sequence` is absent;
    elsewhere `sequence` is present and may be further on, when several deltas were folded into one.
    """

    list: ListName
    epoch: str
    prev: Sequence
    as_of: EpochMs
    changes: Changes
    size: Annotated[int, Meta(ge=0, description="rows after the delta")]
    checksum: Crc32
    sequence: Sequence | UnsetType = UNSET


class Snapshot(Struct, frozen=True, tag_field="type", tag="snapshot"):
    """A whole list as it stands at `sequence`."""

    list: ListName
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    rows: RankedRows
    checksum: Crc32
    simulated: bool = False


class Heartbeat(Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """Once a second for each list: what its last sequence is, and whether its data moves."""

    list: ListName
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    state: State
    simulated: bool = False


class UniverseFrame(Struct, frozen=True, tag_field="type", tag="universe"):
    """A part of one discovery scan, column by column; all columns are as long as `symbols`.

    A scan is published as parts 1 to `parts`, each far below NATS's max_payload. Null means "no value".
    """

    frame: Annotated[int, Meta(ge=0, description="number of the scan since the feed started")]
    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    as_of: EpochMs
    session: SessionName
    simulated: bool
    symbols: Symbols
    price: Column
    price_time: Column
    prev_close: Column
    open: Column
    high: Column
    low: Column
    vwap: Column
    volume: Column
    updated: Column


class Bars(Struct, frozen=True, tag_field="type", tag="bars"):
    """Bars of hot symbols as they came from the provider, column by column; columns are as long as `symbols`.

    A bar is known by its symbol and start: the same one may come again, corrected. `day_volume`, `day_open` and
    `day_vwap` are the day's so far, as the bar saw them. Null means "no value".
    """

    simulated: bool
    symbols: Symbols
    start: Times
    end: Times
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    day_volume: Column
    day_open: Column
    day_vwap: Column


class Trades(Struct, frozen=True, tag_field="type", tag="trades"):
    """Last trades of hot symbols, column by column: the newest one of each symbol in the batch."""

    simulated: bool
    symbols: Symbols
    price: Column
    time: Times


class Clock(Struct, frozen=True, tag_field="type", tag="clock"):
    """Once a second while the feed has the provider's data: market time, as well as it is known between two scans.

    It says that a market in which nothing trades is quiet, not lost; it changes no row.
    """

    as_of: EpochMs


class FeedCommand(Struct, frozen=True, tag_field="type", tag="command"):
    """Symbols that the feed is to subscribe to, or no longer; a delta of the hot set.

    The message's stream sequence is the hot set's sequence after it.
    """

    action: Literal["subscribe", "unsubscribe"]
    symbols: Symbols


class HotSet(Struct, frozen=True, tag_field="type", tag="hot_set"):
    """The symbols worth live data, as they stand at `sequence` of the command stream; sorted."""

    sequence: Sequence
    as_of: EpochMs
    symbols: Symbols


class ReferenceFrame(Struct, frozen=True, tag_field="type", tag="reference"):
    """A part of what is known about the symbols for one trading day, column by column.

    `average_volume` is the mean daily volume (shares) over the sessions before `date`; `complete` is false while
    the baselines are still being loaded, and null averages then mean "not yet".
    """

    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    date: Annotated[str, Meta(description="trading day, YYYY-MM-DD")]
    complete: bool
    symbols: Symbols
    name: Texts
    exchange: Texts
    kind: Texts
    test: Flags
    split: Flags
    average_volume: Column


class ListDefinition(Struct, frozen=True, tag_field="type", tag="list"):
    """A list as the rankers rank it: the value in the definitions bucket."""

    name: ListName
    description: str
    where: str
    sort: list[str]
    limit: Annotated[int, Meta(ge=1, le=1000)]
    sessions: list[SessionName]
    place: Annotated[int, Meta(ge=0, description="where it stands when lists are shown, from 0")] = 0


class Lease(Struct, frozen=True, tag_field="type", tag="lease"):
    """Who does a job of which there is one: the value in the leases bucket."""

    job: str
    holder: str


Message = (
    Delta
    | Snapshot
    | Heartbeat
    | UniverseFrame
    | ReferenceFrame
    | Bars
    | Trades
    | Clock
    | FeedCommand
    | HotSet
    | ListDefinition
    | Lease
)
