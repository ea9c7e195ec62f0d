"""Polygon's snapshot to columns. Zero and null mean unset; times come in ns and ms, volumes in fractions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import eq
from typing import Any, Final

import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from gapscan.market.columns import Floats
from gapscan.market.sessions import HOUR_MS, MINUTE_MS, date_of_trades, session_times
from gapscan.polygon.elements import Elements, Faults
from gapscan.polygon.lenient import UNREADABLE
from gapscan.polygon.tickers import RECORD, SnapshotTicker, pack
from gapscan.polygon.times import milliseconds_of
from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.provider import MarketSnapshot

_LATE_HOURS: Final = 24  # with an element, that are looked at for nights
_BECOMES: Final = {"close": "prev_close", "high": "prev_high", "low": "prev_low", "volume": "prev_volume"}
_OF_THE_DAY: Final = ("open", "high", "low", "close", "vwap", "volume")
_OF_THE_MINUTE: Final = ("minute_high", "minute_low", "minute_trades", "minute_start")
_WHOLE: Final = ("minute_start", "updated")  # in units of the provider
_AS_PACKED: Final = tuple(name for name in SCAN_COLUMNS if name in (RECORD.names or ()) and name not in _WHOLE)

_NOTHING: Final = Raw()
_snapshot: Final = Elements("tickers", SnapshotTicker)


class Reading(Faults):
    """What a body said."""

    snapshot: MarketSnapshot


class SnapshotReader:
    """Reads body after body: an element that says what the one in its place said before is not decoded again.

    Most symbols do not trade from scan to scan; to find those that did costs a third of decoding them all.
    """

    def __init__(self) -> None:
        self._before: list[Raw] = []
        self._room = bytearray()  # a RECORD an element
        self._symbols: list[str | None] = []  # None where the element cannot be read

    def read(self, body: bytes) -> Reading:
        """The elements of a snapshot body. Raises FeedError when the body as a whole is not one."""
        elements = _snapshot.undecoded("the market snapshot", body)
        before, self._before = self._before, []  # until all is read
        self._fit(len(elements))
        same = list(map(eq, elements, before))
        changed = [place for place, is_same in enumerate(same) if not is_same]
        faults = self._decode(elements, (*changed, *range(len(same), len(elements))))
        self._before = elements
        return self._reading(faults)

    def _fit(self, size: int) -> None:
        if size != (known := len(self._symbols)):
            self._symbols = self._symbols[:size] + [None] * (size - known)
            self._room = self._room[: size * RECORD.itemsize].ljust(size * RECORD.itemsize, b"\0")

    def _decode(self, elements: list[Raw], places: Iterable[int]) -> Faults:
        """Keep what is in those places: each at once, while it is in the cache. What is wrong with them."""
        faults, decode = Faults(), _snapshot.one.decode
        for place in places:
            try:
                ticker: SnapshotTicker | None = decode(elements[place])
            except UNREADABLE as error:
                ticker = _snapshot.what_is_left(elements[place], error, faults)
                elements[place] = _NOTHING  # it is said of each scan
            self._symbols[place] = ticker.ticker if ticker else None
            if ticker:
                pack(ticker, self._room, place)
        return faults

    def _reading(self, faults: Faults) -> Reading:
        records, symbols = np.frombuffer(self._room, RECORD), [name for name in self._symbols if name is not None]
        if len(symbols) < len(records):
            records = records[[name is not None for name in self._symbols]]
        snapshot = _snapshot_of(symbols, records)
        return Reading(snapshot, bad=faults.bad, lost=faults.lost, first_fault=faults.first_fault)


def one_of_each(snapshot: MarketSnapshot) -> MarketSnapshot:
    """Of elements with one symbol the newest, and the first of equals."""
    if len(set(snapshot.symbols)) == len(snapshot):
        return snapshot
    best: dict[str, int] = {}
    newest = snapshot.newest.tolist()
    for place, symbol in enumerate(snapshot.symbols):
        if symbol not in best or newest[place] > newest[best[symbol]]:
            best[symbol] = place
    kept = np.zeros(len(snapshot), np.bool_)
    kept[list(best.values())] = True
    return snapshot.only(kept)


def _snapshot_of(symbols: list[str], records: NDArray[Any]) -> MarketSnapshot:
    """The elements as the feed takes them."""
    traded = milliseconds_of(records["trade_time"])
    columns = _columns(records, traded)
    newest = np.maximum(columns["updated"], traded)
    _turn_by_night(columns, traded, newest)
    known = {name: np.where(column == 0, np.nan, column) for name, column in columns.items()}
    return MarketSnapshot(symbols, known, newest, bool(records["has_trade"].any()))


def _columns(records: NDArray[Any], traded: Floats) -> dict[str, Floats]:
    """The numbers by the names of the feed's columns; 0 is unset. `traded` are the times of last trades, epoch ms."""
    columns: dict[str, Floats] = {name: records[name].copy() for name in _AS_PACKED}
    # `day.v` is 0 until the first regular trade, `min.av` is not: it has the pre-market's.
    columns["volume"] = np.maximum(records["day_volume"], records["minute_volume"])
    columns["spread_percent"] = _spreads(records["ask"], records["bid"])
    columns |= {name: milliseconds_of(records[name]) for name in _WHOLE}
    columns["price"], columns["price_time"] = _prices(records, traded, columns)
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


def _prices(records: NDArray[Any], traded: Floats, columns: dict[str, Floats]) -> tuple[Floats, Floats]:
    """The last trade's price and time; where that does not set the price, the latest minute's close and end."""
    prices, closes, updated = records["trade_price"], records["minute_close"], columns["updated"]
    by_trade, by_minute = (records["sets_price"] != 0) & (prices > 0), closes > 0
    # The minute's close was the price at its end, or so far, if it is still running.
    ends = columns["minute_start"] + MINUTE_MS
    closed_at = np.where(updated != 0, np.minimum(ends, updated), ends)
    return (
        np.where(by_trade, prices, np.where(by_minute, closes, columns["close"])),
        np.where(by_trade, traded, np.where(by_minute, closed_at, updated)),
    )
