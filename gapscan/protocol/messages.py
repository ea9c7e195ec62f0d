"""Every message on the wire. JSON; times are UTC epoch milliseconds, money is USD, percent 5.0 means 5 %."""

from __future__ import annotations

from gapscan.protocol.alerts import Alert, AlertDefinition, ChannelState
from gapscan.protocol.bars import BarsRequest, SymbolBars
from gapscan.protocol.events import Event, EventGap, EventPosition
from gapscan.protocol.feed import (
    Bars,
    Clock,
    FeedCommand,
    Halts,
    HotSet,
    Lease,
    PastBars,
    Ranked,
    SavedState,
    Trades,
    UniverseFrame,
)
from gapscan.protocol.fields import Fields
from gapscan.protocol.headlines import Headline, Headlines, News
from gapscan.protocol.lists import (
    Add,
    Change,
    Changes,
    Delta,
    Heartbeat,
    ListDefinition,
    RankedRow,
    RankedRows,
    Remove,
    Rerank,
    Row,
    Snapshot,
    Update,
)
from gapscan.protocol.preview import Preview, PreviewRequest
from gapscan.protocol.reference import Detail, ReferenceFrame, VolumeCurves
from gapscan.protocol.tape import Gap, Move, Moves, Unchanged
from gapscan.protocol.values import (
    Column,
    Counts,
    Crc32,
    EpochMs,
    Flags,
    HaltStatuses,
    ListName,
    Packed,
    Rank,
    Sequence,
    SessionName,
    State,
    Symbol,
    Symbols,
    Table,
    Texts,
    Times,
)
from gapscan.protocol.why import Condition, Conditions, ListWhy, ListWhys, Near, NearMiss, NearRequest, Why, WhyRequest

__all__ = [
    "Add",
    "Alert",
    "AlertDefinition",
    "Bars",
    "BarsRequest",
    "Change",
    "Changes",
    "ChannelState",
    "Clock",
    "Column",
    "Condition",
    "Conditions",
    "Counts",
    "Crc32",
    "Delta",
    "Detail",
    "EpochMs",
    "Event",
    "EventGap",
    "EventPosition",
    "FeedCommand",
    "Fields",
    "Flags",
    "Gap",
    "HaltStatuses",
    "Halts",
    "Headline",
    "Headlines",
    "Heartbeat",
    "HotSet",
    "Lease",
    "ListDefinition",
    "ListName",
    "ListWhy",
    "ListWhys",
    "Message",
    "Move",
    "Moves",
    "Near",
    "NearMiss",
    "NearRequest",
    "News",
    "Packed",
    "PastBars",
    "Preview",
    "PreviewRequest",
    "Rank",
    "Ranked",
    "RankedRow",
    "RankedRows",
    "ReferenceFrame",
    "Remove",
    "Rerank",
    "Row",
    "SavedState",
    "Sequence",
    "SessionName",
    "Snapshot",
    "State",
    "Symbol",
    "SymbolBars",
    "Symbols",
    "Table",
    "Texts",
    "Times",
    "Trades",
    "Unchanged",
    "UniverseFrame",
    "Update",
    "VolumeCurves",
    "Why",
    "WhyRequest",
]

Message = (
    Delta
    | Snapshot
    | Heartbeat
    | UniverseFrame
    | ReferenceFrame
    | VolumeCurves
    | Bars
    | Trades
    | PastBars
    | Halts
    | Clock
    | Ranked
    | FeedCommand
    | HotSet
    | Detail
    | News
    | SavedState
    | ListDefinition
    | WhyRequest
    | Why
    | NearRequest
    | Near
    | PreviewRequest
    | Preview
    | BarsRequest
    | SymbolBars
    | Lease
    | Event
    | EventGap
    | EventPosition
    | Alert
    | AlertDefinition
    | ChannelState
    | Unchanged
    | Gap
    | Moves
)
