"""The bars of one symbol over a time, as Polygon's aggregates have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from gapscan.polygon.elements import Elements
from gapscan.polygon.rest import PolygonRest
from gapscan.polygon.times import milliseconds
from gapscan.provider import MINUTE_BARS, Bar, BarWidth

_MOST: Final = 50_000  # bars in one answer, by the provider's word


class Aggregate(Struct, gc=False):
    """One bar: its start, and what traded in it."""

    t: int
    o: float | None = None
    h: float | None = None
    l: float | None = None  # noqa: E741  # the provider's name
    c: float | None = None
    v: float | None = None


_aggregates: Final = Elements("results", Aggregate)


async def bars(rest: PolygonRest, symbol: str, first: int, last: int, width: BarWidth) -> list[Bar]:
    """The bars of `width` ms that begin from `first` to `last`, oldest first. Raises FeedError."""
    span = "minute" if width == MINUTE_BARS else "second"
    path = f"/v2/aggs/ticker/{quote(symbol, safe='')}/range/1/{span}/{first}/{last}"
    query = {"adjusted": "true", "sort": "asc", "limit": _MOST}
    found = await rest.all_pages(f"the {span} bars of {symbol}", rest.by_path(path, query), _aggregates)
    return bars_of(symbol, found, first, last, width)


def bars_of(symbol: str, found: Iterable[Aggregate], first: int, last: int, width: BarWidth) -> list[Bar]:
    """The bars, in order; of two that begin together the later in the answer counts."""
    by_start = {milliseconds(one.t): one for one in found}
    return [
        Bar(symbol, start, start + width, one.o or None, one.h or None, one.l or None, one.c or None, one.v)
        for start, one in sorted(by_start.items())
        if first <= start <= last
    ]
