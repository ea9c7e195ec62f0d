"""Polygon's REST answers, as pure request to reply: nothing here knows about sockets or faults."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import count
from typing import Any, NamedTuple

import msgspec
import numpy as np

from gapscan.market.sessions import Session, new_york, session_at, session_times, trading_date
from gapscan.sim.driver import Driver
from gapscan.sim.snapshot import numbers
from gapscan.sim.source import DailyBars, Listing, split_ratio

MAX_PAGE = 1000
_SPLITS_BACK, _SPLITS_AHEAD = dt.timedelta(days=120), dt.timedelta(days=14)


class Reply(NamedTuple):
    status: int
    body: bytes


class Refusal(Exception):
    """A request that is answered with an error body."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Request(NamedTuple):
    """`path` holds the variable parts of the path; `origin` is what next_url begins with."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    origin: str


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


_request_numbers = count(1)


def request_id() -> str:
    """A fresh id, shaped like Polygon's."""
    return f"{next(_request_numbers):032x}"


def reply(body: Mapping[str, Any], status: int = 200) -> Reply:
    return Reply(status, msgspec.json.encode({**body, "request_id": request_id()}))


def error(status: int, text: str, name: str = "ERROR", key: str = "error") -> Reply:
    """An error body as Polygon's."""
    return reply({"status": name, key: text}, status)


def standard_error(status: int) -> Reply:
    """The body that goes with an error status."""
    if status == 401:
        return error(401, "Unknown API Key")
    if status == 403:
        return error(403, "You are not entitled to this data. Please upgrade your plan.", "NOT_AUTHORIZED", "message")
    if status == 404:
        return error(404, "Ticker not found.", "NOT_FOUND", "message")
    if status == 429:
        return error(429, "You've exceeded the maximum requests per minute, please wait or upgrade your subscription.")
    return error(status, "internal server error")


class RestApi:
    """The endpoints, by name."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._market = driver.market
        self._source = driver.market.source

    @property
    def routes(self) -> dict[str, tuple[str, Callable[[Request], Awaitable[Reply]]]]:
        """Path and handler of each endpoint. More specific paths come first."""
        snapshots = "/v2/snapshot/locale/us/markets/stocks/tickers"
        return {
            "snapshot": (snapshots, self.snapshot),
            "ticker_snapshot": (snapshots + "/{ticker}", self.ticker_snapshot),
            "grouped": ("/v2/aggs/grouped/locale/us/market/stocks/{date}", self.grouped),
            "tickers": ("/v3/reference/tickers", self.tickers),
            "ticker_details": ("/v3/reference/tickers/{ticker}", self.ticker_details),
            "splits": ("/v3/reference/splits", self.splits),
            "status": ("/v1/marketstatus/now", self.status),
        }

    async def snapshot(self, request: Request) -> Reply:
        await self._driver.refresh_snapshots()
        wanted = request.query.get("tickers", "")
        encoder = self._driver.snapshots
        if wanted:
            tickers = encoder.some(dict.fromkeys(wanted.split(",")))
            count = sum(symbol in self._market.place for symbol in set(wanted.split(",")))
        else:
            otc = _flag(request, "include_otc", False)
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
        date = _date(request.path["date"])
        adjusted = _flag(request, "adjusted", True)
        head: dict[str, Any] = {"adjusted": adjusted, "status": "OK"}
        bars = self._source.bars(date) if date <= self._last_full_day() else None
        if bars is None:
            return reply({**head, "queryCount": 0, "resultsCount": 0})
        if adjusted:
            bars = bars.adjusted(split_ratio(self._source, date, trading_date(self._driver.clock.now())))
        results = list(self._grouped_bars(bars, date, _flag(request, "include_otc", False)))
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
        rest = zip(numbers(bars.volume[places]), bars.vwap[places].tolist(), bars.transactions[places].tolist(), strict=True)
        for place, (o, h, low, c), (v, vw, n) in zip(places.tolist(), prices, rest, strict=True):
            yield GroupedBar(self._market.symbols[place], v, vw, o, c, h, low, end, n)

    async def tickers(self, request: Request) -> Reply:
        query, start = _page(request)
        limit = _limit(query, 100)
        found = self._matching(query)
        page = found[start : start + limit]
        body: dict[str, Any] = {"count": len(page), "results": [self._reference(item) for item in page], "status": "OK"}
        if start + limit < len(found):
            body["next_url"] = f"{request.origin}/v3/reference/tickers?cursor={_cursor(query, start + limit)}"
        return reply(body)

    def _matching(self, query: Mapping[str, str]) -> list[Listing]:
        if query.get("active", "true").lower() == "false":
            return []
        found = [listing for listing in self._source.listings if _matches(listing, query)]
        return found[::-1] if query.get("order") == "desc" else found

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
        if listing.shares:
            price = self._market.state.last_price[place] or self._market.previous.close[place]
            body["share_class_shares_outstanding"] = listing.shares
            body["weighted_shares_outstanding"] = listing.shares
            body["market_cap"] = round(float(price) * listing.shares, 2)
        return reply({"results": body, "status": "OK"})

    async def splits(self, request: Request) -> Reply:
        query, start = _page(request)
        limit = _limit(query, 10)
        today = trading_date(self._driver.clock.now())
        first, last = _range(query, "execution_date", today - _SPLITS_BACK, today + _SPLITS_AHEAD)
        wanted = query.get("ticker")
        found = [split for split in self._source.splits(first, last) if wanted in (None, self._market.symbols[split.symbol])]
        page = found[start : start + limit]
        results = [
            {
                "id": f"{split.date:%Y%m%d}{split.symbol:06d}",
                "execution_date": split.date.isoformat(),
                "split_from": split.split_from,
                "split_to": split.split_to,
                "ticker": self._market.symbols[split.symbol],
            }
            for split in page
        ]
        body: dict[str, Any] = {"results": results, "status": "OK"}
        if start + limit < len(found):
            body["next_url"] = f"{request.origin}/v3/reference/splits?cursor={_cursor(query, start + limit)}"
        return reply(body)

    async def status(self, request: Request) -> Reply:
        now = self._driver.clock.now()
        date = new_york(now).date()
        session = session_at(now) if self._source.day_at(date) == date else Session.CLOSED
        extended = session in (Session.PRE, Session.POST)
        market = "open" if session is Session.REGULAR else "extended-hours" if extended else "closed"
        body = {
            "market": market,
            "earlyHours": session is Session.PRE,
            "afterHours": session is Session.POST,
            "serverTime": new_york(now).isoformat(timespec="seconds"),
            "exchanges": dict.fromkeys(("nasdaq", "nyse", "otc"), market),
            "currencies": {"crypto": "open", "fx": "open"},
        }
        return Reply(200, msgspec.json.encode(body))


def _flag(request: Request, name: str, default: bool) -> bool:
    return request.query.get(name, str(default)).lower() == "true"


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        message = f"Could not parse the time parameter: '{text}'. Use YYYY-MM-DD or a Unix MS timestamp"
        raise Refusal(error(400, message)) from None


def _limit(query: Mapping[str, str], default: int) -> int:
    text = query.get("limit", str(default))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise Refusal(error(400, f"limit: '{text}' is not a number from 1 to {MAX_PAGE}"))
    return int(text)


def _page(request: Request) -> tuple[Mapping[str, str], int]:
    """The query of this page and its first place: given directly, or kept in the cursor."""
    if "cursor" not in request.query:
        return request.query, 0
    try:
        text = base64.urlsafe_b64decode(request.query["cursor"])
        return msgspec.json.decode(text, type=tuple[dict[str, str], int])
    except (binascii.Error, msgspec.MsgspecError):
        raise Refusal(error(400, "cursor: not one of ours")) from None


def _cursor(query: Mapping[str, str], start: int) -> str:
    kept = {key: value for key, value in query.items() if key != "apiKey"}
    return base64.urlsafe_b64encode(msgspec.json.encode((kept, start))).decode()


def _matches(listing: Listing, query: Mapping[str, str]) -> bool:
    wanted = (
        ("type", listing.type),
        ("exchange", listing.exchange),
        ("ticker", listing.symbol),
        ("cik", listing.cik),
        ("market", "otc" if listing.otc else "stocks"),
    )
    if any(query.get(key, value) not in (value, "") for key, value in wanted):
        return False
    if query.get("search", "").lower() not in f"{listing.symbol} {listing.name}".lower():
        return False
    return _in_order(listing.symbol, query)


def _in_order(symbol: str, query: Mapping[str, str]) -> bool:
    return (
        ("ticker.gt" not in query or symbol > query["ticker.gt"])
        and ("ticker.gte" not in query or symbol >= query["ticker.gte"])
        and ("ticker.lt" not in query or symbol < query["ticker.lt"])
        and ("ticker.lte" not in query or symbol <= query["ticker.lte"])
    )


def _range(query: Mapping[str, str], key: str, first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """The span of dates that a query allows within first..last."""
    day = dt.timedelta(days=1)
    bounds = {suffix: _date(query[key + suffix]) for suffix in ("", ".gt", ".gte", ".lt", ".lte") if query.get(key + suffix)}
    lower = [first] + [bounds[s] + (day if s == ".gt" else 0 * day) for s in ("", ".gt", ".gte") if s in bounds]
    upper = [last] + [bounds[s] - (day if s == ".lt" else 0 * day) for s in ("", ".lt", ".lte") if s in bounds]
    return max(lower), min(upper)
