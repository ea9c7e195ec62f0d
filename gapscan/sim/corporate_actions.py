"""Splits and dividends over REST, in the shape of the provider's new endpoints and in that of the old ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from gapscan.market.sessions import trading_date
from gapscan.sim.driver import Driver
from gapscan.sim.replies import Reply, Request, cursor, date_range, page_of, page_size, reply
from gapscan.sim.source import Dividend, Split

SPLITS: Final = "/stocks/v1/splits"
DIVIDENDS: Final = "/stocks/v1/dividends"
OLD_SPLITS: Final = "/v3/reference/splits"
OLD_DIVIDENDS: Final = "/v3/reference/dividends"

_BACK, _AHEAD = dt.timedelta(days=120), dt.timedelta(days=14)
_NEW_PAGE, _NEW_MOST, _OLD_PAGE = 100, 5000, 10
_PAID_AFTER: Final = dt.timedelta(days=14)
_OLD_KINDS: Final = {"special": "SC"}  # others are CD


class CorporateActions:
    """The four endpoints."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._symbols = driver.market.symbols
        self._source = driver.market.source

    async def splits(self, request: Request) -> Reply:
        """The newest first."""
        found = self._splits(request, "execution_date")[::-1]
        return self._answer(request, SPLITS, [self._new_split(one) for one in found], _NEW_PAGE, _NEW_MOST)

    async def old_splits(self, request: Request) -> Reply:
        """The oldest first."""
        found = self._splits(request, "execution_date")
        return self._answer(request, OLD_SPLITS, [self._split(one) for one in found], _OLD_PAGE)

    async def dividends(self, request: Request) -> Reply:
        """The newest first."""
        found = self._dividends(request)[::-1]
        return self._answer(request, DIVIDENDS, [self._new_dividend(one) for one in found], _NEW_PAGE, _NEW_MOST)

    async def old_dividends(self, request: Request) -> Reply:
        """The oldest first."""
        found = self._dividends(request)
        return self._answer(request, OLD_DIVIDENDS, [self._old_dividend(one) for one in found], _OLD_PAGE)

    def _span(self, request: Request, key: str) -> tuple[dt.date, dt.date]:
        today = trading_date(self._driver.clock.now())
        return date_range(page_of(request)[0], key, today - _BACK, today + _AHEAD)

    def _splits(self, request: Request, key: str) -> list[Split]:
        wanted = page_of(request)[0].get("ticker")
        found = self._source.splits(*self._span(request, key))
        return [one for one in found if wanted in (None, self._symbols[one.symbol])]

    def _dividends(self, request: Request) -> list[Dividend]:
        wanted = page_of(request)[0].get("ticker")
        found = self._source.dividends(*self._span(request, "ex_dividend_date"))
        return [one for one in found if wanted in (None, self._symbols[one.symbol])]

    def _answer(
        self, request: Request, path: str, results: Sequence[dict[str, Any]], usual: int, most: int = 1000
    ) -> Reply:
        query, start = page_of(request)
        limit = page_size(query, usual, most)
        body: dict[str, Any] = {"results": results[start : start + limit], "status": "OK"}
        if start + limit < len(results):
            body["next_url"] = f"{request.origin}{path}?cursor={cursor(query, start + limit)}"
        return reply(body)

    def _split(self, split: Split) -> dict[str, Any]:
        return {
            "id": f"{split.date:%Y%m%d}{split.symbol:06d}",
            "execution_date": split.date.isoformat(),
            "split_from": split.split_from,
            "split_to": split.split_to,
            "ticker": self._symbols[split.symbol],
        }

    def _new_split(self, split: Split) -> dict[str, Any]:
        return self._split(split) | {
            "adjustment_type": "forward_split" if split.ratio > 1 else "reverse_split",
            "historical_adjustment_factor": round(1 / self._ratio_since(split), 6),
        }

    def _ratio_since(self, split: Split) -> float:
        """How many shares of today one of before the split has become."""
        ratio = 1.0
        for one in self._source.splits(split.date, trading_date(self._driver.clock.now())):
            ratio *= one.ratio if one.symbol == split.symbol else 1.0
        return ratio

    def _dividend(self, dividend: Dividend) -> dict[str, Any]:
        return {
            "ticker": self._symbols[dividend.symbol],
            "ex_dividend_date": dividend.date.isoformat(),
            "record_date": dividend.date.isoformat(),
            "pay_date": (dividend.date + _PAID_AFTER).isoformat(),
            "cash_amount": dividend.amount,
            "currency": "USD",
            "frequency": 0 if dividend.kind == "special" else 4,
        }

    def _new_dividend(self, dividend: Dividend) -> dict[str, Any]:
        return self._dividend(dividend) | {
            "id": f"E{dividend.date:%Y%m%d}{dividend.symbol:06d}",
            "distribution_type": dividend.kind,
            "split_adjusted_cash_amount": dividend.amount,
        }

    def _old_dividend(self, dividend: Dividend) -> dict[str, Any]:
        return self._dividend(dividend) | {"dividend_type": _OLD_KINDS.get(dividend.kind, "CD")}
