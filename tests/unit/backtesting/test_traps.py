"""What minute bars are taken to say, by hand, in both forms: the rules of docs/backtest.md easy to get wrong."""

from __future__ import annotations

from typing import Any

import pytest

from gapscan.backtesting.one_day import DayTask, Form, backtest_day
from gapscan.backtesting.variants import variants_of
from gapscan.market.sessions import session_times
from gapscan.protocol.messages import ListDefinition
from tests.support.past_days import DAY, Bar, flat, market_day

OPEN = 330  # minutes of pre-market before the regular session


@pytest.fixture(params=["fast", "plain"])
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.param
    return found


def entries(
    bars: list[Bar], form: Form, where: str = "True", sort: str = "symbol", gate: str = "none"
) -> list[dict[str, Any]]:
    """The entries into a list of that condition."""
    wanted = ListDefinition("made", "", where, [sort], 10, [], gate=gate, idle="stay", settle=0.0)
    table = backtest_day(market_day(bars), DayTask("", DAY, tuple(variants_of([wanted])), form=form)).entries
    assert table is not None
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def moment_of(minute: int) -> int:
    return session_times(DAY).pre + minute * 60_000


def at(bars: list[Bar], minute: int, form: Form, symbol: str = "A") -> dict[str, Any]:
    """The row of a symbol after so many minutes: it enters there, since before and after the condition fails."""
    moment = moment_of(minute)
    (row,) = entries(bars, form, f"now >= {moment} and now < {moment + 60_000} and symbol == '{symbol}'")
    return row


def test_a_bar_that_ended_exactly_five_minutes_ago_counts_then(form: Form) -> None:
    """It was observed until the last millisecond before: at 401, the price of 396 is the close of the bar from 395."""
    bars = [flat("A", 394, 10), flat("A", 395, 20), flat("A", 396, 40), flat("A", 400, 22)]
    assert at(bars, 401, form)["change_5m_percent"] == pytest.approx(10)
    assert at(bars, 402, form)["change_5m_percent"] == pytest.approx(-45)


def test_a_minute_ago_is_the_bar_before_the_last_one(form: Form) -> None:
    bars = [flat("A", 394, 10), flat("A", 398, 16), flat("A", 399, 20), flat("A", 400, 22)]
    assert at(bars, 401, form)["change_1m_percent"] == pytest.approx(10)


def test_the_volume_of_a_minute_is_that_of_one_minute(form: Form) -> None:
    bars = [flat("A", 390, 10, 1_000), flat("A", 399, 10, 200), flat("A", 400, 10, 30)]
    assert at(bars, 401, form)["volume_1m"] == 30
    assert at(bars, 400, form)["volume_1m"] == 200
    assert at(bars, 402, form)["volume_1m"] == 0


@pytest.mark.parametrize("sort", ["-vwap", "-dollar_volume", "-volume", "-gap_percent", "-rvol"])
def test_what_is_zero_by_zero_ranks_below_every_number(form: Form, sort: str) -> None:
    """A symbol whose bars have no volume has no price, and what has none passes no gate."""
    bars = [flat("A", 340, 10), flat("B", 340, 50, 0.0), flat("B", 341, 90, 0.0), flat("C", 340, 11, 2000)]
    assert {row["symbol"] for row in entries(bars, form, sort=sort, gate="default")} == {"A", "C"}
    last = entries(bars, form, "volume > 0 or symbol == 'B' and now >= " + str(moment_of(341)), sort)
    assert [row["rank"] for row in last if row["symbol"] == "B"] == [3]


def test_a_bar_without_volume_moves_nothing(form: Form) -> None:
    row = at([flat("A", OPEN, 10, 0.0), flat("A", 340, 12), Bar("A", 341, 30, 99, 1, 30, 0.0)], 342, form)
    assert [row[name] for name in ("price", "open", "high", "low", "volume", "volume_1m")] == [12, 12, 12, 12, 1000, 0]


def test_files_have_no_vwap_a_bar_traded_in_equal_parts_at_its_four_prices(form: Form) -> None:
    row = at([Bar("A", 340, 10, 14, 8, 12, 100), Bar("A", 341, 20, 24, 16, 20, 300)], 342, form)
    assert row["vwap"] == pytest.approx((11 * 100 + 20 * 300) / 400)
    assert row["dollar_volume"] == pytest.approx(11 * 100 + 20 * 300)


def test_the_days_open_is_that_of_the_first_regular_bar(form: Form) -> None:
    """However early pre-market had trades, and however late it comes; until then the gap is that of the price."""
    bars = [Bar("A", 100, 9, 9, 9, 9), flat("A", OPEN - 1, 11), Bar("A", OPEN + 3, 12, 13, 12, 13), flat("A", 400, 15)]
    before, opened, later = (at(bars, minute, form) for minute in (OPEN, OPEN + 4, 401))
    assert (before["open"], before["gap_percent"], before["gap_indicative"]) == (None, pytest.approx(10), True)
    assert (opened["open"], opened["gap_percent"]) == (12, pytest.approx(20))
    assert (later["open"], later["gap_percent"]) == (12, pytest.approx(20))
