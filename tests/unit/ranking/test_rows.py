from __future__ import annotations

from typing import Any, get_type_hints

import numpy as np
import pytest

from gapscan.market import computed
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MarketSession
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Row
from gapscan.ranking.row_values import SHOWN, cells_of
from gapscan.ranking.rows import RowCache, RowState
from tests.support.market import MOMENT, reference_frame, stock, universe_frame, universe_of

NOW = MOMENT[MarketSession.REGULAR]


def row_of(**fields: Any) -> dict[str, Any]:
    universe = universe_of([stock("A", **fields)])
    computed.compute(universe)
    return dict(only_row(RowCache(universe)))


def only_row(cache: RowCache) -> Row:
    return shown(cache, 0)[0]


def shown(cache: RowCache, *at: int) -> RowState:
    """The rows at positions `at`, brought up to date."""
    cache.mark_dirty(None)
    cache.refresh(np.array(at))
    return cache.states([np.array(at)])[0]


def see(universe: Universe, **fields: Any) -> None:
    stocks = [{**stock("A", updated=float(NOW + 1), price_time=float(NOW + 1)), **fields}]
    merge_scan(universe, universe_frame(stocks, NOW + 1))
    computed.compute(universe)


def test_a_whole_row() -> None:
    prices = {"price": 105.0, "prev_close": 100.0, "open": 102.0, "high": 110.0, "low": 101.5, "vwap": 104.25}
    row = row_of(**prices, volume=3_000.0, average_volume=1e6)
    assert {name: value for name, value in row.items() if value is not None} == {
        "symbol": "A", "name": "A", "exchange": "XNAS", "type": "CS",
        "price": 105.0, "prev_close": 100.0, "open": 102.0, "high": 110.0, "low": 101.5, "vwap": 104.25,
        "change_percent": 5.0, "gap_percent": 2.0, "change_from_open_percent": 2.94, "from_high_percent": -4.55,
        "from_low_percent": 3.45, "range_position": 41.2,
        "volume": 3_000, "dollar_volume": 312_750, "average_volume": 1_000_000, "rvol": 0.01,
        "rvol_source": "market", "new_listing": False,
        "price_time": NOW, "as_of": NOW, "session": "regular", "gap_indicative": False, "split_today": False,
        "stale": False, "source": "snapshot",
    }  # fmt: skip
    assert row.keys() == get_type_hints(Row).keys()


def test_missing_is_null() -> None:
    row = row_of(name=None, exchange=None, price_time=None, updated=None)
    assert {name for name, value in row.items() if value is not None} == {
        "symbol", "type", "session", "gap_indicative", "split_today", "stale", "rvol_source", "new_listing"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("price", 1.00004999, 1.0),
        ("price", 0.12345678, 0.1235),
        ("price", 5.0, 5.0),
        ("volume", 1234.5678, 1235),
        ("volume", 0.0, 0),
        ("volume", 4.7489415903844e07, 47_489_416),
        ("volume", 1e300, None),  # a number that JSON readers cannot hold is none
    ],
)
def test_values_are_rounded_once(field: str, value: float, shown: float | None) -> None:
    found = row_of(**{field: value})[field]
    assert (found, type(found)) == (shown, type(shown))


def test_no_minus_zero() -> None:
    assert str(row_of(price=99.9999999, prev_close=100.0)["change_percent"]) == "0.0"


def test_the_same_row_as_long_as_nothing_shown_changed() -> None:
    universe = universe_of([stock("A", price=10.0, volume=100.0, updated=float(NOW + 1), price_time=float(NOW + 1))])
    computed.compute(universe)
    cache = RowCache(universe)
    first = only_row(cache)
    assert only_row(cache) is first
    see(universe, price=10.000001, volume=100.001)
    assert only_row(cache) is first
    see(universe, price=10.01, volume=100.001)
    second = only_row(cache)
    assert (first["price"], second["price"], second["volume"]) == (10.0, 10.01, 100)


def test_slow_drift_is_not_lost() -> None:
    universe = universe_of([stock("A", price=10.0)])
    cache = RowCache(universe)
    first = only_row(cache)
    prices = [10.00002, 10.00004, 10.00006]
    shown = []
    for price in prices:
        see(universe, price=price, updated=None, price_time=float(NOW + 1))
        shown.append(only_row(cache)["price"])
    assert (first["price"], shown) == (10.0, [10.0, 10.0, 10.0001])


def test_new_texts_need_to_be_told() -> None:
    universe = universe_of([stock("A", price=10.0)])
    cache = RowCache(universe)
    first = only_row(cache)
    merge_reference(universe, reference_frame([stock("A", name="Alpha", exchange=None)]))
    cache.forget(np.array([0]))
    assert only_row(cache) == first | {"name": "Alpha", "exchange": None}


def test_a_new_session_makes_new_rows() -> None:
    universe = universe_of([stock("A", price=10.0)])
    cache = RowCache(universe)
    first = only_row(cache)
    merge_scan(universe, universe_frame([], MOMENT[MarketSession.POST], "post"))
    assert (first["session"], only_row(cache)["session"]) == ("regular", "post")


def test_symbols_that_came_later() -> None:
    universe = universe_of([stock("A", price=10.0)])
    cache = RowCache(universe)
    first = only_row(cache)
    merge_scan(universe, universe_frame([stock("B", price=11.0, price_time=float(NOW))], NOW))
    rows = shown(cache, 1, 0, 1)
    assert [row["symbol"] for row in rows] == ["B", "A", "B"]
    assert rows[1] is first
    assert rows[0] is rows[2]


def test_rows_that_nothing_touched_are_not_looked_at() -> None:
    universe = universe_of([stock("A", price=10.0), stock("B", price=20.0)])
    computed.compute(universe)
    cache = RowCache(universe)
    first = shown(cache, 0, 1)
    see(universe, price=11.0)
    cache.mark_dirty(np.array([1]))
    cache.refresh(np.array([0, 1]))
    assert cache.states([np.array([0, 1])], [first])[0] is first
    cache.mark_dirty(np.array([0]))
    cache.refresh(np.array([0, 1]))
    again, other = cache.states([np.array([0, 1]), np.array([1])], [first, None])
    assert again is not first
    assert [row["price"] for row in again] == [11.0, 20.0]
    assert [row["price"] for row in other] == [20.0]


def test_a_row_holds_its_own_values_alone() -> None:
    """What has left its list is held for long: it must not hold the whole batch that it was made in."""
    cache = RowCache(universe_of([stock("A"), stock("B"), stock("C")]))
    shown(cache, 0, 1, 2)
    assert {len(one.values) for one in cache._rows} == {8 * len(SHOWN)}


def test_a_flag_is_set_by_one_alone() -> None:
    """Whatever a feed sends in its place."""
    at = SHOWN.index("stale")
    values = np.array([[1.0, 0.0, 2.0, -1.0, np.nan]])
    assert cells_of(values, np.full(5, at)) == [[True, False, False, False, None]]
