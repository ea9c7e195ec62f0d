"""A scan is merged as one block: the same is held, remembered and touched as if each value were observed alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.fields import DAY_FIELDS, OBSERVED, PASSED, SCANNED
from gapscan.market.history import LIVE_MS, STEP_MS, History
from gapscan.market.observed import CLOSING_MS, by_price, by_volume
from gapscan.market.premarket import PRE_RANGE
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MINUTE_MS
from gapscan.market.universe import SCAN_MS, Universe
from tests.support.cases import fewer
from tests.support.market import DAY, TIMES, Stock, stock, universe_frame

SYMBOLS = ["A", "B", "C", "D"]
SECOND = 1000
BORDERS = [TIMES.night, TIMES.clear, TIMES.pre, TIMES.regular, TIMES.post, TIMES.post + CLOSING_MS]
RANGE_FIELDS = ("high", "low")
_DAY = ("prev_close", *DAY_FIELDS)

seeds = st.integers(0, 2**63)


class Plain:
    """What is known, value by value: each with the time at which it was observed, by symbol and field."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], tuple[float, float]] = {}
        self.passed: dict[tuple[str, str], float] = {}
        self.early: dict[tuple[str, str], float] = {}
        self.prices, self.volumes = History(), History()
        self.dirty: set[int] = set()
        self.range_until: dict[str, float] = {}
        for history in (self.prices, self.volumes):
            history.grow(len(SYMBOLS))

    def observe(self, symbol: str, name: str, value: float | None, time: float) -> None:
        held = self.held.get((symbol, name))
        if value is None or (held and (time < held[1] or held == (value, time))):
            return
        self.held[symbol, name] = value, time
        self._touch(symbol)

    def remember(self, history: History, symbol: str, value: float | None, time: float, as_of: int | None) -> None:
        at, values = np.array([SYMBOLS.index(symbol)]), np.array([value], np.float64)
        until = time + LIVE_MS if as_of is None else as_of + SCAN_MS + STEP_MS
        self.dirty |= set(history.observe(at, values, np.array([time]), np.array([until])).tolist())

    def confirm(self, history: History, symbol: str, time: float | None, as_of: int) -> None:
        at, times = np.array([SYMBOLS.index(symbol)]), np.array([time], np.float64)
        self.dirty |= set(history.confirm(at, times, as_of, as_of + SCAN_MS + STEP_MS).tolist())

    def widen(self, symbol: str, name: str, value: float | None, time: float, *, known_until: bool = True) -> None:
        """A high that is passed has a time if the range was known until then."""
        if value is None:
            return
        known, since = self.held.get((symbol, name), (math.nan, -math.inf))
        if since < TIMES.regular <= time:
            known, since = math.nan, TIMES.regular
            self.passed.pop((symbol, name), None)
        if time < TIMES.regular <= since:
            return
        beyond = value > known if name == "high" else value < known
        if beyond:
            self.passed[symbol, name] = time if known_until else math.nan
        if beyond or math.isnan(known):
            known = value
            self._touch(symbol)
        self.held[symbol, name] = known, max(since, time)

    def widen_early(self, symbol: str, name: str, value: float) -> None:
        """Pre-market has a high and low of its own, also for what comes late."""
        known = self.early.get((symbol, name), value)
        if (symbol, name) not in self.early or (value > known if name == "high" else value < known):
            self.early[symbol, name] = value
            self._touch(symbol)

    def see_price(self, symbol: str, price: float, time: float, as_of: int | None = None) -> None:
        live = as_of is None
        for name, value in (("price", price), ("price_time", time), ("from_bar", float(live))):
            self.observe(symbol, name, value, time)
        self.remember(self.prices, symbol, price, time, as_of)

    def see_volume(self, symbol: str, volume: float | None, time: float, as_of: int | None = None) -> None:
        self.observe(symbol, "volume", volume, time)
        self.remember(self.volumes, symbol, volume, time, as_of)
        if time < TIMES.post + CLOSING_MS:
            self.observe(symbol, "close_volume", volume, time)

    def scan(self, one: Stock, as_of: int) -> None:
        symbol, price, time = one["symbol"], one["price"], one["price_time"]
        known = self.range_until.get(symbol, -math.inf) >= as_of
        self.range_until[symbol] = max(self.range_until.get(symbol, -math.inf), as_of + SCAN_MS + STEP_MS)
        priced = price is not None and time is not None and time > TIMES.night
        if priced:
            self.see_price(symbol, price, time, as_of)
            for name in RANGE_FIELDS if TIMES.pre <= time < TIMES.regular else ():
                self.widen(symbol, name, price, time, known_until=known)
                self.widen_early(symbol, name, price)
        self.scan_day(one, as_of, known)
        self.confirm(self.prices, symbol, time if priced else None, as_of)

    def scan_day(self, one: Stock, as_of: int, known: bool) -> None:
        symbol = one["symbol"]
        updated = -math.inf if one["updated"] is None else one["updated"]
        if one["updated"] is not None and updated <= TIMES.night:
            return
        if not updated < self.held.get((symbol, "scanned"), (0, -math.inf))[1]:
            for name in RANGE_FIELDS:
                self.widen(symbol, name, one[name], max(updated, TIMES.regular), known_until=known)
        for name in _DAY:
            self.observe(symbol, name, one[name], updated)
        self.see_volume(symbol, one["volume"], updated, as_of)
        self.observe(symbol, "updated", one["updated"], updated)
        minute = one["minute_start"]
        self.observe(symbol, "scanned", updated if minute is None else min(minute + MINUTE_MS, as_of), updated)
        self.confirm(self.volumes, symbol, updated if one["volume"] is not None else None, as_of)

    def _touch(self, symbol: str) -> None:
        self.dirty.add(SYMBOLS.index(symbol))


Step = Callable[[Universe, Plain], object]


def some_time(dice: random.Random) -> float:
    return float(dice.choice(BORDERS) + dice.randrange(-3, 3) * dice.choice([1, SECOND, 7 * SECOND]))


def some_stock(dice: random.Random, symbol: str) -> Stock:
    """Few values and times, so that many are said again, corrected, or come late."""
    values: dict[str, Any] = {name: dice.choice([None, 1.0, 1.0, 2.0]) for name in ("price", *_DAY)}
    times = {name: dice.choice([None, some_time(dice)]) for name in ("price_time", "updated")}
    return stock(symbol, **values, **times)


def some_scan(dice: random.Random) -> Step:
    symbols = SYMBOLS if dice.random() < 0.5 else dice.sample(SYMBOLS, dice.randint(0, len(SYMBOLS)))
    stocks = [some_stock(dice, symbol) for symbol in symbols]
    as_of = int(max(TIMES.clear, some_time(dice)))

    def take(universe: Universe, plain: Plain) -> None:
        merge_scan(universe, universe_frame(stocks, as_of))
        for history in (plain.prices, plain.volumes):
            history.roll(universe.as_of)
        for one in stocks:
            plain.scan(one, as_of)

    return take


def some_live(dice: random.Random) -> Step:
    """What bars and trades may say of one symbol."""
    symbol, value, time = dice.choice(SYMBOLS), dice.choice([1.0, 2.0, 3.0]), max(TIMES.clear, some_time(dice))
    at, values, times = np.array([SYMBOLS.index(symbol)]), np.array([value]), np.array([time])
    name, price = dice.choice([*RANGE_FIELDS, "vwap"]), dice.random() < 0.5

    def take(universe: Universe, plain: Plain) -> None:
        if price:
            universe.observe(at, by_price(values, times, 1.0), times)
            plain.see_price(symbol, value, time)
        universe.observe(at, by_volume(values, times, TIMES), times)
        plain.see_volume(symbol, value, time)
        if name in RANGE_FIELDS:
            universe.widen(name, at, values, times, TIMES.regular)
            plain.widen(symbol, name, value, time)
        else:
            universe.observe(at, {name: values}, times)
            plain.observe(symbol, name, value, time)

    return take


def check_same(universe: Universe, plain: Plain) -> None:
    for symbol, at in universe.index.items():
        for name in SCANNED:
            found = float(universe.number(name)[at]), float(universe.times(name)[at])
            np.testing.assert_equal(found, plain.held.get((symbol, name), (math.nan, math.nan)), f"{symbol} {name}")
        for name, moment in zip(RANGE_FIELDS, PASSED, strict=True):
            expected = plain.passed.get((symbol, name), math.nan)
            np.testing.assert_equal(float(universe.number(moment)[at]), expected, f"{symbol} {moment}")
            early = plain.early.get((symbol, name), math.nan)
            np.testing.assert_equal(float(universe.number(PRE_RANGE[name])[at]), early, f"{symbol} {name} early")


def check_past(universe: Universe, plain: Plain) -> None:
    everyone = np.arange(len(SYMBOLS))
    for ago in range(70):
        moments = np.full(len(SYMBOLS), float(universe.as_of // STEP_MS * STEP_MS - ago * STEP_MS))
        for ours, theirs in ((universe.prices, plain.prices), (universe.volumes, plain.volumes)):
            np.testing.assert_array_equal(ours.at(moments, everyone), theirs.at(moments, everyone))


@fewer
@given(seeds, st.integers(1, 10))
def test_a_scan_is_as_if_each_of_its_values_came_alone(seed: int, count: int) -> None:
    """In any order, with what comes twice, late and corrected, and between values from elsewhere."""
    dice = random.Random(seed)
    universe, plain = Universe(), Plain()
    universe.positions(SYMBOLS)
    merge_scan(universe, universe_frame([], TIMES.clear))
    steps = [dice.choice([some_scan, some_scan, some_live])(dice) for _ in range(count)]
    steps += dice.sample(steps, dice.randint(0, len(steps)))
    universe.drain_dirty()
    for history in (plain.prices, plain.volumes):
        history.roll(universe.as_of)
    for step in steps:
        step(universe, plain)
        check_same(universe, plain)
        assert set(universe.drain_dirty().tolist()) == plain.dirty
        plain.dirty.clear()
    check_past(universe, plain)
    assert universe.date == DAY
    assert set(SCANNED) | set(PASSED) == set(OBSERVED)
