from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from gapscan.errors import ConfigError
from gapscan.market.sessions import MINUTE_MS, session_times
from gapscan.sim import Market, SimOptions, SyntheticSource, make_server
from gapscan.sim.halfday import shortened
from gapscan.sim.source import MINUTES
from gapscan.sim.synthetic import SyntheticDay
from gapscan.sim.tape import Prints
from tests.support.simulator import bars_of

HALF_DAY = dt.date(2026, 11, 27)
TIMES = session_times(HALF_DAY)


@pytest.fixture(scope="module")
def source() -> Any:
    return SyntheticSource(HALF_DAY, symbols=1_000)


def whole(tape: Any) -> Any:
    minutes = [tape.minute(number) for number in range(MINUTES)]
    for number, prints in enumerate(minutes):
        start = TIMES.pre + number * MINUTE_MS
        assert ((start <= prints.time) & (prints.time < start + MINUTE_MS)).all()
    return Prints(*(np.concatenate(columns) for columns in zip(*minutes, strict=True)))


def test_a_half_day_has_all_prints_of_a_full_one_in_their_order(source: Any) -> None:
    full, half = whole(SyntheticDay(source.model, HALF_DAY)), whole(source.open_day(HALF_DAY))
    for column in ("symbol", "price", "size"):
        assert (getattr(full, column) == getattr(half, column)).all()
    early, late = full.time < TIMES.regular, full.time >= TIMES.regular + 390 * MINUTE_MS
    assert (half.time[early] == full.time[early]).all()
    assert (half.time[late] == full.time[late] - 180 * MINUTE_MS).all()
    told = half.time[~early & ~late]
    assert TIMES.regular <= told[0] <= told[-1] < TIMES.post


def test_nothing_prints_while_halted(source: Any) -> None:
    tape = source.open_day(HALF_DAY)
    halts = tape.halts
    prints = whole(tape)
    assert halts
    for halt in halts:
        assert halt.start < halt.end
        start, end = TIMES.pre + halt.start * MINUTE_MS, TIMES.pre + halt.end * MINUTE_MS
        mine = prints.time[prints.symbol == halt.symbol]
        assert not ((start <= mine) & (mine < end)).any()


def test_the_market_closes_where_its_daily_bars_say(source: Any) -> None:
    market = Market(source)
    market.advance(TIMES.post)
    bars, traded = bars_of(source, HALF_DAY), bars_of(source, HALF_DAY).traded
    assert (market.state.open[traded] == bars.open[traded]).all()
    assert (market.state.last_price[traded] == bars.close[traded]).all()
    market.advance(TIMES.closed)
    assert not market.trading
    np.testing.assert_allclose(market.state.volume, bars.volume)


def test_a_full_day_stays_as_it_is(source: Any) -> None:
    tape = SyntheticDay(source.model, HALF_DAY)
    assert shortened(tape, HALF_DAY - dt.timedelta(days=2)) is tape


def test_a_holiday_cannot_be_simulated() -> None:
    with pytest.raises(ConfigError, match="closed") as error:
        make_server(SimOptions(symbols=50, day=dt.date(2026, 11, 26)), today=HALF_DAY)
    assert "2026-11-25" in (error.value.remedy or "")


def test_on_a_holiday_the_day_before_is_simulated() -> None:
    server = make_server(SimOptions(symbols=50), today=dt.date(2026, 11, 26))
    assert server.market.source.start_date == dt.date(2026, 11, 25)
