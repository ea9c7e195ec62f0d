"""What has usually traded by a moment is the plain mean over the days, interpolated by hand."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.flatfiles.curves import MeanVolumes
from gapscan.flatfiles.minutes import KNOTS, DayVolumes
from gapscan.market.baselines import Curves
from gapscan.market.sessions import MINUTE_MS, epoch_ms
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import VolumeCurves

DAY = dt.date(2026, 11, 20)
MIDNIGHT = epoch_ms(DAY, dt.time())
SYMBOLS = ["A", "B", "BCpC", "C"]

Day = dict[str, dict[int, int]]  # shares by minute, by symbol

days: st.SearchStrategy[list[Day]] = st.lists(
    st.dictionaries(
        st.sampled_from(SYMBOLS[:3]),
        st.dictionaries(st.integers(240, 1199), st.integers(1, 10**6), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=4,
)
ratios = st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from([0.1, 2.0]), max_size=2)
moments = st.integers(0, 1440 * MINUTE_MS - 1)


def traded_by(day: dict[int, int], knot: int) -> int:
    return sum(shares for minute, shares in day.items() if minute + 1 <= knot)


def volumes_of(day: Day) -> DayVolumes:
    rows = [[traded_by(minutes, knot) for knot in KNOTS] for minutes in day.values()]
    return DayVolumes(list(day), np.array(rows, np.float32).reshape(-1, len(KNOTS)))


def by_hand(market: list[Day], scale: list[dict[str, float]], symbol: str, ms: int) -> float:
    """The mean over the days on which the symbol traded, in exact numbers."""
    traded = [
        (day[symbol], Fraction(ratio.get(symbol, 1.0)))
        for day, ratio in zip(market, scale, strict=True)
        if symbol in day
    ]
    if not traded:
        return math.nan
    means = [sum(traded_by(day, knot) * ratio for day, ratio in traded) / len(traded) for knot in KNOTS]
    minute = Fraction(ms, MINUTE_MS)
    if minute <= KNOTS[0]:
        return float(means[0])
    for (left, low), (right, high) in zip(
        zip(KNOTS, means, strict=True), zip(KNOTS[1:], means[1:], strict=True), strict=False
    ):
        if left <= minute < right:
            return float(low + (high - low) * (minute - left) / (right - left))
    return float(means[-1])


@given(st.data())
def test_the_mean_of_the_days_interpolated(data: st.DataObject) -> None:
    market = data.draw(days)
    scale = [data.draw(ratios) for _ in market]
    mean = MeanVolumes()
    for day, ratio in zip(market, scale, strict=True):
        mean.add(volumes_of(day), ratio)
    universe = data.draw(st.permutations(SYMBOLS))
    known = data.draw(st.integers(0, len(universe)))
    symbols = universe[:known]
    curves = Curves(symbols)
    for part in mean.parts(DAY):
        assert curves.merge(decode_as(VolumeCurves, encode(part))) == (part.part == part.parts)
    if not mean:
        assert not curves.serve(DAY)
        return
    symbols += universe[known:]  # those that come later are found too
    at = data.draw(st.lists(st.integers(0, len(symbols) - 1), max_size=6))
    times = data.draw(st.lists(moments, min_size=len(at), max_size=len(at)))
    positions = np.array(at, np.intp)
    found = curves.expected(positions, np.array([MIDNIGHT + ms for ms in times], np.float64), DAY)
    expected = [by_hand(market, scale, symbols[place], ms) for place, ms in zip(at, times, strict=True)]
    # A message has whole shares, a column seven digits.
    assert found.tolist() == pytest.approx(expected, rel=1e-5, abs=0.51, nan_ok=True)
    sessions = [sum(symbols[place] in day for day in market) or math.nan for place in at]
    assert curves.sessions(positions).tolist() == pytest.approx(sessions, nan_ok=True)
