"""Bars of a file in the order of time, a part at a time; and the bound by which most minutes are passed over."""

from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.backtesting.day_minutes import _PART, _by_minute, minutes_of
from gapscan.flatfiles.day_bars import DayBars
from gapscan.market.curve import busiest_minute, share_of_minute
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, epoch_ms, session_times

DAY = dt.date(2024, 3, 8)
SYMBOLS = ["A", "B", "C"]
BARS = st.lists(st.tuples(st.integers(0, 2), st.integers(-2, 965), st.sampled_from([0.0, 1.0, 7.5])), max_size=60)


def read(bars: list[tuple[int, int, float]]) -> DayBars:
    """As a reader gives them; prices and trades tell where in the file each was."""
    symbol, minute, volume = (np.array([bar[at] for bar in bars]) for at in range(3))
    start = (session_times(DAY).pre + minute.astype(np.int64) * MINUTE_MS) * NS_PER_MS
    place = np.arange(len(bars), dtype=np.float64)
    prices = (place + 1, place + 2, place + 3, place)  # open, close, high, low
    return DayBars(
        SYMBOLS,
        symbol.astype(np.int32),
        start,
        volume.astype(np.float64),
        *prices,
        np.arange(len(bars), dtype=np.int32),
    )


@given(BARS, st.booleans())
def test_bars_come_by_minute_and_symbol_each_with_its_own_values(
    bars: list[tuple[int, int, float]], in_order: bool
) -> None:
    bars = sorted(bars) if in_order else bars
    length = (session_times(DAY).closed - session_times(DAY).pre) // MINUTE_MS
    first: dict[tuple[int, int], int] = {}
    for place, (symbol, minute, volume) in enumerate(bars):
        if volume > 0 and 0 <= minute < length:
            first.setdefault((minute, symbol), place)
    found = minutes_of(read(bars), SYMBOLS, DAY)
    expected = sorted(first.items())
    assert list(zip(found.minute.tolist(), found.symbol.tolist(), strict=True)) == [key for key, _ in expected]
    places = [place for _, place in expected]
    assert found.trades.tolist() == found.low.tolist() == places
    assert found.open.tolist() == [place + 1 for place in places]
    assert found.volume.tolist() == [bars[place][2] for place in places]
    of_minutes = [found.minute[found.of(minute)].tolist() for minute in range(length)]
    assert [minute for of_one in of_minutes for minute in of_one] == found.minute.tolist()
    assert all(set(of_one) <= {minute} for minute, of_one in enumerate(of_minutes))


def test_parts_of_a_large_file_are_one_order() -> None:
    minute = np.random.default_rng(3).integers(0, 960, 3 * _PART + 17).astype(np.int16)
    np.testing.assert_array_equal(_by_minute(minute, 960), np.argsort(minute, kind="stable"))


@given(st.integers(0, 24 * 60 * MINUTE_MS - 1), st.integers(0, 2 * MINUTE_MS))
def test_no_minute_that_began_lately_has_more_than_the_busiest(moment: int, ago: int) -> None:
    now, day = epoch_ms(DAY, dt.time()) + moment, session_times(DAY).regular
    share = share_of_minute(day, np.array([float(now - ago)]))
    assert np.isnan(share).all() or share[0] <= busiest_minute(day, now, 2)
