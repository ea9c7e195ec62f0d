"""Elements of Polygon's snapshot, and what is kept of one: numbers of a fixed size, side by side."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Annotated, ClassVar, Final

import numpy as np
from msgspec import Meta, Struct

from gapscan.polygon.events import updates_last
from gapscan.protocol.values import Symbol

_Whole = Annotated[int, Meta(ge=-(2**62), le=2**62)]  # what is further from 0 is no time, nor a number of trades


class SnapshotDay(Struct, gc=False):
    """`day`; all zeros until there is something to say."""

    o: float | None = 0.0
    h: float | None = 0.0
    l: float | None = 0.0  # noqa: E741  # the provider's name
    c: float | None = 0.0
    v: float | None = 0.0
    vw: float | None = 0.0


class SnapshotPreviousDay(Struct, gc=False):
    """`prevDay`: what nobody reads of it is not worth decoding."""

    c: float | None = 0.0
    h: float | None = 0.0
    l: float | None = 0.0  # noqa: E741  # the provider's name
    v: float | None = 0.0


class SnapshotMinute(Struct, gc=False):
    """`min`, the latest minute bar; `av` is the day's volume so far, `t` its start in ms, `n` its number of trades."""

    c: float | None = 0.0
    h: float | None = 0.0
    l: float | None = 0.0  # noqa: E741  # the provider's name
    av: float | None = 0.0
    t: _Whole | None = 0
    n: _Whole | None = 0


class SnapshotTrade(Struct, gc=False):
    """`lastTrade`; `t` in ns, `c` the sale conditions, without which a price is not known to be one."""

    NEEDED: ClassVar = frozenset({"c"})

    p: float | None = 0.0
    t: _Whole | None = 0
    c: tuple[int, ...] | None = None


class SnapshotQuote(Struct, gc=False):
    """`lastQuote`, which not every plan has: `P` the ask, `p` the bid."""

    P: float | None = 0.0
    p: float | None = 0.0


class SnapshotTicker(Struct, gc=False):
    """One element of the snapshot."""

    ticker: Symbol
    day: SnapshotDay | None = None
    prevDay: SnapshotPreviousDay | None = None
    min: SnapshotMinute | None = None
    lastTrade: SnapshotTrade | None = None
    lastQuote: SnapshotQuote | None = None
    updated: _Whole | None = 0


# What is packed of an element, in this order.
_NUMBERS: Final = (
    "prev_close", "prev_high", "prev_low", "prev_volume", "open", "high", "low", "close", "vwap", "day_volume",
    "minute_volume", "minute_trades", "minute_high", "minute_low", "minute_close", "ask", "bid", "trade_price",
)  # fmt: skip
_WHOLE: Final = ("minute_start", "updated", "trade_time", "has_trade", "sets_price")
RECORD: Final = np.dtype([(name, np.float64) for name in _NUMBERS] + [(name, np.int64) for name in _WHOLE])
_packing: Final = struct.Struct(f"={len(_NUMBERS)}d{len(_WHOLE)}q")

_NO_BAR: Final = SnapshotDay()
_NO_CLOSE: Final = SnapshotPreviousDay()
_NO_MINUTE: Final = SnapshotMinute()
_NO_TRADE: Final = SnapshotTrade()
_NO_QUOTE: Final = SnapshotQuote()

_sets_price: Final = lru_cache(maxsize=4096)(updates_last)  # few sets of conditions are used


def pack(ticker: SnapshotTicker, room: bytearray, place: int) -> None:
    """Write an element's numbers as the RECORD at `place`: 0 is unset, times are as they came."""
    day, before = ticker.day or _NO_BAR, ticker.prevDay or _NO_CLOSE
    minute, quote, trade = ticker.min or _NO_MINUTE, ticker.lastQuote or _NO_QUOTE, ticker.lastTrade or _NO_TRADE
    numbers = (
        before.c, before.h, before.l, before.v, day.o, day.h, day.l, day.c, day.vw, day.v,
        minute.av, minute.n, minute.h, minute.l, minute.c, quote.P, quote.p, trade.p,
        minute.t, ticker.updated, trade.t, trade is not _NO_TRADE, _sets_price(trade.c),
    )  # fmt: skip
    try:
        _packing.pack_into(room, place * _packing.size, *numbers)
    except struct.error:  # one is null: unset
        _packing.pack_into(room, place * _packing.size, *[number or 0 for number in numbers])
