"""Baselines of volume and trades, and what becomes of a listing of which little is known."""

from __future__ import annotations

import datetime as dt
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from gapscan.feed.corporate_actions import Action
from gapscan.feed.reference_frames import Baselines, reference_frames
from gapscan.provider import DailyBar, Listing

DAY = dt.date(2024, 3, 8)


def baselines_of(*days: dict[str, tuple[float, float]]) -> Baselines:
    """Each day as {symbol: (volume, trades)}."""
    baselines = Baselines()
    for day in days:
        baselines.add([DailyBar(symbol, volume, trades) for symbol, (volume, trades) in day.items()])
    return baselines


def test_means_are_over_the_sessions_on_which_a_symbol_traded() -> None:
    baselines = baselines_of({"A": (100, 10), "B": (1, 1)}, {"A": (300, 30)}, {"C": (5, 5)})
    assert baselines.sessions == 3
    a = baselines.of("A")
    assert (a.sessions, a.average_volume, a.average_trades) == (2, 200, 20)
    assert a.trades_deviation == pytest.approx(statistics.stdev([10, 30]))


def test_one_session_has_no_deviation_and_none_has_no_mean() -> None:
    baselines = baselines_of({"A": (100, 10)})
    assert baselines.of("A").trades_deviation is None
    nothing = baselines.of("B")
    assert (nothing.sessions, nothing.average_volume, nothing.average_trades, nothing.trades_deviation) == (0,) + (
        None,
    ) * 3


def test_what_is_zero_is_not_known() -> None:
    baselines = baselines_of({"A": (100, 0)}, {"A": (0, 9)}, {"A": (300, 8)})
    a = baselines.of("A")
    assert (a.sessions, a.average_volume) == (2, 200)  # the bar without volume says nothing
    assert (a.average_trades, a.trades_deviation) == (8, None)


def test_a_symbol_twice_in_one_session_counts_once() -> None:
    baselines = Baselines()
    baselines.add([DailyBar("A", 1, 1), DailyBar("A", 2, 2)])
    assert (baselines.of("A").sessions, baselines.of("A").average_volume) == (1, 2)


@given(st.lists(st.integers(1, 3_000_000), min_size=2, max_size=25), st.integers(0, 10**7))
def test_the_deviation_is_the_sample_standard_deviation(counts: list[int], level: int) -> None:
    baselines = Baselines()
    for count in counts:
        baselines.add([DailyBar("A", 1.0, float(count + level))])
    a = baselines.of("A")
    assert a.average_trades == pytest.approx(statistics.fmean(count + level for count in counts))
    assert a.trades_deviation == pytest.approx(statistics.stdev(counts), rel=1e-6, abs=1e-6)


def test_a_listing_of_which_only_the_symbol_is_known() -> None:
    listings = [Listing("A"), Listing("ZTST", "Nasdaq Test Stock", kind="CS", test=True)]
    (part,) = reference_frames(
        listings,
        {"A": Action(split=True, ratio=4.0, prev_close=25.0)},
        baselines_of({"A": (8, 4)}, {"A": (8, 6)}),
        DAY,
        complete=True,
    )
    assert (part.symbols, part.name, part.exchange) == (["A", "ZTST"], [None, "Nasdaq Test Stock"], [None, None])
    assert (part.kind, part.test, part.split) == ([None, "CS"], [False, True], [True, False])
    assert (part.average_volume, part.average_trades) == ([8, None], [5, None])
    assert part.trades_deviation == [pytest.approx(2**0.5), None]
    assert part.sessions == [2, 0]
    assert (part.split_ratio, part.prev_close) == ([4.0, None], [25.0, None])
    assert (part.ex_today, part.ex_amount) == (UNSET, UNSET)


def test_parts_are_as_many_as_it_takes() -> None:
    listings = [Listing(f"S{number}") for number in range(6001)]
    parts = reference_frames(listings, {}, Baselines(), DAY, complete=False)
    assert [(part.part, part.parts, len(part.symbols), part.complete) for part in parts] == [
        (1, 4, 2000, False),
        (2, 4, 2000, False),
        (3, 4, 2000, False),
        (4, 4, 1, False),
    ]
    assert len(reference_frames([], {}, Baselines(), DAY, complete=True)) == 1


@pytest.mark.parametrize(
    ("told", "close_before", "atr"),
    [(25.0, 25.0, 4.0), (100.0, 25.0, 1.0), (25.0, None, UNSET)],
    ids=["in shares of today", "still in shares of then", "not known which"],
)
def test_on_the_day_of_a_split_the_range_is_in_shares_of_today(
    told: float, close_before: float | None, atr: object
) -> None:
    baselines = Baselines()
    for _ in range(16):
        baselines.add([DailyBar("A", 1.0, 1.0, told, told + 2.0, told - 2.0)])
    action = Action(split=True, ratio=4.0, prev_close=close_before)
    (part,) = reference_frames([Listing("A")], {"A": action}, baselines, DAY, complete=True)
    assert part.atr == ([pytest.approx(atr)] if close_before else UNSET)
