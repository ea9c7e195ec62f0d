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
    sector: str | None
    from_low_percent: float | None
    change_1m_percent: float | None
    change_5m_percent: float | None
    high_time: int | None
    low_time: int | None
    post_change_percent: float | None
    post_volume: int | None
    volume_1m: int | None
    trades_z: float | None
    thin_baseline: bool | None
    market_cap: int | None
    float_shares: int | None
    spike_size: float | None
    spike_time: int | None
    halt: Literal["halted", "resumed"] | None
    halt_time: int | None


class Row(Fields):
    """One row of a list as a client holds it; its rank is its position."""

    symbol: Symbol


class RankedRow(Row):
    """One row of a snapshot: the row and its rank."""

    rank: Rank


class Remove(Struct, frozen=True, gc=False, tag_field="action", tag="remove"):
    """The symbol leaves the list."""

    symbol: Symbol


class Rerank(Struct, frozen=True, gc=False, tag_field="action", tag="rerank"):
    """The symbol moves; both ranks are positions in the whole list, before and after the delta."""

    symbol: Symbol
    old_rank: Rank
    new_rank: Rank


class Add(Struct, frozen=True, gc=False, tag_field="action", tag="add"):
    """The symbol enters at `rank` (its position after the delta) with all of its fields."""

    rank: Rank
    symbol: Symbol
    data: Fields


class Update(Struct, frozen=True, gc=False, tag_field="action", tag="update"):
    """Fields of a row that stays; `rank` is its position after the delta."""

    rank: Rank
    symbol: Symbol
    data: Fields


Change = Remove | Rerank | Add | Update

# Aliases, because a field named `list` hides the type inside its class.
Changes = list[Change]
RankedRows = list[RankedRow]
Column = list[float | None]
Packed = Annotated[
    bytes,
    Meta(description="base64 of one little-endian IEEE 754 double (8 bytes) for each symbol; NaN means no value"),
]
Symbols = list[Symbol]
Texts = list[str | None]
Flags = list[bool]
Times = list[EpochMs]
Counts = list[int]
Table = list[Counts]
HaltStatuses = list[Literal["halted", "resumed"]]


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
    """A part of one discovery scan, column by column; all columns have a value for each of `symbols`.

    A scan is published as parts 1 to `parts`, each far below NATS's max_payload. Its numbers are packed: a scan has
    170,000 of them, which are not worth an object each.
    `close` is the regular session's close so far, and stays it after the session; `minute_start` and `minute_trades`
    are of the newest minute that had trades: its start in epoch ms, and how many trades it had.
    """

    frame: Annotated[int, Meta(ge=0, description="number of the scan since the feed started")]
    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    as_of: EpochMs
    session: SessionName
    simulated: bool
    symbols: Symbols
    price: Packed
    price_time: Packed
    prev_close: Packed
    open: Packed
    high: Packed
    low: Packed
    vwap: Packed
    volume: Packed
    updated: Packed
    close: Packed
    minute_start: Packed
    minute_trades: Packed


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


class Halts(Struct, frozen=True, tag_field="type", tag="halts"):
    """All symbols that halted today, each with its newest status and since when that is; columns of one length."""

    as_of: EpochMs
    simulated: bool
    symbols: Symbols
    status: HaltStatuses
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

    `average_volume` is the mean daily volume (shares), `average_trades` and `trades_deviation` are the mean and the
    sample standard deviation of the daily number of trades. All are taken over the baseline sessions before `date`
    on which the symbol traded; `sessions` is how many those are. `complete` is false while the baselines are still
    being loaded, and null averages then mean "not yet".
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
    average_trades: Column
    trades_deviation: Column
    sessions: Counts


class VolumeCurves(Struct, frozen=True, tag_field="type", tag="volume_curves"):
    """A part of how much of the symbols' volume has usually traded by which time of the day.

    `volumes` has a row for each symbol: the mean cumulative volume (shares) at each of `knots`, which are minutes
    since midnight in New York, ascending; between two of them it is interpolated linearly. The mean is over those
    of the baseline sessions before `date` on which the symbol traded; `sessions` is how many these are. A set is
    parts 1 to `parts`, one after the other, and counts when it is whole.
    """

    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    date: Annotated[str, Meta(description="trading day, YYYY-MM-DD")]
    knots: Annotated[Counts, Meta(min_length=2)]
    symbols: Symbols
    sessions: Counts
    volumes: Table


class SavedState(Struct, frozen=True, tag_field="type", tag="saved_state"):
    """What a ranker knows of the day that scans do not tell, column by column; one that starts again takes it back."""

    date: Annotated[str, Meta(description="trading day, YYYY-MM-DD")]
    symbols: Symbols
    price: Column
    price_time: Column
    from_bar: Column
    volume: Column
    updated: Column
    open: Column
    high: Column
    high_time: Column
    low: Column
    low_time: Column
    close_volume: Column
    spiking: Column
    spike_time: Column


class Detail(Struct, frozen=True, tag_field="type", tag="detail"):
    """What the provider knows of one symbol beside its listing: the value in the details bucket, its key the symbol.

    Asked for when the symbol enters a list. Null means that the provider does not say.
    """

    symbol: Symbol
    date: Annotated[str, Meta(description="day on which it was asked for, YYYY-MM-DD")]
    market_cap: Annotated[float | None, Meta(description="USD")]
    shares_outstanding: Annotated[float | None, Meta(description="of this class of shares, else of all")]
    float_shares: Annotated[float | None, Meta(description="shares that are free to trade")]
    sector: Annotated[str | None, Meta(description="a short name, from the SIC code")]


class ListDefinition(Struct, frozen=True, tag_field="type", tag="list"):
    """A list as the rankers rank it: the value in the definitions bucket."""

    name: ListName
    description: str
    where: str
    sort: list[str]
    limit: Annotated[int, Meta(ge=1, le=1000)]
    sessions: list[SessionName]
    place: Annotated[int, Meta(ge=0, description="where it stands when lists are shown, from 0")] = 0
    own: Annotated[bool, Meta(description="a user's own list; false: it comes with gapscan")] = False


class WhyRequest(Struct, frozen=True, tag_field="type", tag="why_request"):
    """Asks the leading ranker why `symbol` is, or is not, in `list`; null: in each of the lists."""

    symbol: Annotated[str, Meta(min_length=1, max_length=32, description="case-sensitive where that matters")]
    list: ListName | None = None


class Condition(Struct, frozen=True):
    """One line of a filter, taken apart: a `test`, or a group whose members follow it with a greater depth.

    Of the lines at depth 0 all must hold. `value` is the symbol's, `threshold` what it is compared with.
    """

    text: Annotated[str, Meta(description="in the words of the definition")]
    kind: Annotated[Literal["test", "all", "any"], Meta(description="which members of a group must hold")]
    depth: Annotated[int, Meta(ge=0)]
    passes: Annotated[bool, Meta(description="whether it lets the symbol enter")]
    stays: Annotated[bool, Meta(description="whether it lets a row stay: behind a threshold by up to a tenth")]
    value: float | str | bool | None = None
    threshold: float | str | bool | None = None
    since: Annotated[EpochMs | None, Meta(description="when `passes` last changed")] = None
    at_least: Annotated[bool, Meta(description="`since` is only when it was first looked at")] = False


Conditions = list[Condition]


class ListWhy(Struct, frozen=True):
    """How a symbol stands to one list."""

    list: ListName
    open: Annotated[bool, Meta(description="whether the list is ranked in this session")]
    passes: Annotated[bool, Meta(description="whether gate and conditions let the symbol enter")]
    rank: Rank | None
    size: Annotated[int, Meta(ge=0, description="rows that the list has")]
    limit: Annotated[int, Meta(ge=1, description="rows that it may have")]
    since: Annotated[EpochMs | None, Meta(description="since when the symbol is in the list")]
    at_least: Annotated[bool, Meta(description="`since` is only when the ranker began to look")]
    key: Annotated[str, Meta(description="the first sort key; minus: descending")]
    value: Annotated[float | None, Meta(description="what the symbol is sorted by, without the minus")]
    last_value: Annotated[float | None, Meta(description="the same of the last row")]
    conditions: Conditions


ListWhys = list[ListWhy]


class Why(Struct, frozen=True, tag_field="type", tag="why"):
    """The answer: what the lists' conditions say of a symbol at market time `as_of`.

    `gate` has the conditions that hold for every list. An unknown symbol has neither gate nor lists; `nearest` are
    the symbols that may have been meant.
    """

    symbol: Symbol
    known: bool
    as_of: EpochMs
    session: SessionName
    simulated: bool
    gate: Conditions
    lists: ListWhys
    nearest: Symbols


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
    | VolumeCurves
    | Bars
    | Trades
    | Halts
    | Clock
    | FeedCommand
    | HotSet
    | Detail
    | SavedState
    | ListDefinition
    | WhyRequest
    | Why
    | Lease
)
