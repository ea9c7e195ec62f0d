"""Splits and dividends: by Polygon's new endpoints, or by the old ones where an account or a host has only those."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Final, TypeVar

from msgspec import Struct

from gapscan.errors import NotEntitledError, NotFoundError
from gapscan.polygon.elements import Elements
from gapscan.polygon.rest import PAGE, PolygonRest
from gapscan.protocol.values import Symbol
from gapscan.provider import Dividend, Split

E = TypeVar("E")

_SPLITS: Final = ("/stocks/v1/splits", "/v3/reference/splits")  # the new path, the old one
_DIVIDENDS: Final = ("/stocks/v1/dividends", "/v3/reference/dividends")
_SPIN: Final = "spin"
# Whoever splits gives a few shares for a few. A ratio such as 1281 for 1000 makes prices before a spin-off comparable
# with those after it: nobody got a share more.
_FEW: Final = 100


class SplitRow(Struct):
    """A split that takes effect on `execution_date`: `split_to` new shares for `split_from` old ones."""

    ticker: Symbol
    execution_date: dt.date
    split_from: float | None = 1.0
    split_to: float | None = 1.0
    adjustment_type: str | None = None  # the new endpoint alone has it

    @property
    def ratio(self) -> float | None:
        """New shares for an old one; None for a split of nothing."""
        old, new = self.split_from or 0.0, self.split_to or 0.0
        return new / old if old > 0 and new > 0 else None

    @property
    def is_spin_off(self) -> bool:
        """Whether it stands for a spin-off."""
        if _SPIN in (self.adjustment_type or "").lower():
            return True
        ratio = self.ratio
        return ratio is not None and ratio > 1 and Fraction(ratio).limit_denominator(10_000).denominator > _FEW


class DividendRow(Struct):
    """A distribution of `cash_amount` a share to those who held it before `ex_dividend_date`."""

    ticker: Symbol
    ex_dividend_date: dt.date
    cash_amount: float | None = None
    currency: str | None = None
    distribution_type: str | None = None  # in the old endpoint `dividend_type`, of which nothing is needed


_splits: Final = Elements("results", SplitRow)
_dividends: Final = Elements("results", DividendRow)


async def splits(rest: PolygonRest, first: dt.date, last: dt.date) -> list[Split]:
    """The splits that take effect from `first` to `last`. Raises FeedError."""
    what = "the splits " + _between(first, last)
    query = _query("execution_date", first, last)
    return splits_of(await _pages(rest, what, _SPLITS, query, _splits))


async def dividends(rest: PolygonRest, date: dt.date) -> list[Dividend]:
    """The distributions whose ex-date is `date`. Raises FeedError, NotEntitledError where they are not in the plan."""
    query = _query("ex_dividend_date", date, date)
    return dividends_of(await _pages(rest, f"the dividends of {date}", _DIVIDENDS, query, _dividends))


def splits_of(rows: Iterable[SplitRow]) -> list[Split]:
    """Each symbol's split of a day. One that is told in two ways has no ratio: nobody knows which is right.

    One for one is none: Polygon writes a payout in shares so whose price stays.
    """
    found: dict[tuple[str, dt.date], Split] = {}
    for row in rows:
        key, ratio = (row.ticker, row.execution_date), row.ratio
        if ratio == 1.0:
            continue
        before = found.get(key)
        agreed = before is None or before.ratio == ratio
        found[key] = Split(*key, ratio if agreed else None, spin_off=row.is_spin_off)
    return list(found.values())


def dividends_of(rows: Iterable[DividendRow]) -> list[Dividend]:
    """The distributions, those of other currencies without an amount."""
    return [
        Dividend(
            row.ticker,
            row.ex_dividend_date,
            row.cash_amount if (row.currency or "USD").upper() == "USD" and (row.cash_amount or 0) > 0 else None,
            spin_off=_SPIN in (row.distribution_type or "").lower(),
        )
        for row in rows
    ]


def _between(first: dt.date, last: dt.date) -> str:
    return f"of {first}" if first == last else f"from {first} to {last}"


def _query(name: str, first: dt.date, last: dt.date) -> dict[str, Any]:
    return {f"{name}.gte": first.isoformat(), f"{name}.lte": last.isoformat(), "limit": PAGE}


async def _pages(
    rest: PolygonRest, what: str, paths: tuple[str, str], query: Mapping[str, Any], decoder: Elements[E]
) -> list[E]:
    new, old = paths
    try:
        return await rest.all_pages(what, rest.by_path(new, query), decoder)
    except (NotFoundError, NotEntitledError):
        return await rest.all_pages(what, rest.by_path(old, query), decoder)
