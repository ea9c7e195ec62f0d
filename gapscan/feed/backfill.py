"""What was missed is asked for: bars of a time in which the feed was not there, of the symbols in lists.

The last minutes, second by second, where the feed has scanned for less than that: so that moves over five minutes are
known at once. And the minutes of pre-market, once a day for each symbol: scans see the high and low of the latest
minute only. After a time without scans both are asked for again. The settings bound the requests a second.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Set
from typing import Any, Final, Literal

from msgspec import Struct

from gapscan.config import Config
from gapscan.errors import BusError, FeedError, NotEntitledError, NotFoundError
from gapscan.feed.live import MarketView
from gapscan.feed.publisher import FeedPublisher
from gapscan.market.sessions import MINUTE_MS, session_times, trading_date
from gapscan.obs import Tally
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import PastBars
from gapscan.provider import MINUTE_BARS, SECOND_BARS, Bar, BarWidth, Provider
from gapscan.runtime import Backoff, TokenBucket

Kind = Literal["recent", "pre_market"]
_KINDS: Final[tuple[Kind, ...]] = ("recent", "pre_market")  # what is asked for first

RECENT_MS: Final = 6 * MINUTE_MS  # what moves over five minutes hang on
_ASKED_MS: Final = 10 * MINUTE_MS  # of which the first trade tells no price before it
_MISSED_MS: Final = 1.5 * MINUTE_MS  # between two scans: what was in between is to be asked for
_MOST_SCAN_MS: Final = MINUTE_MS  # a simulated market whose scans are as far apart is ranked by these alone


class BackfillOptions(Struct, frozen=True):
    """A symbol that failed `attempts` times is given up; after a failure nothing is asked for `retry_first` seconds,
    up to `retry_limit`."""

    workers: int = 4
    attempts: int = 3
    retry_first: float = 0.5
    retry_limit: float = 30.0


class Backfill:
    """Asks about hot symbols, each of whom is in a list, or was lately."""

    def __init__(
        self,
        provider: Provider,
        config: Config,
        market: MarketView,
        publisher: FeedPublisher,
        tally: Tally,
        options: BackfillOptions | None = None,
    ) -> None:
        self._provider = provider
        self._market = market
        self._publisher = publisher
        self._tally = tally
        self._options = options or BackfillOptions()
        self._simulated = config.provider.simulated
        self._scan_ms = config.scan_ms
        rate = config.feed.backfill_per_second
        self.enabled = rate > 0 and self._scan_ms < _MOST_SCAN_MS
        self._requests = TokenBucket(rate)
        self._backoff = Backoff(self._options.retry_first, self._options.retry_limit)
        self._hot: frozenset[str] = frozenset()
        self._scanned_at = 0  # market time, epoch ms
        self._since = 0  # when the present row of scans began
        self._waiting: OrderedDict[tuple[Kind, str], None] = OrderedDict()
        self._done: dict[Kind, set[str]] = {kind: set() for kind in _KINDS}  # asked about
        self._failures: dict[tuple[Kind, str], int] = {}
        self._refused: dict[Kind, str] = {}  # what the plan does not give
        self._asking = 0
        self._some_wait = asyncio.Event()

    def want(self, symbols: Set[str]) -> None:
        """Say which symbols are in lists now."""
        self._hot = frozenset(symbols)
        for key in [key for key in self._waiting if key[1] not in symbols]:
            del self._waiting[key]
        self._enqueue()

    def observe_scan(self, at: int) -> None:
        """There is a scan of market time `at`. After a time without one, what was known before is known no more."""
        missed = not 0 <= at - self._scanned_at <= max(_MISSED_MS, 2 * self._scan_ms)
        if missed or trading_date(at) != trading_date(self._scanned_at):
            self._since = at if missed else self._since
            self._done = {kind: set() for kind in _KINDS}
            self._failures.clear()
            self._refused.clear()
        self._scanned_at = at
        self._enqueue()

    def _enqueue(self) -> None:
        if not self.enabled or not self._scanned_at:
            return
        for kind in _KINDS:
            if kind not in self._refused and self._is_missing(kind):
                self._waiting.update(dict.fromkeys((kind, symbol) for symbol in self._hot - self._done[kind]))
        if self._waiting:
            self._some_wait.set()

    def _is_missing(self, kind: Kind) -> bool:
        now = self._scanned_at
        times = session_times(trading_date(now))
        if kind == "recent":
            return now - self._since < RECENT_MS and times.pre < now < times.closed
        return times.pre + MINUTE_MS <= now < times.closed

    async def run(self) -> None:
        """Ask for ever; nothing to do at a rate of 0."""
        if not self.enabled:
            return
        async with asyncio.TaskGroup() as group:
            for number in range(self._options.workers):
                group.create_task(self._work(), name=f"backfill {number}")

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._some_wait.wait()
            while (wait := self._requests.acquire(loop.time())) > 0:  # noqa: ASYNC110  # the bucket says when
                await asyncio.sleep(wait)
            if self._waiting:
                await self._handle(self._next())
            else:
                self._some_wait.clear()

    def _next(self) -> tuple[Kind, str]:
        """The last minutes go first: they are over soon."""
        key = next((key for key in self._waiting if key[0] == _KINDS[0]), next(iter(self._waiting)))
        del self._waiting[key]
        return key

    async def _handle(self, key: tuple[Kind, str]) -> None:
        kind, symbol = key
        self._done[kind].add(symbol)
        self._asking += 1
        try:
            await self._fill(kind, symbol)
        except NotEntitledError as error:
            self._refuse(kind, error)
        except NotFoundError:
            pass  # it has no bars
        except (FeedError, BusError) as error:
            self._failed(key, error)
        else:
            self._backoff.reset()
            self._tally.count("backfilled")
        finally:
            self._asking -= 1

    async def _fill(self, kind: Kind, symbol: str) -> None:
        """Ask, and publish. Raises FeedError, BusError."""
        first, last, width = self._span(kind)
        bars = await self._provider.bars(symbol, first, last, width=width)
        if bars:
            await self._publisher.send(
                self._publisher.names.feed_past, encode(past_bars(symbol, bars, simulated=self._simulated))
            )

    def _span(self, kind: Kind) -> tuple[int, int, BarWidth]:
        """From when to when the bars begin, and how long they are."""
        now = max(self._market.market_time, self._scanned_at)
        times = session_times(trading_date(now))
        if kind == "recent":
            return max(times.pre, now - _ASKED_MS), now, SECOND_BARS
        return times.pre, min(now, times.regular - MINUTE_MS), MINUTE_BARS

    def _refuse(self, kind: Kind, error: FeedError) -> None:
        self._refused[kind] = "not in the plan"
        for key in [key for key in self._waiting if key[0] == kind]:
            del self._waiting[key]
        self._tally.trouble("backfill_refused", f"what was missed cannot be filled in: {error}")

    def _failed(self, key: tuple[Kind, str], error: FeedError | BusError) -> None:
        """Leave the provider alone for a while; the symbol comes last then, or is given up."""
        self._tally.trouble("backfill_failed", f"what was missed of {key[1]} cannot be filled in: {error}")
        self._requests.hold(asyncio.get_running_loop().time(), self._backoff.next())
        self._failures[key] = self._failures.get(key, 0) + 1
        if self._failures[key] < self._options.attempts and key[1] in self._hot:
            self._done[key[0]].discard(key[1])
            self._waiting[key] = None
            self._some_wait.set()

    @property
    def waiting(self) -> int:
        """How many requests are to be made."""
        return len(self._waiting) + self._asking

    @property
    def verdict(self) -> str:
        """Whether the plan gives bars of the past: given, not in the plan, or nothing while that is not known."""
        return next(iter(self._refused.values()), "given" if self._tally.counts["backfilled"] else "")

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows: symbols whose past was filled in, is to be, and could not be."""
        given_up = sum(number >= self._options.attempts for number in self._failures.values())
        state = "off" if not self.enabled else next(iter(self._refused.values()), "ok")
        return {"filled": self._tally.counts["backfilled"], "waiting": self.waiting, "failed": given_up, "state": state}


def past_bars(symbol: str, bars: list[Bar], *, simulated: bool) -> PastBars:
    """Bars of one symbol and width, as a message."""
    return PastBars(
        simulated=simulated,
        symbol=symbol,
        width=bars[0].end - bars[0].start,
        start=[bar.start for bar in bars],
        high=[bar.high for bar in bars],
        low=[bar.low for bar in bars],
        close=[bar.close for bar in bars],
    )
