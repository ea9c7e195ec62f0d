"""What the fields of messages hold: types with their bounds and what they mean."""

from __future__ import annotations

import math
import struct
from typing import Annotated, Literal

from msgspec import Meta

from gapscan.protocol import names

Rank = Annotated[int, Meta(ge=1, description="1-based position in the list")]
Sequence = Annotated[int, Meta(ge=0, description="the list's stream sequence; 0 before the first delta")]
EpochMs = Annotated[int, Meta(description="UTC epoch milliseconds")]
Symbol = Annotated[str, Meta(min_length=1, description="case-sensitive ticker symbol")]
ListName = Annotated[str, Meta(pattern=f"^{names.LIST_NAME.pattern}$")]
Crc32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF, description='CRC-32 of the symbols in order, joined by "\\n"')]
State = Literal["live", "delayed", "stale", "closed"]
# What stands in messages: clients of before `delayed` know these. Delayed is `stale` there, and says so beside it.
WireState = Literal["live", "stale", "closed"]
FeedState = Literal["live", "delayed", "stale"]
Milliseconds = Annotated[int, Meta(description="milliseconds")]
Idle = Literal["leave", "stay"]
SessionName = Literal["night", "pre", "regular", "post", "closed"]
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
LeaveReason = Literal["fell_behind", "rank", "idle", "closed", "removed"]
# What clients ask for. Names are looked up, not checked against the pattern: a wrong one is an unknown list.
AskedName = Annotated[str, Meta(max_length=100)]
AskedNames = list[AskedName]
AskedEpoch = Annotated[str, Meta(max_length=100)]
AskedLimit = Annotated[int, Meta(ge=1)]
AskedSymbol = Annotated[str, Meta(min_length=1, max_length=32)]
HaltStatuses = list[Literal["halted", "resumed"]]


def numbers_in(column: Column | Packed) -> Column:
    """A column of a message that may be packed, or not, as a list."""
    if not isinstance(column, bytes):
        return column
    values = struct.unpack(f"<{len(column) // 8}d", column)
    return [value if math.isfinite(value) else None for value in values]


def wire_state(state: State) -> WireState:
    """How `state` stands in a message, beside which `delayed` is set or not."""
    return "stale" if state == "delayed" else state


def shown_state(state: WireState, *, delayed: bool) -> State:
    """What a message's `state` and `delayed` say together."""
    return "delayed" if delayed and state == "stale" else state
