"""The endpoint of one symbol's bars: minutes of the present day, seconds of its last minutes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

import msgspec

from gapscan.market.sessions import epoch_ms
from gapscan.sim.archive import PastBar
from gapscan.sim.driver import Driver
from gapscan.sim.replies import Refusal, Reply, Request, error, flag, page_size, parse_date, reply
from gapscan.sim.snapshot import Number, number

PATH: Final = "/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{first}/{last}"
_MOST: Final = 50_000
_USUAL: Final = 5_000
_MIDNIGHT: Final = dt.time()
_A_DAY: Final = dt.timedelta(days=1)


class Aggregate(msgspec.Struct):
    """A bar as Polygon has it."""

    v: Number
    vw: float
    o: float
    c: float
    h: float
    l: float  # noqa: E741 - Polygon's field name
    t: int
    n: int


class Aggregates:
    """Answers of a served market. A day that is over has none: the market keeps the bars of the present one."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def bars(self, request: Request) -> Reply:
        """Bars of one symbol between two moments or days, both included."""
        bars_of = self._spans(request)
        first, last = (_moment(request.path[end], ends=end == "last") for end in ("first", "last"))
        limit = page_size(request.query, _USUAL, _MOST)
        await self._driver.bring_up()
        market, ticker = self._driver.market, request.path["ticker"]
        place = market.place.get(ticker)
        found = [] if place is None else bars_of(place, first, last, self._driver.clock.now())
        if request.query.get("sort", "asc") == "desc":
            found.reverse()
        shown = found[:limit]
        body: dict[str, Any] = {
            "ticker": ticker,
            "queryCount": len(found),
            "resultsCount": len(shown),
            "adjusted": flag(request, "adjusted", True),
            "status": "OK",
        }
        if shown:
            body |= {"results": [_aggregate(bar) for bar in shown], "count": len(shown)}
        return reply(body)

    def _spans(self, request: Request) -> Callable[[int, int, int, int], list[PastBar]]:
        archive = self._driver.market.archive
        kinds = {("1", "minute"): archive.minutes, ("1", "second"): archive.seconds}
        kind = request.path["multiplier"], request.path["timespan"]
        if kind not in kinds:
            raise Refusal(error(400, f"the simulated market has no bars of {kind[0]} {kind[1]}, but of 1 minute"))
        return kinds[kind]


def _moment(text: str, *, ends: bool) -> int:
    """Epoch ms as they are written, or as a day's first moment or its last."""
    if text.isdecimal():
        return int(text)
    date = parse_date(text)
    return epoch_ms(date + _A_DAY, _MIDNIGHT) - 1 if ends else epoch_ms(date, _MIDNIGHT)


def _aggregate(bar: PastBar) -> Aggregate:
    prices = (bar.vwap, bar.open, bar.close, bar.high, bar.low)
    vw, o, c, h, low = (round(price, 4) for price in prices)
    return Aggregate(number(bar.volume), vw, o, c, h, low, bar.start, bar.trades)
