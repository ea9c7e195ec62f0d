"""The REST interface as the official client sees it, by both of its names."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import aiohttp
import pytest

from gapscan.market.sessions import epoch_ms, session_times
from tests.integration.sim.conftest import Rest, Serve
from tests.support.simulator import BAD_RESPONSES, bars_of

DAY = dt.date(2026, 11, 20)
BEFORE = dt.date(2026, 11, 19)
TIMES = session_times(DAY)


async def test_snapshot_decodes_with_the_clients_own_models(serve: Serve, rest: Rest) -> None:
    server = await serve(start="12:00")
    tickers = await rest.call(server, "get_snapshot_all", "stocks")
    assert len(tickers) == sum(not listing.otc for listing in server.market.source.listings)
    traded = [ticker for ticker in tickers if ticker.last_trade]
    assert traded
    assert all(ticker.day.high >= ticker.day.low for ticker in traded)
    assert all(ticker.prev_day is not None and ticker.min is not None for ticker in tickers)


async def test_day_is_zero_until_the_first_regular_print(serve: Serve, rest: Rest) -> None:
    server = await serve(start="09:29")
    before = await rest.snapshot(server)
    printed = [ticker for ticker in before.values() if ticker["min"]["av"] > 0]
    assert printed
    assert all(set(ticker["day"].values()) == {0} for ticker in before.values())
    assert all(ticker["lastTrade"]["p"] == ticker["min"]["c"] for ticker in printed)

    server.clock.set(TIMES.regular + 60_000)
    after = await rest.snapshot(server)
    opened = [symbol for symbol, ticker in after.items() if ticker["day"]["o"] > 0]
    assert opened
    for symbol in opened:
        day, pre = after[symbol]["day"], before[symbol]
        assert day["v"] == after[symbol]["min"]["av"] > pre["min"]["av"]
        assert day["l"] <= day["vw"] <= day["h"]


async def test_pre_market_prices_stay_out_of_the_day_bar(serve: Serve, rest: Rest) -> None:
    server = await serve(start="09:29:59")
    before = await rest.snapshot(server)
    server.clock.set(TIMES.post)
    after = await rest.snapshot(server)
    bars = bars_of(server.market.source, DAY)
    outside = 0
    for symbol, ticker in after.items():
        place = server.market.place[symbol]
        if bars.volume[place] > 0:
            assert (ticker["day"]["o"], ticker["day"]["h"]) == (bars.open[place], bars.high[place])
            assert (ticker["day"]["l"], ticker["day"]["c"]) == (bars.low[place], bars.close[place])
        outside += not ticker["day"]["l"] <= before[symbol]["min"]["c"] <= ticker["day"]["h"]
    assert outside


async def test_symbols_without_a_trade_have_no_last_trade(serve: Serve, rest: Rest) -> None:
    server = await serve(start="04:30")
    tickers = await rest.snapshot(server)
    silent = [ticker for ticker in tickers.values() if ticker["min"]["t"] == 0]
    assert silent
    for ticker in silent:
        assert "lastTrade" not in ticker
        assert "lastQuote" not in ticker
        assert ticker["updated"] == ticker["todaysChange"] == ticker["min"]["av"] == 0


async def test_nanoseconds_and_milliseconds(serve: Serve, rest: Rest) -> None:
    server = await serve(start="10:00")
    ticker = next(t for t in (await rest.snapshot(server)).values() if "lastTrade" in t)
    assert ticker["updated"] == ticker["lastTrade"]["t"]
    assert TIMES.pre <= ticker["updated"] // 1_000_000 < TIMES.regular + 30 * 60_000
    assert ticker["min"]["t"] % 60_000 == 0
    assert ticker["min"]["t"] <= ticker["updated"] // 1_000_000 < ticker["min"]["t"] + 60_000


async def test_some_volumes_are_fractions(serve: Serve, rest: Rest) -> None:
    server = await serve(start="16:00", symbols=400)
    volumes = [ticker["day"]["v"] for ticker in (await rest.snapshot(server)).values()]
    assert any(isinstance(volume, float) for volume in volumes)
    assert sum(isinstance(volume, int) for volume in volumes) > 300


async def test_the_snapshot_clears_at_half_past_three(serve: Serve, rest: Rest) -> None:
    server = await serve(start="19:59")
    evening = await rest.snapshot(server)
    server.clock.set(epoch_ms(dt.date(2026, 11, 23), dt.time(3, 29)))
    assert (await rest.snapshot(server)).keys() == evening.keys()
    weekend = await rest.snapshot(server)
    server.clock.set(epoch_ms(dt.date(2026, 11, 23), dt.time(3, 30)))
    monday = await rest.snapshot(server)
    for symbol, ticker in monday.items():
        assert ticker["day"]["v"] == ticker["min"]["av"] == 0
        assert "lastTrade" not in ticker
        assert ticker["prevDay"]["c"] == weekend[symbol]["day"]["c"]


async def test_snapshot_of_some_tickers(serve: Serve, rest: Rest) -> None:
    server = await serve()
    symbols = server.market.symbols[:2]
    tickers = await rest.call(server, "get_snapshot_all", "stocks", [*symbols, "NOSUCH"], include_otc=True)
    assert [ticker.ticker for ticker in tickers] == symbols


async def test_otc_symbols_only_on_demand(serve: Serve, rest: Rest) -> None:
    server = await serve(symbols=1000)
    plain = await rest.snapshot(server)
    full = await rest.snapshot(server, include_otc=True)
    assert len(full) == 1000 > len(plain)
    assert all(server.market.source.listings[server.market.place[symbol]].otc for symbol in full.keys() - plain)


async def test_one_ticker(serve: Serve, rest: Rest) -> None:
    server = await serve(start="11:00")
    symbol = server.market.symbols[7]
    ticker = await rest.call(server, "get_snapshot_ticker", "stocks", symbol)
    assert ticker.ticker == symbol
    with pytest.raises(BAD_RESPONSES, match="NotFound"):
        await rest.call(server, "get_snapshot_ticker", "stocks", symbol.lower())


async def test_grouped_daily_and_previous_close_agree(serve: Serve, rest: Rest) -> None:
    server = await serve()
    bars = await rest.call(server, "get_grouped_daily_aggs", BEFORE, adjusted=False)
    snapshot = await rest.snapshot(server)
    assert len(bars) > 150
    for bar in bars:
        previous = snapshot[bar.ticker]["prevDay"]
        assert (bar.open, bar.high, bar.low, bar.close) == tuple(previous[key] for key in "ohlc")
        assert bar.volume == previous["v"]
        assert bar.timestamp == session_times(BEFORE).post


async def test_a_split_is_in_adjusted_bars_only(serve: Serve, rest: Rest) -> None:
    server = await serve(start="10:00")
    splits = await rest.call(server, "list_splits", execution_date=DAY)
    raw = {b.ticker: b for b in await rest.call(server, "get_grouped_daily_aggs", BEFORE, adjusted=False)}
    adjusted = {b.ticker: b for b in await rest.call(server, "get_grouped_daily_aggs", BEFORE)}
    snapshot = await rest.snapshot(server)
    assert splits
    for split in splits:
        ratio = split.split_to / split.split_from
        assert adjusted[split.ticker].close == pytest.approx(raw[split.ticker].close / ratio, abs=1e-4)
        assert adjusted[split.ticker].volume == pytest.approx(raw[split.ticker].volume * ratio)
        assert snapshot[split.ticker]["prevDay"]["c"] == raw[split.ticker].close
    unsplit = raw.keys() - {split.ticker for split in splits}
    assert all(raw[symbol].close == adjusted[symbol].close for symbol in unsplit)


async def test_25_sessions_of_daily_bars(serve: Serve, rest: Rest) -> None:
    server = await serve()
    date, found = DAY, 0
    while found < 25:
        date -= dt.timedelta(days=1)
        bars = await rest.call(server, "get_grouped_daily_aggs", date)
        assert bool(bars) == (date.weekday() < 5)
        found += bool(bars)


async def test_no_bars_for_today_until_it_is_over(serve: Serve, rest: Rest) -> None:
    server = await serve(start="15:00")
    assert await rest.call(server, "get_grouped_daily_aggs", DAY) == []
    server.clock.set(TIMES.closed)
    bars = await rest.call(server, "get_grouped_daily_aggs", DAY)
    snapshot = await rest.snapshot(server)
    for bar in bars:
        day = snapshot[bar.ticker]["day"]
        assert (bar.open, bar.high, bar.low, bar.close) == tuple(day[key] for key in "ohlc")
        assert bar.volume == pytest.approx(day["v"])


async def test_tickers_come_in_pages(serve: Serve, rest: Rest) -> None:
    server = await serve()
    listed = [listing for listing in server.market.source.listings if not listing.otc]
    tickers = await rest.call(server, "list_tickers", market="stocks", active=True, limit=30)
    assert [ticker.ticker for ticker in tickers] == [listing.symbol for listing in listed]
    assert server.stats.requests["tickers"] == -(-len(listed) // 30)
    assert {ticker.primary_exchange for ticker in tickers} >= {"XNAS", "XNYS", "ARCX"}


async def test_ticker_filters(serve: Serve, rest: Rest) -> None:
    server = await serve()
    funds = await rest.call(server, "list_tickers", type="ETF", limit=1000)
    assert {ticker.type for ticker in funds} == {"ETF"}
    assert await rest.call(server, "list_tickers", active=False) == []
    (one,) = await rest.call(server, "list_tickers", ticker=server.market.symbols[3])
    assert one.ticker == server.market.symbols[3]
    after = await rest.call(server, "list_tickers", ticker_gt=server.market.symbols[-3], limit=1000)
    assert [ticker.ticker for ticker in after] == server.market.symbols[-2:]


async def test_ticker_details(serve: Serve, rest: Rest) -> None:
    server = await serve(start="10:00")
    details = await rest.call(server, "get_ticker_details", server.market.symbols[0])
    assert details.market_cap > 0
    assert details.share_class_shares_outstanding > 0
    listing = next(listing for listing in server.market.source.listings if listing.type == "CS")
    company = await rest.call(server, "get_ticker_details", listing.symbol)
    assert (company.sic_code, company.sic_description) == (listing.sic_code, listing.sic_description)
    assert company.type == "CS"
    with pytest.raises(BAD_RESPONSES, match="NOT_FOUND"):
        await rest.call(server, "get_ticker_details", "NOSUCH")


async def floats(rest: Any, server: Any, **query: Any) -> Any:
    """The answer of the float endpoint, for which this version of the library has no method."""
    response = await rest.call(server, "_get", "/stocks/vX/float", query, raw=True)
    return json.loads(response.data)


async def test_float(serve: Serve, rest: Rest) -> None:
    server = await serve()
    listings = [listing for listing in server.market.source.listings if listing.free_float]
    assert {listing.type for listing in listings} <= {"CS", "ADRC"}
    (one,) = (await floats(rest, server, ticker=listings[3].symbol, limit=1))["results"]
    assert one["ticker"] == listings[3].symbol
    assert one["effective_date"] == str(DAY)
    assert 0 < one["free_float"] == listings[3].free_float <= listings[3].shares
    assert one["free_float_percent"] == pytest.approx(100 * one["free_float"] / listings[3].shares, abs=0.01)
    assert (await floats(rest, server, ticker="NOSUCH"))["results"] == []
    first = await floats(rest, server, limit=20)
    assert [row["ticker"] for row in first["results"]] == sorted(row["ticker"] for row in first["results"])
    assert len(first["results"]) == 20
    cursor = first["next_url"].partition("cursor=")[2]
    second = await floats(rest, server, limit=20, cursor=cursor)
    assert second["results"][0]["ticker"] > first["results"][-1]["ticker"]


async def test_some_cheap_stocks_have_few_shares_to_trade(serve: Serve, rest: Rest) -> None:
    server = await serve(symbols=500)
    rows = {row["ticker"]: row["free_float"] for row in (await floats(rest, server, limit=1000))["results"]}
    closes = dict(zip(server.market.symbols, server.market.previous.close.tolist(), strict=True))
    low = [symbol for symbol, shares in rows.items() if shares <= 20_000_000 and 2 <= closes[symbol] <= 20]
    assert 5 <= len(low) < len(rows) / 2


async def test_splits_by_date(serve: Serve, rest: Rest) -> None:
    server = await serve()
    first, last = DAY - dt.timedelta(days=10), DAY
    splits = await rest.call(server, "list_splits", execution_date_gte=first, execution_date_lte=last, limit=2)
    dates = [split.execution_date for split in splits]
    assert dates == sorted(dates)
    assert len(set(dates)) > 3
    assert all(str(first) <= date <= str(last) for date in dates)


@pytest.mark.parametrize(
    ("time", "market", "early", "after"),
    [
        ("03:59", "closed", False, False),
        ("04:00", "extended-hours", True, False),
        ("09:30", "open", False, False),
        ("16:00", "extended-hours", False, True),
        ("20:00", "closed", False, False),
    ],
)
async def test_market_status(serve: Serve, rest: Rest, time: Any, market: Any, early: Any, after: Any) -> None:
    server = await serve(start=time)
    status = await rest.call(server, "get_market_status")
    assert (status.market, status.early_hours, status.after_hours) == (market, early, after)
    assert dt.datetime.fromisoformat(status.server_time).timestamp() * 1000 == server.clock.now()


@pytest.mark.parametrize("date", ["2026-13-01", "yesterday"])
async def test_bad_date(serve: Serve, rest: Rest, date: Any) -> None:
    server = await serve()
    with pytest.raises(BAD_RESPONSES, match="Could not parse"):
        await rest.call(server, "get_grouped_daily_aggs", date)


async def test_bad_limit_and_cursor(serve: Serve, rest: Rest) -> None:
    server = await serve()
    with pytest.raises(BAD_RESPONSES, match="limit"):
        await rest.call(server, "list_tickers", limit=5000)
    with pytest.raises(BAD_RESPONSES, match="cursor"):
        await rest.call(server, "list_tickers", params={"cursor": "bm8="})


async def test_wrong_key(serve: Serve, rest: Rest) -> None:
    server = await serve(keys=frozenset({"right"}))
    with pytest.raises(BAD_RESPONSES, match="Unknown API Key"):
        await rest.call(server, "get_market_status", key="wrong")
    assert (await rest.call(server, "get_market_status", key="right")).market == "extended-hours"


async def test_key_in_the_query_or_not_at_all(serve: Serve) -> None:
    server = await serve()
    async with aiohttp.ClientSession(server.url) as session:
        async with session.get("/v1/marketstatus/now", params={"apiKey": "any"}) as response:
            assert response.status == 200
        async with session.get("/v1/marketstatus/now") as response:
            assert response.status == 401
            assert (await response.json())["status"] == "ERROR"
        async with session.get("/v9/nothing", params={"apiKey": "any"}) as response:
            assert response.status == 404


async def test_the_same_market_at_any_polling(serve: Serve, rest: Rest) -> None:
    once = await serve(start="09:45")
    often = await serve(start="04:10")
    for minute in (260, 300, 329, 331, 340, 345):
        often.clock.set(TIMES.pre + minute * 60_000 + 7_321 * (minute < 345))
        await rest.snapshot(often)
    first = await rest.call(once, "get_snapshot_all", "stocks", raw=True)
    second = await rest.call(often, "get_snapshot_all", "stocks", raw=True)
    assert json.loads(first.data)["tickers"] == json.loads(second.data)["tickers"]
