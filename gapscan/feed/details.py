"""Company details of the symbols in lists: asked for one by one, no faster than the settings allow, and kept.

The hot set is the top of all lists, so that whoever enters a list enters it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Iterable, Set
from typing import Any, Final

from msgspec import UNSET, Struct

from gapscan.bus.client import Bus
from gapscan.config import Config
from gapscan.errors import FeedError, NotEntitledError, NotFoundError
from gapscan.feed.details_store import DetailsStore
from gapscan.feed.live import MarketView
from gapscan.market.sessions import trading_date
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Detail
from gapscan.provider import CompanyDetails, Provider
from gapscan.runtime import Backoff, TokenBucket
from gapscan.service.retrying import retrying

_log = logger("feed")

_NOT_IN_PLAN: Final = "not in the plan"
_DAY_UNKNOWN: Final = 0.5  # seconds between two looks before the first scan


class DetailOptions(Struct, frozen=True):
    """How details are asked for; times in seconds. A symbol that failed `attempts` times rests for `rest`.

    After a failure nobody is asked for a while, up to `retry_limit`; after a refusal of the key, for `refused_wait`.
    """

    workers: int = 4
    waiting: int = 5000  # symbols at most; what is too much is found again by the next look
    attempts: int = 4
    retry_first: float = 0.5
    retry_limit: float = 30.0
    refused_wait: float = 60.0
    rest: float = 900.0
    look: float = 5.0  # between two looks for symbols of which nothing is known, or whose details have become old
    mend: float = 10.0  # between two looks for details that the bucket lacks


class DetailLoader:
    """Asks the provider about hot symbols of which nothing recent is known, the newest first.

    `splits` says which symbols split today: what was known of their shares is over.
    """

    def __init__(
        self,
        bus: Bus,
        provider: Provider,
        config: Config,
        market: MarketView,
        tally: Tally,
        *,
        splits: Callable[[], Set[str]] = frozenset,
        options: DetailOptions | None = None,
    ) -> None:
        self._provider = provider
        self._market = market
        self._tally = tally
        self._splits = splits
        self._options = options or DetailOptions()
        self._enabled = config.feed.details_per_second > 0
        self._requests = TokenBucket(config.feed.details_per_second)
        self._backoff = Backoff(self._options.retry_first, self._options.retry_limit)
        self.store = DetailsStore(bus, tally, self._options.mend)
        self.opened = False  # whether what NATS has is known
        self._hot: frozenset[str] = frozenset()
        self._waiting: OrderedDict[str, None] = OrderedDict()  # the newest last
        self._some_wait = asyncio.Event()
        self._asking: set[str] = set()
        self._failures: dict[str, int] = {}  # in a row
        self._resting: dict[str, float] = {}  # until when, in loop time
        self._no_float_on: dt.date | None = None  # the day on which the float was refused

    def want(self, symbols: Set[str]) -> None:
        """Say which symbols are in lists now."""
        entered = symbols - self._hot
        self._hot = frozenset(symbols)
        for symbol in [symbol for symbol in self._waiting if symbol not in symbols]:
            del self._waiting[symbol]
        self._enqueue(entered, newest=True)

    async def run(self) -> None:
        """Ask for ever; nothing to do at a rate of 0."""
        if not self._enabled:
            return
        await retrying("feed", "the stored details", self.store.open)
        self.opened = True
        self._enqueue(self._hot, newest=False)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.store.keep(), name="details store")
            group.create_task(self._look(), name="details look")
            for number in range(self._options.workers):
                group.create_task(self._work(), name=f"details {number}")

    async def _look(self) -> None:
        """Find again and again those who should be waiting, and are not."""
        while True:
            await asyncio.sleep(self._options.look if self._today() else min(_DAY_UNKNOWN, self._options.look))
            now = asyncio.get_running_loop().time()
            self._resting = {symbol: until for symbol, until in self._resting.items() if until > now}
            self._failures = {symbol: times for symbol, times in self._failures.items() if symbol in self._hot}
            self._enqueue(self._hot, newest=False)

    def _today(self) -> dt.date | None:
        """The market's day; None while it, or what was kept of other days, is not known."""
        return trading_date(self._market.market_time) if self.opened and self._market.session else None

    def _unknown(self, symbols: Iterable[str]) -> list[str]:
        """Those of which nothing recent is known, in order."""
        today, splits = self._today(), self._splits()
        if today is None:
            return []
        store = self.store
        return sorted(symbol for symbol in symbols if not store.is_fresh(symbol, today, split=symbol in splits))

    def _enqueue(self, symbols: Iterable[str], *, newest: bool) -> None:
        for symbol in self._unknown(symbols):
            if symbol not in self._waiting and symbol not in self._asking and symbol not in self._resting:
                self._waiting[symbol] = None
                self._waiting.move_to_end(symbol, last=newest)
        while len(self._waiting) > self._options.waiting:
            self._waiting.popitem(last=False)
            self._tally.count("details_put_off")
        if self._waiting:
            self._some_wait.set()

    async def _work(self) -> None:
        while True:
            await self._some_wait.wait()
            await self._wait_for_token()
            if self._waiting:
                await self._handle(self._waiting.popitem(last=True)[0])
            else:
                self._some_wait.clear()

    async def _wait_for_token(self) -> None:
        """Wait until one more request may go."""
        loop = asyncio.get_running_loop()
        while (wait := self._requests.acquire(loop.time())) > 0:  # noqa: ASYNC110  # the bucket says when
            await asyncio.sleep(wait)

    async def _handle(self, symbol: str) -> None:
        today = self._today()
        if today is None:
            return
        self._asking.add(symbol)
        try:
            await self._ask(symbol, today)
        except NotFoundError:
            self._tally.count("details_unknown")
            self.store.put_unknown(symbol, today)
        except FeedError as error:
            self._failed(symbol, error)
        else:
            self._tally.count("details")
            self._backoff.reset()
            self._failures.pop(symbol, None)
        finally:
            self._asking.discard(symbol)

    async def _ask(self, symbol: str, today: dt.date) -> None:
        details = await self._provider.details(symbol)
        try:
            free_float = await self._free_float(symbol, today)
        except FeedError:
            # What has come is worth having, and an old float is better than none, while it is asked for again.
            before = self.store.details.get(symbol)
            await self.store.put(_detail(symbol, today, details, before.float_shares if before else None))
            raise
        await self.store.put(_detail(symbol, today, details, free_float))

    async def _free_float(self, symbol: str, today: dt.date) -> float | None:
        """The float, unless the account has none of it: that is asked once a day only."""
        before = self.store.details.get(symbol)
        known = before.float_shares if before else None
        if self._no_float_on == today:
            return known
        await self._wait_for_token()
        try:
            free_float = await self._provider.free_float(symbol)
        except (NotEntitledError, NotFoundError) as error:
            self._no_float_on = today
            self._tally.trouble("float_refused", f"there will be no floats: {error}")
            return known
        self._no_float_on = None
        return free_float

    def _failed(self, symbol: str, error: FeedError) -> None:
        """Leave the provider alone for a while; the symbol comes last then, or rests after too many failures."""
        self._tally.trouble("details_failed", f"{error}")
        now = asyncio.get_running_loop().time()
        self._requests.hold(now, self._backoff.next() if error.retry else self._options.refused_wait)
        failures = self._failures.pop(symbol, 0) + 1
        if failures >= self._options.attempts:
            self._resting[symbol] = now + self._options.rest
        elif symbol in self._hot:
            self._failures[symbol] = failures
            self._waiting[symbol] = None
            self._waiting.move_to_end(symbol, last=False)
            self._some_wait.set()

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows: of how many of the symbols in lists details are known, and what is missing."""
        today = self._today()
        return {
            "known": sum(symbol in self.store.details for symbol in self._hot),
            "needed": len(self._hot),
            "waiting": len(self._waiting) + len(self._asking),
            "failed": sum(symbol in self._resting for symbol in self._hot),
            "unknown": sum(self.store.is_unknown(symbol, today) for symbol in self._hot) if today else 0,
            "float": _NOT_IN_PLAN if self._no_float_on else "ok",
        }


def _detail(symbol: str, date: dt.date, details: CompanyDetails, free_float: float | None) -> Detail:
    """What was found of `symbol` on `date`, as a message."""
    return Detail(
        symbol=symbol,
        date=date.isoformat(),
        market_cap=details.market_cap,
        shares_outstanding=details.shares_outstanding,
        float_shares=free_float,
        sector=details.sector,
        listed=UNSET if details.listed is None else str(details.listed),
    )
