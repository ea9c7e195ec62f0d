"""How many trades the market shows: in the snapshot's newest minute, in bars, and over a day."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest

from gapscan.market.sessions import MINUTE_MS, session_times
from gapscan.sim import Market, ReplaySource, SyntheticSource
from gapscan.sim.events import Interest, encode
from gapscan.sim.market import BarBatch
from gapscan.sim.snapshot import SnapshotEncoder
from gapscan.sim.source import REGULAR_MINUTE
from tests.support.simulator import bars_of

DAY = dt.date(2026, 11, 20)
TIMES = session_times(DAY)
BEFORE = dt.date(2026, 11, 19)


@pytest.fixture(scope="module")
def source() -> SyntheticSource:
    return SyntheticSource(DAY, symbols=300)


def snapshot(market: Market) -> dict[str, dict[str, Any]]:
    encoder = SnapshotEncoder(market)
    for _ in encoder.refresh():
        pass
    return {ticker["ticker"]: ticker for ticker in json.loads(encoder.full(otc=True))}


def events(market: Market, kind: str, until: int) -> dict[str, list[dict[str, Any]]]:
    """The events of one kind from the present position on, by symbol."""
    market.recording = True
    market.advance(until)
    interest = Interest()
    interest.add(kind, None)
    found: dict[str, list[dict[str, Any]]] = {}
    for batch in market.batches_at(until + 60_000):
        for event in encode(market, batch, interest):
            read = json.loads(event.data)
            found.setdefault(read["sym"], []).append(read)
    return found


@pytest.mark.parametrize("begin", [TIMES.pre + 3_600_000, TIMES.regular + 3_600_000, TIMES.post + 600_000])
def test_the_newest_minute_is_the_newest_bar_of_a_minute(source: SyntheticSource, begin: Any) -> None:
    market = Market(source)
    market.advance(begin)
    bars = events(market, "AM", begin + 10 * MINUTE_MS)
    shown = snapshot(market)
    assert bars
    for symbol, (*_, newest) in bars.items():
        minute = shown[symbol]["min"]
        assert (minute["t"], minute["v"], minute["c"]) == (newest["s"], newest["v"], newest["c"])
        assert minute["av"] == newest["av"]
        assert newest["z"] == max(int(minute["v"] / max(minute["n"], 1)), 1)


def test_seconds_and_the_minute_agree(source: SyntheticSource) -> None:
    market = Market(source)
    begin = TIMES.regular + 7_200_000
    market.advance(begin)
    market.recording = True
    market.advance(begin + MINUTE_MS)
    batches = [b for b in market.batches_at(begin + 2 * MINUTE_MS) if isinstance(b, BarBatch)]
    total = np.zeros(len(market.symbols), np.int64)
    for batch in batches:
        np.add.at(total, batch.bars.symbol, batch.bars.trades * (1 if batch.kind == "A" else -1))
    assert not total.any()
    who = batches[-1].bars.symbol
    assert (market.state.minute_trades[who] == batches[-1].bars.trades).all()


def test_the_close_stays_after_the_session(source: SyntheticSource) -> None:
    market = Market(source)
    market.advance(TIMES.regular - 1000)
    assert not any(ticker["day"]["c"] for ticker in snapshot(market).values())
    market.advance(TIMES.closed)
    bars = bars_of(source, DAY)
    shown = snapshot(market)
    for place, symbol in enumerate(market.symbols):
        assert shown[symbol]["day"]["c"] == pytest.approx(bars.close[place], abs=1e-4)
    later = [symbol for symbol in market.symbols if shown[symbol]["min"]["t"] >= TIMES.post]
    assert any(shown[symbol]["min"]["c"] != shown[symbol]["day"]["c"] for symbol in later)


def test_a_minute_with_trades_has_them_counted(source: SyntheticSource) -> None:
    tape = source.open_day(DAY)
    missing = several = 0
    for number in range(960):
        prints = tape.minute(number)
        trades = np.bincount(prints.symbol, prints.trades, 300)
        printed = np.bincount(prints.symbol, minlength=300)
        missing += ((printed > 0) & (trades == 0)).sum()
        several += (trades > printed).sum()
    assert several > 1000
    assert missing < several / 100


def test_some_symbols_have_bursts_of_trades(source: SyntheticSource) -> None:
    tape = source.open_day(DAY)
    trades = np.zeros((390, 300))
    for number in range(REGULAR_MINUTE + 390):
        prints = tape.minute(number)
        if number >= REGULAR_MINUTE:
            trades[number - REGULAR_MINUTE] = np.bincount(prints.symbol, prints.trades, 300)
    busy = bars_of(source, DAY).volume > 3_000_000
    usual = np.median(trades[5:-5, busy], axis=0)
    bursts = (trades[5:-5, busy] > 5 * usual).sum(axis=0)
    assert 0.1 < (bursts >= 2).mean() < 0.8
    assert bursts.max() < 30


def test_transactions_of_a_day_without_minutes(write_day: Any) -> None:
    write_day(BEFORE, [f"AAA,100,10,10,10,10,{TIMES.pre}000000,3"])
    root = write_day(DAY, [f"AAA,50000,10,11,12,9,{TIMES.pre}000000,417", f"BBB,10,5,5,5,5,{TIMES.pre}000000,1"])
    market = Market(ReplaySource(root, DAY))
    market.advance(TIMES.closed)
    assert market.state.trades.tolist() == [417, 1]


def test_transactions_of_minutes(write_day: Any) -> None:
    start = TIMES.regular
    write_day(BEFORE, [f"AAA,100,10,10,10,10,{TIMES.pre}000000,3"])
    write_day(DAY, [f"AAA,5000,10,11,12,9,{TIMES.pre}000000,20", f"BBB,1,5,5,5,5,{TIMES.pre}000000,1"])
    rows = [
        f"AAA,3000,10,11,12,9,{start}000000,17",
        f"BBB,1,5,5,5,5,{start}000000,1",
        f"AAA,2000,11,11,11,11,{start + MINUTE_MS}000000,3",
    ]
    market = Market(ReplaySource(write_day(DAY, rows, "minute_aggs_v1"), DAY))
    market.advance(start + MINUTE_MS)
    assert market.state.minute_trades.tolist() == [17, 1]
    market.advance(TIMES.closed)
    assert market.state.minute_trades.tolist() == [3, 1]
    assert market.state.trades.tolist() == [20, 1]
