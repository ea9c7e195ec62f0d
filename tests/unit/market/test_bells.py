"""The rules of the day at each bell, just before and just after it: on a full day, a half day, and on the days around
both changes of the clocks. One table; a rule is a function of the moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from gapscan.lists.delta import symbols_of
from gapscan.market.computed import compute, open_ramp_of
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import session_at, trading_date
from gapscan.market.universe import Universe
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import parse_lists, shipped_lists
from tests.support.market import reference_frame, stock, universe_frame

SECOND: Final = 1_000
MINUTE: Final = 60_000

# UTC, of clear, pre-market, open, close and the end of post-market; beyond 24 hours: the next day.
BELLS: Final[dict[str, tuple[dt.date, tuple[float, ...]]]] = {
    "full": (dt.date(2024, 2, 22), (8.5, 9, 14.5, 21, 25)),
    "before spring": (dt.date(2024, 3, 8), (8.5, 9, 14.5, 21, 25)),
    "after spring": (dt.date(2024, 3, 11), (7.5, 8, 13.5, 20, 24)),
    "half": (dt.date(2024, 7, 3), (7.5, 8, 13.5, 17, 21)),
    "half in winter": (dt.date(2024, 11, 29), (8.5, 9, 14.5, 18, 22)),
    "before autumn": (dt.date(2024, 11, 1), (7.5, 8, 13.5, 20, 24)),
    "after autumn": (dt.date(2024, 11, 4), (8.5, 9, 14.5, 21, 25)),
}
NAMES: Final = ("clear", "pre", "regular", "post", "closed")
NIGHT_AFTER: Final = ("full", "after spring", "after autumn")  # begins as post-market ends: no half day, no weekend
NO_NIGHT_AFTER: Final = tuple(name for name in BELLS if name not in NIGHT_AFTER)
NIGHT_MS: Final = 8 * 3_600_000


class Day(NamedTuple):
    """A trading day, and its bells in epoch ms."""

    date: dt.date
    clear: int
    pre: int
    regular: int
    post: int
    closed: int

    @classmethod
    def of(cls, name: str) -> Day:
        """The day of that name."""
        date, hours = BELLS[name]
        midnight = dt.datetime.combine(date, dt.time(), dt.UTC).timestamp()
        return cls(date, *(round((midnight + hour * 3600) * 1000) for hour in hours))


def scan(universe: Universe, now: int, traded: int | None = None, **told: Any) -> Universe:
    """One symbol as a scan of `now` has it: its last trade at `traded`, by default now, at 10 dollars."""
    at = float(now if traded is None else traded)
    one = {"price": 10.0, "price_time": at, "updated": at, "prev_close": 10.0, "volume": 50_000.0, **told}
    assert merge_scan(universe, universe_frame([stock("A", **one)], now, session_at(now).value))
    compute(universe)
    return universe


def fresh(day: Day) -> Universe:
    """With a usual volume of a million shares, over 20 sessions."""
    universe = Universe()
    known = stock("A", average_volume=1e6, average_trades=1e4, trades_deviation=1e3, sessions=20, ssr_carried=0.0)
    merge_reference(universe, reference_frame([known], day.date))
    return universe


def value(universe: Universe, name: str) -> float | None:
    found = float(universe.number(name)[0])
    return None if np.isnan(found) else round(found, 6)


def session(day: Day, now: int) -> Any:
    return session_at(now).value


def of_the_day(day: Day, now: int) -> Any:
    return trading_date(now) == day.date


def rvol_source(day: Day, now: int) -> Any:
    return ("own", "market", "none")[int(value(scan(fresh(day), now), "rvol_by") or 0)]


def pre_high(day: Day, now: int) -> Any:
    """A trade of then at 12, after one of 11 in pre-market."""
    universe = scan(fresh(day), day.regular - MINUTE, price=11.0)
    return value(scan(universe, now, price=12.0), "pre_high")


def high(day: Day, now: int) -> Any:
    """The same, where the official open was at 10: pre-market's high counts no more from the first regular trade on."""
    universe = scan(fresh(day), day.regular - MINUTE, price=11.0)
    opened: dict[str, Any] = {"open": 10.0, "high": 10.5, "low": 10.0} if now >= day.regular else {}
    return value(scan(universe, now, **opened), "high")


def gap_indicative(day: Day, now: int) -> Any:
    opened: dict[str, Any] = {"open": 10.0, "high": 10.5, "low": 10.0} if now >= day.regular else {}
    return value(scan(fresh(day), now, **opened), "gap_indicative") == 1.0


def restricted(day: Day, now: int) -> Any:
    """A price of a tenth below the close before, then."""
    opened: dict[str, Any] = {"open": 9.0, "high": 9.5, "low": 8.9} if now >= day.regular else {}
    return value(scan(fresh(day), now, price=8.9, **opened), "ssr") == 1.0


def ramp(day: Day, now: int) -> Any:
    return round(open_ramp_of(scan(fresh(day), now)), 3)


def post_change(day: Day, now: int) -> Any:
    """A trade of then at 11, where the close so far is 10."""
    return value(scan(fresh(day), now, price=11.0, close=10.0), "post_change_percent")


def post_volume(day: Day, now: int) -> Any:
    """40,000 shares more by then, and 50,000 more a while later."""
    universe = scan(fresh(day), day.post - MINUTE)
    scan(universe, now, volume=90_000.0)
    return value(scan(universe, now + 10 * MINUTE, volume=140_000.0), "post_volume")


def stale(traded: int) -> Rule:
    """Of a symbol that traded so long after the session's bell, or before it."""

    def found(day: Day, now: int, bell: int) -> Any:
        return value(scan(fresh(day), now, bell + traded), "stale") == 1.0

    return found


def gone(traded: int) -> Rule:
    """The same, looked at every half minute from five minutes before the bell on."""

    def found(day: Day, now: int, bell: int) -> Any:
        universe = fresh(day)
        for moment in range(bell - 5 * MINUTE, now, MINUTE // 2):
            scan(universe, moment, bell + traded)
        return value(scan(universe, now, bell + traded), "gone") == 1.0

    return found


def told_of(day: Day, now: int) -> Any:
    """A scan of after the clear that still has a trade of then."""
    return value(scan(fresh(day), day.clear + MINUTE, now), "price")


def open_lists(day: Day, now: int) -> Any:
    specs = shipped_lists().specs
    shut = {spec.name for spec in specs if not spec.is_open(session_at(now))}
    return shut & NIGHT_SHUT


UP: Final = parse_lists(
    """
    gate = "price > 0"
    [lists.up]
    description = "Up."
    where = "change_percent >= 5"
    sort = ["symbol"]
    settle = 10
    """,
    "a test",
)


def settling(day: Day, now: int) -> Any:
    """Whether a row is in the list whose condition fails, as it does since two seconds before the bell."""
    bell = min((day.pre, day.regular, day.post), key=lambda bell: abs(bell - now))
    universe = fresh(day)
    rows: dict[str, Any] = {}
    scanner = Scanner(universe, UP)
    for moment, price in ((bell - 4 * SECOND, 11.0), (bell - 2 * SECOND, 10.0), (now, 10.0)):
        rows.update(scanner.scan(rows) if scan(universe, moment, price=price) else {})
    return symbols_of(rows["up"]) == ["A"]


@pytest.mark.parametrize("again", [False, True])
def test_reference_data_of_the_day_that_is_over_are_not_the_nights(again: bool) -> None:
    """A link that comes back in the night reads them again, when something has traded already."""
    day, before = dt.date(2024, 2, 22), dt.date(2024, 2, 21)
    night = Day.of("full").pre - NIGHT_MS
    told = stock("A", split=True, known_close=5.0, ssr_carried=1.0, atr=0.3, average_volume=1e6, sessions=20)
    universe = Universe()
    merge_reference(universe, reference_frame([told], before))
    scan(universe, night + MINUTE, price=10.5)
    assert universe.date == day
    if again:
        merge_reference(universe, reference_frame([told], before))
        scan(universe, night + 2 * MINUTE, price=10.5)
    found = [value(universe, name) for name in ("prev_close", "change_percent", "split_today", "ssr_carried")]
    assert found == [10.0, 5.0, None, None]
    assert (value(universe, "atr"), value(universe, "average_volume")) == (0.3, 1e6)


Rule = Callable[..., Any]
SOON: Final = (-1, 0, 1)
STEP: Final = (-10 * SECOND, 0, 10 * SECOND)  # what the time alone changes moves in steps
REGULAR_SHUT: Final = {"post_market"}
NIGHT_SHUT: Final = {"gappers_up", "reversals", "post_market", "premarket_high_break", "winners", "ssr"}
CLOSED_SHUT: Final = {"gappers_up", "reversals", "post_market", "premarket_high_break", "ssr"}
PRE_SHUT: Final = {"reversals", "post_market", "premarket_high_break"}
POST_SHUT: Final = {"gappers_up", "reversals", "premarket_high_break"}


class Case(NamedTuple):
    """What a rule gives just before, at, and just after a moment, which is so long after a bell."""

    rule: Rule
    bell: str
    expected: tuple[Any, Any, Any]
    after: int = 0
    off: tuple[int, int, int] = SOON
    days: tuple[str, ...] = tuple(BELLS)


TABLE: Final = {
    "the day begins at the clear": Case(of_the_day, "clear", (False, True, True)),
    "what is of before the night is not told": Case(told_of, "pre", (None, None, 10.0), -NIGHT_MS),  # at it: the last
    "what is of the night is told": Case(told_of, "clear", (10.0, 10.0, 10.0)),
    "pre-market begins": Case(session, "pre", ("night", "pre", "pre")),
    "the regular session begins": Case(session, "regular", ("pre", "regular", "regular")),
    "post-market begins": Case(session, "post", ("regular", "post", "post")),
    "post-market ends": Case(session, "closed", ("post", "closed", "closed"), days=NO_NIGHT_AFTER),
    "post-market ends, the night begins": Case(session, "closed", ("post", "night", "night"), days=NIGHT_AFTER),
    "lists at pre-market's bell": Case(open_lists, "pre", (NIGHT_SHUT, PRE_SHUT, PRE_SHUT)),
    "lists at the open": Case(open_lists, "regular", (PRE_SHUT, REGULAR_SHUT, REGULAR_SHUT)),
    "lists at the close": Case(open_lists, "post", (REGULAR_SHUT, POST_SHUT, POST_SHUT)),
    "lists at the end": Case(open_lists, "closed", (POST_SHUT, CLOSED_SHUT, CLOSED_SHUT), days=NO_NIGHT_AFTER),
    "lists in the night": Case(open_lists, "closed", (POST_SHUT, NIGHT_SHUT, NIGHT_SHUT), days=NIGHT_AFTER),
    "the market's curve begins with the open": Case(rvol_source, "regular", ("none", "market", "market")),
    "and ends with the close": Case(rvol_source, "post", ("market", "none", "none")),
    "pre-market's high ends with the open": Case(pre_high, "regular", (12.0, 11.0, 11.0)),
    "the session's high begins with it": Case(high, "regular", (11.0, 10.5, 10.5)),
    "the gap is final with the official open": Case(gap_indicative, "regular", (True, False, False)),
    "short sales are restricted by regular lows": Case(restricted, "regular", (False, True, True)),
    "thresholds stay for five minutes": Case(ramp, "regular", (0.0, 0.0, 0.007), 5 * MINUTE, STEP),
    "and are there after thirty": Case(ramp, "regular", (0.993, 1.0, 1.0), 30 * MINUTE, STEP),
    "what trades after the close": Case(post_change, "post", (None, 10.0, 10.0)),
    "the closing auction is of the session": Case(post_volume, "post", (50_000.0, 90_000.0, 90_000.0), 2 * MINUTE),
    "silent for ten minutes of pre-market": Case(stale(-MINUTE), "pre", (False, False, True), 10 * MINUTE, STEP),
    "silent for two minutes of the session": Case(stale(-MINUTE), "regular", (False, False, True), 2 * MINUTE, STEP),
    "silent for two minutes since a trade": Case(stale(MINUTE), "regular", (False, False, True), 3 * MINUTE, STEP),
    "silent for ten minutes of post-market": Case(stale(-MINUTE), "post", (False, False, True), 10 * MINUTE, STEP),
    "the open counts as a trade": Case(stale(-11 * MINUTE), "regular", (True, False, False), 0, STEP),
    "so does the close": Case(stale(-3 * MINUTE), "post", (True, False, False), 0, STEP),
    "nobody is stale in the night": Case(stale(-11 * MINUTE), "closed", (True, False, False), 0, STEP),
    "gone an hour into pre-market": Case(gone(-MINUTE), "pre", (False, False, True), 60 * MINUTE, STEP),
    "gone a quarter of an hour after the open": Case(gone(-MINUTE), "regular", (False, False, True), 15 * MINUTE, STEP),
    "gone an hour after the close": Case(gone(-MINUTE), "post", (False, False, True), 60 * MINUTE, STEP),
    "who had left before the open stays out": Case(gone(-62 * MINUTE), "regular", (True, True, True), 0, STEP),
    "who had left before the close stays out": Case(gone(-16 * MINUTE), "post", (True, True, True), 0, STEP),
    "who had not, does not leave at it": Case(gone(-14 * MINUTE), "post", (False, False, False), 0, STEP),
    "nobody settles over the open": Case(settling, "regular", (True, False, False)),
    "nor over the close": Case(settling, "post", (True, False, False)),
}


@pytest.mark.parametrize(("rule", "name"), [(rule, name) for rule, case in TABLE.items() for name in case.days])
def test_at_the_bell(rule: str, name: str) -> None:
    case, day = TABLE[rule], Day.of(name)
    bell = getattr(day, case.bell)
    needed = (day, bell)[: 1 + (case.rule.__name__ == "found")]
    found = tuple(case.rule(needed[0], bell + case.after + off, *needed[1:]) for off in case.off)
    assert found == case.expected
