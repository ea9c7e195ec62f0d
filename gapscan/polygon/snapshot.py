"""Polygon's snapshot to columns. Zero and null mean unset; times come in ns and ms, volumes in fractions."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Final

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from gapscan.market.columns import Bools, Floats
from gapscan.market.sessions import HOUR_MS, MINUTE_MS, date_of_trades, session_times
from gapscan.polygon.elements import Decoded, Elements
from gapscan.polygon.events import updates_last
from gapscan.polygon.times import milliseconds, milliseconds_of
from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.provider import MarketSnapshot

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


_LATE_HOURS: Final = 24  # with an element, that are looked at for nights
_BECOMES: Final = {"close": "prev_close", "high": "prev_high", "low": "prev_low", "volume": "prev_volume"}
_OF_THE_DAY: Final = ("open", "high", "low", "close", "vwap", "volume")
# What is packed of an element, in this order.
_NUMBERS: Final = (
    "prev_close", "prev_high", "prev_low", "prev_volume", "open", "high", "low", "close", "vwap", "day_volume",
    "minute_volume", "minute_trades", "minute_high", "minute_low", "minute_close", "ask", "bid", "trade_price",
)  # fmt: skip
_TIMES: Final = ("minute_start", "updated", "trade_time")
_RECORD: Final = np.dtype([(name, np.float64) for name in _NUMBERS] + [(name, np.int64) for name in _TIMES])
_packing: Final = struct.Struct(f"={len(_NUMBERS)}d{len(_TIMES)}q")
_OF_THE_MINUTE: Final = ("minute_high", "minute_low", "minute_trades", "minute_start")

_NO_BAR: Final = SnapshotDay()
_NO_CLOSE: Final = SnapshotPreviousDay()
_NO_MINUTE: Final = SnapshotMinute()
_NO_TRADE: Final = SnapshotTrade()
_NO_QUOTE: Final = SnapshotQuote()


class SnapshotTicker(Struct, gc=False):
    """One element of the snapshot."""

    ticker: str
    day: SnapshotDay | None = None
    prevDay: SnapshotPreviousDay | None = None
    min: SnapshotMinute | None = None
    lastTrade: SnapshotTrade | None = None
    lastQuote: SnapshotQuote | None = None
    updated: _Whole | None = 0

    @property
    def newest(self) -> int:
        """The time of the newest event that it speaks of, epoch ms."""
        traded = self.lastTrade.t if self.lastTrade else 0
        return max(milliseconds(self.updated or 0), milliseconds(traded or 0))


_snapshot: Final = Elements("tickers", SnapshotTicker)


def decode_snapshot(body: bytes) -> Decoded[SnapshotTicker]:
    """The elements of a snapshot body. Raises FeedError when the body as a whole is not one."""
    return _snapshot.decode("the market snapshot", body)


def snapshot_of(tickers: Sequence[SnapshotTicker]) -> MarketSnapshot:
    """The elements as the feed takes them."""
    records = _records(tickers)
    traded = milliseconds_of(records["trade_time"])
    columns = _columns(records, traded, _sets_price(tickers))
    newest = np.maximum(columns["updated"], traded)
    _turn_by_night(columns, traded, newest)
    known = {name: np.where(column == 0, np.nan, column) for name, column in columns.items()}
    has_trades = any(ticker.lastTrade is not None for ticker in tickers)
    return MarketSnapshot([ticker.ticker for ticker in tickers], known, newest, has_trades)


def _records(tickers: Sequence[SnapshotTicker]) -> NDArray[Any]:
    """The numbers of all elements: element by element, for its structs lie together, and no list of numbers is made."""
    room, pack = bytearray(len(tickers) * _packing.size), _packing.pack_into
    for at, ticker in zip(range(0, len(room), _packing.size), tickers, strict=True):
        day, before = ticker.day or _NO_BAR, ticker.prevDay or _NO_CLOSE
        minute, quote, trade = ticker.min or _NO_MINUTE, ticker.lastQuote or _NO_QUOTE, ticker.lastTrade or _NO_TRADE
        numbers = (
            before.c, before.h, before.l, before.v, day.o, day.h, day.l, day.c, day.vw, day.v,
            minute.av, minute.n, minute.h, minute.l, minute.c, quote.P, quote.p, trade.p,
            minute.t, ticker.updated, trade.t,
        )  # fmt: skip
        try:
            pack(room, at, *numbers)
        except struct.error:  # one is null: unset
            pack(room, at, *[number or 0 for number in numbers])
    return np.frombuffer(room, _RECORD)


def _columns(records: NDArray[Any], traded: Floats, by_trade: Bools) -> dict[str, Floats]:
    """The numbers by the names of the feed's columns; 0 is unset. `traded` are the times of last trades, epoch ms, and
    where `by_trade`, these may set the price."""
    columns: dict[str, Floats] = {name: records[name].copy() for name in SCAN_COLUMNS if name in _NUMBERS}
    # `day.v` is 0 until the first regular trade, `min.av` is not: it has the pre-market's.
    columns["volume"] = np.maximum(records["day_volume"], records["minute_volume"])
    columns["spread_percent"] = _spreads(records["ask"], records["bid"])
    columns |= {name: milliseconds_of(records[name]) for name in ("minute_start", "updated")}
    columns["price"], columns["price_time"] = _prices(records, traded, by_trade, columns)
    return columns


def _turn_by_night(columns: dict[str, Floats], traded: Floats, newest: Floats) -> None:
    """What an element says in the night, of the day after it: Polygon shows the day that is over until its clear.

    That day's bar is then the one before, and of the new day nothing is known but what has traded in the night.
    """
    for begin, clear in _nights(newest):
        at = np.flatnonzero((newest >= begin) & (newest < clear))
        closed = at[columns["close"][at] > 0]  # else it did not trade that day, and the bar before stays
        for name, before in _BECOMES.items():
            columns[before][closed] = columns[name][closed]
        for name in _OF_THE_DAY:
            columns[name][at] = 0.0
        # A price of before is known by the end of its minute, which may be when the night begins.
        priced = (columns["price_time"] > begin) & ((traded >= begin) | (columns["minute_start"] >= begin))
        early = columns["minute_start"] < begin
        for names, gone in ((_OF_THE_MINUTE, early), (("price", "price_time"), ~priced)):
            for name in names:
                columns[name][at] = np.where(gone[at], 0.0, columns[name][at])


def _nights(newest: Floats) -> Iterator[tuple[int, int]]:
    """Beginning of each night of late in which elements are, and the clear of its day.

    The newest element alone does not say whether it is night: it may be of the future, and is left out later.
    """
    hours = np.unique(newest[newest > 0] // HOUR_MS)[-_LATE_HOURS:]
    for date in sorted({date_of_trades(int(hour + 1) * HOUR_MS - 1) for hour in hours}):
        times = session_times(date)
        if ((newest >= times.night) & (newest < times.clear)).any():
            yield times.night, times.clear


def _spreads(ask: Floats, bid: Floats) -> Floats:
    """Ask less bid in percent of their middle; 0 where there is no quote, or none that makes sense."""
    sensible = (bid > 0) & (ask >= bid)
    return np.divide(200.0 * (ask - bid), ask + bid, out=np.zeros_like(ask), where=sensible)


def _sets_price(tickers: Sequence[SnapshotTicker]) -> Bools:
    """Where the conditions of the last trade let it set the price."""
    conditions = [(ticker.lastTrade or _NO_TRADE).c for ticker in tickers]
    counting = {each for each in set(conditions) if updates_last(each)}
    return np.fromiter(map(counting.__contains__, conditions), np.bool_, len(conditions))


def _prices(
    records: NDArray[Any], traded: Floats, by_trade: Bools, columns: dict[str, Floats]
) -> tuple[Floats, Floats]:
    """The last trade's price and time; where that does not set the price, the latest minute's close and end."""
    prices, closes, updated = records["trade_price"], records["minute_close"], columns["updated"]
    by_trade, by_minute = by_trade & (prices > 0), closes > 0
    # The minute's close was the price at its end, or so far, if it is still running.
    ends = columns["minute_start"] + MINUTE_MS
    closed_at = np.where(updated != 0, np.minimum(ends, updated), ends)
    return (
        np.where(by_trade, prices, np.where(by_minute, closes, columns["close"])),
        np.where(by_trade, traded, np.where(by_minute, closed_at, updated)),
    )
