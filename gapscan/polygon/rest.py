"""Polygon's REST endpoints that gapscan uses, through the official client, bounded in time.

The client is synchronous, retries on its own and ignores its read timeout; each call therefore runs on a thread of
its own and is given up after `timeout` seconds. Its objects are not used: raw bodies are decoded here.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
import urllib3
from msgspec import UNSET, Raw, Struct, UnsetType

from gapscan.errors import FeedError, NotEntitledError, NotFoundError
from gapscan.market.sessions import session_at
from gapscan.obs import Tally, masked
from gapscan.polygon import KEY_VARIABLE
from gapscan.polygon.certificates import trusted_certificates
from gapscan.polygon.details import FloatBody, OverviewBody, TickerOverview
from gapscan.polygon.elements import Decoded, Elements
from gapscan.polygon.library import Library, client_library
from gapscan.polygon.snapshot import SnapshotTicker, decode_snapshot
from gapscan.protocol.messages import SessionName

E = TypeVar("E")

_PAGE: Final = 1000
_CONNECTIONS: Final = 4
RETRIES: Final = 3
_LINGER: Final = 1.0  # seconds by which the client is more patient, so that it is the limit here that ends a call
_FLOAT_PATH: Final = "/stocks/vX/float"
_UNKNOWN_KEY: Final = ("Unknown API Key", "AUTH_ERROR")
_NOT_ENTITLED: Final = ("NOT_AUTHORIZED", "not entitled", "Not authorized")
_NOT_FOUND: Final = ("not_found", "not found", "notfound")


class ServerStatus(Struct):
    """The market status: server time and what is open."""

    serverTime: dt.datetime  # the provider's name
    market: str
    earlyHours: bool = False
    afterHours: bool = False

    @property
    def at(self) -> int:
        """Server time, epoch ms."""
        return int(self.serverTime.timestamp() * 1000)

    @property
    def session(self) -> SessionName:
        """The session that the provider says it is: it knows holidays and early closes."""
        if self.market == "closed":
            return "closed"
        if self.earlyHours:
            return "pre"
        if self.afterHours:
            return "post"
        return "regular" if self.market == "open" else session_at(self.at).value


class ListedTicker(Struct):
    """One listing."""

    ticker: str
    name: str | None = None
    type: str | None = None
    primary_exchange: str | None = None


class DailyAggregate(Struct, gc=False):
    """One symbol's bar of one day; volume, adjusted for splits, and the number of trades."""

    T: str
    v: float = 0.0
    n: float = 0.0


class SplitRow(Struct):
    """A split that takes effect on `execution_date`: `split_to` new shares for `split_from` old ones."""

    ticker: str
    execution_date: dt.date
    split_from: float = 1.0
    split_to: float = 1.0


class _Page(Struct):
    results: Raw | UnsetType = UNSET
    next_url: str | None = None


_reference: Final = Elements("results", ListedTicker)
_grouped: Final = Elements("results", DailyAggregate)
_splits: Final = Elements("results", SplitRow)


class PolygonRest:
    """A client for one account. `tally` counts elements that could not be read.

    The client asks again up to `retries` times by itself: 0 where the number of requests matters.
    """

    def __init__(
        self, library: Library, base: str, key: str, timeout: float, tally: Tally, *, retries: int = RETRIES
    ) -> None:
        self._timeout = timeout
        self._tally = tally
        self._client = _open_client(library, base, key, timeout, retries)

    async def snapshot(self) -> list[SnapshotTicker]:
        """Every symbol of the market as the provider sees it now. Raises FeedError."""
        what = "the market snapshot"
        body = await self._get(what, lambda: self._client.get_snapshot_all("stocks", raw=True))
        decoded = decode_snapshot(body)
        self._report(what, decoded.bad, decoded.first_fault)
        return decoded.items

    async def status(self) -> ServerStatus:
        """Server time and market status. Raises FeedError."""
        what = "the market status"
        return _decode(what, await self._get(what, lambda: self._client.get_market_status(raw=True)), ServerStatus)

    async def daily_bars(self, date: dt.date) -> list[DailyAggregate]:
        """All daily bars of `date`, adjusted for splits; empty on a day without trading. Raises FeedError."""
        what = f"the daily bars of {date}"
        body = await self._get(
            what, lambda: self._client.get_grouped_daily_aggs(date.isoformat(), adjusted=True, raw=True)
        )
        return self._elements(what, body, _grouped)

    async def splits(self, first: dt.date, last: dt.date) -> list[SplitRow]:
        """The splits that take effect from `first` to `last`. Raises FeedError."""
        what = f"the splits of {first}" if first == last else f"the splits from {first} to {last}"

        def call(params: dict[str, str]) -> Any:
            return self._client.list_splits(
                execution_date_gte=first, execution_date_lte=last, limit=_PAGE, raw=True, params=params
            )

        return [split async for body in self._pages(what, call) for split in self._elements(what, body, _splits)]

    async def listings(self) -> list[ListedTicker]:
        """All active stock listings: all of their pages, or FeedError."""
        what = "the reference data"
        found: list[ListedTicker] = []

        def call(params: dict[str, str]) -> Any:
            return self._client.list_tickers(market="stocks", active=True, limit=_PAGE, raw=True, params=params)

        async for body in self._pages(what, call):
            page = self._decoded(what, body, _reference)
            if page.bad and not page.items:
                raise FeedError(f"{what} has a page of which nothing can be read: {page.first_fault}")
            found += page.items
        if not found:
            raise FeedError(f"{what} has no listings")
        return found

    async def overview(self, symbol: str) -> TickerOverview:
        """What the provider knows of one listing. Raises NotFoundError when it does not know it, FeedError."""
        what = f"the details of {symbol}"
        body = await self._get(what, lambda: self._client.get_ticker_details(quote(symbol, safe=""), raw=True))
        return _decode(what, body, OverviewBody).results

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
        self._report(what, decoded.bad, decoded.first_fault)
        return decoded

    def _report(self, what: str, bad: int, fault: str) -> None:
        if bad:
            self._tally.trouble("bad_elements", f"{what} has elements that cannot be read: {fault}", bad)

    async def _pages(self, what: str, call: Callable[[dict[str, str]], Any]) -> AsyncIterator[bytes]:
        """All pages, each checked to be one: an answer without results would end the pages as if it were the last."""
        params: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            body = await self._get(what, partial(call, params))
            page = _decode(what, body, _Page)
            if seen and page.results is UNSET:
                raise FeedError(f"{what} breaks off: page {len(seen) + 1} has no results")
            yield body
            if not page.next_url:
                return
            if page.next_url in seen:
                raise FeedError(f"{what} leads in a circle: page {len(seen) + 1} is followed by an earlier one")
            seen.add(page.next_url)
            params = dict(parse_qsl(urlsplit(page.next_url).query))

    async def _get(self, what: str, call: Callable[[], Any]) -> bytes:
        """The body that `call` brings, run on a daemon thread: one that is stuck holds up nothing, not even exit."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[bytes] = loop.create_future()
        threading.Thread(target=_run, args=(call, loop, result), name=f"rest {what}", daemon=True).start()
        try:
            async with asyncio.timeout(self._timeout):
                return await result
        except TimeoutError:
            raise FeedError(f"{what} did not come within {self._timeout:g} s") from None
        except Exception as error:  # noqa: BLE001  # the client raises whatever its HTTP stack does
            raise _translated(what, error) from None


def _run(call: Callable[[], Any], loop: asyncio.AbstractEventLoop, result: asyncio.Future[bytes]) -> None:
    try:
        body, fault = bytes(call().data), None
    except Exception as error:  # noqa: BLE001  # handed to the caller, who translates it
        body, fault = b"", error

    def settle() -> None:
        if result.done():
            return
        if fault is not None:
            result.set_exception(fault)
        else:
            result.set_result(body)

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)


def _open_client(library: Library, base: str, key: str, timeout: float, retries: int) -> Any:
    client = client_library(library).RESTClient(api_key=key, base=base, pagination=False, retries=retries)
    # The client makes a timeout and never uses it; without one, an abandoned thread would live for ever.
    pool = client.client.connection_pool_kw
    pool["timeout"] = urllib3.Timeout(connect=timeout + _LINGER, read=timeout + _LINGER)
    pool["maxsize"] = _CONNECTIONS
    pool["ca_certs"] = trusted_certificates()
    # A call that was given up must not go on asking by itself; refusals (429, 5xx) are still retried by the client.
    pool["retries"] = pool["retries"].new(read=0)
    return client


def _decode(what: str, body: bytes, kind: type[E]) -> E:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FeedError(f"{what} is unreadable: {error}; it begins {body[:60]!r}") from None


def _translated(what: str, error: Exception) -> FeedError:
    """A client error as a FeedError that says whether trying again can help."""
    text = " ".join(masked(str(error)).split())[:200]  # masked first: a part of the key would not be recognized
    refused = f"{what}: the provider refuses the API key: {text}"
    remedy = f"check {KEY_VARIABLE} and what its plan allows"
    if any(word in text for word in _UNKNOWN_KEY):
        return FeedError(refused, retry=False, remedy=remedy)
    if any(word in text for word in _NOT_ENTITLED):
        return NotEntitledError(refused, remedy=remedy)
    # The client names a status by its body alone; network errors have other words for what they do not find.
    if type(error).__name__ == "BadResponse" and any(word in text.lower() for word in _NOT_FOUND):
        return NotFoundError(f"{what} is unknown to the provider: {text}")
    return FeedError(f"{what} failed: {text}")
