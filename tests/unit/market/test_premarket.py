"""High and low of pre-market: by the minutes of the scans, the prices and the bars; kept after the open."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gapscan.market import computed
from gapscan.market.bars import merge_bars
from gapscan.market.restore import merge_saved, saved_states
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MINUTE_MS, session_at
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Bars
from tests.support.market import TIMES, reference_frame, stock, universe_frame, universe_of

SECOND = 1000
EARLY = TIMES.regular - 30 * MINUTE_MS


def scan(universe: Universe, moment: int, **fields: Any) -> None:
    seen = stock("A", **({"price_time": float(moment), "updated": float(moment)} | fields))
    merge_scan(universe, universe_frame([seen], moment, str(session_at(moment))))


def early(moment: int = EARLY) -> Universe:
    universe = Universe()
    scan(universe, moment, price=10.0, minute_start=float(moment - MINUTE_MS), minute_high=10.5, minute_low=9.5)
    return universe


def value(universe: Universe, name: str) -> float:
    return float(universe.number(name)[universe.index["A"]])


def ranges(universe: Universe) -> tuple[float, ...]:
    return tuple(value(universe, name) for name in ("high", "low", "pre_high", "pre_low"))


def test_the_minute_says_more_than_the_price() -> None:
    assert ranges(early()) == (10.5, 9.5, 10.5, 9.5)


@pytest.mark.parametrize(
    ("start", "counts"),
    [(TIMES.pre - MINUTE_MS, False), (TIMES.pre, True), (TIMES.regular - MINUTE_MS, True), (TIMES.regular, False)],
)
def test_minutes_of_pre_market_count(start: int, counts: bool) -> None:
    universe = Universe()
    scan(universe, start + 50 * SECOND, minute_start=float(start), minute_high=12.0, minute_low=8.0)
    np.testing.assert_equal(ranges(universe)[2:], (12.0, 8.0) if counts else (np.nan, np.nan))


def test_it_is_kept_after_the_open_when_the_range_is_another() -> None:
    universe = early()
    scan(universe, TIMES.regular + SECOND, price=11.0, open=11.0, high=11.2, low=10.9)
    assert ranges(universe) == (11.2, 10.9, 10.5, 9.5)


def test_bars_widen_it() -> None:
    universe = early()
    start = EARLY + SECOND
    columns: list[list[float | None]] = [[12.0], [13.0], [7.0], [12.5], [100.0], [1000.0], [None], [None]]
    merge_bars(universe, Bars(True, ["A"], [start], [start + SECOND], *columns))
    assert ranges(universe) == (13.0, 7.0, 13.0, 7.0)
    start = TIMES.regular
    columns = [[12.0], [14.0], [6.0], [12.5], [100.0], [1000.0], [12.0], [None]]
    scan(universe, start - SECOND)
    merge_bars(universe, Bars(True, ["A"], [start], [start + SECOND], *columns))
    assert ranges(universe)[2:] == (13.0, 7.0)


def test_another_ranker_takes_it_back() -> None:
    universe = early()
    scan(universe, TIMES.regular + SECOND, price=11.0, open=11.0, high=11.2, low=10.9)
    other = Universe()
    scan(other, TIMES.regular + SECOND, price=11.0, open=11.0, high=11.2, low=10.9)
    for state in saved_states(universe, np.arange(1), 10):
        merge_saved(other, state)
    assert ranges(other) == ranges(universe)


def test_another_day_has_another() -> None:
    universe = early()
    scan(universe, EARLY + 3 * 86_400_000)
    assert np.isnan(ranges(universe)).all()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"low": 90.0, "open": 95.0}, True),
        ({"low": 90.01, "open": 95.0}, False),
        ({"low": 90.01, "open": 95.0, "ssr_carried": 1.0}, True),
        ({"low": 99.0, "open": 99.0, "ssr_carried": 1.0}, True),
        ({"low": 80.0}, False),  # the low of pre-market: no official open yet
        ({"low": 80.0, "open": 95.0, "ssr_carried": None}, True),
        ({"low": 99.0, "open": 99.0, "ssr_carried": None}, None),
        ({"low": 45.0, "open": 50.0, "split": True}, False),
    ],
)
def test_short_sale_restriction(fields: dict[str, Any], expected: bool | None) -> None:
    known = {"price": 95.0, "prev_close": 100.0, "high": 101.0, "ssr_carried": 0.0} | fields
    universe = universe_of([stock("A", **known)])
    computed.compute(universe)
    np.testing.assert_equal(value(universe, "ssr"), np.nan if expected is None else float(expected))


def test_where_the_price_is_in_the_range() -> None:
    for price, expected in ((10.0, 0.0), (12.5, 50.0), (15.0, 100.0)):
        universe = universe_of([stock("A", price=price, high=15.0, low=10.0)])
        computed.compute(universe)
        assert value(universe, "range_position") == expected
    universe = universe_of([stock("A", price=10.0, high=10.0, low=10.0)])
    computed.compute(universe)
    assert np.isnan(value(universe, "range_position"))


def test_what_was_before_a_split_is_not_said() -> None:
    known = {"prev_high": 50.0, "prev_low": 48.0, "prev_volume": 1e6}
    universe = universe_of([stock("A", price=5.0, **known)])
    assert value(universe, "prev_high") == 50.0
    merge_reference(universe, reference_frame([stock("A", split=True)]))
    assert all(np.isnan(value(universe, name)) for name in known)
