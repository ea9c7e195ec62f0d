"""What a list's deltas mean to whoever acts: who entered, who left and why, what halted; each said once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.alerts import Alert, AlertState
from gapscan.protocol.fields import Fields
from gapscan.protocol.lists import RankedRows
from gapscan.protocol.values import EpochMs, ListName, Rank, Sequence, Symbol, Symbols
from gapscan.protocol.why import Condition

EventKind = Literal["enter", "leave", "first", "halted", "resumed", "near"]
GapReason = Literal["start", "expired", "epoch", "mismatch", "lost"]
GAP: Final = "gap"  # the last token of a gap's subject, where an event has its kind


class Event(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="event"):
    """Something happened to a symbol in a list.

    It is made from the delta at `sequence` of `epoch`; the message id is made of list, epoch, sequence, kind and
    symbol. One that is `missed` happened during a gap, at an unknown time before that sequence.
    """

    list: ListName
    kind: Annotated[str, Meta(description="enter, leave, first, halted, resumed or near; others may come")]
    symbol: Symbol
    rank: Annotated[Rank | None, Meta(description="after the delta; of a leave, before it; of a near miss, null")]
    as_of: EpochMs
    epoch: str
    sequence: Sequence
    data: Annotated[
        Fields, Meta(description="the row after the delta; of a leave, as it last was; of a near miss, its price")
    ]
    reason: Annotated[
        str | UnsetType,
        Meta(description="of a leave: fell_behind, rank, idle, closed or removed; others may come; absent: not known"),
    ] = UNSET
    condition: Annotated[Condition | UnsetType, Meta(description="of a near miss: what it lacks")] = UNSET
    distance: Annotated[float | UnsetType, Meta(description="of a near miss: percent of the threshold")] = UNSET
    missed: bool = False
    simulated: bool = False

    @property
    def id(self) -> str:
        """What makes it one: the same on every try to store it."""
        kind = f"{self.kind}-missed" if self.missed else self.kind
        return f"{self.list}-{self.epoch}-{self.sequence}-{kind}-{self.symbol}"


class EventGap(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="event_gap"):
    """Deltas of a list could not be read: of what happened since an earlier sequence, only the sum is known.

    The events that follow with the same epoch and sequence are `missed`: that sum. What came and went in between is
    in none of them.
    """

    list: ListName
    as_of: EpochMs
    epoch: str
    sequence: Annotated[Sequence, Meta(description="from here on nothing is missing")]
    reason: Annotated[str, Meta(description="start, expired, epoch, mismatch or lost; others may come")]
    earlier_epoch: Annotated[str, Meta(description="empty: nothing was known of the list")] = ""
    earlier_sequence: Sequence = 0
    simulated: bool = False

    @property
    def id(self) -> str:
        """What makes it one."""
        return f"{self.list}-{self.epoch}-{self.sequence}-{GAP}"


Occurrence = Event | EventGap | Alert
Occurrences = list[Occurrence]
Moments = list[EpochMs]


class PositionParts(Struct, frozen=True):
    """Where the whole position is, whose value would be too large: in the values `<list>.<key>.1` to `<count>`.

    Joined they are one message, whose SHA-256 is `digest`.
    """

    key: str
    count: Annotated[int, Meta(ge=1)]
    digest: str


class EventPosition(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="event_position"):
    """How far a list's deltas were made events of, and the list there: for whoever makes them next.

    `seen` are the symbols that were in the list on the trading day `date`, `near` those that came near to it, and did
    not enter since. `pending` is still to be stored before the deltas after `sequence`; `stored` is where the events'
    stream ended then. One with `parts` is without what is large: they have all of it.
    """

    list: ListName
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    rows: RankedRows
    date: str = ""
    seen: Symbols = []
    pending: Occurrences = []
    stored: Sequence = 0
    alerts: Annotated[dict[str, AlertState], Meta(description="what each alert knows of the list")] = {}
    entries: Annotated[dict[str, Moments], Meta(description="when symbols entered, where that is counted")] = {}
    simulated: bool = False
    near: Symbols = []
    parts: PositionParts | None = None
