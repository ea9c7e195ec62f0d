"""What a scan says again is not merged again: the universe is the same as if it were."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.bars import merge_bars
from gapscan.market.fields import OBSERVED
from gapscan.market.history import REACH_MS, STEP_MS
from gapscan.market.last_scan import LastScan
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MINUTE_MS, next_trading_day, session_times
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Bars, UniverseFrame
from tests.support.cases import fewer
from tests.support.market import DAY, OBSERVATIONS, TIMES, Stock, reference_frame, stock, universe_frame

SYMBOLS = ["A", "B", "C", "D", "E", "F"]
SECOND = 1000
TIME_FIELDS = ("price_time", "updated", "minute_start")
LATER = session_times(next_trading_day(DAY))
BEGINNINGS = (TIMES.pre + MINUTE_MS, TIMES.regular - MINUTE_MS, TIMES.regular + 5 * MINUTE_MS, TIMES.post - MINUTE_MS)

Step = Callable[[Universe], object]


def some_value(dice: random.Random) -> float | None:
    return dice.choices([None, 1.0, 2.0, 3.0, float("inf"), -0.0], [2, 5, 5, 5, 1, 1])[0]


def some_stock(dice: random.Random, symbol: str, now: int) -> Stock:
    values: dict[str, Any] = {name: some_value(dice) for name in OBSERVATIONS if name not in TIME_FIELDS}
    # A price beyond the element's own range would pass it at each merge anew.
    for name, furthest in (("high", max), ("low", min)):
        said = [values[each] for each in ("price", f"minute_{name}")]
        if values[name] is not None:
            values[name] = furthest([values[name], *(value for value in said if value not in (None, float("inf")))])
    times = {
        name: dice.choices([None, now - dice.randrange(90) * SECOND], [1, 4])[0] for name in ("price_time", "updated")
    }
    minute = dice.choice([None, now // MINUTE_MS * MINUTE_MS - dice.randrange(4) * MINUTE_MS])
    return stock(symbol, **values, **times, minute_start=minute)


class Told:
    """A market of which each scan says mostly what the one before said."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.now = dice, dice.choice(BEGINNINGS)
        self.stocks = [some_stock(dice, symbol, self.now) for symbol in SYMBOLS]
        self.parts = 2

    def step(self) -> Step:
        self.now += self.dice.choice([0, SECOND, STEP_MS, 30 * SECOND, 30 * SECOND, MINUTE_MS])
        if self.dice.random() < 0.03:
            self.now = max(self.now, LATER.pre + MINUTE_MS)
        return self.dice.choices([self.scan, self.bars, self.reference], [5, 3, 1])[0]()

    def scan(self) -> Step:
        dice = self.dice
        self.stocks = [one if dice.random() < 0.8 else some_stock(dice, one["symbol"], self.now) for one in self.stocks]
        if dice.random() < 0.1:
            dice.shuffle(self.stocks)
            self.parts = dice.randint(1, 3)
        said = self.stocks[dice.random() < 0.05 :]
        late = dice.choices([0, 40 * SECOND], [7, 1])[0]
        parts = in_parts(said, self.now - late, self.parts)
        return lambda universe: merge_scan(universe, *parts)

    def bars(self) -> Step:
        """Of some symbols, at times and with prices that scans may say, too."""
        dice = self.dice
        of = dice.sample(self.stocks, 3)
        ends = [int(one["price_time"] or self.now) + dice.choice([0, 0, 0, SECOND]) for one in of]
        columns = [[some_finite(dice) for _ in of] for _ in range(8)]
        bars = Bars(True, [one["symbol"] for one in of], [end - SECOND for end in ends], ends, *columns)
        return lambda universe: merge_bars(universe, bars)

    def reference(self) -> Step:
        dice = self.dice
        known = [
            stock(symbol, known_close=dice.choice([None, 2.0]), split=dice.random() < 0.3)
            for symbol in dice.sample(SYMBOLS, 3)
        ]
        return lambda universe: merge_reference(universe, reference_frame(known))


def some_finite(dice: random.Random) -> float | None:
    return dice.choice([None, 1.0, 2.0, 3.0])


def in_parts(stocks: list[Stock], as_of: int, number: int) -> list[UniverseFrame]:
    return [universe_frame(stocks[at::number], as_of, part=at + 1, parts=number) for at in range(number)]


def check_same(one: Universe, other: Universe) -> None:
    assert (one.symbols, one.as_of, one.date) == (other.symbols, other.as_of, other.date)
    np.testing.assert_array_equal(one.block(None), other.block(None))
    np.testing.assert_array_equal([one.times(name) for name in OBSERVED], [other.times(name) for name in OBSERVED])
    everyone = np.arange(len(one))
    np.testing.assert_array_equal(one.ranges.until(everyone), other.ranges.until(everyone))
    for marked in (Universe.drain_dirty, Universe.drain_unsaved):
        assert marked(one).tolist() == marked(other).tolist()


def forget_scans(universe: Universe) -> None:
    """All of the next one is merged."""
    universe.last_scan = LastScan()
    universe.last_scan.grow(len(universe))


def check_same_past(one: Universe, other: Universe) -> None:
    ago, everyone = np.arange(0.0, REACH_MS, STEP_MS), np.arange(len(one))
    moments = (one.as_of // STEP_MS * STEP_MS - ago)[:, None].repeat(len(one), axis=1)
    for ours, theirs in ((one.prices, other.prices), (one.volumes, other.volumes)):
        np.testing.assert_array_equal(ours.known_until(everyone), theirs.known_until(everyone))
        np.testing.assert_array_equal(ours.at(moments, everyone), theirs.at(moments, everyone))
        np.testing.assert_array_equal(ours.unknown_since(moments, everyone), theirs.unknown_since(moments, everyone))


@fewer
@given(st.integers(0, 2**63), st.integers(1, 12))
def test_what_is_said_again_changes_nothing(seed: int, count: int) -> None:
    """With scans in parts that change, late ones, bars at the very times of scans, reference data and a day's turn."""
    told = Told(random.Random(seed))
    universe, anew = Universe(), Universe()
    for one in (universe, anew):
        one.positions(SYMBOLS)
    for step in [told.scan(), *(told.step() for _ in range(count))]:
        step(universe)
        forget_scans(anew)
        step(anew)
        check_same(universe, anew)
        check_same_past(universe, anew)
