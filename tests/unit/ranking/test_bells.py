"""What a bell changes and what it does not, at, before and after each of them, on full, half and DST days."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from gapscan.lists.delta import Rows, symbols_of
from gapscan.market.bars import merge_bars
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MINUTE_MS, SessionTimes, open_ramp, session_at, session_times, trades_end
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Bars, ListDefinition, VolumeCurves
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, compile_list, shipped_lists
from tests.support.market import reference_frame, stock, universe_frame

FULL, HALF, SPRING, AUTUMN = (
    dt.date.fromisoformat(day) for day in ("2024-03-08", "2024-11-29", "2024-03-11", "2024-11-04")
)
DAYS = [FULL, HALF, SPRING, AUTUMN]
SECOND = 1000
KNOWN: dict[str, Any] = {"prev_close": 100.0, "average_volume": 1e6, "sessions": 20}


def at(date: dt.date, *stocks: dict[str, Any], moment: int, universe: Universe | None = None) -> Universe:
    """A universe in which the stocks have just traded."""
    if universe is None:
        universe = Universe()
        merge_reference(universe, reference_frame([stock(**one) for one in stocks], date))
    timed = [stock(**({"price_time": float(moment), "updated": float(moment)} | one)) for one in stocks]
    merge_scan(universe, universe_frame(timed, moment, str(session_at(moment))))
    return universe


def curves(date: dt.date, symbol: str) -> VolumeCurves:
    """As much every minute of the day, from 04:00 to 20:00."""
    return VolumeCurves(1, 1, str(date), [240, 1200], [symbol], [20], [[0, 960_000]])


def source(date: dt.date, moment: int, *, own: bool) -> tuple[str, bool]:
    """By what the relative volume is, and whether there is one."""
    universe = at(date, {"symbol": "A", "price": 100.0, "volume": 1e5, **KNOWN}, moment=moment)
    if own:
        universe.curves.merge(curves(date, "A"))
    Scanner(universe, shipped_lists()).scan({})
    (by,), (rvol,) = universe.number("rvol_by"), universe.number("rvol")
    return ("own", "market", "none")[int(by)], not math.isnan(rvol)


def bells(date: dt.date) -> SessionTimes:
    return session_times(date)


@pytest.mark.parametrize("date", DAYS, ids=str)
@pytest.mark.parametrize("bell", ["pre", "regular", "post", "closed"])
@pytest.mark.parametrize("after", [-30, -1, 0, 1, 30])
def test_relative_volume_says_by_what_it_is(date: dt.date, bell: str, after: int) -> None:
    times = bells(date)
    moment = int(getattr(times, bell)) + after * SECOND
    if moment < times.pre:
        return  # nothing has traded yet
    regular = times.regular <= moment < times.post
    by_market = source(date, moment, own=False)
    assert by_market == (("market", True) if regular else ("none", False))
    by_own = source(date, moment, own=True)
    enough = moment >= times.pre + MINUTE_MS  # a thousand shares are usual by then
    counts = enough and (date != HALF or moment < times.post) and moment <= trades_end(date)
    assert by_own == (("own", True) if counts else ("none", False))


@pytest.mark.parametrize("date", DAYS, ids=str)
def test_the_way_from_before_the_open_to_after_it(date: dt.date) -> None:
    opened = session_times(date).regular
    minutes = [-330.0, -1 / 60, 0, 1 / 60, 5, 5 + 1 / 60, 17.5, 30 - 1 / 60, 30, 30 + 1 / 60, 600]
    found = [open_ramp(int(opened + minute * MINUTE_MS), date) for minute in minutes]
    assert found == pytest.approx([0, 0, 0, 0, 0, 1 / 1500, 0.5, 1 - 1 / 1500, 1, 1, 1])


def gapper(volume: float) -> dict[str, Any]:
    return {"symbol": "A", "price": 110.0, "high": 110.0, "volume": volume, "vwap": 105.0, **KNOWN}


@pytest.mark.parametrize("date", DAYS, ids=str)
@pytest.mark.parametrize(
    ("minute", "least"), [(-1, 50_000), (0, 50_000), (5, 50_000), (17.5, 75_000), (30, 100_000), (200, 100_000)]
)
def test_the_threshold_of_gappers_moves_evenly(date: dt.date, minute: float, least: float) -> None:
    moment = int(session_times(date).regular + minute * MINUTE_MS)
    opened = {"open": 110.0} if minute >= 0 else {}
    shown = [
        bool(Scanner(at(date, gapper(volume) | opened, moment=moment), shipped_lists()).scan({})["gappers_up"])
        for volume in (least - 1, least)
    ]
    assert shown == [False, True]


@pytest.mark.parametrize("date", DAYS, ids=str)
def test_who_qualified_before_the_open_stays_through_it_while_its_volume_grows(date: dt.date) -> None:
    """Every ten seconds from 09:25 to 10:05, by volume alone and by relative volume."""
    opened = session_times(date).regular
    universe, scanner, rows = None, None, dict[str, Rows]()
    for moment in range(opened - 5 * MINUTE_MS, opened + 35 * MINUTE_MS, 10 * SECOND):
        after = max(0, moment - opened) / MINUTE_MS
        seen = gapper(60_000 + 7_000 * after) | ({"open": 110.0} if after else {})
        universe = at(date, seen, moment=moment, universe=universe)
        scanner = scanner or Scanner(universe, shipped_lists())
        rows = dict(scanner.scan(rows))
        assert symbols_of(rows["gappers_up"]) == symbols_of(rows["winners"]) == ["A"], after


@pytest.mark.parametrize("date", DAYS, ids=str)
def test_no_row_of_the_day_leaves_at_the_close(date: dt.date) -> None:
    close = session_times(date).post
    share = 0.9  # of the usual day, in each of which it has traded as much as at two and a half times its pace
    seen = {"symbol": "A", "price": 110.0, "open": 101.0, "vwap": 105.0, "volume": 2.5 * share * 1e6, **KNOWN}
    universe, rows = None, dict[str, Rows]()
    scanner: Scanner | None = None
    for moment in (close - 10 * SECOND, close - SECOND, close, close + SECOND, close + MINUTE_MS):
        universe = at(date, seen, moment=moment, universe=universe)
        scanner = scanner or Scanner(universe, shipped_lists())
        rows = dict(scanner.scan(rows))
        assert [symbols_of(rows[name]) for name in ("winners", "high_volume", "most_active")] == [["A"]] * 3, moment


@pytest.mark.parametrize("minute", [-60, 1, 100, 420])
def test_a_first_day_of_trading(minute: int) -> None:
    """No close before: in no list by change, but in those by volume, and in its own."""
    moment = session_times(FULL).regular + minute * MINUTE_MS
    seen = {"symbol": "NEW", "price": 40.0, "open": 38.0, "volume": 5e6, "vwap": 39.0, "sessions": 0}
    rows = Scanner(at(FULL, seen, moment=moment), shipped_lists()).scan({})
    assert {name for name, found in rows.items() if found} == {"most_active", "new_listings"}
    (row,) = rows["new_listings"]
    assert (row["new_listing"], row["change_percent"], row["rvol_source"]) == (True, None, "none")


def test_a_baseline_that_is_not_there_yet_makes_no_first_day() -> None:
    moment = session_times(FULL).regular + MINUTE_MS
    seen: dict[str, Any] = {"symbol": "A", "price": 40.0, "volume": 5e6}
    universe = Universe()
    merge_reference(universe, structs.replace(reference_frame([stock(**seen)], FULL), complete=False))
    at(FULL, seen, moment=moment, universe=universe)
    assert not Scanner(universe, shipped_lists()).scan({})["new_listings"]


@pytest.mark.parametrize(
    ("gate", "shown"),
    [("default", ["A"]), ("none", ["A", "ETF", "P"]), ('type == "ETF"', ["ETF"]), ("price < 1", ["P"])],
)
def test_a_list_may_have_a_gate_of_its_own(gate: str, shown: list[str]) -> None:
    moment = session_times(FULL).regular + MINUTE_MS
    stocks = [{"symbol": name, "price": 0.5 if name == "P" else 40.0, "volume": 5e6} for name in ("A", "ETF", "P")]
    stocks[1]["kind"] = "ETF"
    lists = shipped_lists()
    (most,) = [spec for spec in lists.specs if spec.name == "most_active"]
    mine = structs.replace(most.definition, name="mine", gate=gate, where="volume > 0", sort=["symbol"])
    universe = at(FULL, *stocks, moment=moment)
    rows = Scanner(universe, ListSet(lists.gate, (*lists.specs, compile_list(mine)))).scan({})
    assert rows["mine"].symbols == shown
    assert rows["most_active"].symbols == ["A"], "the others have theirs"
    assert np.isnan(universe.number("change_percent")).all()


def in_night() -> ListDefinition:
    return ListDefinition("owls", "", "price > 1", ["-change_percent"], 10, ["night"])


MONDAY, TUESDAY = dt.date(2024, 3, 11), dt.date(2024, 3, 12)  # the clocks had gone forward on Sunday
OF_MONDAY: dict[str, Any] = {"symbol": "A", "price": 110.0, "open": 101.0, "volume": 9e6, "vwap": 105.0, **KNOWN}
EVENING = session_times(TUESDAY).night


@pytest.mark.parametrize("after", [0, 1, 30, 3 * 3600, 7 * 3600, 7.5 * 3600 - 1])
def test_in_the_night_nothing_of_the_day_that_is_over_moves(after: float) -> None:
    """Whatever the provider's snapshot says: lists are closed, and the day's values stand until the clear."""
    universe = at(MONDAY, OF_MONDAY, moment=EVENING - 1)
    scanner = Scanner(universe, shipped_lists())
    assert scanner.scan({})["winners"]
    late = stock(**(OF_MONDAY | {"price": 1.0, "price_time": EVENING - 1.0, "updated": EVENING - 1.0, "volume": 1.0}))
    merge_scan(universe, universe_frame([late], int(EVENING + after * SECOND), "closed"))
    assert (universe.session, universe.date) == ("night", MONDAY)
    assert scanner.scan({}) == {}
    assert universe.number("prev_close")[0] == 100.0


def test_what_trades_in_the_night_is_of_the_next_day() -> None:
    """Against the close of today, and in the lists that ask for the night."""
    universe = at(MONDAY, OF_MONDAY, moment=EVENING - 1)
    scanner = Scanner(universe, ListSet(shipped_lists().gate, (*shipped_lists().specs, compile_list(in_night()))))
    scanner.scan({})
    traded = {"price": 121.0, "prev_close": 110.0, "price_time": EVENING + 60_000.0, "updated": EVENING + 60_000.0}
    merge_scan(universe, universe_frame([stock("A", **traded)], EVENING + 61 * SECOND, "closed"))
    ((name, rows),) = scanner.scan({}).items()
    assert (name, universe.date, universe.session) == ("owls", TUESDAY, "night")
    assert [(row["change_percent"], row["volume"], row["session"]) for row in rows] == [(10.0, None, "night")]
    opened = session_times(TUESDAY).pre
    merge_scan(universe, universe_frame([stock("A", **traded)], opened, "pre"))
    assert universe.date == TUESDAY, "the night and the day after it are one"
    assert "owls" not in scanner.scan({})


def test_a_bar_of_the_night_moves_nothing_of_the_day_before() -> None:
    universe = at(MONDAY, OF_MONDAY, moment=EVENING - 1)
    none: list[float | None] = [None]
    bar = Bars(False, ["A"], [EVENING], [EVENING + SECOND], [5.0], [5.0], [5.0], [5.0], [1.0], none, none, none)
    assert merge_bars(universe, bar) == 0
    assert universe.number("price")[0] == 110.0
    assert universe.session == "post"


def test_a_list_of_all_sessions_that_was_never_ranked_may_be_ranked_in_the_night() -> None:
    """Whoever begins in the evening sees how the day ended."""
    universe = at(MONDAY, OF_MONDAY | {"updated": EVENING - 1.0, "price_time": EVENING - 1.0}, moment=EVENING - 1)
    merge_scan(universe, universe_frame([stock(**OF_MONDAY)], EVENING + SECOND, "closed"))
    scanner = Scanner(universe, shipped_lists())
    assert symbols_of(scanner.scan({}, {"winners"})["winners"]) == ["A"]
    assert scanner.scan({}) == {}
