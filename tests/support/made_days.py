"""Days in flat-file layout that are made by dice: thin symbols, half days, whole pre- and post-markets."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tests.support.plain.clock import MINUTE, hours

BEFORE = 24  # weekdays before the day
WITH_MINUTES = 12  # of them
HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


class Made(Enum):
    """The day, how many symbols there are, and how often the busiest of them trade in a minute."""

    THIN = (dt.date(2024, 3, 11), 90, 0.1)
    HALF = (dt.date(2024, 7, 3), 70, 0.6)
    EXTENDED = (dt.date(2024, 11, 4), 70, 1.0)


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
    date, number, often = made.value
    dice = random.Random(made.name)
    symbols = [f"{letter}{place:02}" for place in range(number) for letter in dice.choice(["T", "NA", "BRK.", "ZpA"])]
    symbols = sorted(set(symbols))[:number]
    prices = {
        symbol: round(dice.choice([0.9, 3.0, 9.5, 15.0, 40.0, 300.0]) * dice.uniform(0.8, 1.2), 2) for symbol in symbols
    }
    days = [date]
    while len(days) <= BEFORE:
        earlier = days[-1] - dt.timedelta(days=1)
        days.append(earlier - dt.timedelta(days=max(0, earlier.weekday() - 4)))
    days = [day for day in reversed(days) if (day.month, day.day) not in HOLIDAYS]
    new, gone = set(symbols[:4]), set(symbols[4:6])
    for place, day in enumerate(days):
        there = [
            one
            for one in symbols
            if one not in (new if day != date else gone) and (day == date or dice.random() < 0.97)
        ]
        bars = {one: list(_bars(one, day, prices, often, dice)) for one in there}
        if place >= len(days) - 1 - WITH_MINUTES:
            _write(root, "minute_aggs_v1", day, [bar for one in there for bar in bars[one]])
        _write(root, "day_aggs_v1", day, [_daily(bars[one], day) for one in there if bars[one]])
    split = symbols[10]
    (root / "us_stocks_sip" / "splits.csv").write_text(
        f"ticker,execution_date,split_from,split_to\n{split},{date},1,4\n{symbols[11]},{days[-3]},10,1\n"
    )
    return date


HOLIDAYS = {(2, 19), (5, 27), (6, 19), (7, 4), (3, 29)}


def _bars(symbol: str, day: dt.date, prices: dict[str, float], often: float, dice: random.Random) -> Iterator[Bar]:
    bells, price = hours(day), prices[symbol] * dice.choice([1.0, 1.0, 1.0, 0.7, 0.93, 1.05, 1.3])
    busy, big = often * dice.choice([0.02, 0.2, 0.6, 1.0]), dice.choice([1, 5, 900, 30_000, 90_000])
    grid = 0.01 if price > 1 else 0.0001
    for start in range(bells.pre, bells.closed, MINUTE):
        quiet = 1.0 if bells.regular <= start < bells.post else 0.25
        if dice.random() >= busy * quiet:
            continue
        step = price * dice.choice([0.001, 0.001, 0.004, 0.02, 0.06])
        path = [max(grid, round(price + dice.uniform(-1, 1) * step, 4 if grid < 0.01 else 2)) for _ in range(4)]
        volume = dice.choice([1, 2, 3, 0.5, 7, big, big, big * 3])
        path = path if volume >= 2 else [path[0]] * 4
        price = path[-1]
        trades = max(1, min(int(volume), dice.randrange(1, 60)))
        yield Bar(symbol, volume, path[0], price, max(path), min(path), start, trades)
    prices[symbol] = price


def _daily(bars: list[Bar], day: dt.date) -> Bar:
    bells = hours(day)
    regular = [bar for bar in bars if bells.regular <= bar.start < bells.post] or bars
    volume, trades = sum(bar.volume for bar in bars), sum(bar.trades for bar in bars)
    high, low = max(bar.high for bar in regular), min(bar.low for bar in regular)
    opened, close = regular[0].open, regular[-1].close
    return Bar(regular[0].symbol, volume, opened, close, high, low, bells.regular, trades)


def _write(root: Path, kind: str, day: dt.date, bars: list[Bar]) -> None:
    path = root / "us_stocks_sip" / kind / f"{day:%Y/%m}" / f"{day}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join([HEADER, *(bar.line() for bar in bars), ""]).encode(), mtime=0))
