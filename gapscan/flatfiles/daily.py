"""Daily bars from minute bars: for a day of which there is no daily file."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.flatfiles.day_bars import DayBars, counts_of
from gapscan.market.columns import Bools, Floats
from gapscan.market.sessions import NS_PER_MS, SessionTimes

_NONE: Final = np.nan


def daily_of_minutes(minutes: DayBars, times: SessionTimes) -> DayBars:
    """One bar for each symbol that traded in the regular session or its closing auction.

    Open, high and low are the regular session's, volume and trades the whole day's. The close is that of the closing
    auction, which prints first in the minute after the bell: that minute's open, as the exchanges' official close is.
    Without such a bar it is the last price before the bell. A bar without volume is of no trade: it tells nothing.
    """
    if not (traded := minutes.volume > 0).all():
        minutes = minutes.only(traded, minutes.bad_lines, minutes.first_fault)
    start = minutes.start // NS_PER_MS
    regular, auction = (start >= times.regular) & (start < times.post), start == times.post
    count = len(minutes.symbols)
    opened, closed = _first(minutes, regular, minutes.open, count), _last(minutes, regular, minutes.close, count)
    official = _first(minutes, auction, minutes.open, count)
    closed = np.where(np.isnan(official), closed, official)
    opened = np.where(np.isnan(opened), official, opened)
    high, low = np.fmax(opened, closed), np.fmin(opened, closed)
    np.fmax.at(high, minutes.of[regular], minutes.high[regular])
    np.fmin.at(low, minutes.of[regular], minutes.low[regular])
    volume = np.bincount(minutes.of, minutes.volume, count).astype(np.float64)
    trades = counts_of(np.bincount(minutes.of, minutes.transactions, count))
    whole = DayBars(
        symbols=minutes.symbols,
        of=np.arange(count, dtype=np.int32),
        start=np.full(count, times.pre * NS_PER_MS),
        volume=volume,
        open=opened,
        close=closed,
        high=high,
        low=low,
        transactions=trades,
    )
    return whole.only(~np.isnan(closed), minutes.bad_lines, minutes.first_fault)


def _last(minutes: DayBars, rows: Bools, values: Floats, count: int) -> Floats:
    """Of each symbol the value in the latest of these rows, NaN without one."""
    found, at = np.full(count, _NONE), np.flatnonzero(rows)
    at = at[np.argsort(minutes.start[at], kind="stable")]
    found[minutes.of[at]] = values[at]  # of several, the last counts
    return found


def _first(minutes: DayBars, rows: Bools, values: Floats, count: int) -> Floats:
    """Of each symbol the value in the earliest of these rows, NaN without one."""
    found, at = np.full(count, _NONE), np.flatnonzero(rows)
    at = at[np.argsort(minutes.start[at], kind="stable")][::-1]
    found[minutes.of[at]] = values[at]
    return found
