from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest

from gapscan.market.sessions import session_times
from gapscan.sim import Market, SyntheticSource
from gapscan.sim.hub import next_pre_market
from gapscan.sim.market import BarBatch, HaltNotice, TradeBatch

DAY = dt.date(2026, 11, 20)
TIMES = session_times(DAY)


@pytest.fixture
def market() -> Any:
    return Market(SyntheticSource(DAY, symbols=200), bar_delay_ms=2000)


def test_nothing_is_kept_unless_recording(market: Any) -> None:
    market.advance(TIMES.regular + 60_000)
    assert not market.waiting
    assert market.batches_at(TIMES.closed) == []


def test_events_become_due_in_order(market: Any) -> None:
    market.advance(TIMES.regular)
    market.recording = True
    market.advance(TIMES.regular + 65_000)
    batches = market.batches_at(TIMES.regular + 62_000)
    due = [(b.end + 2000 if isinstance(b, BarBatch) else (int(b.prints.time[-1]) // 1000 + 1) * 1000) for b in batches]
    assert due == sorted(due)
    assert {b.kind for b in batches if isinstance(b, BarBatch)} == {"A", "AM"}
    later = market.batches_at(TIMES.regular + 67_000)
    assert later
    assert not market.waiting


def test_trades_have_growing_sequences(market: Any) -> None:
    market.advance(TIMES.regular)
    market.recording = True
    market.advance(TIMES.regular + 20_000)
    trades = [b for b in market.batches_at(market.position) if isinstance(b, TradeBatch)]
    assert trades[0].first_sequence == market.state.prints.sum() - sum(len(b.prints.time) for b in trades)
    for earlier, later in pairwise(trades):
        assert later.first_sequence == earlier.first_sequence + len(earlier.prints.time)


def test_halt_notices() -> None:
    market = Market(SyntheticSource(DAY, symbols=2000))
    market.advance(TIMES.pre)
    halt = market.halts[0]
    market.advance(TIMES.pre + (halt.start - 1) * 60_000)
    market.recording = True
    market.advance(TIMES.pre + halt.end * 60_000 + 1000)
    notices = [b for b in market.batches_at(market.position) if isinstance(b, HaltNotice) and b.symbol == halt.symbol]
    assert [(n.indicator, n.time) for n in notices] == [
        (17, TIMES.pre + halt.start * 60_000),
        (18, TIMES.pre + halt.end * 60_000),
    ]
    assert all(n.price > 0 for n in notices)


def test_going_back_rebuilds_the_day(market: Any) -> None:
    market.advance(TIMES.regular + 30_000)
    generation, volume = market.generation, market.state.volume.copy()
    market.advance(TIMES.post)
    market.advance(TIMES.regular + 30_000)
    assert market.generation == generation + 1
    assert (market.state.volume == volume).all()


def test_trading_hours(market: Any) -> None:
    for moment, trading in (
        (TIMES.clear, False),
        (TIMES.pre, True),
        (TIMES.closed - 1000, True),
        (TIMES.closed, False),
        (TIMES.closed + 36 * 3_600_000, False),
    ):
        market.advance(moment)
        assert market.trading is trading
        assert market.position == moment


@pytest.mark.parametrize(
    ("moment", "date"),
    [
        (TIMES.clear, DAY),
        (TIMES.pre, dt.date(2026, 11, 23)),
        (TIMES.closed, dt.date(2026, 11, 23)),
        (session_times(dt.date(2026, 11, 22)).post, dt.date(2026, 11, 23)),
    ],
)
def test_next_pre_market(moment: Any, date: Any) -> None:
    assert next_pre_market(moment) == session_times(date).pre
