"""Bars and trades that claim to be of a later time than the market's: an error in the data, which must move nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from gapscan.market.bars import AHEAD_MS
from gapscan.market.sessions import session_times
from gapscan.market.universe import Universe
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Bars, Trades
from tests.support.nats import NatsServer
from tests.support.stack import Stack, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)
SECOND, MINUTE = 1_000, 60_000
HOUR = 60 * MINUTE
NOW = TIMES.regular + HOUR


@pytest.fixture
async def stack(nats_server: NatsServer) -> AsyncIterator[Stack]:
    async with small_market(nats_server.url, DAY, NOW - MINUTE, 200) as stack:
        await stack.load_reference()
        await stack.scan_at(NOW)
        yield stack


def count(stack: Stack, name: str) -> int:
    return int(stack.report()["counts"].get(name, 0))


def traded(stack: Stack, number: int) -> list[str]:
    universe = stack.universe
    return [universe.symbols[at] for at in np.flatnonzero(~np.isnan(universe.number("price")))][:number]


def price(stack: Stack, symbol: str) -> float:
    universe = stack.universe
    return float(universe.number("price")[universe.index[symbol]])


def bar_of(symbol: str, end: int, price: float) -> Bars:
    prices: dict[str, Any] = {name: [price] for name in ("open", "high", "low", "close", "day_open", "day_vwap")}
    return Bars(
        simulated=True, symbols=[symbol], start=[end - SECOND], end=[end], volume=[1.0], day_volume=[9e9], **prices
    )


def everything(universe: Universe) -> dict[str, list[float | None]]:
    columns = {name: universe.number(name).copy() for name in ("price", "volume", "high", "low", "vwap", "price_time")}
    return {name: [None if np.isnan(value) else value for value in column] for name, column in columns.items()}


@pytest.mark.parametrize("ahead", [AHEAD_MS + SECOND, 3 * HOUR, 30 * HOUR, 1_700_000_000_000_000])
async def test_what_is_hours_ahead_is_counted_and_moves_nothing(stack: Stack, ahead: int) -> None:
    (symbol,), end = traded(stack, 1), NOW + ahead
    before, lists = everything(stack.universe), stack.report()["lists"]
    as_of, bars = stack.universe.as_of, count(stack, "bars")
    await stack.bus.nc.publish(names.DEFAULT.feed_bars, encode(bar_of(symbol, end, 999.0)))
    await stack.bus.nc.publish(names.DEFAULT.feed_trades, encode(Trades(True, [symbol], [999.0], [end])))
    await until(lambda: count(stack, "bars_left_out") == 2, "both being left out")
    assert count(stack, "bars") == bars
    assert stack.universe.as_of == as_of
    assert everything(stack.universe) == before
    await stack.scan_at(NOW + 30 * SECOND)
    assert stack.universe.as_of == NOW + 30 * SECOND
    assert price(stack, symbol) != 999.0
    assert {name: report["epoch"] for name, report in stack.report()["lists"].items()} == {
        name: report["epoch"] for name, report in lists.items()
    }


async def test_what_is_a_little_ahead_is_the_markets_newest(stack: Stack) -> None:
    """Bars run ahead of scans, in a fast replay by minutes; only the symbol itself has a new price by one."""
    symbol, *others = traded(stack, 5)
    end, prices = NOW + 14 * MINUTE, [price(stack, other) for other in others]
    await stack.bus.nc.publish(names.DEFAULT.feed_bars, encode(bar_of(symbol, end, 999.0)))
    await until(lambda: price(stack, symbol) == 999.0, "the bar")
    assert stack.universe.as_of == end
    assert count(stack, "bars_left_out") == 0
    assert [price(stack, other) for other in others] == prices


async def test_bars_of_yesterday_are_counted_and_move_nothing(stack: Stack) -> None:
    (symbol,) = traded(stack, 1)
    before = everything(stack.universe)
    await stack.bus.nc.publish(names.DEFAULT.feed_bars, encode(bar_of(symbol, TIMES.night - HOUR, 999.0)))
    await until(lambda: count(stack, "bars_left_out") == 1, "it being left out")
    assert everything(stack.universe) == before
