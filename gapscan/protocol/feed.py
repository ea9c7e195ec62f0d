"""What the feed says, and what services keep for one another. See `messages` for units."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args, get_type_hints

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.values import (
    Column,
    EpochMs,
    FeedState,
    HaltStatuses,
    Milliseconds,
    Packed,
    Sequence,
    SessionName,
    Symbol,
    Symbols,
    Texts,
    Times,
)

# In one message, where symbols come in parts.
SYMBOLS_A_PART: Final = 2_000
_BYTES_A_SYMBOL: Final = 400  # of the longest, a saved state, each has about 200


def symbols_a_part(max_payload: int) -> int:
    """How many symbols a message may have where the server takes messages of so many bytes."""
    return max(1, min(SYMBOLS_A_PART, max_payload // _BYTES_A_SYMBOL))


class Received(Struct, frozen=True, kw_only=True):
    """What says when the feed had it of the provider: wall time."""

    received: EpochMs | UnsetType = UNSET


class Clocked(Received, frozen=True, kw_only=True):
    """What the provider's clock said, where that is not the data's own time."""

    clock: EpochMs | UnsetType = UNSET


class UniverseFrame(Clocked, frozen=True, tag_field="type", tag="universe"):
    """A part of one discovery scan, column by column; a column has a value for each of `symbols`.

    A column that is missing has no value for any symbol, and one that a reader does not know is passed over: feeds and
    rankers of neighbouring versions understand each other. A scan is published as parts 1 to `parts`, each far below
    NATS's max_payload. Its numbers are packed: a whole market has more than a hundred thousand of them, which are not
    worth an object each.
    `close` is the regular session's close so far, and stays it after the session; `minute_start` and `minute_trades`
    are of the newest minute that had trades: its start in epoch ms, and how many trades it had; `minute_high` and
    `minute_low` are that minute's. `prev_high`, `prev_low` and `prev_volume` are of the session before. `received` is
    the wall time at which the feed had the scan, as it is of bars and trades. `clock` is what the provider's clock
    said, where that is not `as_of`: with a delayed plan, data are of an earlier time.
    """

    frame: Annotated[int, Meta(ge=0, description="number of the scan since the feed started")]
    part: Annotated[int, Meta(ge=1)]
    parts: Annotated[int, Meta(ge=1)]
    as_of: EpochMs
    session: SessionName
    simulated: bool
    symbols: Symbols
    price: Packed | UnsetType = UNSET
    price_time: Packed | UnsetType = UNSET
    prev_close: Packed | UnsetType = UNSET
    open: Packed | UnsetType = UNSET
    high: Packed | UnsetType = UNSET
    low: Packed | UnsetType = UNSET
    vwap: Packed | UnsetType = UNSET
    volume: Packed | UnsetType = UNSET
    updated: Packed | UnsetType = UNSET
    close: Packed | UnsetType = UNSET
    minute_start: Packed | UnsetType = UNSET
    minute_trades: Packed | UnsetType = UNSET
    prev_high: Packed | UnsetType = UNSET
    prev_low: Packed | UnsetType = UNSET
    prev_volume: Packed | UnsetType = UNSET
    minute_high: Packed | UnsetType = UNSET
    minute_low: Packed | UnsetType = UNSET
    spread_percent: Packed | UnsetType = UNSET


# The columns of a scan that have a number for each symbol.
SCAN_COLUMNS: Final = tuple(name for name, hint in get_type_hints(UniverseFrame).items() if bytes in get_args(hint))


class Bars(Received, frozen=True, tag_field="type", tag="bars"):
    """Bars of hot symbols as they came from the provider, column by column; columns are as long as `symbols`.

    A bar is known by its symbol and start: the same one may come again, corrected. `day_volume`, `day_open` and
    `day_vwap` are the day's so far, as the bar saw them. Numbers are packed, as those of scans are; a list of them is
    read, too, in which null means "no value".
    """

    simulated: bool
    symbols: Symbols
    start: Times
    end: Times
    open: Column | Packed
    high: Column | Packed
    low: Column | Packed
    close: Column | Packed
    volume: Column | Packed
    day_volume: Column | Packed
    day_open: Column | Packed
    day_vwap: Column | Packed


class Trades(Received, frozen=True, tag_field="type", tag="trades"):
    """Last trades of hot symbols, column by column: the newest one of each symbol in the batch."""

    simulated: bool
    symbols: Symbols
    price: Column
    time: Times


class PastBars(Struct, frozen=True, tag_field="type", tag="past_bars"):
    """All bars of one symbol from the first of them to the last, oldest first: between two of them nothing traded.

    Asked for where the feed began late, or was away. Each is `width` ms long.
    """

    simulated: bool
    symbol: Symbol
    width: Annotated[int, Meta(gt=0)]
    start: Times
    high: Column
    low: Column
    close: Column


class Halts(Struct, frozen=True, tag_field="type", tag="halts"):
    """All symbols that are halted, or were today, each with its newest status and since when that is; columns of one
    length.

    `reason` (the exchange's code) and `resumes_at` (epoch ms) are there where the exchanges' list has the symbol, and
    left out when it has none.
    """

    as_of: EpochMs
    simulated: bool
    symbols: Symbols
    status: HaltStatuses
    time: Times
    reason: Texts | UnsetType = UNSET
    resumes_at: Column | UnsetType = UNSET


class Clock(Struct, frozen=True, tag_field="type", tag="clock"):
    """Once a second while the feed has the provider's data: market time, as well as it is known between two scans.

    It says that a market in which nothing trades is quiet, not lost; it changes no row. `state` says whether what the
    feed has of the provider is live; `reason` why it is stale (`as_of` stands then), `delayed_by` by how much of market
    time it is delayed, `behind` how long prices take from the exchange to the feed.
    """

    as_of: EpochMs
    state: FeedState | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    delayed_by: Milliseconds | UnsetType = UNSET
    behind: Milliseconds | UnsetType = UNSET


class Ranked(Struct, frozen=True, tag_field="type", tag="ranked"):
    """A scan is ranked, and all that followed from it is stored: a simulated clock, which showed `as_of`, may go on."""

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


class SavedState(Struct, frozen=True, tag_field="type", tag="saved_state"):
    """What a ranker knows of the day that scans do not tell, column by column; one that starts again takes it back.

    `price_until` and `volume_until` are until when price and volume were known to be so: nothing newer had been seen.
    """

    date: Annotated[str, Meta(description="trading day, YYYY-MM-DD")]
    symbols: Symbols
    price: Column
    price_time: Column
    from_bar: Column
    volume: Column
    volume_time: Column
    updated: Column
    open: Column
    high: Column
    high_time: Column
    low: Column
    low_time: Column
    close_volume: Column
    spiking: Column
    spike_time: Column
    pre_high: Column | UnsetType = UNSET
    pre_low: Column | UnsetType = UNSET
    price_until: Column | UnsetType = UNSET
    volume_until: Column | UnsetType = UNSET


class Lease(Struct, frozen=True, tag_field="type", tag="lease"):
    """Who does a job of which there is one: the value in the leases bucket.

    At `address`, an inbox, the process answers that is the holder: another one of the same name is told by it from one
    that is dead.
    """

    job: str
    holder: str
    address: str = ""
