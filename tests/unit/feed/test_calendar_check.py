from __future__ import annotations

import datetime as dt

import pytest

from gapscan.feed.calendar_check import CalendarCheck
from gapscan.market.sessions import NEW_YORK
from gapscan.obs import Tally
from gapscan.polygon.bodies import ServerStatus
from gapscan.provider import MarketStatus


def status(date: str, clock: str, market: str, **hours: bool) -> MarketStatus:
    """What Polygon says, as the feed hears it."""
    at = dt.datetime.combine(dt.date.fromisoformat(date), dt.time.fromisoformat(clock), NEW_YORK)
    said = ServerStatus(serverTime=at, market=market, **hours)
    return MarketStatus(said.at, said.session)


OPEN = status("2026-11-25", "10:00", "open")
SHUT = status("2026-11-25", "10:00", "closed")  # as on a day of mourning


@pytest.fixture
def check(tally: Tally) -> CalendarCheck:
    return CalendarCheck(tally)


def trouble(tally: Tally) -> int:
    return tally.counts["calendar_disagrees"]


@pytest.mark.parametrize(
    "agreed",
    [
        OPEN,
        status("2026-11-26", "10:00", "closed"),  # Thanksgiving
        status("2026-11-27", "14:00", "extended-hours", afterHours=True),  # a half day
        status("2026-11-27", "17:00", "closed"),
        status("2026-11-25", "08:00", "extended-hours", earlyHours=True),
    ],
)
def test_what_both_know_is_no_trouble(check: CalendarCheck, tally: Tally, agreed: MarketStatus) -> None:
    check.compare(agreed)
    check.compare(agreed)
    assert check.disagreement is None
    assert trouble(tally) == 0


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (SHUT, "the provider says closed, the calendar says regular"),
        (status("2026-11-26", "10:00", "open"), "the provider says regular, the calendar says closed"),
        (status("2026-11-27", "14:00", "open"), "the provider says regular, the calendar says post"),
    ],
)
def test_a_lasting_disagreement_is_said_once(
    check: CalendarCheck, tally: Tally, told: MarketStatus, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    check.compare(told)
    assert (check.disagreement, trouble(tally)) == (None, 0)
    for _ in range(3):
        check.compare(told)
    assert check.disagreement == said
    assert trouble(tally) == 3
    assert [record.getMessage() for record in caplog.records] == [f"{said}; the provider is followed"]


def test_one_scan_at_a_border_is_no_disagreement(check: CalendarCheck, tally: Tally) -> None:
    for one in (SHUT, OPEN, SHUT, OPEN):
        check.compare(one)
    assert (check.disagreement, trouble(tally)) == (None, 0)


def test_a_disagreement_ends(check: CalendarCheck, tally: Tally) -> None:
    for one in (SHUT, SHUT, OPEN):
        check.compare(one)
    assert check.disagreement is None
    assert trouble(tally) == 1
