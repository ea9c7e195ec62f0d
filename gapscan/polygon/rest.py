"""Polygon's REST endpoints that gapscan uses, through the official client.

Its objects are not used: raw bodies are decoded here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from gapscan.errors import FeedError, NotFoundError
from gapscan.obs import Tally
from gapscan.polygon.bodies import DailyAggregate, ListedTicker, ServerStatus
from gapscan.polygon.calls import bounded, forget, open_client
from gapscan.polygon.details import FloatBody, OverviewBody, TickerOverview
from gapscan.polygon.elements import Decoded, Elements, Faults, Head
from gapscan.polygon.lenient import UNREADABLE, saved
from gapscan.polygon.library import Library
from gapscan.polygon.pages import Paging
from gapscan.polygon.recording import Recorder
from gapscan.polygon.refusals import check_served
from gapscan.polygon.snapshot import SnapshotReader, one_of_each
from gapscan.provider import MarketSnapshot

E = TypeVar("E")
Call = Callable[[dict[str, str]], Any]  # asks for a page: the first, or that of the parameters

PAGE: Final = 1000
RETRIES: Final = 3
_FLOAT_PATH: Final = "/stocks/vX/float"


_reference: Final = Elements("results", ListedTicker)
_grouped: Final = Elements("results", DailyAggregate)


class PolygonRest:
    """A client for one account. `tally` counts elements that could not be read.

    The client asks again up to `retries` times by itself: 0 where the number of requests matters. A `recorder` gets
    what is answered, refusals aside.
    """

    def __init__(
        self,
        library: Library,
        base: str,
        key: str,
        timeout: float,
        tally: Tally,
        *,
        retries: int = RETRIES,
        recorder: Recorder | None = None,
        proxy: str | None = None,
    ) -> None:
        self._timeout = timeout
        self._keep = recorder.rest if recorder else forget
        self._tally = tally
        self._snapshots = SnapshotReader()
        self._client = open_client(library, base, key, timeout, retries, proxy)

    async def snapshot(self) -> MarketSnapshot:
        """Every symbol of the market as the provider sees it now. Raises FeedError."""
        what = "the market snapshot"
        body = await self._get(what, lambda: self._client.get_snapshot_all("stocks", raw=True))
        reading = self._snapshots.read(body)
        self._report(what, reading)
        snapshot = one_of_each(reading.snapshot)
        self._report_doubled(what, len(reading.snapshot) - len(snapshot))
        return snapshot

    async def status(self) -> ServerStatus:
        """Server time and market status. Raises FeedError."""
        what = "the market status"
        return _decode(what, await self._get(what, lambda: self._client.get_market_status(raw=True)), ServerStatus)

    async def daily_bars(self, date: dt.date, *, adjusted: bool = True) -> list[DailyAggregate]:
        """All daily bars of `date`, `adjusted` for splits since; empty on a day without trading. Raises FeedError."""
        what = f"the daily bars of {date}"
        body = await self._get(
            what, lambda: self._client.get_grouped_daily_aggs(date.isoformat(), adjusted=adjusted, raw=True)
        )
        bars = self._elements(what, body, _grouped)
        return self._one_of_each(what, bars, lambda bar: bar.T, lambda bar: bar.v or 0.0)

    async def listings(self) -> list[ListedTicker]:
        """All active stock listings: all of their pages, or FeedError."""
        what = "the reference data"

        def call(params: dict[str, str]) -> Any:
            return self._client.list_tickers(market="stocks", active=True, limit=PAGE, raw=True, params=params)

        found = await self.all_pages(what, call, _reference)
        if not found:
            raise FeedError(f"{what} has no listings")
        return self._one_of_each(what, found, lambda listing: listing.ticker, lambda listing: listing.weight)

    async def listing(self, symbol: str) -> ListedTicker:
        """The active listing of `symbol`. Raises NotFoundError when there is none, FeedError."""
        what = f"the listing of {symbol}"

        def call() -> Any:
            return self._client.list_tickers(ticker=symbol, market="stocks", active=True, limit=PAGE, raw=True)

        listed = self._elements(what, await self._get(what, call), _reference)
        found = [listing for listing in listed if listing.ticker == symbol]
        if not found:
            raise NotFoundError(f"{what} is unknown to the provider")
        return max(found, key=lambda listing: listing.weight)

    async def overview(self, symbol: str) -> TickerOverview:
        """What the provider knows of one listing. Raises NotFoundError when it does not know it, FeedError."""
        what = f"the details of {symbol}"
        body = await self._get(what, lambda: self._client.get_ticker_details(quote(symbol, safe=""), raw=True))
        if (overview := _decode(what, body, OverviewBody).results) is None:
            raise NotFoundError(f"{what} are unknown to the provider: its answer has no results")
        return overview

    async def free_float(self, symbol: str) -> float | None:
        """Shares of `symbol` that are free to trade; None where the provider does not say.

        Raises NotEntitledError or NotFoundError where the account has no such data at all, FeedError.
        """
        what, query = f"the float of {symbol}", {"ticker": symbol, "limit": 1}
        # Only the newest versions of the library have a method for it.
        body = await self._get(what, lambda: self._client._get(path=_FLOAT_PATH, params=query, raw=True))
        return _decode(what, body, FloatBody).of(symbol)

    def _elements(self, what: str, body: bytes, decoder: Elements[E]) -> list[E]:
        return self._decoded(what, body, decoder).items

    def _decoded(self, what: str, body: bytes, decoder: Elements[E]) -> Decoded[E]:
        decoded = decoder.decode(what, body)
        self._report(what, decoded)
        return decoded

    def _one_of_each(self, what: str, items: list[E], name: Callable[[E], str], weight: Callable[[E], Any]) -> list[E]:
        """The items, of those with one name the heaviest, and the first of equals."""
        names = list(map(name, items))
        if len(set(names)) == len(items):
            return items
        best: dict[str, E] = {}
        for key, item in zip(names, items, strict=True):
            if key not in best or weight(item) > weight(best[key]):
                best[key] = item
        self._report_doubled(what, len(items) - len(best))
        return list(best.values())

    def _report_doubled(self, what: str, doubled: int) -> None:
        if doubled:
            self._tally.trouble("doubled_elements", f"{what} names symbols more than once", doubled)

    def _report(self, what: str, faults: Faults) -> None:
        fault = faults.first_fault
        if faults.bad:
            self._tally.trouble("bad_elements", f"{what} has elements that cannot be read: {fault}", faults.bad)
        if faults.lost:
            self._tally.trouble("bad_fields", f"{what} has fields that cannot be read: {fault}", faults.lost)

    def by_path(self, path: str, query: Mapping[str, Any]) -> Call:
        """What asks for a path of which the library may know nothing; for later pages by their own query."""
        return lambda params: self._client._get(path=path, params=params or dict(query), raw=True)

    async def all_pages(self, what: str, call: Call, decoder: Elements[E]) -> list[E]:
        """The elements of all pages. Raises FeedError."""
        paging, found = Paging(what, self._timeout), list[E]()
        params: dict[str, str] | None = {}
        while params is not None:
            page = self._decoded(what, await self._get(what, partial(call, params)), decoder)
            found += page.items
            params = paging.following(page)
        return found

    async def _get(self, what: str, call: Callable[[], Any]) -> bytes:
        return await bounded(what, call, self._timeout, self._keep)


def _decode(what: str, body: bytes, kind: type[E]) -> E:
    """The body as `kind`, without the fields that cannot be read. Raises FeedError."""
    try:
        head = msgspec.json.decode(body, type=Head)
        check_served(what, head.status, head.error, head.message)
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        fault = error
    try:
        return saved(body, kind)[0]
    except UNREADABLE:
        raise FeedError(f"{what} is unreadable: {fault}; it begins {body[:60]!r}") from None
