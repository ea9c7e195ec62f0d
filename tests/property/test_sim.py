"""Rules of the simulated market that hold for any bar and any way of asking."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapscan.market.sessions import last_trading_day, session_times
from gapscan.sim import Market, SyntheticSource
from gapscan.sim.market import BarBatch
from gapscan.sim.replay import WalkedDay
from gapscan.sim.source import DailyBars
from gapscan.sim.tape import Prints, to_bars
from tests.support.simulator import bars_of

DAY = dt.date(2026, 11, 20)
TIMES = session_times(DAY)
SOURCE = SyntheticSource(DAY, symbols=60)
STATE = (
    "open", "high", "low", "close", "volume", "turnover", "last_price", "last_time", "minute_volume", "prints",
    "trades", "minute_trades",
)  # fmt: skip

prices = st.floats(0.0001, 5_000).map(lambda price: round(price, 4))
volumes = st.one_of(
    st.integers(0, 10).map(float),
    st.integers(1, 2 * 10**8).map(float),
    st.floats(0.01, 1e8).map(lambda volume: round(volume, 4)),
)


@st.composite
def daily_bars(draw: Any) -> Any:
    low, opened, close, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    if draw(st.booleans()):
        opened, close = close, opened
    if draw(st.integers(0, 4)) == 0:
        low = high = opened = close
    if draw(st.integers(0, 4)) == 0:
        low, high = min(opened, close), max(opened, close)
    volume = draw(volumes)
    transactions = draw(st.one_of(st.integers(1, 6), st.integers(1, 10**6))) if volume else 0
    return opened, high, low, close, volume, float(transactions)


@settings(max_examples=30, deadline=None)
@given(st.lists(daily_bars(), min_size=1, max_size=12), st.integers(0, 2**31))
def test_a_replayed_day_passes_through_its_bar(rows: Any, seed: int) -> None:
    columns = np.array(rows).T
    bars = DailyBars.from_rows(np.vstack((columns[:5], columns[3], columns[5])))
    tape = WalkedDay(bars, DAY, seed)
    prints = Prints(*(np.concatenate(c) for c in zip(*(tape.minute(m) for m in range(960)), strict=True)))
    assert (np.diff(prints.time) >= 0).all()
    assert (prints.size > 0).all()
    assert not len(prints.time) or TIMES.regular <= prints.time[0] <= prints.time[-1] < TIMES.post
    made = to_bars(prints)
    traded = np.flatnonzero(bars.traded)
    assert made.symbol.tolist() == traded.tolist()
    for name in ("open", "high", "low", "close"):
        assert (getattr(made, name) == getattr(bars, name)[traded]).all()
    np.testing.assert_allclose(made.volume, bars.volume[traded], rtol=1e-12)
    assert (prints.trades >= 0).all()
    assert made.trades.tolist() == bars.transactions[traded].tolist()
    first = {symbol: time for time, symbol in zip(prints.time[::-1], prints.symbol[::-1], strict=True)}
    assert all(time < TIMES.regular + 30_000 for time in first.values())


moments = st.integers(TIMES.clear, TIMES.closed + 3_600_000)


def state_of(market: Any) -> Any:
    return {name: getattr(market.state, name).copy() for name in STATE}


@settings(max_examples=15, deadline=None)
@given(st.lists(moments, min_size=1, max_size=6), st.booleans())
def test_the_state_does_not_depend_on_the_steps(stops: Any, recording: Any) -> None:
    stepped, direct = Market(SOURCE), Market(SOURCE)
    for moment in sorted(stops)[:-1]:
        stepped.advance(moment)
    stepped.recording = recording and stepped.date is not None and max(stops) - stepped.position < 900_000
    stepped.advance(max(stops))
    direct.advance(max(stops))
    for name, values in state_of(direct).items():
        np.testing.assert_allclose(getattr(stepped.state, name), values, rtol=1e-12, err_msg=name)
    assert (stepped.state.last_price == direct.state.last_price).all()


@settings(max_examples=10, deadline=None)
@given(moments, moments)
def test_going_back_is_like_never_having_gone(first: Any, second: Any) -> None:
    wandered, direct = Market(SOURCE), Market(SOURCE)
    for moment in (max(first, second), min(first, second)):
        wandered.advance(moment)
    direct.advance(min(first, second))
    for name, values in state_of(direct).items():
        assert np.array_equal(getattr(wandered.state, name), values), name


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 955), st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_seconds_add_up_to_minutes_and_the_day(minute: Any, steps: Any) -> None:
    market = Market(SOURCE)
    start = TIMES.pre + minute * 60_000
    market.advance(start)
    day = market.state.volume.copy()
    market.recording = True
    for step in (*steps, 300):
        market.advance(min(market.position + step * 1000, start + 240_000))
    batches = [b for b in market.batches_at(TIMES.closed + 10_000) if isinstance(b, BarBatch)]
    seconds, minutes = np.zeros((2, len(day)))
    second_trades, minute_trades = np.zeros((2, len(day)), np.int64)
    for batch in batches:
        who = batch.bars.symbol
        total = seconds if batch.kind == "A" else minutes
        total[who] += batch.bars.volume
        (second_trades if batch.kind == "A" else minute_trades)[who] += batch.bars.trades
        if batch.kind == "A":
            np.testing.assert_allclose(batch.day_volume, (day + seconds)[who], rtol=1e-9)
    np.testing.assert_allclose(seconds, minutes, rtol=1e-9)
    assert (second_trades == minute_trades).all()
    np.testing.assert_allclose(market.state.volume, day + seconds, rtol=1e-9)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 30))
def test_the_trades_of_the_minutes_add_up_to_the_days(seed: int, day: Any) -> None:
    date = last_trading_day(DAY - dt.timedelta(days=day))
    source = SyntheticSource(DAY, seed=seed, symbols=120)
    market = Market(source)
    market.advance(session_times(date).pre)
    market.recording = True
    total = np.zeros(120, np.int64)
    market.advance(market.times.closed)
    for batch in market.batches_at(market.times.closed + 60_000):
        if isinstance(batch, BarBatch) and batch.kind == "AM":
            total[batch.bars.symbol] += batch.bars.trades
    bars = bars_of(source, date)
    assert total.tolist() == market.state.trades.tolist() == bars.transactions.tolist()
    np.testing.assert_allclose(market.state.volume, bars.volume)
