"""What the provider's bars say afterwards is what whoever had been there would have heard, as far as they reach."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.bars import merge_bars
from gapscan.market.history import STEP_MS
from gapscan.market.past_bars import merge_past_bars
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MINUTE_MS
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Bars, PastBars
from tests.support.cases import fewer
from tests.support.market import TIMES, stock, universe_frame

SECOND = 1000
BEGIN = TIMES.regular + 90 * MINUTE_MS  # when the feed begins
REACH = 360 * SECOND
SCAN = 30 * SECOND

Trades = list[tuple[int, float]]  # the second in which it traded, and its last price there


def some_trades(dice: random.Random) -> Trades:
    """From ten minutes before the feed begins until five after."""
    often = dice.choice([0.005, 0.02, 0.1])
    seconds = range(BEGIN - 600 * SECOND, BEGIN + 300 * SECOND, SECOND)
    return [(second, dice.uniform(5, 15)) for second in seconds if dice.random() < often]


def before(trades: Trades, moment: int) -> tuple[int, float] | None:
    """End and price of the last bar that was over by the moment."""
    return next(((start + SECOND, price) for start, price in reversed(trades) if start + SECOND <= moment), None)


def scan(universe: Universe, trades: Trades, moment: int) -> None:
    last = before(trades, moment)
    seen = {} if last is None else {"price": last[1], "price_time": last[0] - 1.0, "updated": last[0] - 1.0}
    merge_scan(universe, universe_frame([stock("A", **seen)], moment, "regular"))


def live(universe: Universe, trades: Trades) -> None:
    starts, ends = [start for start, _ in trades], [start + SECOND for start, _ in trades]
    prices: list[float | None] = [price for _, price in trades]
    none: list[float | None] = [None] * len(trades)
    merge_bars(universe, Bars(True, ["A"] * len(trades), starts, ends, *[prices] * 5, *[none] * 3))


def past(trades: Trades, width: int = SECOND) -> PastBars:
    prices: list[float | None] = [price for _, price in trades]
    return PastBars(True, "A", width, [start for start, _ in trades], prices, prices, prices)


def prices_at(universe: Universe, moment: int) -> float:
    return float(universe.prices.at(np.array([float(moment)]), np.array([0]))[0])


@fewer
@given(st.integers(0, 2**63))
def test_a_late_start_knows_the_last_minutes(seed: int) -> None:
    """At every step for five minutes on: the price of five minutes ago, where a bar that was asked for tells it."""
    dice = random.Random(seed)
    trades = some_trades(dice)
    asked = [trade for trade in trades if BEGIN - REACH <= trade[0] < BEGIN]
    universe = Universe(SCAN)
    scan(universe, trades, BEGIN)
    late = dice.choice([0, 0, 20 * SECOND])  # the answer may take its time
    for moment in range(BEGIN, BEGIN + 300 * SECOND, STEP_MS):
        if moment == BEGIN + late and asked:
            assert merge_past_bars(universe, past(asked)) == len(asked)
        if (moment - BEGIN) % SCAN == 0:
            scan(universe, trades, moment)
        live(universe, [trade for trade in trades if moment - STEP_MS < trade[0] + SECOND <= moment])
        universe.advance(moment)
        if moment < BEGIN + late:
            continue
        ago = moment - 300 * SECOND
        held, true = prices_at(universe, ago), before(trades, ago - 1)
        # Of a trade in the second before it, a scan knows that it was before, and a bar does not.
        assert np.isnan(held) or held in [known[1] for known in (true, before(trades, ago)) if known]
        if true is not None and true[0] - SECOND >= BEGIN - REACH and ago < BEGIN:
            assert not np.isnan(held), "a bar told it"


@fewer
@given(st.integers(0, 2**63))
def test_they_never_set_what_is_now(seed: int) -> None:
    """Price, volume and the regular session's range are what they were, whatever comes late, again or in part."""
    dice = random.Random(seed)
    trades = some_trades(dice)
    universe = Universe(SCAN)
    scan(universe, trades, BEGIN + 299 * SECOND)
    names = ("price", "price_time", "volume", "updated", "open", "high", "low", "high_time", "pre_high", "pre_low")
    then = {name: universe.number(name).copy() for name in names}
    for _ in range(3):
        some = sorted(dice.sample(trades, dice.randint(0, len(trades))))
        if some:
            merge_past_bars(universe, past(some, dice.choice([SECOND, MINUTE_MS])))
    for name in names:
        np.testing.assert_array_equal(universe.number(name), then[name], name)


minutes = st.lists(st.tuples(st.integers(0, 329), st.floats(1, 100), st.floats(0, 10)), unique_by=lambda one: one[0])


@given(minutes.map(sorted), st.booleans())
def test_minutes_of_pre_market_are_its_range(found: list[tuple[int, float, float]], opened: bool) -> None:
    """Whether they come before the open or after it; without a time, for nobody saw when it was passed."""
    universe = Universe(SCAN)
    moment = TIMES.regular + (10 if opened else -1) * MINUTE_MS
    session = {"open": 20.0, "high": 21.0, "low": 19.0} if opened else {}
    seen = stock("A", price=20.0, price_time=float(moment), updated=float(moment), **session)
    merge_scan(universe, universe_frame([seen], moment, "regular" if opened else "pre"))
    starts = [TIMES.pre + minute * MINUTE_MS for minute, _, _ in found]
    highs, lows = [low + more for _, low, more in found], [low for _, low, _ in found]
    merge_past_bars(universe, PastBars(True, "A", MINUTE_MS, starts, [*highs], [*lows], [*lows]))
    ranges = [float(universe.number(name)[0]) for name in ("pre_high", "pre_low")]
    now = [] if opened else [20.0]
    expected = [max([*highs, *now], default=np.nan), min([*lows, *now], default=np.nan)]
    np.testing.assert_array_equal(ranges, expected)
    if opened:
        assert (universe.number("high")[0], universe.number("low")[0]) == (21.0, 19.0)
    elif highs and max(highs) > 20.0:
        assert universe.number("high")[0] == max(highs)
        assert np.isnan(universe.number("high_time")[0])


def test_what_is_of_another_day_or_of_nobody_is_left_out() -> None:
    universe = Universe(SCAN)
    assert merge_past_bars(universe, past([(BEGIN, 5.0)])) == 0, "before the first scan"
    scan(universe, [(BEGIN, 5.0)], BEGIN + 2 * SECOND)
    assert merge_past_bars(universe, past([(TIMES.night - SECOND, 5.0)])) == 0
    assert merge_past_bars(universe, past([(BEGIN + 3_600_000, 5.0)])) == 0
    assert merge_past_bars(universe, PastBars(True, "B", SECOND, [BEGIN], [1.0], [1.0], [1.0])) == 0
    assert "B" not in universe.index
