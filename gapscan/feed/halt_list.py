"""A second source of halts: the exchanges' own list, asked for again and again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp

from gapscan.config import Config
from gapscan.errors import FeedError
from gapscan.feed.halt_notices import HaltNotice, notices_of
from gapscan.obs import Tally

_MOST_BYTES: Final = 4 << 20  # a busy day's list has some hundred KB
_PIECE: Final = 1 << 16
_WHAT: Final = "the exchanges' list of halts"


class HaltListReader:
    """Reads the list every `halts_interval` seconds, and says what is in it to `observe`.

    While it fails nothing is known to have changed: what was listed stays, which `last_error` says.
    """

    def __init__(self, config: Config, tally: Tally, observe: Callable[[Sequence[HaltNotice]], None]) -> None:
        named = config.feed.halts_url
        self.url = urljoin(config.provider.rest_url or "", named) if named else ""
        self.last_error = ""
        self.listed: int | None = None  # items of the last list; None before the first
        self._interval = config.feed.halts_interval
        self._timeout = config.feed.request_timeout
        self._tally = tally
        self._observe = observe

    @property
    def wanted(self) -> bool:
        """Whether the settings name a list."""
        return bool(self.url)

    async def run(self) -> None:
        """Read for ever; without a list there is nothing to do."""
        if not self.wanted:
            return
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        # Proxies and SSL_CERT_FILE of the environment are heeded.
        async with aiohttp.ClientSession(trust_env=True, timeout=timeout) as session:
            while True:
                await self._read(session)
                await asyncio.sleep(self._interval)

    async def _read(self, session: aiohttp.ClientSession) -> None:
        try:
            found = notices_of(await self._body(session))
        except FeedError as error:
            self.last_error = error.message
            self._tally.trouble("halt_list_failed", str(error))
            return
        self.last_error, self.listed = "", len(found.notices)
        if found.bad:
            self._tally.trouble("bad_halts", f"{_WHAT} has items that cannot be read: {found.fault}", found.bad)
        self._observe(found.notices)

    async def _body(self, session: aiohttp.ClientSession) -> bytes:
        try:
            async with session.get(self.url) as response:
                if response.status != 200:
                    raise FeedError(f"{_WHAT} is refused: status {response.status}")
                return await _bounded(response)
        except TimeoutError:
            raise FeedError(f"{_WHAT} did not come within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:  # ValueError: of what is no URL
            raise FeedError(f"{_WHAT} failed: {' '.join(str(error).split())[:200]}") from None

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it."""
        return {"state": self._state(), "listed": self.listed, "last_error": self.last_error}

    def _state(self) -> str:
        if not self.wanted:
            return "off"
        if self.last_error:
            return "failed"
        return "waiting" if self.listed is None else "live"


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > _MOST_BYTES:
            raise FeedError(f"{_WHAT} has more than {_MOST_BYTES >> 20} MiB")
    return bytes(body)
