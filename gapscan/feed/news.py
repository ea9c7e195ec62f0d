"""News: one request after the other for the whole market, and the newest headlines of each symbol in a bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal

from gapscan.bus.bucket_values import can_be_key
from gapscan.bus.client import Bus
from gapscan.bus.news import write_news
from gapscan.errors import BusError, FeedError, NotEntitledError, NotFoundError
from gapscan.feed.news_book import NewsBook
from gapscan.market.sessions import date_of_trades
from gapscan.obs import Tally
from gapscan.provider import Provider

_OVERLAP_MS: Final = 900_000  # a story may be told after a later one
_REFUSED_SECONDS: Final = 3600.0  # after which a plan that had no news is asked again
_FIRST_LOOK: Final = 0.5  # seconds between two looks whether it is known what day it is

State = Literal["off", "waiting", "live", "failed", "not in the plan"]


class NewsLoader:
    """Asks every `interval` seconds of wall time; 0: never. `now` is market time, epoch ms, 0 before it is known.

    What NATS did not take is sent with the next poll.
    """

    def __init__(self, bus: Bus, provider: Provider, interval: float, tally: Tally, now: Callable[[], int]) -> None:
        self._bus = bus
        self._provider = provider
        self._interval = interval
        self._tally = tally
        self._now = now
        self._book: NewsBook | None = None
        self._unsent: set[str] = set()
        self._state: State = "waiting" if interval else "off"
        self._last_error = ""

    async def run(self) -> None:
        """Ask for ever."""
        while self._interval:
            pause = await self._poll()
            await asyncio.sleep(pause)

    async def _poll(self) -> float:
        """Ask once; after how many seconds to ask again."""
        if not (now := self._now()):
            return _FIRST_LOOK
        try:
            await self._ask(now)
        except (NotEntitledError, NotFoundError) as error:
            self._state, self._last_error = "not in the plan", error.message
            self._tally.trouble("news_refused", f"there is no news: {error}")
            return max(self._interval, _REFUSED_SECONDS)
        except FeedError as error:
            self._state, self._last_error = "failed", error.message
            self._tally.trouble("news_failed", f"news cannot be had: {error}")
            return self._interval
        self._state, self._last_error = "live", ""
        self._tally.count("news_polls")
        await self._send()
        return self._interval

    async def _ask(self, now: int) -> None:
        date = date_of_trades(now)  # as the ranker has it, from the first trade of the night on
        if self._book is None or self._book.date != date:
            self._book = NewsBook(date)
            self._unsent.clear()
        book, before, left_out = self._book, self._book.stories, self._book.left_out
        since = max(book.begin, book.newest - _OVERLAP_MS)
        if (stories := await self._provider.news(since)) is None:
            raise NotFoundError("this provider has no news")
        self._unsent |= book.add(stories, now)
        self._tally.count("headlines", book.stories - before)
        if book.left_out > left_out:
            self._tally.trouble("news_left_out", "there are more stories or symbols than a day may have")

    async def _send(self) -> None:
        assert self._book is not None
        for symbol in sorted(self._unsent):
            try:
                if can_be_key(symbol):
                    await write_news(self._bus, self._book.message(symbol))
            except BusError as error:
                self._tally.trouble("news_unsent", f"headlines cannot be stored, trying again: {error}")
                return
            self._unsent.discard(symbol)

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it."""
        return {
            "state": self._state,
            "headlines": self._book.stories if self._book else 0,
            "symbols": len(self._book) if self._book else 0,
            "unsent": len(self._unsent),
            "last_error": self._last_error,
        }
