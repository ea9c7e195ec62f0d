"""What a list says: its rows, the changes of them, and its definition. See `messages` for units."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypedDict

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.values import Crc32, EpochMs, ListName, Rank, Sequence, SessionName, State, Symbol

HEARTBEAT_SECONDS: Final = 1.0  # between two heartbeats of a list: a promise to readers, who tell silence by it


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
