"""What is kept of a day: the same prints, whichever bars they are asked for as."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from gapscan.market.sessions import MINUTE_MS, epoch_ms
from gapscan.sim.archive import PRINTS_KEPT, PastBar
from gapscan.sim.market import Market
from gapscan.sim.synthetic import SyntheticSource

DAY = dt.date(2026, 11, 20)
END = 10**15


@pytest.fixture(scope="module")
def market() -> Market:
    """At 09:47:13, in the middle of a minute."""
    market = Market(SyntheticSource(DAY, symbols=200))
    market.advance(_ms(9, 47) + 13_000)
    return market


def _ms(hour: int, minute: int) -> int:
    return epoch_ms(DAY, dt.time(hour, minute))


def _busiest(market: Market) -> list[int]:
    return [int(place) for place in np.argsort(-market.state.volume)[:20]]


def test_minutes_add_up_to_the_day(market: Market) -> None:
    for place in _busiest(market):
        bars = market.archive.minutes(place, 0, END, market.position)
        assert sum(bar.volume for bar in bars) == pytest.approx(market.state.volume[place])
        assert sum(bar.trades for bar in bars) == market.state.trades[place]
        assert bars[-1].close == market.state.last_price[place]
        assert [bar.start for bar in bars] == sorted({bar.start for bar in bars})
        assert all(bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high for bar in bars)


def test_the_newest_minute_is_what_there_is_of_it(market: Market) -> None:
    place = _busiest(market)[0]
    newest = market.archive.minutes(place, market.position - 13_000, END, market.position)
    assert [bar.start for bar in newest] == [market.state.minute_start[place]]
    assert newest[0].volume == pytest.approx(market.state.minute_volume[place])
    assert newest[0].high == market.state.minute_high[place]


def test_seconds_make_the_minutes_that_they_are_in(market: Market) -> None:
    since = market.position - (PRINTS_KEPT - 2) * MINUTE_MS
    first = since // MINUTE_MS * MINUTE_MS
    for place in _busiest(market)[:5]:
        seconds = market.archive.seconds(place, first, END, market.position)
        minutes = market.archive.minutes(place, first, END, market.position)
        assert [_joined([s for s in seconds if s.start // MINUTE_MS * MINUTE_MS == m.start]) for m in minutes] == [
            pytest.approx((m.open, m.high, m.low, m.close, m.volume)) for m in minutes
        ]


def _joined(bars: list[PastBar]) -> tuple[float, ...]:
    high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
    return bars[0].open, high, low, bars[-1].close, sum(bar.volume for bar in bars)


def test_what_is_to_come_and_what_was_before_is_left_out(market: Market) -> None:
    place = _busiest(market)[0]
    asked = _ms(9, 31), _ms(9, 33)
    assert [bar.start for bar in market.archive.minutes(place, *asked, market.position)] == [
        asked[0], asked[0] + MINUTE_MS, asked[1]
    ]  # fmt: skip
    assert market.archive.minutes(place, market.position + 1, END, market.position) == []


def test_a_day_that_begins_again_has_its_own() -> None:
    market = Market(SyntheticSource(DAY, symbols=50))
    market.advance(_ms(10, 0))
    market.advance(_ms(9, 0))
    starts = [bar.start for place in range(50) for bar in market.archive.minutes(place, 0, END, market.position)]
    assert max(starts) < _ms(9, 0)
