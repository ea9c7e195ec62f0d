"""Polygon's REST answers, as pure request to reply: nothing here knows about sockets or faults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from gapscan.market.sessions import MarketSession, new_york, session_at, session_times, trading_date
from gapscan.sim import aggregates, corporate_actions
from gapscan.sim.aggregates import Aggregates
from gapscan.sim.clock import Clock, FollowingClock
from gapscan.sim.corporate_actions import CorporateActions
from gapscan.sim.driver import Driver
from gapscan.sim.news import NEWS, News
from gapscan.sim.replies import (
    Reply,
    Request,
    cursor,
    error,
    flag,
    matches,
    page_of,
    page_size,
    parse_date,
    reply,
    request_id,
    standard_error,
)
from gapscan.sim.snapshot import numbers
from gapscan.sim.source import DailyBars, Listing, split_ratio

_LONG_AGO = dt.date(2015, 1, 2)


class GroupedBar(msgspec.Struct):
    T: str
    v: int | float
    vw: float
    o: float
    c: float
    h: float
    l: float  # noqa: E741 - Polygon's field name
    t: int
    n: int


class RestApi:
    """The endpoints, by name."""

    def __init__(self, driver: Driver, clock: Clock | None = None) -> None:
        self._driver = driver
        self._clock = clock or driver.clock  # what the market status says: no plan delays it
        self._market = driver.market
        self._source = driver.market.source

    @property
    def routes(self) -> dict[str, tuple[str, Callable[[Request], Awaitable[Reply]]]]:
        """Path and handler of each endpoint. More specific paths come first."""
        actions = CorporateActions(self._driver)
        snapshots = "/v2/snapshot/locale/us/markets/stocks/tickers"
        return {
            "snapshot": (snapshots, self.snapshot),
            "ticker_snapshot": (snapshots + "/{ticker}", self.ticker_snapshot),
            "grouped": ("/v2/aggs/grouped/locale/us/market/stocks/{date}", self.grouped),
            "aggregates": (aggregates.PATH, Aggregates(self._driver).bars),
            "tickers": ("/v3/reference/tickers", self.tickers),
            "ticker_details": ("/v3/reference/tickers/{ticker}", self.ticker_details),
            "splits": (corporate_actions.SPLITS, actions.splits),
            "old_splits": (corporate_actions.OLD_SPLITS, actions.old_splits),
            "dividends": (corporate_actions.DIVIDENDS, actions.dividends),
            "old_dividends": (corporate_actions.OLD_DIVIDENDS, actions.old_dividends),
            "news": (NEWS, News(self._driver).answer),
            "float": ("/stocks/vX/float", self.free_float),
            "status": ("/v1/marketstatus/now", self.status),
        }

    async def _aligned(self) -> None:
        """Market status and snapshot are of one moment: where the clock follows a ranker, that of the end of a step."""
        if isinstance(self._clock, FollowingClock):
            await self._clock.step_end()

    async def snapshot(self, request: Request) -> Reply:
        await self._aligned()
        await self._driver.refresh_snapshots()
        wanted = request.query.get("tickers", "")
        encoder = self._driver.snapshots
        if wanted:
            tickers = encoder.some(dict.fromkeys(wanted.split(",")))
            count = sum(symbol in self._market.place for symbol in set(wanted.split(",")))
        else:
            otc = flag(request, "include_otc", False)
            tickers = encoder.full(otc=otc)
            count = sum(otc or not listing.otc for listing in self._source.listings)
        head = f'{{"count":{count},"request_id":"{request_id()}","status":"OK","tickers":'
        return Reply(200, head.encode() + tickers + b"}")

    async def ticker_snapshot(self, request: Request) -> Reply:
        if request.path["ticker"] not in self._market.place:
            return error(404, "NotFound", "NotFound", "message")
        await self._driver.refresh_snapshots()
        ticker = self._driver.snapshots.one(request.path["ticker"])
        return Reply(200, f'{{"request_id":"{request_id()}","status":"OK","ticker":'.encode() + ticker + b"}")

    async def grouped(self, request: Request) -> Reply:
        date = parse_date(request.path["date"])
        adjusted = flag(request, "adjusted", True)
        head: dict[str, Any] = {"adjusted": adjusted, "status": "OK"}
        bars = self._source.bars(date) if date <= self._last_full_day() else None
        if bars is None:
            return reply({**head, "queryCount": 0, "resultsCount": 0})
        if adjusted:
            bars = bars.adjusted(split_ratio(self._source, date, trading_date(self._driver.clock.now())))
        results = list(self._grouped_bars(bars, date, flag(request, "include_otc", False)))
        return reply({**head, "queryCount": len(results), "resultsCount": len(results), "results": results})

    def _last_full_day(self) -> dt.date:
        now = self._driver.clock.now()
        today = trading_date(now)
        return today if now >= session_times(today).closed else today - dt.timedelta(days=1)

    def _grouped_bars(self, bars: DailyBars, date: dt.date, otc: bool) -> Iterable[GroupedBar]:
        shown = np.array([otc or not listing.otc for listing in self._source.listings])
        places = np.flatnonzero(bars.traded & shown)
        end = session_times(date).post
        prices = zip(*(column[places].tolist() for column in bars[:4]), strict=True)
        rest = zip(
            numbers(bars.volume[places]),
            bars.vwap[places].tolist(),
            bars.transactions[places].tolist(),
            strict=True,
        )
        former = self._source.former(date)
        for place, (o, h, low, c), (v, vw, n) in zip(places.tolist(), prices, rest, strict=True):
            yield GroupedBar(former.get(place, self._market.symbols[place]), v, vw, o, c, h, low, end, n)

    async def tickers(self, request: Request) -> Reply:
        query, start = page_of(request)
        limit = page_size(query, 100)
        found = self._matching(query)
        page = found[start : start + limit]
        body: dict[str, Any] = {
            "count": len(page),
            "results": [self._reference(item) for item in page],
            "status": "OK",
        }
        if start + limit < len(found):
            body["next_url"] = f"{request.origin}/v3/reference/tickers?cursor={cursor(query, start + limit)}"
        return reply(body)

    def _matching(self, query: Mapping[str, str]) -> list[Listing]:
        if query.get("active", "true").lower() == "false":
            return []
        found = [listing for listing in self._listings(whole="ticker" not in query) if matches(listing, query)]
        return found[::-1] if query.get("order") == "desc" else found

    def _listings(self, *, whole: bool) -> Sequence[Listing]:
        """Those of now; the whole list is of the evening before."""
        listings = self._source.listings
        before = self._source.day_before(trading_date(self._driver.clock.now()))
        former = self._source.former(before) if whole and before else {}
        if not former:
            return listings
        return [one._replace(symbol=former.get(place, one.symbol)) for place, one in enumerate(listings)]

    def _reference(self, listing: Listing) -> dict[str, Any]:
        body = {
            "ticker": listing.symbol,
            "name": listing.name,
            "market": "otc" if listing.otc else "stocks",
            "locale": "us",
            "type": listing.type,
            "active": True,
            "currency_name": "usd",
        }
        if listing.exchange:
            body["primary_exchange"] = listing.exchange
        if listing.cik:
            body["cik"] = listing.cik
        return body

    async def ticker_details(self, request: Request) -> Reply:
        place = self._market.place.get(request.path["ticker"])
        if place is None:
            return standard_error(404)
        await self._driver.bring_up()
        listing = self._source.listings[place]
        body = self._reference(listing)
        if listing.sic_code:
            body |= {"sic_code": listing.sic_code, "sic_description": listing.sic_description}
        body["list_date"] = self._list_date(place)
        if listing.shares:
            price = self._market.state.last_price[place] or self._market.previous.close[place]
            body["share_class_shares_outstanding"] = listing.shares
            body["weighted_shares_outstanding"] = listing.shares
            body["market_cap"] = round(float(price) * listing.shares, 2)
        return reply({"results": body, "status": "OK"})

    def _list_date(self, place: int) -> str:
        """Today for what did not trade on the day before, and was not called otherwise."""
        today = trading_date(self._driver.clock.now())
        before = self._source.day_before(today)
        old = self._market.previous.traded[place] or (before and place in self._source.former(before))
        return str(_LONG_AGO if old else today)

    async def free_float(self, request: Request) -> Reply:
        query, start = page_of(request)
        limit = page_size(query, 100)
        date = trading_date(self._driver.clock.now()).isoformat()
        found = [listing for listing in self._source.listings if listing.free_float and matches(listing, query)]
        results = [
            {
                "ticker": listing.symbol,
                "effective_date": date,
                "free_float": listing.free_float,
                "free_float_percent": round(100 * listing.free_float / listing.shares, 2),
            }
            for listing in found[start : start + limit]
        ]
        body: dict[str, Any] = {"results": results, "status": "OK"}
        if start + limit < len(found):
            body["next_url"] = f"{request.origin}/stocks/vX/float?cursor={cursor(query, start + limit)}"
        return reply(body)

    async def status(self, request: Request) -> Reply:
        await self._aligned()
        now = self._clock.now()
        date = new_york(now).date()
        session = session_at(now) if self._source.day_at(date) == date else MarketSession.CLOSED
        extended = session in (MarketSession.PRE, MarketSession.POST)
        market = "open" if session is MarketSession.REGULAR else "extended-hours" if extended else "closed"
        body = {
            "market": market,
            "earlyHours": session is MarketSession.PRE,
            "afterHours": session is MarketSession.POST,
            "serverTime": new_york(now).isoformat(timespec="seconds"),
            "exchanges": dict.fromkeys(("nasdaq", "nyse", "otc"), market),
            "currencies": {"crypto": "open", "fx": "open"},
        }
        return Reply(200, msgspec.json.encode(body))
