"""The calendar serves while the provider does not say what time and session it is."""

from __future__ import annotations

import datetime as dt
import logging
import time

import numpy as np
import pytest

from gapscan.errors import FeedError
from gapscan.feed.market_clock import MarketClock
from gapscan.market.sessions import DAY_MS, MINUTE_MS, session_at, session_by_day, session_times
from gapscan.obs import Tally
from gapscan.provider import MarketSnapshot, MarketStatus
from tests.support.memory_provider.provider import MemoryMarket, MemoryProvider

DAY = session_times(dt.date(2026, 11, 20))
FAILURE = FeedError("the market status failed: 500")


def clock(simulated: bool = False) -> MarketClock:
    provider = MemoryProvider(MemoryMarket(DAY.regular, {}, []))
    return MarketClock(provider, Tally(logging.getLogger("test")), simulated=simulated)


def snapshot(newest: int) -> MarketSnapshot:
    return MarketSnapshot(["A"], {}, np.array([float(newest)]))


def test_a_live_market_goes_on_from_what_was_said() -> None:
    market = clock()
    market.status(MarketStatus(DAY.regular + MINUTE_MS, "regular"), snapshot(0))
    status = market.status(FAILURE, snapshot(DAY.regular))
    assert status.session == "regular"
    assert 0 <= status.at - (DAY.regular + MINUTE_MS) < 5_000
    assert market.fault == FAILURE.message


def test_a_live_market_of_which_nothing_was_said_has_the_machines_time() -> None:
    status = clock().status(FAILURE, snapshot(0))
    assert abs(status.at - time.time() * 1000) < 5_000
    assert status.session == session_by_day(status.at).value


@pytest.mark.parametrize("at", [DAY.pre, DAY.regular, DAY.post, DAY.closed])
def test_a_simulated_market_has_the_time_of_its_data(at: int) -> None:
    assert clock(simulated=True).status(FAILURE, snapshot(at)) == MarketStatus(at, session_at(at).value)


def test_without_any_time_there_is_no_scan() -> None:
    with pytest.raises(FeedError, match="500"):
        clock(simulated=True).status(FAILURE, snapshot(0))


def test_a_closure_that_the_calendar_does_not_know_goes_on_for_the_day() -> None:
    market = clock(simulated=True)
    for _ in range(2):
        market.status(MarketStatus(DAY.regular, "closed"), snapshot(0))
    assert market.status(FAILURE, snapshot(DAY.regular + MINUTE_MS)).session == "closed"
    assert market.status(FAILURE, snapshot(DAY.regular + 3 * DAY_MS)).session == "regular"


def test_it_is_over_when_the_provider_says() -> None:
    market = clock()
    market.status(FAILURE, snapshot(0))
    market.status(MarketStatus(DAY.regular, "regular"), snapshot(0))
    assert market.fault == ""
