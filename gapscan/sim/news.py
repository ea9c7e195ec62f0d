"""The provider's news endpoint: stories that are published by now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

from gapscan.market.sessions import next_trading_day, previous_trading_day, trading_date
from gapscan.sim.driver import Driver
from gapscan.sim.replies import Reply, Request, cursor, page_of, page_size, reply
from gapscan.sim.source import NewsItem

NEWS: Final = "/v2/reference/news"


class News:
    """The endpoint: the newest first, or the oldest."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def answer(self, request: Request) -> Reply:
        """One page."""
        query, start = page_of(request)
        found = [one for one in self._published() if _in_span(one, query.get)]
        if query.get("order", "desc") == "desc":
            found.reverse()
        limit = page_size(query, 10)
        body: dict[str, Any] = {
            "count": len(found[start : start + limit]),
            "results": [self._article(one) for one in found[start : start + limit]],
            "status": "OK",
        }
        if start + limit < len(found):
            body["next_url"] = f"{request.origin}{NEWS}?cursor={cursor(query, start + limit)}"
        return reply(body)

    def _published(self) -> list[NewsItem]:
        now = self._driver.clock.now()
        today = trading_date(now)
        days = [previous_trading_day(today), today, next_trading_day(today)]  # its news begin in the evening
        return sorted(one for day in days for one in self._driver.market.source.news(day) if one.time <= now)

    def _article(self, item: NewsItem) -> dict[str, Any]:
        symbols: Sequence[str] = [self._driver.market.symbols[place] for place in item.symbols]
        return {
            "id": item.id,
            "publisher": {"name": "Simulated Wire", "homepage_url": "https://example.com/"},
            "title": item.title,
            "author": "gapscan sim",
            "published_utc": _text(item.time),
            "article_url": f"https://example.com/news/{item.id}",
            "tickers": symbols,
        }


def _text(moment: int) -> str:
    return f"{dt.datetime.fromtimestamp(moment / 1000, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _in_span(item: NewsItem, value: Callable[[str], str | None]) -> bool:
    time, since, until = _text(item.time), value("published_utc.gte"), value("published_utc.lte")
    return (since is None or time >= since) and (until is None or time <= until)
