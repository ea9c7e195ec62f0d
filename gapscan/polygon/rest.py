"""The provider's REST endpoints that gapscan uses, through the official client, bounded in time.

The client is synchronous, retries on its own and ignores its read timeout; each call therefore runs on a thread of
its own and is given up after `timeout` seconds. Its objects are not used: raw bodies are decoded here.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib import import_module
from typing import Any, Final, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
import urllib3
from msgspec import Struct

from gapscan.errors import ConfigError, FeedError
from gapscan.market.sessions import session_at
from gapscan.obs import Tally
from gapscan.polygon.elements import Elements
from gapscan.polygon.frames import Ticker, decode_snapshot
from gapscan.protocol.messages import SessionName

E = TypeVar("E")
Library = Literal["polygon", "massive"]

_PAGE: Final = 1000
_CONNECTIONS: Final = 4
_REFUSED: Final = ("Unknown API Key", "NOT_AUTHORIZED", "not entitled", "Not authorized", "AUTH_ERROR")


class Status(Struct):
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


class ReferenceTicker(Struct):
    """One listing."""

    ticker: str
    name: str | None = None
    type: str | None = None
    primary_exchange: str | None = None


class GroupedBar(Struct, gc=False):
    """One symbol's bar of one day; volume and close, adjusted for splits."""

    T: str
    v: float = 0.0
    c: float = 0.0


class Split(Struct):
    """A split that takes effect on `execution_date`."""

    ticker: str
    execution_date: str


class _Cursor(Struct):
    next_url: str | None = None


_reference: Final = Elements("results", ReferenceTicker)
_grouped: Final = Elements("results", GroupedBar)
_splits: Final = Elements("results", Split)


class PolygonRest:
    """A client for one account. `tally` counts elements that could not be read."""

    def __init__(self, library: Library, base: str, key: str, timeout: float, tally: Tally) -> None:
        self._timeout = timeout
        self._tally = tally
        self._client = _open_client(library, base, key, timeout)

    async def snapshot(self) -> list[Ticker]:
        """Every symbol of the market as the provider sees it now. Raises FeedError."""
        what = "the market snapshot"
        body = await self._get(what, lambda: self._client.get_snapshot_all("stocks", raw=True))
        decoded = decode_snapshot(body)
        self._report(what, decoded.bad, decoded.first_fault)
        return decoded.items

    async def status(self) -> Status:
        """Server time and market status. Raises FeedError."""
        what = "the market status"
        return _decode(what, await self._get(what, lambda: self._client.get_market_status(raw=True)), Status)

    async def grouped(self, date: dt.date) -> list[GroupedBar]:
        """All daily bars of `date`, adjusted for splits; empty on a day without trading. Raises FeedError."""
        what = f"the daily bars of {date}"
        body = await self._get(
            what, lambda: self._client.get_grouped_daily_aggs(date.isoformat(), adjusted=True, raw=True)
        )
        return self._elements(what, body, _grouped)

    async def splits(self, date: dt.date) -> list[Split]:
        """The splits that take effect on `date`. Raises FeedError."""
        what = f"the splits of {date}"

        def call(params: dict[str, str]) -> Any:
            return self._client.list_splits(execution_date=date, limit=_PAGE, raw=True, params=params)

        return [split async for body in self._pages(what, call) for split in self._elements(what, body, _splits)]

    async def reference(self) -> list[ReferenceTicker]:
        """All active stock listings. Raises FeedError."""
        what = "the reference data"

        def call(params: dict[str, str]) -> Any:
            return self._client.list_tickers(market="stocks", active=True, limit=_PAGE, raw=True, params=params)

        return [listing async for body in self._pages(what, call) for listing in self._elements(what, body, _reference)]

    def _elements(self, what: str, body: bytes, decoder: Elements[E]) -> list[E]:
        decoded = decoder.decode(what, body)
        self._report(what, decoded.bad, decoded.first_fault)
        return decoded.items

    def _report(self, what: str, bad: int, fault: str) -> None:
        if bad:
            self._tally.trouble("bad_elements", f"{what} has elements that cannot be read: {fault}", bad)

    async def _pages(self, what: str, call: Callable[[dict[str, str]], Any]) -> AsyncIterator[bytes]:
        params: dict[str, str] = {}
        while True:
            body = await self._get(what, partial(call, params))
            yield body
            following = _decode(what, body, _Cursor).next_url
            if not following:
                return
            params = dict(parse_qsl(urlsplit(following).query))

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


def _open_client(library: Library, base: str, key: str, timeout: float) -> Any:
    try:
        module = import_module(library)
    except ImportError:
        raise ConfigError(
            f"the client library {library!r} is not installed", remedy=f"pip install 'gapscan[{library}]'"
        ) from None
    client = module.RESTClient(api_key=key, base=base, pagination=False)
    # The client makes a timeout and never uses it; without one, an abandoned thread would live for ever.
    pool = client.client.connection_pool_kw
    pool["timeout"] = urllib3.Timeout(connect=timeout, read=timeout)
    pool["maxsize"] = _CONNECTIONS
    # A call that was given up must not go on asking by itself; refusals (429, 5xx) are still retried by the client.
    pool["retries"] = pool["retries"].new(read=0)
    return client


def _decode(what: str, body: bytes, kind: type[E]) -> E:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedError(f"{what} is unreadable: {error}; it begins {body[:60]!r}") from None


def _translated(what: str, error: Exception) -> FeedError:
    """A client error as a FeedError that says whether trying again can help."""
    text = " ".join(str(error).split())[:200]
    if any(word in text for word in _REFUSED):
        return FeedError(
            f"{what}: the provider refuses the API key: {text}",
            retry=False,
            remedy="check POLYGON_API_KEY and what its plan allows",
        )
    return FeedError(f"{what} failed: {text}")
