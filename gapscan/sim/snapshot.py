"""The snapshot as Polygon sends it. Encoded once per symbol and kept until the symbol prints again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress
from typing import Any

import msgspec
import numpy as np

from gapscan.market.sessions import NS_PER_MS
from gapscan.sim.account import FULL, AccountPlan
from gapscan.sim.market import Market
from gapscan.sim.state import DayState
from gapscan.sim.tape import Bools, Floats, Ints

CHUNK = 500  # symbols encoded in one go: about 5 ms of work
Number = int | float


class Day(msgspec.Struct):
    c: float
    h: float
    l: float  # noqa: E741 - Polygon's field names
    o: float
    v: Number
    vw: float


class Quote(msgspec.Struct):
    P: float
    S: int
    p: float
    s: int
    t: int


class Trade(msgspec.Struct):
    c: list[int]
    i: str
    p: float
    s: int
    t: int
    x: int


class Minute(msgspec.Struct):
    av: Number
    c: float
    h: float
    l: float  # noqa: E741
    n: int
    o: float
    t: int
    v: Number
    vw: float


class Ticker(msgspec.Struct, omit_defaults=True):
    ticker: str
    todaysChange: float
    todaysChangePerc: float
    updated: int
    day: Day
    min: Minute
    prevDay: Day
    lastQuote: Quote | None = None
    lastTrade: Trade | None = None


def number(value: float) -> Number:
    """Whole volumes are integers on the wire, others floats."""
    return int(value) if value.is_integer() else value


def numbers(values: Floats) -> list[Number]:
    return [number(value) for value in np.round(values, 4).tolist()]


def change(price: Floats, previous: Floats) -> tuple[Floats, Floats]:
    """Change since the previous close, absolute and in percent; 0 where either price is missing."""
    known = (price > 0) & (previous > 0)
    absolute = np.where(known, price - previous, 0.0)
    percent = np.divide(100 * absolute, previous, out=np.zeros_like(absolute), where=known)
    return np.asarray(np.round(absolute, 4), float), np.asarray(np.round(percent, 4), float)


class SnapshotEncoder:
    """Encoded ticker objects of a market. Call `refresh` after the market has moved."""

    def __init__(self, market: Market, plan: AccountPlan = FULL) -> None:
        self._market = market
        self._plan = plan
        self._encoder = msgspec.json.Encoder()
        self._parts: list[bytes] = []
        self._generation = -1
        self._visible = [not listing.otc for listing in market.source.listings]
        self._body: bytes | None = None

    def refresh(self) -> Iterator[None]:
        """Encode what changed, CHUNK symbols a step."""
        state = self._market.state
        if self._generation != self._market.generation:
            self._generation = self._market.generation
            self._parts = [b""] * len(self._market.symbols)
            self._previous = _days(self._market.previous, np.arange(len(self._parts)))
            state.changed[:] = True
        changed = np.flatnonzero(state.changed)
        if len(changed):
            self._body = None
        for start in range(0, len(changed), CHUNK):
            who = changed[start : start + CHUNK]
            self._encode(state, who)
            state.changed[who] = False
            yield

    def full(self, *, otc: bool = False) -> bytes:
        """The `tickers` array with all symbols."""
        if otc:
            return b"[" + b",".join(self._parts) + b"]"
        if self._body is None:
            self._body = b"[" + b",".join(compress(self._parts, self._visible)) + b"]"
        return self._body

    def some(self, symbols: Iterable[str]) -> bytes:
        """The `tickers` array with the symbols that exist of those asked for."""
        place = self._market.place
        return b"[" + b",".join(self._parts[place[s]] for s in symbols if s in place) + b"]"

    def one(self, symbol: str) -> bytes:
        """One ticker object. Raises KeyError when there is no such symbol."""
        return self._parts[self._market.place[symbol]]

    def _encode(self, state: DayState, who: Ints) -> None:
        for place, ticker in zip(who.tolist(), self._tickers(state, who), strict=True):
            self._parts[place] = self._encoder.encode(ticker)

    def _tickers(self, state: DayState, who: Ints) -> Iterator[Ticker]:
        previous = self._market.previous
        absolute, percent = change(state.last_price[who], previous.close[who])
        trades = _trades(state, who)
        rows = zip(
            who.tolist(),
            absolute.tolist(),
            percent.tolist(),
            _nanoseconds(state.last_time[who]),
            _state_days(state, who),
            _minutes(state, who),
            trades,
            strict=True,
        )
        for place, gain, gain_percent, updated, day, minute, trade in rows:
            quote = _quote(trade, place) if trade and self._plan.quotes else None
            yield Ticker(
                self._market.symbols[place],
                gain,
                gain_percent,
                updated,
                day,
                minute,
                self._previous[place],
                quote,
                trade if self._plan.trades else None,
            )


def _columns(*columns: Floats) -> Iterator[tuple[Any, ...]]:
    return zip(*(np.round(column, 4).tolist() for column in columns), strict=True)


def _days(bars: Any, who: Ints) -> list[Day]:
    prices = _columns(bars.close[who], bars.high[who], bars.low[who], bars.open[who], bars.vwap[who])
    volumes = numbers(bars.volume[who])
    return [Day(c, h, low, o, v, vw) for (c, h, low, o, vw), v in zip(prices, volumes, strict=True)]


def _state_days(state: DayState, who: Ints) -> list[Day]:
    opened: Bools = state.open[who] > 0
    vwap = _ratio(state.regular_turnover[who], state.regular_volume[who])
    prices = _columns(state.close[who], state.high[who], state.low[who], state.open[who], vwap)
    volumes = numbers(np.where(opened, state.volume[who], 0.0))
    return [Day(c, h, low, o, v, vw) for (c, h, low, o, vw), v in zip(prices, volumes, strict=True)]


def _minutes(state: DayState, who: Ints) -> list[Minute]:
    vwap = _ratio(state.minute_turnover[who], state.minute_volume[who])
    prices = _columns(
        state.minute_close[who], state.minute_high[who], state.minute_low[who], state.minute_open[who], vwap
    )
    total, volume = numbers(state.volume[who]), numbers(state.minute_volume[who])
    count, start = state.minute_trades[who].tolist(), state.minute_start[who].tolist()
    return [
        Minute(av, c, h, low, n, o, t, v, vw)
        for av, (c, h, low, o, vw), n, t, v in zip(total, prices, count, start, volume, strict=True)
    ]


def _trades(state: DayState, who: Ints) -> list[Trade | None]:
    rows = zip(
        state.prints[who].tolist(),
        np.round(state.last_price[who], 4).tolist(),
        np.maximum(state.last_size[who], 1).astype(np.int64).tolist(),
        _nanoseconds(state.last_time[who]),
        (who % 18 + 1).tolist(),
        strict=True,
    )
    return [Trade([], str(n), p, s, t, x) if n else None for n, p, s, t, x in rows]


def _quote(trade: Trade, place: int) -> Quote:
    tick = 0.01 if trade.p >= 1 else 0.0001
    return Quote(round(trade.p + tick, 4), place % 9 + 1, round(max(trade.p - tick, tick), 4), place % 7 + 1, trade.t)


def _nanoseconds(milliseconds: Ints) -> list[int]:
    return [ms * NS_PER_MS for ms in milliseconds.tolist()]


def _ratio(turnover: Floats, volume: Floats) -> Floats:
    return np.divide(turnover, volume, out=np.zeros_like(volume), where=volume > 0)
