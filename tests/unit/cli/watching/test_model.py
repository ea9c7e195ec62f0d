"""What the live table shows, moment by moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gapscan.client.api import LinkStats, ListView
from gapscan.protocol.messages import Row, State
from gapscan_cli.watching.model import NO_MARK, PRICE_SECONDS, RANK_SECONDS, Frame, Mark, WatchModel
from tests.unit.cli.views import view_of


def model_of(*views: ListView, at: float = 100.0) -> WatchModel:
    """A model that has taken `views`, one a second from `at` on."""
    model = WatchModel("gappers_up")
    for step, view in enumerate(views):
        model.take(view, at + step)
    return model


def marks(frame: Frame) -> dict[str, Mark]:
    return {shown.row["symbol"]: shown.mark for shown in frame.rows if shown.mark != NO_MARK}


def test_needs_a_view() -> None:
    model = WatchModel("gappers_up")
    assert not model.has_view
    with pytest.raises(RuntimeError):
        model.frame(0.0)


def test_first_view_marks_nothing() -> None:
    frame = model_of(view_of({"A": 1.0, "B": 2.0})).frame(100.0)
    assert marks(frame) == {}
    assert [(shown.rank, shown.row["symbol"]) for shown in frame.rows] == [(1, "A"), (2, "B")]


def test_prices_that_move_are_marked_for_a_while() -> None:
    model = model_of(view_of({"A": 1.0, "B": 2.0, "C": 3.0}), view_of({"A": 1.5, "B": 1.5, "C": 3.0}, sequence=2))
    found = marks(model.frame(101.0))
    assert {symbol: mark.price for symbol, mark in found.items()} == {"A": 1, "B": -1}
    assert marks(model.frame(101.0 + PRICE_SECONDS)) == {}


def test_prices_from_and_to_nothing_are_not_marked() -> None:
    model = model_of(view_of({"A": None, "B": 2.0}), view_of({"A": 1.5, "B": None}, sequence=2))
    assert marks(model.frame(101.0)) == {}


def test_only_rows_that_moved_themselves_have_arrows() -> None:
    before = view_of({"A": 1.0, "B": 2.0, "C": 3.0, "D": 4.0})
    after = view_of({"D": 4.0, "A": 1.0, "B": 2.0, "C": 3.0}, sequence=2)
    model = model_of(before, after)
    assert {symbol: mark.moved for symbol, mark in marks(model.frame(101.0)).items()} == {"D": 3}
    assert marks(model.frame(101.0 + RANK_SECONDS)) == {}


def test_new_rows_are_marked() -> None:
    model = model_of(view_of({"A": 1.0}), view_of({"N": 9.0, "A": 1.0}, sequence=2))
    assert marks(model.frame(101.0))["N"].new
    assert "A" not in marks(model.frame(101.0))


def test_a_row_that_left_and_came_back_is_new() -> None:
    steps = ({"A": 1.0, "B": 2.0}, {"B": 2.0}, {"A": 1.0, "B": 2.0})
    model = model_of(*(view_of(prices, sequence=number) for number, prices in enumerate(steps, 1)))
    assert marks(model.frame(102.0))["A"].new


def test_a_new_price_keeps_the_arrow() -> None:
    steps = ({"A": 1.0, "B": 2.0}, {"B": 2.0, "A": 1.0}, {"B": 3.0, "A": 5.0})
    model = model_of(*(view_of(prices, sequence=number) for number, prices in enumerate(steps, 1)))
    found = marks(model.frame(102.0))
    assert sum(1 for mark in found.values() if mark.moved) == 1
    assert all(mark.price == 1 for mark in found.values())


def test_another_epoch_forgets_all_marks() -> None:
    model = model_of(
        view_of({"A": 1.0}), view_of({"N": 9.0, "A": 2.0}, sequence=2), view_of({"Z": 1.0}, sequence=1, epoch="new")
    )
    assert marks(model.frame(102.0)) == {}


def test_age_runs_from_the_last_data() -> None:
    model = model_of(view_of({"A": 1.0}), view_of({"A": 1.0}, as_of=1_795_357_801_000))
    assert model.frame(104.5).age == 3.5


def test_a_heartbeat_that_brings_nothing_new_does_not_make_data_younger() -> None:
    model = model_of(view_of({"A": 1.0}), view_of({"A": 1.0}, link=LinkStats(snapshots=2)))
    assert model.frame(104.5).age == 4.5


def test_a_snapshot_without_heartbeat_has_no_age() -> None:
    model = model_of(view_of({"A": 1.0}, state="stale"))
    frame = model.frame(200.0)
    assert (frame.state, frame.age, frame.reason) == ("stale", None, "no heartbeat yet")
    model.take(view_of({"A": 1.0}), 201.0)
    assert (model.frame(202.0).state, model.frame(202.0).age) == ("live", 1.0)


def test_silence_is_stale_and_ages() -> None:
    frame = model_of(view_of({"A": 1.0}), view_of({"A": 1.0}, state="stale")).frame(110.0)
    assert (frame.state, frame.age, frame.reason) == ("stale", 10.0, "no fresh data")


def test_a_lost_link_is_stale_at_once() -> None:
    model = model_of(view_of({"A": 1.0}))
    model.link(up=False)
    frame = model.frame(100.1)
    assert frame.state == "stale"
    assert "NATS" in frame.reason
    model.link(up=True)
    assert model.frame(100.2).state == "live"


def test_session_is_the_rows_else_the_calendars() -> None:
    assert model_of(view_of({}, as_of=1_795_185_000_000)).frame(100.0).session == "regular"  # Friday 09:30
    assert model_of(view_of({})).frame(100.0).session == "closed"  # Sunday
    assert model_of(view_of({}, as_of=0)).frame(100.0).session == ""


def test_of_a_list_that_is_closed_the_rows_tell_no_session() -> None:
    """It keeps the rows, and their words, of the session in which it was ranked last."""
    bell = 1_795_185_000_000 + 390 * 60_000  # Friday 16:00
    row: Row = {"symbol": "AAA", "session": "regular"}
    cases: list[tuple[State, int, str]] = [("live", bell, "regular"), ("closed", bell, "post"), ("closed", 0, "")]
    for state, as_of, session in cases:
        view = replace(view_of({}, state=state, as_of=as_of), rows=(row,))
        assert model_of(view).frame(100.0).session == session


def test_counts_beside_the_first_snapshot() -> None:
    frame = model_of(view_of({}, link=LinkStats(snapshots=3, holes=2, mismatches=1))).frame(100.0)
    assert (frame.resyncs, frame.holes, frame.mismatches) == (2, 2, 1)
