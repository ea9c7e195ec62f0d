"""Past days for backtests: small random markets whose bars meet in ties, fall silent, and cross thresholds."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gapscan.backtesting.day_minutes import minutes_of
from gapscan.backtesting.market_day import MarketDay, Reference
from gapscan.flatfiles.day_bars import DayBars
from gapscan.flatfiles.minutes import KNOTS
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, session_times
from gapscan.protocol.messages import VolumeCurves

DAY = dt.date(2024, 3, 8)
HALF_DAY = dt.date(2024, 7, 3)


class Bar(NamedTuple):
    """One minute bar; `minute` counts from the beginning of pre-market."""

    symbol: str
    minute: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 1000.0
    trades: int = 10


def flat(symbol: str, minute: int, price: float, volume: float = 1000.0) -> Bar:
    """A bar of one price."""
    return Bar(symbol, minute, price, price, price, price, volume)


def day_bars(bars: list[Bar], date: dt.date) -> DayBars:
    """The bars as a reader gives them."""
    symbols = list(dict.fromkeys(bar.symbol for bar in bars))
    start = [(session_times(date).pre + bar.minute * MINUTE_MS) * NS_PER_MS for bar in bars]
    numbers = {name: np.array([getattr(bar, name) for bar in bars], float)
               for name in ("volume", "open", "close", "high", "low")}  # fmt: skip
    return DayBars(
        symbols, np.array([symbols.index(bar.symbol) for bar in bars], np.int32), np.array(start, np.int64),
        transactions=np.array([bar.trades for bar in bars], np.int64), **numbers,  # type: ignore[arg-type]
    )  # fmt: skip


def market_day(
    bars: list[Bar],
    date: dt.date = DAY,
    *,
    prev_close: dict[str, float] | None = None,
    average: float = 5_000.0,
    next_open: dict[str, float] | None = None,
) -> MarketDay:
    """A day of these bars; every symbol closed at 10 the day before, or as `prev_close` says."""
    read = day_bars(bars, date)
    symbols = sorted(read.symbols)
    closes, opens = (
        np.array([(given or {}).get(symbol, usual) for symbol in symbols], float)
        for given, usual in ((prev_close, 10.0), (next_open, np.nan))
    )
    size = len(symbols)
    reference = Reference(
        closes, closes * 1.02, closes * 0.95, np.full(size, average * 1.5),
        np.full(size, average), np.full(size, 900.0), np.full(size, 30.0), np.full(size, 20.0),
        closes * 0.07, np.zeros(size), np.zeros(size, np.bool_), complete=True,
    )  # fmt: skip
    return MarketDay(date, symbols, minutes_of(read, symbols, date), reference, opens)


def random_day(seed: int, date: dt.date = DAY) -> MarketDay:
    """A market of a few symbols: prices on a coarse grid, so that many are equal; silences of minutes to hours."""
    dice = random.Random(seed)
    length = (session_times(date).closed - session_times(date).pre) // MINUTE_MS
    bars: list[Bar] = []
    symbols = dice.sample(["A", "AA", "B", "BRK.A", "BCpC", "BCPC", "C", "NA", "TRUE", "Z"], dice.randint(2, 8))
    grid = dice.choice([0.05, 0.25, 0.5])
    for symbol in symbols:
        price, minute = dice.choice([0.95, 9.5, 10.0, 10.2, 10.5, 12.0]), dice.choice([0, 0, 100, 320, 330, 335, 700])
        thin = dice.choice([0.02, 0.3, 0.9])
        while minute < length:
            moves = [max(grid, round(price + grid * dice.randint(-2, 2), 2)) for _ in range(4)]
            opened, close = moves[0], moves[-1]
            volume = dice.choice([0.0, 0.5, 1.0, 900.0, 1_100.0, 30_000.0, 120_000.0])
            bars.append(Bar(symbol, minute, opened, max(moves), min(moves), close, volume, dice.choice([0, 1, 40])))
            price = close
            minute += 1 if dice.random() < thin else dice.choice([2, 5, 6, 14, 15, 16, 59, 61, 200])
    bars = bars or [flat("A", 400, 10.0)]
    if dice.random() < 0.3:
        dice.shuffle(bars)
    day = market_day(bars, date, average=dice.choice([900.0, 40_000.0, 1e6]))
    unknown = np.array([dice.random() for _ in day.symbols])
    reference = day.reference
    for before in (reference.prev_close, reference.prev_high, reference.prev_low, reference.prev_volume):
        before[unknown < 0.1] = np.nan
    reference.atr[unknown < 0.2], reference.ssr_carried[unknown < 0.3] = np.nan, 1.0
    reference.ssr_carried[unknown < 0.05] = np.nan
    reference.average_volume[unknown > 0.9] = reference.sessions[unknown > 0.8] = np.nan
    reference.split[(unknown > 0.5) & (unknown < 0.6)] = True
    day = replace(day, reference=replace(reference, complete=dice.random() < 0.5))
    return replace(day, **random_curves(day, dice)) if dice.random() < 0.5 else day


def random_curves(day: MarketDay, dice: random.Random) -> dict[str, Any]:
    """Own courses of volume of some symbols, over few or many sessions."""
    symbols = [symbol for symbol in day.symbols if dice.random() < 0.7]
    if not symbols:
        return {}
    volumes = [sorted(dice.randint(0, 60_000) for _ in KNOTS) for _ in symbols]
    sessions = [dice.choice([2, 9, 10, 20]) for _ in symbols]
    part = VolumeCurves(1, 1, day.date.isoformat(), list(KNOTS), symbols, sessions, volumes)
    return {"curves": (part,), "curve_sessions": 20}
