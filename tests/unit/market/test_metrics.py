from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest

from gapscan.market.computed import compute, coverage
from gapscan.market.metrics import IDLE_STEP_MS
from gapscan.market.scans import merge_halts, merge_scan
from gapscan.market.sessions import MINUTE_MS, MarketSession, epoch_ms
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Halts
from tests.support.market import DAY, MOMENT, TIMES, keep_scanning, share_at, stock, universe_frame, universe_of

NOW = MOMENT[MarketSession.REGULAR]
SECOND = 1000


def metrics_of(
    session: MarketSession = MarketSession.REGULAR, as_of: int | None = None, **fields: Any
) -> dict[str, float]:
    """What is computed for one symbol."""
    universe = universe_of([stock("A", **fields)], session, as_of)
    return computed(universe)


def computed(universe: Universe) -> dict[str, float]:
    compute(universe)
    names = (
        "change_percent", "gap_percent", "change_from_open_percent", "from_high_percent", "from_low_percent",
        "change_1m_percent", "change_5m_percent", "volume_1m", "spike_size", "spike_time", "post_change_percent",
        "post_volume", "trades_z", "thin_baseline", "dollar_volume", "rvol", "gap_indicative", "stale", "gone",
    )  # fmt: skip
    return {name: float(universe.number(name)[0]) for name in names}


def test_by_hand() -> None:
    found = metrics_of(price=105.0, prev_close=100.0, open=102.0, high=110.0, low=101.0, vwap=104.0, volume=3_000.0)
    assert found["change_percent"] == pytest.approx(5.0)
    assert found["gap_percent"] == pytest.approx(2.0)
    assert found["change_from_open_percent"] == pytest.approx(300 / 102)
    assert found["from_high_percent"] == pytest.approx(-500 / 110)
    assert found["from_low_percent"] == pytest.approx(400 / 101)
    assert found["dollar_volume"] == 312_000.0
    assert found["gap_indicative"] == 0.0


def test_the_gap_is_indicative_until_the_open_has_printed() -> None:
    before = metrics_of(MarketSession.PRE, price=103.0, prev_close=100.0)
    assert (before["gap_percent"], before["gap_indicative"]) == (pytest.approx(3.0), 1.0)
    assert np.isnan(before["change_from_open_percent"])
    after = metrics_of(price=103.0, prev_close=100.0, open=102.0)
    assert (after["gap_percent"], after["gap_indicative"]) == (pytest.approx(2.0), 0.0)


def test_on_the_day_of_a_split_gap_and_change_are_withheld() -> None:
    found = metrics_of(price=51.0, prev_close=100.0, open=50.0, high=52.0, split=True)
    assert np.isnan([found["gap_percent"], found["change_percent"]]).all()
    assert found["change_from_open_percent"] == pytest.approx(2.0)


@pytest.mark.parametrize("prev_close", [None, 0.0, -1.0])
def test_without_a_previous_close_there_is_no_change(prev_close: float | None) -> None:
    found = metrics_of(price=10.0, prev_close=prev_close, open=10.0)
    assert np.isnan([found["gap_percent"], found["change_percent"]]).all()


def test_nothing_comes_of_nothing() -> None:
    found = metrics_of(price_time=None, updated=None)
    assert found.pop("gap_indicative") == 1.0
    assert (found.pop("stale"), found.pop("gone")) == (1.0, 1.0)
    assert np.isnan(list(found.values())).all()


def test_dollar_volume_falls_back_on_the_price() -> None:
    assert metrics_of(price=2.0, volume=10.0)["dollar_volume"] == 20.0
    assert metrics_of(price=2.0, volume=10.0, vwap=3.0)["dollar_volume"] == 30.0
    assert metrics_of(price=2.0, volume=0.0)["dollar_volume"] == 0.0
    assert np.isnan(metrics_of(price=2.0)["dollar_volume"])


def test_relative_volume() -> None:
    share = share_at(NOW)
    assert metrics_of(volume=50_000.0, average_volume=100_000.0)["rvol"] == pytest.approx(0.5 / share)
    assert metrics_of(volume=0.0, average_volume=100_000.0)["rvol"] == 0.0
    assert np.isnan(metrics_of(volume=50_000.0)["rvol"])
    assert np.isnan(metrics_of(average_volume=50_000.0)["rvol"])


def test_relative_volume_has_a_floor() -> None:
    """Below 1,000 expected shares it would be a large number that says nothing."""
    share = share_at(NOW)
    assert np.isnan(metrics_of(volume=50_000.0, average_volume=999.0 / share)["rvol"])
    assert metrics_of(volume=50_000.0, average_volume=1_001.0 / share)["rvol"] == pytest.approx(50_000 / 1_001)
    assert np.isnan(metrics_of(MarketSession.PRE, TIMES.pre, volume=1.0, average_volume=1e9)["rvol"])


@pytest.mark.parametrize(
    ("session", "seconds", "stale", "gone"),
    [
        (MarketSession.REGULAR, 120, 0, 0),
        (MarketSession.REGULAR, 120.001, 1, 0),
        (MarketSession.REGULAR, 900, 1, 0),
        (MarketSession.REGULAR, 900.001, 1, 1),
        (MarketSession.PRE, 600, 0, 0),
        (MarketSession.PRE, 600.001, 1, 0),
        (MarketSession.PRE, 3600, 1, 0),
        (MarketSession.PRE, 3600.001, 1, 1),
        (MarketSession.POST, 600.001, 1, 0),
        (MarketSession.POST, 3600.001, 1, 1),
        (MarketSession.CLOSED, 80_000, 0, 0),
    ],
)
def test_ages(session: MarketSession, seconds: float, stale: int, gone: int) -> None:
    as_of = MOMENT[session] + 3_600_000
    found = metrics_of(session, as_of, price=1.0, price_time=as_of - seconds * 1000)
    assert (found["stale"], found["gone"]) == (stale, gone)


@pytest.mark.parametrize("price_time", [float(TIMES.pre), None])
@pytest.mark.parametrize(("seconds", "stale", "gone"), [(0, 0, 0), (120, 0, 0), (130, 1, 0), (900, 1, 0), (910, 1, 1)])
def test_ages_count_from_the_start_of_the_session(
    price_time: float | None, seconds: int, stale: int, gone: int
) -> None:
    found = metrics_of(as_of=TIMES.regular + seconds * 1000, price=1.0, price_time=price_time)
    assert (found["stale"], found["gone"]) == (stale, gone)


def test_who_has_left_comes_back_with_a_trade_only() -> None:
    """Not because another session begins."""
    last, later = float(TIMES.post - 20 * 60_000), float(TIMES.post + 1_000)
    universe = universe_of([stock("A", price=1.0, price_time=last)], as_of=TIMES.post - 10_000)
    gone = [computed(universe)["gone"]]
    for session, moment in (("post", TIMES.post + 30_000), ("closed", TIMES.closed + 60_000)):
        merge_scan(universe, universe_frame([], moment, session))
        gone.append(computed(universe)["gone"])
    traded = stock("A", price=1.1, price_time=later, updated=later)
    merge_scan(universe, universe_frame([traded], TIMES.closed, "closed"))
    assert [*gone, computed(universe)["gone"]] == [1.0, 1.0, 1.0, 0.0]


def test_what_nobody_touches_moves_in_steps() -> None:
    """A row must not change because a second has passed."""
    seen: dict[str, Any] = {
        "price": 1.0,
        "price_time": float(NOW),
        "updated": float(NOW),
        "volume": 5e4,
        "average_volume": 1e6,
    }
    moments = (NOW, NOW + 1, NOW + IDLE_STEP_MS - 1, NOW + IDLE_STEP_MS, NOW + IDLE_STEP_MS + 1)
    rvol = [metrics_of(as_of=moment, **seen)["rvol"] for moment in moments]
    assert rvol[0] == rvol[1] == rvol[2] > rvol[3] == rvol[4]


def test_what_nobody_touched_is_not_computed_anew() -> None:
    universe = universe_of([stock("A", price=1.0, prev_close=2.0), stock("B", price=1.0, prev_close=2.0)])
    compute(universe)
    universe.number("price")[:] = 4.0
    compute(universe, np.array([1]))
    assert universe.number("change_percent").tolist() == [-50.0, 100.0]


def test_coverage() -> None:
    universe = universe_of(
        [stock("A", price=1.0), stock("B"), stock("C", price=1.0, test=True), stock("D", price=1.0, kind=None)]
    )
    assert coverage(universe) == (1, 2)


@pytest.mark.parametrize("seconds", [0, 5, 10, 25])
def test_moves_are_taken_from_what_the_feed_had_shown(seconds: int) -> None:
    """Of a symbol that traded a few seconds ago, too."""
    past = {
        310.0: {"price": 80.0, "volume": 1_000.0}, 301.0: {"price": 90.0, "volume": 2_000.0},
        200.0: {"price": 95.0, "volume": 3_000.0}, 62.0: {"price": 96.0, "volume": 4_000.0},
        30.0: {"price": 97.0, "volume": 4_500.0},
    }  # fmt: skip
    seen: dict[str, Any] = {"price_time": float(NOW), "updated": float(NOW), "price": 99.0, "volume": 6_000.0}
    later = {ago + seconds: said for ago, said in past.items()}
    found = metrics_of(as_of=NOW + seconds * SECOND, past=later, **seen)
    assert found["change_1m_percent"] == pytest.approx(300 / 96)
    assert found["change_5m_percent"] == pytest.approx(900 / 90)
    assert found["volume_1m"] == 2_000.0


def test_a_move_is_missing_while_it_is_not_known_what_was_before() -> None:
    found = metrics_of(price=99.0, volume=6_000.0, past={59.0: {"price": 90.0, "volume": 1.0}})
    assert np.isnan([found[name] for name in ("change_1m_percent", "change_5m_percent", "volume_1m")]).all()
    found = metrics_of(price=99.0, volume=6_000.0, past={299.0: {"price": 90.0, "volume": 1.0}})
    assert found["change_1m_percent"] == pytest.approx(10.0)
    assert found["volume_1m"] == 5_999.0
    assert np.isnan(found["change_5m_percent"])


def test_a_symbol_that_stands_still_has_moved_by_nothing() -> None:
    long_ago = float(NOW - 3_000 * SECOND)
    idle: dict[str, Any] = {"price": 5.0, "price_time": long_ago, "updated": long_ago, "volume": 10.0}
    found = metrics_of(past={1_000.0: idle}, **idle)
    assert (found["change_1m_percent"], found["volume_1m"]) == (0.0, 0.0)
    assert found["change_5m_percent"] == 0.0


@pytest.mark.parametrize(
    ("price", "percent"),
    [
        (0.5, 10), (0.99, 10), (1.0, 8), (1.99, 8), (2.0, 6), (3.99, 6), (4.0, 4), (7.99, 4), (8.0, 2), (9.99, 2),
        (10.0, 1), (500.0, 1), (1e300, 1), (-0.5, 10), (-5.0, 10), (-5e9, 10),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1, -1])
def test_the_size_of_a_spike_is_in_units_of_what_counts_at_its_price(price: float, percent: int, sign: int) -> None:
    before = price / (1 + sign * 2 * percent / 100)
    found = metrics_of(price=price, past={65.0: {"price": before}})["spike_size"]
    if price > 0:
        assert found == pytest.approx(2.0)
    else:
        assert np.isnan(found), "nothing is a percentage of it, and it ends no ranking"


def trade(universe: Universe, seconds: int, price: float, volume: float) -> float:
    """A trade so long after NOW; when the latest spike began, in seconds after NOW."""
    moment = NOW + seconds * SECOND
    index = universe.index["A"]
    held = {name: float(universe.number(name)[index]) for name in ("price", "price_time", "volume", "updated")}
    keep_scanning(universe, universe_frame([stock("A", **held)], universe.as_of), moment)
    one = stock("A", price=price, price_time=float(moment), updated=float(moment), volume=volume)
    merge_scan(universe, universe_frame([one], moment))
    return (computed(universe)["spike_time"] - NOW) / SECOND


def test_a_spike_begins_goes_on_ends_and_begins_again() -> None:
    universe = universe_of([stock("A", price=100.0, volume=10_000.0)])
    assert math.isnan(trade(universe, 60, 100.0, 10_000.0))
    assert math.isnan(trade(universe, 95, 102.0, 11_000.0)), "not in volume"
    assert trade(universe, 100, 102.0, 11_001.0) == 100
    assert trade(universe, 115, 103.0, 13_000.0) == 100, "it goes on"
    assert trade(universe, 150, 104.0, 15_000.0) == 100
    assert trade(universe, 240, 104.0, 15_000.0) == 100, "it is over, and was the latest"
    assert trade(universe, 300, 104.0, 15_000.0) == 100
    assert trade(universe, 310, 102.0, 17_000.0) == 310, "another one"


POST = MOMENT[MarketSession.POST]


def after_the_close(*, until_close: float, seconds: float, **fields: Any) -> dict[str, float]:
    """What is computed of a symbol of which a scan some seconds after the close told the volume `until_close`."""
    ago = (POST - TIMES.post) / SECOND - seconds
    return metrics_of(MarketSession.POST, past={ago: {"volume": until_close, "price": 50.0}}, **fields)


@pytest.mark.parametrize(("seconds", "post_volume"), [(-60, 500), (0, 500), (119.999, 500), (120, None), (300, None)])
def test_the_closing_auction_is_of_the_regular_session(seconds: float, post_volume: float | None) -> None:
    found = after_the_close(until_close=1_000.0, seconds=seconds, price=51.0, close=50.0, volume=1_500.0)
    assert found["post_change_percent"] == pytest.approx(2.0)
    np.testing.assert_equal(found["post_volume"], math.nan if post_volume is None else post_volume)


def test_before_its_first_trade_after_the_close_there_is_no_post_market() -> None:
    quiet = float(TIMES.post - 1)
    found = metrics_of(
        MarketSession.POST, price=51.0, close=50.0, volume=1_500.0, price_time=quiet, updated=quiet, past={7200.0: {}}
    )
    assert np.isnan([found["post_change_percent"], found["post_volume"]]).all()
    assert np.isnan(metrics_of(MarketSession.POST, price=51.0)["post_change_percent"]), "no close is known"
    assert np.isnan(metrics_of(price=51.0, close=50.0)["post_change_percent"]), "the session goes on"


def trades_z(trades: float, *, expected: float, spread: float = 0.0, seen: float = 60.0, ago: float = 0.0) -> float:
    """z of a minute in which so many are `expected`; `seen` seconds of it passed until `ago` seconds before now."""
    start = NOW - int((seen + ago) * SECOND)
    share = share_at(start + MINUTE_MS) - share_at(start)
    found = metrics_of(
        price=1.0, minute_start=float(start), minute_trades=trades, updated=float(start + seen * SECOND),
        average_trades=expected / share, trades_deviation=spread / share,
    )  # fmt: skip
    return found["trades_z"]


def test_unusual_trades() -> None:
    """z = (trades - m s) / sqrt(m s + (d s)^2)."""
    assert trades_z(130, expected=100) == pytest.approx(3.0)
    assert trades_z(100, expected=100) == pytest.approx(0.0)
    assert trades_z(70, expected=100) == pytest.approx(-3.0)
    assert trades_z(172, expected=144, spread=16) == pytest.approx(28 / 20)


def test_of_a_minute_that_goes_on_a_part_is_expected() -> None:
    assert trades_z(80, expected=100, seen=30) == pytest.approx(30 / 50**0.5)
    assert trades_z(80, expected=100, seen=15) == pytest.approx(55 / 5)
    assert trades_z(80, expected=100, seen=1) == pytest.approx(55 / 5), "at least a quarter"


def test_few_expected_trades_say_nothing() -> None:
    assert math.isnan(trades_z(80, expected=4.99))
    assert trades_z(80, expected=5.01) == pytest.approx(74.99 / 5.01**0.5)
    assert math.isnan(trades_z(80, expected=19.9, seen=15))


def test_a_minute_that_is_long_over_says_nothing() -> None:
    assert trades_z(130, expected=100, ago=60) == pytest.approx(3.0)
    assert math.isnan(trades_z(130, expected=100, ago=61))


def test_a_thin_baseline() -> None:
    assert [metrics_of(sessions=sessions)["thin_baseline"] for sessions in (1, 9, 10, 20)] == [1, 1, 0, 0]
    assert math.isnan(metrics_of(sessions=0)["thin_baseline"])


@pytest.mark.parametrize(("halt", "marked"), [("halted", 0.0), ("resumed", 1.0), (None, 1.0)])
def test_halted_symbols_are_neither_stale_nor_gone(halt: str | None, marked: float) -> None:
    found = metrics_of(price=1.0, price_time=float(NOW - 1_000 * SECOND), halt=halt)
    assert (found["stale"], found["gone"]) == (marked, marked)


def test_halts_are_of_a_day_and_the_newest_message_has_all_of_them() -> None:
    universe = universe_of([stock("A", halt="halted"), stock("B", halt="halted"), stock("C")])
    assert not merge_halts(universe, Halts(NOW - 86_400_000, True, ["C"], ["halted"], [NOW - 86_400_000]))
    assert merge_halts(universe, Halts(NOW, True, ["B", "NEW"], ["resumed", "halted"], [NOW - 5, NOW - 6]))
    assert universe.text("halt").words(np.arange(4)) == [None, "resumed", None, "halted"]
    np.testing.assert_array_equal(universe.number("halt_time"), [math.nan, NOW - 5, math.nan, NOW - 6])


@pytest.mark.parametrize(("days", "hour"), [(0, 23), (1, 0), (1, 3), (1, 10), (1, 15), (2, 12)])
def test_after_midnight_and_at_the_weekend_the_day_is_still_the_trading_day(days: int, hour: int) -> None:
    as_of = epoch_ms(DAY + dt.timedelta(days=days), dt.time(hour, 10))
    last: dict[str, Any] = {"price_time": float(TIMES.closed - 1), "updated": float(TIMES.closed - 1)}
    past = {(as_of - TIMES.post) / SECOND: {"volume": 1e6}}
    found = metrics_of(
        MarketSession.CLOSED, as_of, price=51.0, close=50.0, volume=2e6, average_volume=1e6, past=past, **last
    )
    assert np.isnan(found["rvol"]), "the market's curve says nothing of a symbol after hours"
    assert found["post_change_percent"] == pytest.approx(2.0)
    assert found["post_volume"] == 1e6
