"""Days in flat-file layout that are made by dice: thin symbols, half days, whole pre- and post-markets, and whatever
else there is of symbols and files: single trades, hours of silence, bars of no volume or of no hour of the day.
"""

from __future__ import annotations

import datetime as dt
import gzip
import random
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tests.support.plain.clock import MINUTE, Hours, hours

HEADER = "ticker,volume,open,close,high,low,window_start,transactions"
HOLIDAYS = {(2, 19), (5, 27), (6, 19), (7, 4), (11, 23), (3, 29)}
TESTS = ["ZVZZT", "NTEST.A", "ZTST"]
BAD = "AAA,100,5,6,4,7,{start},1\nAAA,100,,6,7,5,{start},1\nAAA,-5,5,6,7,5,{start},1"  # lines that are no bars


class Kind(NamedTuple):
    """`often`: in which part of the minutes the busiest symbols trade. Of the `before` weekdays before the date, the
    last `minutes` have minute files; a day with minutes has a daily file with the chance `daily`.
    """

    date: dt.date
    symbols: int
    often: float
    before: int = 24
    minutes: int = 12
    daily: float = 1.0
    splits: bool = True


class Made(Enum):
    THIN = Kind(dt.date(2024, 3, 11), 90, 0.1)
    HALF = Kind(dt.date(2024, 7, 3), 70, 0.6, daily=0.5)
    EXTENDED = Kind(dt.date(2024, 11, 4), 70, 1.0, minutes=6, daily=0.0)
    FIRST = Kind(dt.date(2023, 11, 24), 60, 0.3, before=1, minutes=1, daily=0.0, splits=False)


class Habit(Enum):
    """When and how a symbol trades."""

    USUAL = "at any time"
    SINGLE = "once"
    EARLY = "in pre-market"
    LATE = "in post-market"
    BELLS = "in the minutes around the bells"
    AUCTION = "in the closing auction"
    HOLES = "with holes of an hour or so"
    OUTSIDE = "before and after the day's hours too"
    EMPTY = "with bars of no volume"
    PARTS = "in parts of shares"
    DAILY = "so that the daily bar says other than the minutes"
    NO_MINUTES = "of which there are daily bars alone"
    NO_DAILY = "of which there are minutes alone"


class Bar(NamedTuple):
    symbol: str
    volume: float
    open: float
    close: float
    high: float
    low: float
    start: int
    trades: int

    def line(self) -> str:
        return ",".join(map(str, (*self[:6], self.start * 1_000_000, self.trades)))


def write_made(made: Made, root: Path) -> dt.date:
    """Write the day, and what is needed of the days before; its date."""
    kind, dice = made.value, random.Random(made.name)
    symbols = [f"{dice.choice(['T', 'NA', 'BRK.', 'ZpA'])}{place:02}" for place in range(kind.symbols)]
    symbols = sorted(symbols) + TESTS
    grades = [0.4, 0.9, 3.0, 9.5, 15.0, 40.0, 300.0, 550_000.0]
    prices = {symbol: round(dice.choice(grades) * dice.uniform(0.8, 1.2), 2) for symbol in symbols}
    habits = {symbol: dice.choice([Habit.USUAL] * 6 + list(Habit)) for symbol in symbols}
    days = _weekdays(kind)
    new, gone = set(symbols[:4]), set(symbols[4:6])
    for place, day in enumerate(days):
        absent = gone if day == kind.date else new
        there = [one for one in symbols if one not in absent and (day == kind.date or dice.random() < 0.97)]
        bars = {one: list(_bars(one, habits[one], day, prices, kind.often, dice)) for one in there}
        has_minutes = place >= len(days) - 1 - kind.minutes
        if has_minutes:
            told = [bar for one in there if habits[one] != Habit.NO_MINUTES for bar in bars[one]]
            _write(root, "minute_aggs_v1", day, told)
        if not has_minutes or dice.random() < kind.daily:
            found = [(_daily(bars[one], day, habits[one])) for one in there if any(bar.volume for bar in bars[one])]
            _write(root, "day_aggs_v1", day, [bar for bar in found if habits[bar.symbol] != Habit.NO_DAILY])
    if kind.splits:
        _write_splits(root, symbols[10:30], days)
    return kind.date


def _weekdays(kind: Kind) -> list[dt.date]:
    """The day and those before it, ascending, without holidays."""
    days = [kind.date]
    while len(days) <= kind.before:
        earlier = days[-1] - dt.timedelta(days=1)
        while earlier.weekday() > 4 or (earlier.month, earlier.day) in HOLIDAYS:
            earlier -= dt.timedelta(days=1)
        days.append(earlier)
    return days[::-1]


def _write_splits(root: Path, symbols: list[str], days: list[dt.date]) -> None:
    """Of today, of two days ago, and two of one symbol; one that is a spin-off; and what is paid."""
    a, b, c, d, e, f, g, h, *others = symbols
    rows = [f"{a},{days[-1]},1,4", f"{b},{days[-3]},10,1", f"{c},{days[-2]},2,3", f"{c},{days[-1]},2,1"]
    rows += [f"{d},{days[-1]},20,1", f"{e},{days[-1]},1000,1281"]
    path = root / "us_stocks_sip" / "splits.csv"
    path.write_text("\n".join(["ticker,execution_date,split_from,split_to", *rows, ""]))
    rows = [f"{f},0.0001,recurring", f"{g},500000,special", f"{h},1.5,spinoff", f"{h},0.5,recurring", f"{a},9,special"]
    dated = [row.replace(",", f",{days[-1]},", 1) for row in rows]
    dated += [f"{one},{days[-1]},{0.3 * (place + 1)},special" for place, one in enumerate(others)]
    dated += [f"{e},{days[-2]},900000,special"]
    head = "ticker,ex_dividend_date,cash_amount,distribution_type"
    path.with_name("dividends.csv").write_text("\n".join([head, *dated, ""]))


def _starts(habit: Habit, bells: Hours, dice: random.Random) -> list[int]:
    """The minutes in which a symbol may trade."""
    day = list(range(bells.pre, bells.closed, MINUTE))
    match habit:
        case Habit.SINGLE:
            return [dice.choice(day)]
        case Habit.EARLY:
            return [start for start in day if start < bells.regular]
        case Habit.LATE:
            return [start for start in day if start >= bells.post]
        case Habit.BELLS:
            return [bell + off * MINUTE for bell in bells for off in (-1, 0, 1)][1:-2]
        case Habit.AUCTION:
            return [bells.post]
        case Habit.HOLES:
            holes = [(dice.choice(day), dice.choice([14, 15, 16, 59, 60, 61, 75])) for _ in range(4)]
            return [at for at in day if not any(begin <= at < begin + long * MINUTE for begin, long in holes)]
        case Habit.OUTSIDE:
            return list(range(bells.pre - 30 * MINUTE, bells.pre + 17 * 60 * MINUTE, MINUTE))
    return day


def _bars(
    symbol: str, habit: Habit, day: dt.date, prices: dict[str, float], often: float, dice: random.Random
) -> Iterator[Bar]:
    bells, price = hours(day), prices[symbol] * dice.choice([1.0, 1.0, 1.0, 0.7, 0.88, 0.93, 1.05, 1.3])
    busy, big = often * dice.choice([0.02, 0.2, 0.6, 1.0]), dice.choice([1, 5, 900, 30_000, 90_000])
    places = 2 if price > 1 else 4
    surely = habit in (Habit.SINGLE, Habit.BELLS, Habit.AUCTION)
    for start in _starts(habit, bells, dice):
        quiet = 1.0 if bells.regular <= start < bells.post else 0.25
        if dice.random() >= busy * quiet and not surely:
            continue
        step = price * dice.choice([0.0, 0.001, 0.004, 0.02, 0.06])
        path = [max(10**-places, round(price + dice.uniform(-1, 1) * step, places)) for _ in range(4)]
        volume = _volume(habit, big, dice)
        path = path if volume >= 2 or habit == Habit.PARTS else [path[0]] * 4
        price = path[-1]
        trades = max(1, min(int(volume), dice.randrange(1, 60)))
        yield Bar(symbol, volume, path[0], price, max(path), min(path), start, trades)
    prices[symbol] = price


def _volume(habit: Habit, big: int, dice: random.Random) -> float:
    if habit == Habit.EMPTY and dice.random() < 0.5:
        return 0
    if habit == Habit.PARTS:
        return dice.choice([0.001, 0.25, 1.5, big + 0.3337])
    return dice.choice([1, 2, 3, 0.5, 7, big, big, big * 3])


def _daily(bars: list[Bar], day: dt.date, habit: Habit) -> Bar:
    bells = hours(day)
    traded = [bar for bar in bars if bar.volume]
    regular = [bar for bar in traded if bells.regular <= bar.start < bells.post] or traded
    volume, trades = round(sum(bar.volume for bar in traded), 4), sum(bar.trades for bar in traded)
    high, low = max(bar.high for bar in regular), min(bar.low for bar in regular)
    opened, close = regular[0].open, regular[-1].close
    if habit == Habit.DAILY:  # what is corrected later, and what a bar does not count
        high, low, close, volume = round(high * 1.03, 2), low, round((high + low) / 2, 4), volume * 2
    return Bar(regular[0].symbol, volume, opened, close, high, low, bells.regular, trades)


def _write(root: Path, kind: str, day: dt.date, bars: list[Bar]) -> None:
    path = root / "us_stocks_sip" / kind / f"{day:%Y/%m}" / f"{day}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    bad = BAD.format(start=hours(day).regular * 1_000_000)
    text = "\n".join([HEADER, *(bar.line() for bar in bars), bad, ""])
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
