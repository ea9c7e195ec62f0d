from __future__ import annotations

import datetime as dt
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gapscan.errors import DataError
from gapscan.market.sessions import session_times
from gapscan.sim import Market, ReplaySource
from gapscan.sim.source import Dividend, Split
from tests.support.simulator import bars_of

MONDAY, TUESDAY, THURSDAY = dt.date(2024, 1, 8), dt.date(2024, 1, 9), dt.date(2024, 1, 11)
TIMES = session_times(TUESDAY)
NS = 1_000_000


def bar(symbol: str, volume: Any, o: Any, c: Any, h: Any, low: Any, start: Any = TIMES.regular) -> Any:
    return f"{symbol},{volume},{o},{c},{h},{low},{start * NS},12"


@pytest.fixture
def root(write_day: Any) -> Any:
    write_day(MONDAY, [bar("AA", 1000, 10, 11, 12, 9), bar("BCpC", 50, 25, 25, 25, 25)])
    return write_day(TUESDAY, [bar("AA", 90_000, 11.5, 11.2, 12.25, 11), bar("NEW", 4.7489e4, 3, 3.1, 3.2, 2.9)])


def test_the_day_before_gives_previous_closes(root: Any) -> None:
    source = ReplaySource(root, TUESDAY)
    market = Market(source)
    market.advance(TIMES.pre)
    assert market.symbols == ["AA", "BCpC", "NEW"]
    assert market.previous.close.tolist() == [11, 25, 0]


def test_everything_opens_in_the_first_half_minute(root: Any) -> None:
    market = Market(ReplaySource(root, TUESDAY))
    market.advance(TIMES.regular)
    assert not market.state.volume.any()
    market.advance(TIMES.regular + 30_000)
    assert market.state.open.tolist() == [11.5, 0, 3]


def test_nothing_prints_outside_regular_hours(root: Any) -> None:
    market = Market(ReplaySource(root, TUESDAY))
    market.advance(TIMES.post)
    volume = market.state.volume.copy()
    market.advance(TIMES.closed)
    assert (market.state.volume == volume).all()
    assert volume.tolist() == [90_000, 0, pytest.approx(47_489)]


def test_the_default_day_is_the_last(root: Any) -> None:
    assert ReplaySource(root).start_date == TUESDAY


def test_a_root_that_holds_flatfiles(root: Any, tmp_path: Path) -> None:
    nested = tmp_path / "nested" / "flatfiles"
    nested.parent.mkdir()
    (root / "us_stocks_sip").rename(nested.parent / "moving")
    nested.mkdir()
    (nested.parent / "moving").rename(nested / "us_stocks_sip")
    assert ReplaySource(nested.parent).start_date == TUESDAY


def test_a_missing_day_names_path_and_days(root: Any) -> None:
    with pytest.raises(DataError, match=r"2024-01-10\.csv\.gz.*2 days, 2024-01-08 to 2024-01-09"):
        ReplaySource(root, dt.date(2024, 1, 10))


def test_a_first_day_has_no_previous_closes(root: Any) -> None:
    with pytest.raises(DataError, match=r"2024-01-05\.csv\.gz, and so no closes of the trading day before 2024-01-08"):
        ReplaySource(root, MONDAY)


def test_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="us_stocks_sip"):
        ReplaySource(tmp_path)


def test_bad_rows_cost_themselves_only(write_day: Any, caplog: pytest.LogCaptureFixture) -> None:
    write_day(MONDAY, [bar("AA", 1000, 10, 11, 12, 9)])
    rows = [
        bar("AA", 1000, 10, 11, 12, 9),
        "AB,many,1,1,1,1,0,0",
        "AC,5",
        "",
        bar("AD", 5, 10, 11, 10.5, 9),
        bar("AE", 5, "nan", 1, 1, 1),
        bar("", 5, 1, 1, 1, 1),
        bar("AF", -5, 1, 1, 1, 1),
        bar("AG", 5, 0, 0, 0, 0),
        bar("ZZ", 70, 1, 1, 1, 1),
    ]
    root = write_day(TUESDAY, rows)
    with caplog.at_level(logging.WARNING):
        source = ReplaySource(root, TUESDAY)
    assert source.symbols == ["AA", "ZZ"]
    assert source.files.bad_rows == 7  # an empty line says nothing
    assert len(caplog.records) == 1
    assert "line 3" in caplog.text


def test_a_file_with_other_columns(write_day: Any) -> None:
    root = write_day(MONDAY, [])
    path = next(root.rglob("*.csv.gz"))
    path.write_bytes(b"not gzip at all")
    write_day(TUESDAY, [bar("AA", 1, 1, 1, 1, 1)])
    with pytest.raises(DataError, match="cannot read"):
        ReplaySource(root, TUESDAY)


def test_a_day_without_trading_shows_the_day_before(root: Any, write_day: Any) -> None:
    write_day(THURSDAY, [bar("AA", 500, 11, 11, 11, 11, session_times(THURSDAY).regular)])
    market = Market(ReplaySource(root, TUESDAY))
    wednesday = session_times(dt.date(2024, 1, 10))
    market.advance(wednesday.regular + 60_000)
    assert market.date == TUESDAY
    assert market.state.close[0] == 11.2


def test_a_hole_gives_no_previous_closes(root: Any, write_day: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Those of an earlier day would make a change of several days that of one."""
    write_day(THURSDAY, [bar("AA", 500, 11, 11, 11, 11, session_times(THURSDAY).regular)])
    with pytest.raises(DataError, match=r"2024-01-10\.csv\.gz, and so no closes.*fetch it"):
        ReplaySource(root, THURSDAY)
    market = Market(ReplaySource(root, TUESDAY))
    market.advance(session_times(THURSDAY).pre)
    assert market.date == THURSDAY
    assert market.previous.close.tolist() == [0, 0, 0]
    assert "no flat file of 2024-01-10: 2024-01-11 has no previous closes" in caplog.text


SPLITS = [("AA", "2024-01-09", 1, 10), ("NOT_HERE", "2024-01-09", 1, 2), ("BCpC", "2024-01-11", 2, 3)]


def as_csv() -> str:
    lines = ["id,ticker,execution_date,split_from,split_to", *(f"x,{a},{b},{c},{d}" for a, b, c, d in SPLITS)]
    return "\ufeff" + "\r\n".join(lines)


def as_json() -> str:
    names = ("ticker", "execution_date", "split_from", "split_to")
    return json.dumps({"status": "OK", "results": [dict(zip(names, split, strict=True)) for split in SPLITS]})


@pytest.mark.parametrize(("name", "text"), [("splits.csv", as_csv()), ("splits.json", as_json())])
def test_splits_are_those_of_the_file(root: Path, name: str, text: str) -> None:
    (root / "us_stocks_sip" / name).write_text(text)
    source = ReplaySource(root, TUESDAY)
    assert source.splits(TUESDAY, TUESDAY) == [Split(0, TUESDAY, 1, 10)]
    assert [split.ratio for split in source.splits(MONDAY, THURSDAY)] == [10, 1.5]
    assert ReplaySource(root, TUESDAY).splits(MONDAY, MONDAY) == []


DIVIDENDS = [
    ("AA", "2024-01-09", 0.5, "special"),
    ("BCpC", "2024-01-11", 0.07, None),
    ("NOT_HERE", "2024-01-09", 1, "special"),
]


def dividends_as_csv() -> str:
    lines = ["ticker,ex_dividend_date,cash_amount,distribution_type"]
    return "\n".join([*lines, *(f"{a},{b},{c},{d or ''}" for a, b, c, d in DIVIDENDS)])


def dividends_as_json() -> str:
    names = ("ticker", "ex_dividend_date", "cash_amount", "distribution_type")
    return json.dumps([dict(zip(names, dividend, strict=True)) for dividend in DIVIDENDS])


@pytest.mark.parametrize(
    ("name", "text"), [("dividends.csv", dividends_as_csv()), ("dividends.json", dividends_as_json())]
)
def test_dividends_are_those_of_the_file(root: Path, name: str, text: str) -> None:
    assert ReplaySource(root, TUESDAY).dividends(MONDAY, THURSDAY) == []
    (root / "us_stocks_sip" / name).write_text(text)
    source = ReplaySource(root, TUESDAY)
    assert source.dividends(TUESDAY, TUESDAY) == [Dividend(0, TUESDAY, 0.5, "special")]
    assert [(one.amount, one.kind) for one in source.dividends(MONDAY, THURSDAY)] == [
        (0.5, "special"),
        (0.07, "recurring"),
    ]


def test_a_bad_dividend_costs_itself_only(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = ["AA,2024-01-09,0.5", "AA,soon,1", "AA,2024-01-09,-1", "AA,2024-01-09,much", "AA,2024-01-09,nan"]
    path = root / "us_stocks_sip" / "dividends.csv"
    path.write_text("\n".join(["ticker,ex_dividend_date,cash_amount", *rows]))
    assert len(ReplaySource(root, TUESDAY).dividends(MONDAY, THURSDAY)) == 1
    assert "dividend 2 is left out" in caplog.text
    assert "4 dividends are left out" in caplog.text


def test_without_a_file_there_are_no_splits(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert ReplaySource(root, TUESDAY).splits(MONDAY, THURSDAY) == []
    assert "no splits.csv beside the flat files" in caplog.text


def test_a_bad_split_costs_itself_only(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = ["AA,2024-01-09,1,10", "AA,soon,1,10", ",2024-01-09,1,2", "BCpC,2024-01-09,0,2", "BCpC,2024-01-09", ""]
    path = root / "us_stocks_sip" / "splits.csv"
    path.write_text("\n".join(["ticker,execution_date,split_from,split_to", *rows]))
    assert ReplaySource(root, TUESDAY).splits(MONDAY, THURSDAY) == [Split(0, TUESDAY, 1, 10)]
    assert "split 2 is left out" in caplog.text
    assert "4 splits are left out" in caplog.text


@pytest.mark.parametrize(("name", "text"), [("splits.csv", "ticker,when\nAA,2024-01-09"), ("splits.json", "[17]")])
def test_another_file_is_refused(root: Path, name: str, text: str) -> None:
    (root / "us_stocks_sip" / name).write_text(text)
    with pytest.raises(DataError, match=f"cannot read .*{name}"):
        ReplaySource(root, TUESDAY)


def test_minute_bars_are_printed_as_they_are(root: Any, write_day: Any) -> None:
    minutes = [
        bar("AA", 300, 10.9, 11, 11.1, 10.8, TIMES.pre + 3_600_000),
        bar("AA", 1000, 11.5, 11.7, 11.8, 11.4, TIMES.regular),
        bar("AA", 7, 11.7, 11.6, 11.7, 11.6, TIMES.regular + 60_000),
        bar("NEW", 2, 3, 3, 3, 3, TIMES.regular + 60_000),
        bar("AA", 40, 12, 12, 12, 12, TIMES.post + 60_000),
        bar("UNLISTED", 40, 12, 12, 12, 12, TIMES.post),
    ]
    root = write_day(TUESDAY, minutes, "minute_aggs_v1")
    market = Market(ReplaySource(root, TUESDAY))
    market.advance(TIMES.regular)
    assert (market.state.volume[0], market.state.open[0]) == (300, 0)
    market.advance(TIMES.regular + 60_000)
    shown = [getattr(market.state, f"minute_{name}")[0] for name in ("open", "high", "low", "close", "volume")]
    assert shown == [11.5, 11.8, 11.4, 11.7, 1000]
    market.advance(TIMES.closed)
    state = market.state
    assert (state.open[0], state.high[0], state.low[0], state.close[0]) == (11.5, 11.8, 11.4, 11.6)
    assert state.volume.tolist() == [1347, 0, 2]
    assert state.last_price[0] == 12


@pytest.mark.realdata
def test_real_days_end_on_their_daily_bars(real_days: Path) -> None:
    source = ReplaySource(real_days, dt.date(2024, 1, 16))
    market = Market(source)
    bars = bars_of(source, source.start_date)
    times = session_times(source.start_date)
    market.advance(times.regular + 30_000)
    traded = bars.traded
    assert traded.sum() > 1_100
    assert (market.state.open[traded] == bars.open[traded]).all()
    market.advance(times.post)
    state = market.state
    for name in ("open", "high", "low", "close"):
        assert (getattr(state, name)[traded] == getattr(bars, name)[traded]).all()
    np.testing.assert_allclose(state.volume, bars.volume, rtol=1e-12)


@pytest.mark.realdata
def test_real_previous_closes(real_days: Path) -> None:
    source = ReplaySource(real_days, dt.date(2024, 1, 16))
    assert source.day_before(source.start_date) == dt.date(2024, 1, 12)  # Monday was a holiday
    market = Market(source)
    market.advance(session_times(source.start_date).pre)
    friday = bars_of(source, dt.date(2024, 1, 12))
    assert (market.previous.close == friday.close).all()


def test_the_close_is_the_closing_auctions(root: Any, write_day: Any) -> None:
    minutes = [
        bar("AA", 1000, 11.5, 11.1, 11.8, 11.0, TIMES.post - 60_000),
        bar("AA", 500, 11.2, 11.9, 12.0, 11.1, TIMES.post),
        bar("AB", 10, 3.0, 3.0, 3.0, 3.0, TIMES.post - 60_000),
    ]
    root = write_day(TUESDAY, minutes, "minute_aggs_v1")
    market = Market(ReplaySource(root, TUESDAY))
    market.advance(TIMES.post)
    assert market.state.close[0] == 11.1, "before the auction, the last price"
    market.advance(TIMES.post + 1000)
    assert market.state.close[0] == 11.2
    assert market.state.changed[0]
    market.advance(TIMES.closed)
    assert (market.state.close[0], market.state.last_price[0]) == (11.2, 11.9)


def test_a_minute_file_without_a_day_file_is_enough(write_day: Any) -> None:
    first = session_times(MONDAY)
    write_day(MONDAY, [
        bar("AA", 900, 10.0, 10.4, 10.5, 9.9, first.regular),
        bar("AA", 100, 10.6, 10.7, 10.7, 10.6, first.post),
    ], "minute_aggs_v1")  # fmt: skip
    root = write_day(TUESDAY, [bar("AA", 1000, 11.5, 11.1, 11.8, 11.0, TIMES.regular)], "minute_aggs_v1")
    source = ReplaySource(root)
    assert source.start_date == TUESDAY
    market = Market(source)
    market.advance(TIMES.regular + 60_000)
    assert market.previous.close.tolist() == [10.6]
    assert market.previous.volume.tolist() == [1000]
    assert market.state.last_price.tolist() == [11.1]
