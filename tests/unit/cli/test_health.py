"""The report of `gapscan status` in words."""

from __future__ import annotations

import pytest
from msgspec import structs

from gapscan.service.account_status import Backfill, Plan
from gapscan.service.lateness import Percentiles
from gapscan.service.problems import feed_problems
from gapscan.service.status import (
    Coverage,
    Curves,
    Details,
    Hot,
    Lateness,
    ListReport,
    Reference,
    ServiceStatus,
    StatusReport,
)
from gapscan_cli.health import report_text

STAGES = {"exchange_to_feed": Percentiles(2.04, 2.31), "feed_to_ranked": Percentiles(0.02, 0.08)}


def _report(**changes: object) -> StatusReport:
    lists = {"winners": ListReport("live", "abc", 12, 917, 915, 900, 1, 917, 123_456)}
    services = {"feed": ServiceStatus(True, [{"pid": 7, "host": "h", "last_error": ""}])}
    report = StatusReport(
        healthy=True,
        simulated=False,
        session="pre",
        as_of=1_795_357_800_000,
        hot=Hot(284, 283, 180, 31.4, 2.3, 1),
        coverage=Coverage(9, 10),
        reference=Reference(10_950, 11_000, True, "2026-11-20", 20),
        curves=Curves(
            "ready",
            "2026-11-20",
            18,
            missing=1,
            bad_files=1,
            bad_lines=3,
            symbols=10_900,
            ranker_date="2026-11-20",
            ranker_symbols=10_900,
        ),
        details=Details(180, 200, float="ok"),
        backfill=Backfill(180, 0, 0, "ok"),
        plan=Plan("given", "given", "given", "given"),
        lateness=Lateness("live", stages=STAGES),
        lists=lists,
        services=services,
    )
    for name, value in changes.items():
        setattr(report, name, value)
    return report


@pytest.mark.parametrize(
    ("backfill", "line"),
    [
        (Backfill(3, 41, 2, "ok"), "missed    filled in with bars of 3 symbols; 41 requests to make, 2 in vain\n"),
        (Backfill(0, 0, 0, "not in the plan"), "missed    filled in with bars of 0 symbols; not in the plan\n"),
        (Backfill(99, 0, 0, "ok"), ""),
        (Backfill(0, 0, 0, "off"), ""),
    ],
)
def test_what_was_missed_has_a_line_while_it_is_missing(backfill: Backfill, line: str) -> None:
    text = report_text(_report(backfill=backfill))
    assert line in text if line else "missed" not in text


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (Plan("withheld", "given", "withheld", "given"), "plan      withholds quotes, halts\n"),
        (Plan("given", "given", "given", "given", 900.0), "plan      is 15 min late\n"),
        (Plan("given", "given", "unknown", "given"), ""),
    ],
)
def test_what_the_plan_withholds(plan: Plan, line: str) -> None:
    text = report_text(_report(plan=plan))
    assert line in text if line else "plan  " not in text


def test_status_for_people() -> None:
    text = report_text(_report())
    assert text.startswith("healthy\n")
    assert "9 of 10 symbols have a price today\n" in text
    assert "reference of 2026-11-20   10950 of 11000 symbols known, averages of 20 sessions\n" in text
    assert "curves    of 18 sessions   10900 symbols, 1 sessions without a file, 1 bad files, 3 bad lines\n" in text
    assert "details   180 of 200 symbols in lists\n" in text
    assert "284 symbols desired, 283 confirmed, 180 receiving   31 bars/s, newest 2.3 s old   1 reconnects" in text
    assert "lateness  exchange to feed 2.04 s (2.31), feed to ranked 0.02 s (0.08)\n" in text
    assert "feed      ok       pid 7" in text
    winners = next(line for line in text.splitlines() if line.startswith("winners"))
    assert winners.split() == ["winners", "live", "12", "917", "2", "-17", "123.5KB"]


def test_status_says_what_is_left_out_because_of_its_time() -> None:
    text = report_text(_report(coverage=Coverage(0, 60, past=58, future=2)))
    assert "0 of 60 symbols have a price today; left out: 58 of an earlier day, 2 of the future\n" in text


def test_breaks_of_the_live_link_are_shown() -> None:
    entry = {"from": 1_000, "to": 3_500, "reason": "closed", "symbols": 25, "repaired": "fresh session"}
    services = {"feed": ServiceStatus(True, [{"link": {"ledger": [entry, {**entry, "to": None}]}}])}
    lines = [line for line in report_text(_report(services=services)).splitlines() if "link break" in line]
    assert lines[0].endswith("closed, 2.5 s, 25 symbols, fresh session")
    assert "still open" in lines[1]


def test_what_is_missing_of_the_symbols_is_told() -> None:
    details = Details(180, 200, waiting=15, failed=2, unknown=3, float="not in the plan")
    text = report_text(_report(details=details, reference=Reference(0, 11_000, False, None, 0)))
    (line,) = [line for line in text.splitlines() if line.startswith("details")]
    assert line.endswith("lists, 15 waiting, 2 failed, 3 unknown to the provider, float not in the plan")
    assert "reference none yet, still loading   0 of 11000 symbols known" in text


def test_curves_are_told_of_to_those_who_have_flat_files() -> None:
    assert "curves" not in report_text(_report(curves=Curves()))
    text = report_text(_report(curves=Curves("reading", "2026-11-20", 3, symbols=10_000)))
    assert "curves    of 3 sessions, reading   10000 symbols\n" in text
    assert "curves    none yet, no files   0 symbols\n" in report_text(_report(curves=Curves("no files")))
    ready = Curves("ready", "2026-11-20", 20, symbols=10_000)
    assert "   10000 symbols; the ranker has none\n" in report_text(_report(curves=ready))
    late = structs.replace(ready, ranker_date="2026-11-19", ranker_symbols=9_000)
    assert "   10000 symbols; the ranker has 9000 symbols of 2026-11-19\n" in report_text(_report(curves=late))
    (problem,) = feed_problems({"curves": {"last_error": "no file can be read"}})
    assert problem == "feed: there are no volume curves of today: no file can be read"


def test_trouble_for_people() -> None:
    text = report_text(_report(healthy=False, simulated=True, problems=["no feed is running"], lists={}, services={}))
    assert text.startswith("NOT HEALTHY   SIMULATED\n")
    assert "problem: no feed is running\n" in text
    assert "no service answers" in text
    assert "no list is published" in text


def test_a_delayed_feed_is_said_first_and_is_no_problem() -> None:
    text = report_text(_report(lateness=Lateness("delayed", delayed_by=902.0)))
    assert text.startswith("healthy   DELAYED by 15")


def test_stale_data_are_a_problem_with_their_reason() -> None:
    (problem,) = feed_problems({"lateness": {"state": "stale", "reason": "no bars for 4 s"}})
    assert problem == "feed: the data are stale: no bars for 4 s"
