"""What a list says: its rows, the changes of them, and its definition. See `messages` for units."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.fields import Fields
from gapscan.protocol.values import (
    Crc32,
    EpochMs,
    Idle,
    ListName,
    Milliseconds,
    Rank,
    Sequence,
    SessionName,
    State,
    Symbol,
    WireState,
    shown_state,
)
from gapscan.protocol.why import NearMisses

HEARTBEAT_SECONDS: Final = 1.0  # between two heartbeats of a list: a promise to readers, who tell silence by it


class Row(Fields):
    """One row of a list as a client holds it; its rank is its position."""

    symbol: Symbol


class RankedRow(Row):
    """One row of a snapshot: the row and its rank."""

    rank: Rank


class Remove(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="action", tag="remove"):
    """The symbol leaves the list."""

    symbol: Symbol
    reason: Annotated[
        str | UnsetType,
        Meta(description="fell_behind, rank, idle or closed; others may come; absent: the writer does not say"),
    ] = UNSET


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
    elsewhere `sequence` is present and may be further on, when several deltas were folded into one. `received` and
    `ranked` are wall time: when the feed had the newest of the data in it, and when they were ranked.
    """

    list: ListName
    epoch: str
    prev: Sequence
    as_of: EpochMs
    changes: Changes
    size: Annotated[int, Meta(ge=0, description="rows after the delta")]
    checksum: Crc32
    sequence: Sequence | UnsetType = UNSET
    received: EpochMs | UnsetType = UNSET
    ranked: EpochMs | UnsetType = UNSET
    near: Annotated[
        NearMisses | UnsetType, Meta(description="of a list that asks for it: who came near to it since the last delta")
    ] = UNSET


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
    """Once a second for each list: what its last sequence is, and whether its data moves.

    Of delayed data `state` is `stale` and `delayed` is true, `delayed_by` how late they are in market time. `behind` is
    how long prices take from the exchange to the feed, `ours` how long from there until a change of a list is stored:
    medians of the last minute, wall time.
    """

    list: ListName
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    state: WireState
    simulated: bool = False
    delayed: bool | UnsetType = UNSET
    behind: Milliseconds | UnsetType = UNSET
    ours: Milliseconds | UnsetType = UNSET
    delayed_by: Milliseconds | UnsetType = UNSET

    @property
    def shown(self) -> State:
        """The state, with delayed as one of its own."""
        return shown_state(self.state, delayed=self.delayed is True)


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
    columns: Annotated[
        list[str],
        Meta(description="the fields to show, the most wanted first; unknown ones are left out; none: the usual"),
    ] = []
    idle: Annotated[
        Idle, Meta(description="whether a symbol that has not traded for long leaves, or stays until the day ends")
    ] = "leave"
    gate: Annotated[
        str, Meta(description="what its rows must pass first: default, as most lists; none; or an expression")
    ] = "default"
    near: Annotated[bool, Meta(description="near misses are events, too")] = False
    hidden: Annotated[bool, Meta(description="it is not shown among lists: an alert looks at it")] = False
    settle: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="seconds of market time: a row leaves when its conditions have failed for so "
            "long, and comes back no sooner",
        ),
    ] = 3.0
