from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MarketSession, session_times
from gapscan.market.universe import Universe
from tests.support.market import DAY, MOMENT, TIMES, reference_frame, stock, universe_frame, universe_of

NOW = float(MOMENT[MarketSession.REGULAR])
MONDAY = dt.date(2024, 3, 11)


def scan(universe: Universe, as_of: float = NOW, session: str = "regular", **fields: float | None) -> bool:
    """Merge a frame that says `fields` of symbol A."""
    return merge_scan(universe, universe_frame([stock("A", **fields)], int(as_of), session))


def value(universe: Universe, name: str) -> float:
    return float(universe.number(name)[universe.index["A"]])


def test_an_older_observation_never_overwrites_a_newer_one() -> None:
    universe = Universe()
    scan(universe, price=10.0, price_time=NOW, volume=500.0, updated=NOW)
    scan(universe, price=9.0, price_time=NOW - 1, volume=400.0, updated=NOW - 1)
    assert (value(universe, "price"), value(universe, "volume")) == (10.0, 500.0)
    scan(universe, price=11.0, price_time=NOW - 1, volume=600.0, updated=NOW + 1)
    assert (value(universe, "price"), value(universe, "volume")) == (10.0, 600.0)


def test_a_correction_that_bears_the_same_time_is_taken() -> None:
    universe = Universe()
    scan(universe, price=10.0, price_time=NOW, volume=500.0, updated=NOW)
    scan(universe, price=10.5, price_time=NOW, volume=490.0, updated=NOW)
    assert (value(universe, "price"), value(universe, "volume")) == (10.5, 490.0)


def test_no_value_overwrites_nothing() -> None:
    universe = Universe()
    scan(universe, price=10.0, price_time=NOW, open=9.0, updated=NOW)
    scan(universe, price=None, price_time=NOW + 1, open=None, high=12.0, updated=NOW + 1)
    assert (value(universe, "price"), value(universe, "price_time"), value(universe, "open")) == (10.0, NOW, 9.0)
    assert value(universe, "high") == 12.0


def test_an_older_value_fills_what_a_newer_frame_left_open() -> None:
    universe = Universe()
    scan(universe, volume=600.0, updated=NOW + 1)
    scan(universe, volume=500.0, open=9.0, updated=NOW)
    assert (value(universe, "volume"), value(universe, "open")) == (600.0, 9.0)


def test_before_its_first_trade_a_symbol_has_a_previous_close_and_no_time() -> None:
    universe = Universe()
    scan(universe, price=7.0, price_time=None, prev_close=8.0, updated=None)
    assert np.isnan(value(universe, "price"))
    assert value(universe, "prev_close") == 8.0
    scan(universe, prev_close=8.5, updated=NOW)
    scan(universe, prev_close=8.0, updated=None)
    assert value(universe, "prev_close") == 8.5


def test_a_new_day_forgets_the_old_one() -> None:
    universe = universe_of([stock("A", price=10.0, volume=500.0, split=True, average_volume=100.0)])
    monday = session_times(MONDAY).pre
    assert scan(universe, monday, "pre", prev_close=10.0, updated=None)
    assert (universe.date, universe.session, universe.as_of) == (MONDAY, MarketSession.PRE, monday)
    assert np.isnan([value(universe, "price"), value(universe, "volume"), value(universe, "split_today")]).all()
    assert (value(universe, "prev_close"), value(universe, "average_volume")) == (10.0, 100.0)
    assert universe.text("type").words(np.array([0])) == ["CS"]


def test_a_split_that_is_known_before_the_first_scan_of_its_day() -> None:
    universe = universe_of([stock("A", price=10.0)])
    merge_reference(universe, reference_frame([stock("A", split=True)], MONDAY))
    scan(universe, session_times(MONDAY).pre, "pre", price=5.0, price_time=float(session_times(MONDAY).pre))
    assert value(universe, "split_today") == 1.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, 8.0),
        ({"split": True}, np.nan),
        ({"split": True, "known_close": 2.0}, 2.0),
        ({"ex_today": "spin_off", "known_close": 9.0}, 9.0),
        ({"ex_today": "dividend", "ex_amount": 1.0}, 8.0),
    ],
)
def test_the_close_before_is_that_of_the_reference_data(said: dict[str, Any], expected: float) -> None:
    """Whatever comes first, and whatever scans go on saying; on the next day it is over."""
    for reference_first in (True, False):
        universe = universe_of([stock("A", price=3.0)])
        for reference in (reference_first, not reference_first):
            if reference:
                merge_reference(universe, reference_frame([stock("A", **said)]))
            else:
                scan(universe, prev_close=8.0, updated=NOW)
        scan(universe, int(NOW) + 30_000, prev_close=8.0, updated=NOW + 1)
        assert value(universe, "prev_close") == pytest.approx(expected, nan_ok=True)
        monday = session_times(MONDAY).pre
        scan(universe, monday, "pre", prev_close=7.0, updated=monday)
        assert value(universe, "prev_close") == 7.0
        assert np.isnan([value(universe, name) for name in ("split_ratio", "ex_amount", "known_close")]).all()
        assert universe.text("ex_today").words(np.array([0])) == [None]


def test_a_frame_of_an_earlier_day_is_left_out() -> None:
    universe = universe_of([stock("A", price=10.0)])
    thursday = session_times(dt.date(2024, 3, 7)).post
    assert not scan(universe, thursday, "post", price=1.0, price_time=NOW + 1, updated=NOW + 1)
    assert (value(universe, "price"), universe.as_of, universe.date) == (10.0, int(NOW), DAY)


def test_market_time_never_goes_back() -> None:
    universe = universe_of([stock("A", price=10.0)], MarketSession.POST)
    assert scan(universe, TIMES.regular, "regular", low=1.0, updated=NOW)
    assert (universe.as_of, universe.session) == (MOMENT[MarketSession.POST], MarketSession.POST)


def test_an_average_that_is_not_known_yet_does_not_take_the_place_of_one_that_is() -> None:
    universe = universe_of([stock("A", average_volume=100.0)])
    merge_reference(universe, reference_frame([stock("A", average_volume=None)]))
    assert value(universe, "average_volume") == 100.0


def test_symbols_differ_by_case() -> None:
    universe = universe_of([stock("BCpC", price=1.0), stock("BCPC", price=2.0)])
    assert universe.number("price").tolist() == [1.0, 2.0]
    assert [universe.symbols[at] for at in universe.positions(["BCPC", "BCpC"])] == ["BCPC", "BCpC"]


def test_room_for_a_whole_market() -> None:
    universe = Universe()
    for begin in (0, 700, 5_000):
        stocks = [stock(f"S{n}", price=float(n), price_time=NOW) for n in range(begin, begin + 2_000)]
        merge_scan(universe, universe_frame(stocks, int(NOW)))
    assert len(universe) == 4_700
    assert all(universe.number("price")[at] == float(symbol[1:]) for symbol, at in universe.index.items())
    assert [universe.symbols[at] for at in np.argsort(universe.symbol_order)] == sorted(universe.symbols)
