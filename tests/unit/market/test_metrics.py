from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gapscan.market.metrics import IDLE_STEP_MS, compute, coverage
from gapscan.market.sessions import Session
from gapscan.market.universe import Universe
from tests.support.market import MOMENT, TIMES, share_at, stock, universe_of

NOW = MOMENT[Session.REGULAR]


def metrics_of(session: Session = Session.REGULAR, as_of: int | None = None, **fields: Any) -> dict[str, float]:
    """What is computed for one symbol."""
    universe = universe_of([stock("A", **fields)], session, as_of)
    return computed(universe)


def computed(universe: Universe) -> dict[str, float]:
    compute(universe)
    names = (
        "change_percent", "gap_percent", "change_from_open_percent", "from_high_percent",
        "dollar_volume", "rvol", "gap_indicative", "stale", "gone",
    )  # fmt: skip
    return {name: float(universe.number(name)[0]) for name in names}


def test_by_hand() -> None:
    found = metrics_of(price=105.0, prev_close=100.0, open=102.0, high=110.0, low=101.0, vwap=104.0, volume=3_000.0)
    assert found["change_percent"] == pytest.approx(5.0)
    assert found["gap_percent"] == pytest.approx(2.0)
    assert found["change_from_open_percent"] == pytest.approx(300 / 102)
    assert found["from_high_percent"] == pytest.approx(-500 / 110)
    assert found["dollar_volume"] == 312_000.0
    assert found["gap_indicative"] == 0.0


def test_the_gap_is_indicative_until_the_open_has_printed() -> None:
    before = metrics_of(Session.PRE, price=103.0, prev_close=100.0)
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
    assert np.isnan(metrics_of(Session.PRE, TIMES.pre, volume=1.0, average_volume=1e9)["rvol"])


@pytest.mark.parametrize(
    ("session", "seconds", "stale", "gone"),
    [
        (Session.REGULAR, 120, 0, 0),
        (Session.REGULAR, 120.001, 1, 0),
        (Session.REGULAR, 900, 1, 0),
        (Session.REGULAR, 900.001, 1, 1),
        (Session.PRE, 600, 0, 0),
        (Session.PRE, 600.001, 1, 0),
        (Session.PRE, 3600, 1, 0),
        (Session.PRE, 3600.001, 1, 1),
        (Session.POST, 600.001, 1, 0),
        (Session.POST, 3600.001, 1, 1),
        (Session.CLOSED, 80_000, 0, 0),
    ],
)
def test_ages(session: Session, seconds: float, stale: int, gone: int) -> None:
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


def test_what_nobody_touches_moves_in_steps() -> None:
    """A row must not change because a second has passed."""
    seen = {"price": 1.0, "price_time": float(NOW), "updated": float(NOW), "volume": 5e4, "average_volume": 1e6}
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
