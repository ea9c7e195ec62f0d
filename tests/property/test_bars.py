"""Scans, bars and trades merge by event time: in any order, doubled or late, the newest observation is what is held."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market import computed
from gapscan.market.bars import AHEAD_MS, merge_bars, merge_trades
from gapscan.market.restore import restore
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MarketSession, session_times
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Bars, Row, Trades, UniverseFrame
from gapscan.ranking.rows import RowCache
from tests.support.market import stock, universe_frame

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)
SYMBOLS = ["A", "B", "C"]
SECOND = 1000
BEGIN = TIMES.regular - 300 * SECOND  # bars of the cases below come within minutes of it

seeds = st.integers(0, 2**32)


class Seen:
    """One observation of one symbol's price, as the plain model keeps it."""

    def __init__(self, symbol: str, time: int, price: float, source: str) -> None:
        self.symbol, self.time, self.price, self.source = symbol, time, price, source


Step = tuple[Callable[[Universe], object], list[Seen]]


def some_moment(dice: random.Random) -> int:
    return TIMES.regular + dice.randrange(-300, 600) * SECOND


def price_at(symbol: str, moment: int) -> float:
    """One price for each symbol and moment: two sources that speak of the same moment agree."""
    return round(10 + random.Random(f"{symbol}{moment}").random(), 4)


def some_bars(dice: random.Random) -> Step:
    symbols = [dice.choice(SYMBOLS) for _ in range(dice.randint(1, 6))]
    ends = [some_moment(dice) for _ in symbols]
    closes = [price_at(symbol, end) for symbol, end in zip(symbols, ends, strict=True)]
    volumes: list[float | None] = [float((end - TIMES.pre) // SECOND) for end in ends]
    bars = Bars(
        simulated=True, symbols=symbols, start=[end - SECOND for end in ends], end=ends, open=[*closes],
        high=[close + 0.5 for close in closes], low=[close - 0.5 for close in closes], close=[*closes],
        volume=[1.0] * len(symbols), day_volume=volumes, day_vwap=[*closes],
        day_open=[9.0 if end > TIMES.regular else None for end in ends],
    )  # fmt: skip
    seen = [Seen(s, end, close, "bar") for s, end, close in zip(symbols, ends, closes, strict=True)]
    return (lambda universe: merge_bars(universe, bars)), seen


def some_trades(dice: random.Random) -> Step:
    symbols = dice.sample(SYMBOLS, dice.randint(1, 3))
    moments = [some_moment(dice) for _ in symbols]
    prices = [price_at(symbol, moment) for symbol, moment in zip(symbols, moments, strict=True)]
    trades = Trades(True, symbols, list(prices), moments)
    return (lambda universe: merge_trades(universe, trades)), [
        Seen(s, moment, price, "bar") for s, moment, price in zip(symbols, moments, prices, strict=True)
    ]


def some_scan(dice: random.Random) -> Step:
    moment = some_moment(dice)
    times = [moment - dice.randrange(60) * SECOND for _ in SYMBOLS]
    prices = [price_at(symbol, time) for symbol, time in zip(SYMBOLS, times, strict=True)]
    volumes = [float((time - TIMES.pre) // SECOND) for time in times]
    stocks = [
        stock(symbol, price=price, price_time=time, prev_close=10.0, volume=volume, updated=time)
        for symbol, price, time, volume in zip(SYMBOLS, prices, times, volumes, strict=True)
    ]
    frame = universe_frame(stocks, moment)
    seen = [Seen(s, time, price, "snapshot") for s, time, price in zip(SYMBOLS, times, prices, strict=True)]
    return (lambda universe: merge_scan(universe, frame)), seen


def begun() -> Universe:
    """A universe whose trading day has begun."""
    universe = Universe()
    assert not universe.advance(BEGIN)
    merge_scan(universe, universe_frame([], BEGIN, "pre"))
    return universe


def value(universe: Universe, symbol: str, field: str) -> float:
    at = universe.index.get(symbol)
    return math.nan if at is None else float(universe.number(field)[at])


@given(seeds, st.integers(1, 12))
def test_the_newest_price_is_held_and_never_moves_back(seed: int, count: int) -> None:
    dice = random.Random(seed)
    steps = [dice.choice([some_bars, some_trades, some_scan])(dice) for _ in range(count)]
    steps += dice.sample(steps, dice.randint(0, len(steps)))  # sent again
    universe, newest = begun(), dict.fromkeys(SYMBOLS, 0)
    for merge, seen in steps:
        before = {symbol: value(universe, symbol, "price_time") for symbol in SYMBOLS}
        merge(universe)
        for one in seen:
            newest[one.symbol] = max(newest[one.symbol], one.time)
        for symbol, time in newest.items():
            if time:
                assert value(universe, symbol, "price_time") == time
                assert value(universe, symbol, "price") == price_at(symbol, time)
                assert not value(universe, symbol, "price_time") < before[symbol]


@given(seeds, st.integers(1, 10))
def test_day_volume_is_the_newest_observers(seed: int, count: int) -> None:
    dice = random.Random(seed)
    universe, newest = begun(), dict.fromkeys(SYMBOLS, 0)
    for _ in range(count):
        merge, seen = dice.choice([some_bars, some_scan])(dice)
        merge(universe)
        for one in seen:
            newest[one.symbol] = max(newest[one.symbol], one.time)
    for symbol, time in newest.items():
        if time:
            assert value(universe, symbol, "volume") == (time - TIMES.pre) // SECOND


@given(seeds, st.integers(1, 10))
def test_highs_and_lows_are_of_regular_bars_else_of_early_ones_in_any_order(seed: int, count: int) -> None:
    dice = random.Random(seed)
    steps = [some_bars(dice) for _ in range(count)]
    ranges = {symbol: prices_that_count([s for _, seen in steps for s in seen], symbol) for symbol in SYMBOLS}
    for order in (steps, dice.sample(steps, len(steps)), [*steps, *steps]):
        universe = begun()
        for merge, _ in order:
            merge(universe)
        for symbol in SYMBOLS:
            high, low = value(universe, symbol, "high"), value(universe, symbol, "low")
            if prices := ranges[symbol]:
                assert (high, low) == (max(prices) + 0.5, min(prices) - 0.5)
            else:
                assert math.isnan(high)


def prices_that_count(seen: list[Seen], symbol: str) -> list[float]:
    """Those of the regular session if there are any, else those before it."""
    regular = [s.price for s in seen if s.symbol == symbol and s.time - SECOND >= TIMES.regular]
    return regular or [s.price for s in seen if s.symbol == symbol]


@given(seeds)
def test_bars_of_another_day_are_left_out(seed: int) -> None:
    dice = random.Random(seed)
    merge, seen = some_bars(dice)
    universe = Universe()
    assert merge(universe) == 0, "there is no trading day yet"
    tomorrow = session_times(DAY + dt.timedelta(days=1)).pre
    merge_scan(universe, universe_frame([], tomorrow, "pre"))
    assert merge(universe) == 0
    assert all(math.isnan(value(universe, one.symbol, "price")) for one in seen)


def one_bar(end: int, high: float = 11.0) -> Bars:
    none: list[float | None] = [None]
    return Bars(True, ["A"], [end - SECOND], [end], [10.0], [high], [9.0], [10.0], [1.0], none, none, none)


def test_a_bar_from_the_future_is_left_out() -> None:
    """One wrong time must not turn the day, or hold market time up, for everybody."""
    universe = begun()
    merge_bars(universe, one_bar(TIMES.pre + SECOND))
    before = (universe.as_of, universe.date)
    for end in (TIMES.pre + 3 * 86_400_000, TIMES.regular + 2 * AHEAD_MS, 1_700_000_000_000_000_000):
        assert merge_bars(universe, one_bar(end)) == 0
        assert merge_trades(universe, Trades(True, ["A"], [10.0], [end])) == 0
    assert (universe.as_of, universe.date) == before
    assert not universe.advance(TIMES.pre + 86_400_000)


def scan(as_of: int, seen: float | None, price: float | None, high: float | None, prev: float) -> UniverseFrame:
    one = stock("A", price=price, price_time=seen, prev_close=prev, high=high, updated=seen)
    return universe_frame([one], as_of)


def test_an_older_scan_does_not_lower_a_high() -> None:
    universe, noon = begun(), TIMES.regular + 600 * SECOND
    merge_scan(universe, scan(noon, noon, 10.0, 10.5, 9.0))
    merge_bars(universe, one_bar(noon + 11 * SECOND, 12.0))
    merge_scan(universe, scan(noon + 12 * SECOND, noon + 9 * SECOND, 10.0, 10.6, 9.0))
    assert value(universe, "A", "high") == 12.0
    merge_scan(universe, scan(noon + 30 * SECOND, noon + 20 * SECOND, 10.0, 11.9, 9.0))
    assert value(universe, "A", "high") == 11.9, "a newer scan corrects a bar"


def test_a_scan_that_still_holds_yesterday_begins_no_day_with_it() -> None:
    """Right after the clear the provider may not have cleared yet: neither prices nor prev_close are today's."""
    universe, tomorrow = begun(), session_times(DAY + dt.timedelta(days=1))
    merge_scan(universe, scan(tomorrow.clear + 200, float(TIMES.closed), 100.0, 101.0, 70.0))
    assert math.isnan(value(universe, "A", "price"))
    assert math.isnan(value(universe, "A", "high"))
    merge_scan(universe, scan(tomorrow.clear + 30 * SECOND, None, None, None, 100.0))
    assert value(universe, "A", "prev_close") == 100.0


def test_market_time_and_session_move_on_with_bars() -> None:
    universe = begun()
    assert universe.session is MarketSession.PRE
    assert universe.advance(TIMES.regular + SECOND)
    assert universe.session is MarketSession.REGULAR
    assert not universe.advance(TIMES.pre - 86_400_000)
    assert universe.advance(TIMES.regular)
    assert universe.as_of == TIMES.regular + SECOND


def test_a_holiday_is_not_opened_by_the_clock() -> None:
    universe = begun()
    universe.session = MarketSession.CLOSED  # what the provider says
    universe.advance(TIMES.regular + SECOND)
    assert universe.session is MarketSession.CLOSED


def rows_of(universe: Universe) -> Sequence[Row]:
    computed.compute(universe)
    cache, everyone = RowCache(universe), np.arange(len(universe))
    cache.mark_dirty(None)
    cache.refresh(everyone)
    return cache.states([everyone])[0]


@given(seeds, st.integers(1, 8))
def test_a_universe_takes_back_from_rows_what_it_forgot(seed: int, count: int) -> None:
    """A ranker starts again: scans are kept, bars are not, but what was published never shows an older price."""
    dice = random.Random(seed)
    scan, _ = some_scan(dice)
    before = begun()
    scan(before)
    for _ in range(count):
        merge, _ = dice.choice([some_bars, some_trades])(dice)
        merge(before)
    rows = rows_of(before)
    after = begun()
    scan(after)
    restore(after, rows)
    for symbol in SYMBOLS:
        for field in ("price_time", "price", "volume", "updated", "high", "low"):
            assert value(after, symbol, field) == value(before, symbol, field) or (
                math.isnan(value(after, symbol, field)) and math.isnan(value(before, symbol, field))
            ), field


def test_rows_of_yesterday_are_not_taken_back() -> None:
    universe = begun()
    row = Row(symbol="A", price=5.0, price_time=TIMES.night, as_of=TIMES.night)
    assert restore(universe, [row]) == 0
    assert "A" not in universe.index
