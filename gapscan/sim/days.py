"""The synthetic market day by day: each day's bars for all symbols, from a seed.

A day's figures depend on the seed and the date only, except for the price level: it is anchored at a base
price on the anchor date and carried forward and backward from there by the returns of the days between.
Splits change the quoted price and the volume, never the worth of a holding.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from gapscan.market.sessions import is_trading_day, next_trading_day, previous_trading_day
from gapscan.sim import calibration
from gapscan.sim.plans import print_rate
from gapscan.sim.scenarios import SPECIAL_DIVIDEND, Scenes
from gapscan.sim.source import DailyBars, Dividend, Listing, Split
from gapscan.sim.tape import Bools, Floats, Ints

SESSIONS_BACK = 90
_CACHED_DAYS = 4
_EXTENDED = 1.03  # prints of a day, extended hours included, for one in regular hours
_TRADES_A_PRINT = 4.0  # so many that the walk hardly ever needs more than there are
_KNOTS = 6  # trades that a day has anyhow: open, extremes, close, the last one of the evening
_MOST_TURNOVER = 2e10  # USD a day
_RATIOS = ((1, 2), (1, 3), (1, 4), (2, 3), (10, 1), (20, 1), (4, 1))  # (from, to): two for one first
_SPLITS_PER_DAY = 3
_STOCKS_A_DIVIDEND = 200
# Per type: log mean and log deviation of volume, log mean and deviation of price, factor on volatility
_TYPES = {
    "CS": (12.4, 1.8, 2.7, 1.45, 1.2),
    "ADRC": (11.6, 1.9, 2.5, 1.1, 1.2),
    "ETF": (10.2, 2.2, 3.6, 0.6, 0.35),
    "FUND": (10.8, 0.8, 2.6, 0.4, 0.3),
    "PFD": (9.0, 1.1, 3.1, 0.2, 0.3),
    "WARRANT": (9.8, 1.4, -1.2, 1.1, 2.5),
    "UNIT": (7.5, 1.5, 2.35, 0.05, 0.3),
}


class Traits(NamedTuple):
    """What stays the same for a symbol: base price, mean daily volume, one-minute deviation, kind."""

    price: Floats
    volume: Floats
    deviation: Floats
    stock: Bools  # common stock or ADR
    fractional: Bools  # its sizes are not whole shares
    nasdaq: Bools  # listed there: the provider tells no other listings' halts

    @property
    def size(self) -> int:
        return len(self.price)


class Returns(NamedTuple):
    """One day's log gap at the open, log return from open to close, volume over its mean, deviation."""

    gap: Floats
    move: Floats
    relative_volume: Floats
    deviation: Floats


def invent_traits(rng: np.random.Generator, listings: list[Listing]) -> Traits:
    """Traits for the listings: the busy ones tend to be calm, the thin ones wild."""
    count = len(listings)
    table = np.array([_TYPES[listing.type] for listing in listings]).T
    activity, level, wild = rng.standard_normal((3, count))
    stock = np.array([listing.type in ("CS", "ADRC") for listing in listings])
    score = _normal_rank(0.75 * wild - 0.35 * activity - 0.55 * level)
    price = np.clip(np.exp(table[2] + table[3] * (0.95 * level + 0.3 * activity)), 0.05, 900)
    return Traits(
        price=price,
        volume=np.minimum(np.exp(table[0] + table[1] * activity), _MOST_TURNOVER / price),
        deviation=calibration.quantile(calibration.MINUTE_DEVIATION_BP, score) * 1e-4 * table[4],
        stock=stock,
        fractional=rng.random(count) < 0.02,
        nasdaq=np.array([listing.exchange == "XNAS" for listing in listings]),
    )


def _normal_rank(values: Floats) -> Floats:
    """Each value's probability by its rank, strictly between 0 and 1."""
    rank = np.empty(len(values))
    rank[np.argsort(values, kind="stable")] = np.arange(len(values)) + 0.5
    return rank / len(values)


class DayModel:
    """Bars, splits and price levels of any day around the anchor."""

    def __init__(self, seed: int, traits: Traits, anchor: dt.date, scenes: Scenes | None = None) -> None:
        self.seed = seed
        self.traits = traits
        self.anchor = anchor
        self.scenes = scenes or Scenes(anchor, {})
        self.first = _sessions_before(anchor, SESSIONS_BACK)
        self._closes: dict[dt.date, Floats] = {previous_trading_day(anchor): np.log(traits.price)}
        self._returns: OrderedDict[dt.date, Returns] = OrderedDict()

    def rng(self, date: dt.date, purpose: int) -> np.random.Generator:
        """The random numbers for one purpose on one day."""
        return np.random.default_rng((self.seed, purpose, date.toordinal()))

    def returns(self, date: dt.date) -> Returns:
        """The day's moves."""
        if date not in self._returns:
            self._returns[date] = self._draw_returns(date)
            while len(self._returns) > _CACHED_DAYS:
                self._returns.popitem(last=False)
        return self._returns[date]

    def _draw_returns(self, date: dt.date) -> Returns:
        rng = self.rng(date, 1)
        traits = self.traits
        count = traits.size
        surprise = rng.standard_t(3, count) * traits.deviation
        gap = self._gaps(surprise, rng)
        if date == self.anchor and (paying := self.scenes.place("special_dividend")) is not None:
            gap[paying] += np.log1p(-SPECIAL_DIVIDEND)
        news = np.abs(gap) / (traits.deviation * 100)
        rank = _normal_rank(0.75 * rng.standard_normal(count) + 0.6 * np.log(news + 0.05))
        relative = calibration.quantile(calibration.RELATIVE_VOLUME, rank)
        excitement = np.clip(relative**0.3, 0.7, 3) * (1 + np.minimum(4 * np.abs(gap), 2))
        deviation = np.minimum(traits.deviation * excitement, 0.03)
        spread = deviation * np.sqrt(calibration.REGULAR_MINUTES)
        move = np.clip(0.85 * spread * rng.standard_normal(count), -0.7, 0.7)
        return Returns(gap, move, relative, deviation)

    def _gaps(self, surprise: Floats, rng: np.random.Generator) -> Floats:
        """Log gaps: those of the stocks have the measured distribution, the others follow their deviation."""
        stock = self.traits.stock
        heat = np.exp(0.2 * rng.standard_normal())
        gap = np.clip(surprise * 6, -0.2, 0.2)
        percent = calibration.quantile(calibration.GAP_PERCENT, _normal_rank(surprise[stock]))
        gap[stock] = np.log1p(np.clip(percent * heat / 100, -0.8, 1.5))
        return gap

    def close(self, date: dt.date) -> Floats:
        """Log close of a trading day, in terms of the shares of the anchor date's previous close."""
        if date not in self._closes:
            if date > previous_trading_day(self.anchor):
                moves = self.returns(date)
                self._closes[date] = self.close(previous_trading_day(date)) + moves.gap + moves.move
            else:
                after = next_trading_day(date)
                moves = self.returns(after)
                self._closes[date] = self.close(after) - moves.gap - moves.move
        return self._closes[date]

    def splits(self, date: dt.date) -> list[Split]:
        """The day's splits."""
        if not is_trading_day(date) or date <= self.first:
            return []
        rng = self.rng(date, 2)
        stocks = np.flatnonzero(self.traits.stock)
        chosen = rng.choice(stocks, min(_SPLITS_PER_DAY, len(stocks) // 20), replace=False)
        found = [Split(int(symbol), date, *self._ratio(int(symbol), rng)) for symbol in sorted(chosen)]
        staged = set(self.scenes.places.values())
        return [split for split in found if split.symbol not in staged] + self.scenes.splits(date)

    def dividends(self, date: dt.date) -> list[Dividend]:
        """The day's dividends: ordinary ones of which no gap can be seen, and those of a scenario."""
        if not is_trading_day(date) or date <= self.first:
            return []
        rng, before = self.rng(date, 7), previous_trading_day(date)
        closes = _quoted(np.exp(self.close(before)) / self.share_ratio(before))
        stocks = np.flatnonzero(self.traits.stock & (self.traits.price >= 5))
        chosen = rng.choice(stocks, len(stocks) // _STOCKS_A_DIVIDEND, replace=False)
        yields = rng.uniform(0.002, 0.012, len(chosen))
        paid = zip(sorted(chosen.tolist()), yields.tolist(), strict=True)
        found = [Dividend(symbol, date, round(float(closes[symbol]) * part, 4)) for symbol, part in paid]
        staged = set(self.scenes.places.values())
        return [one for one in found if one.symbol not in staged] + self.scenes.dividends(date, closes)

    def _ratio(self, symbol: int, rng: np.random.Generator) -> tuple[int, int]:
        cheap = self.traits.price[symbol] < 5
        first, last = (4, 7) if cheap else (0, 4)
        return _RATIOS[int(rng.integers(first, last))]

    def share_ratio(self, date: dt.date) -> Floats:
        """How many of the date's shares make up one share of the anchor date's previous close."""
        ratio = np.ones(self.traits.size)
        reference = previous_trading_day(self.anchor)
        day, last = (reference, date) if date > reference else (date, reference)
        while day < last:
            day = next_trading_day(day)
            for split in self.splits(day):
                ratio[split.symbol] *= split.ratio
        return ratio if date > reference else 1 / ratio

    def bars(self, date: dt.date) -> DailyBars:
        """The day's bars as quoted on the day."""
        traits, moves = self.traits, self.returns(date)
        rng = self.rng(date, 3)
        ratio = self.share_ratio(date)
        close = self.close(date)
        spread = 0.35 * moves.deviation * np.sqrt(calibration.REGULAR_MINUTES)
        above, below = spread * np.abs(rng.standard_normal((2, traits.size)))
        logs = (
            close - moves.move,
            close + np.maximum(-moves.move, 0) + above,
            close - np.maximum(moves.move, 0) - below,
        )
        opened, high, low, closed = (_quoted(np.exp(log) / ratio) for log in (*logs, close))
        volume = np.floor(traits.volume * moves.relative_volume * ratio)
        volume = np.where(traits.fractional, volume + np.round(rng.random(traits.size), 2), volume)
        volume = np.where(rng.random(traits.size) < _silence(volume), 0.0, np.maximum(volume, 40))
        volume[self.scenes.silent(date)] = 0.0
        bars = DailyBars(
            opened,
            np.maximum.reduce((high, opened, closed)),
            np.minimum.reduce((low, opened, closed)),
            closed,
            volume,
            np.round((high + low + opened + closed) / 4, 4),
            _transactions(volume),
        )
        traded = volume > 0
        return DailyBars.from_rows(np.where(traded, np.vstack(bars), 0))


def _quoted(price: Floats) -> Floats:
    """Cents from one dollar up, hundredths of a cent below."""
    return np.where(price >= 1, np.round(price, 2), np.maximum(np.round(price, 4), 0.0001))


def _transactions(volume: Floats) -> Ints:
    """Trades of a day of this volume: several for each print of the walk through it, at most one a share."""
    expected = _TRADES_A_PRINT * _EXTENDED * print_rate(volume) * calibration.REGULAR_MINUTES + _KNOTS
    return np.ceil(np.minimum(expected, volume)).astype(np.int64)


def _silence(volume: Floats) -> Floats:
    """The probability that a symbol of this volume does not trade on a day at all."""
    return np.asarray(np.exp(-volume / 250) * 0.7)


def _sessions_before(date: dt.date, count: int) -> dt.date:
    for _ in range(count):
        date = previous_trading_day(date)
    return date
