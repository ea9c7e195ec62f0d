"""Requests and replies of the REST interface: parameters, pages, error bodies."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

import msgspec

from gapscan.sim.source import Listing

MAX_PAGE = 1000


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


def flag(request: Request, name: str, default: bool) -> bool:
    """A true or false parameter."""
    return request.query.get(name, str(default)).lower() == "true"


def parse_date(text: str) -> dt.date:
    """A date of the form YYYY-MM-DD. Raises Refusal."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        message = f"Could not parse the time parameter: '{text}'. Use YYYY-MM-DD or a Unix MS timestamp"
        raise Refusal(error(400, message)) from None


def page_size(query: Mapping[str, str], default: int, most: int = MAX_PAGE) -> int:
    """The `limit` parameter. Raises Refusal."""
    text = query.get("limit", str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Refusal(error(400, f"limit: '{text}' is not a number from 1 to {most}"))
    return int(text)


def page_of(request: Request) -> tuple[Mapping[str, str], int]:
    """The query of this page and its first place: given directly, or kept in the cursor."""
    if "cursor" not in request.query:
        return request.query, 0
    try:
        text = base64.urlsafe_b64decode(request.query["cursor"])
        return msgspec.json.decode(text, type=tuple[dict[str, str], int])
    except (binascii.Error, msgspec.MsgspecError):
        raise Refusal(error(400, "cursor: not one of ours")) from None


def cursor(query: Mapping[str, str], start: int) -> str:
    """What next_url carries: the query and the first place of the next page."""
    kept = {key: value for key, value in query.items() if key != "apiKey"}
    return base64.urlsafe_b64encode(msgspec.json.encode((kept, start))).decode()


def matches(listing: Listing, query: Mapping[str, str]) -> bool:
    """Whether a listing passes the query's filters."""
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


def date_range(query: Mapping[str, str], key: str, first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """The span of dates that a query allows within first..last."""
    day = dt.timedelta(days=1)
    bounds = {
        suffix: parse_date(query[key + suffix])
        for suffix in ("", ".gt", ".gte", ".lt", ".lte")
        if query.get(key + suffix)
    }
    lower = [first] + [bounds[s] + (day if s == ".gt" else 0 * day) for s in ("", ".gt", ".gte") if s in bounds]
    upper = [last] + [bounds[s] - (day if s == ".lt" else 0 * day) for s in ("", ".lt", ".lte") if s in bounds]
    return max(lower), min(upper)
