"""What a day's splits, dividends and spin-offs make of the close before: the feed's part of it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

from gapscan.errors import FeedError, NotEntitledError, NotFoundError
from gapscan.market.sessions import previous_trading_day
from gapscan.obs import Tally
from gapscan.provider import DailyBar, Dividend, Provider, Split

LARGE_DIVIDEND: Final = 0.03  # of the close before: from here on the gap says so
# Two sources agree when they are as near as rounding leaves them. A stock dividend of a percent is further away.
_NEAR: Final = 0.005
_LEAST_PRICE: Final = 0.0001
_AGAIN_SECONDS: Final = 600.0  # a provider may bring the day before to today's shares only in the morning
_MOST_ROUNDS: Final = 36

Ex = Literal["dividend", "spin_off"]


class Action(Struct, frozen=True):
    """What happened to a share overnight: `split`, and its `ratio` where that is known; `ex` a large dividend or a
    spin-off, and its `amount` (USD a share). `prev_close` is that against which the price of today is measured; None:
    of a split, that it is not known; else that it is the provider's."""

    split: bool = False
    ratio: float | None = None
    prev_close: float | None = None
    ex: Ex | None = None
    amount: float | None = None


NO_ACTION: Final = Action()


def actions_of(
    splits: Iterable[Split], dividends: Iterable[Dividend], adjusted: Mapping[str, float], plain: Mapping[str, float]
) -> dict[str, Action]:
    """By symbol. The closes of the session before are `adjusted` in shares of today, `plain` in those of then.

    prev_close is adjusted where two sources agree: the adjusted close, and the plain one divided by the ratio. After a
    spin-off it is the plain one: the gap stays raw, and says that it is.
    """
    found = {split.symbol: _by_split(split, adjusted, plain) for split in splits}
    for symbol, (amount, spin_off) in _distributions(dividends).items():
        before = found.get(symbol, NO_ACTION)
        close = before.prev_close if before.split else adjusted.get(symbol)
        large = amount is not None and close is not None and amount >= LARGE_DIVIDEND * close
        if spin_off or (large and before.ex is None):
            ex: Ex = "spin_off" if spin_off else "dividend"
            found[symbol] = Action(before.split, before.ratio, before.prev_close, ex, amount)
    return found


def _by_split(split: Split, adjusted: Mapping[str, float], plain: Mapping[str, float]) -> Action:
    before, now, ratio = plain.get(split.symbol), adjusted.get(split.symbol), split.ratio
    if split.spin_off:
        amount = before * (1 - 1 / ratio) if before and ratio else None
        return Action(prev_close=before, ex="spin_off", amount=amount)
    if not (before and now and ratio):
        return Action(split=True, ratio=ratio)
    agreed = abs(now - before / ratio) <= max(_NEAR * now, _LEAST_PRICE)
    return Action(split=True, ratio=ratio, prev_close=now if agreed else None)


def _distributions(dividends: Iterable[Dividend]) -> dict[str, tuple[float | None, bool]]:
    """Amount and whether something was spun off, by symbol: several of a day are one."""
    found: dict[str, tuple[float | None, bool]] = {}
    for one in dividends:
        amount, spin_off = found.get(one.symbol, (None, False))
        known = [part for part in (amount, one.amount) if part is not None]
        found[one.symbol] = (sum(known) if known else None, spin_off or one.spin_off)
    return found


def closes_of(bars: Iterable[DailyBar]) -> dict[str, float]:
    """The closes that there are, by symbol."""
    return {bar.symbol: bar.close for bar in bars if bar.close}


class DayActions:
    """Those of one trading day, asked for piece by piece: what has come is not asked for again."""

    def __init__(self, provider: Provider, date: dt.date, tally: Tally) -> None:
        self.date = date
        self.splits: list[Split] | None = None
        self.of: dict[str, Action] = {}
        self._provider = provider
        self._tally = tally
        self._dividends: list[Dividend] | None = None
        self._adjusted: dict[str, float] | None = None
        self._plain: dict[str, float] | None = None
        self._rounds = 0
        self._asked_at = 0.0

    async def load_events(self) -> None:
        """What happens today. Raises FeedError; an account without dividends goes without them."""
        if self.splits is None:
            self.splits = await self._provider.splits(self.date, self.date)
        if self._dividends is None:
            self._dividends = await self._without_refusal()
        self._combine()

    async def _without_refusal(self) -> list[Dividend]:
        try:
            return await self._provider.dividends(self.date)
        except (NotEntitledError, NotFoundError) as error:
            self._tally.trouble("dividends_refused", f"dividends are not shown: {error}")
            return []

    def observe_day_before(self, date: dt.date, bars: Iterable[DailyBar]) -> None:
        """Say the adjusted bars of a session; of the one before today they are of use."""
        if date == previous_trading_day(self.date):
            self._adjusted = closes_of(bars)

    async def load_closes(self) -> None:
        """The closes of the day before, as far as today's events need them. Raises FeedError that may pass."""
        if self.splits and self._plain is None:
            self._plain = await self._closes(adjusted=False)
            self._asked_at = asyncio.get_running_loop().time()
        self._combine()

    async def _closes(self, *, adjusted: bool) -> dict[str, float]:
        try:
            return closes_of(await self._provider.daily_bars(previous_trading_day(self.date), adjusted=adjusted))
        except FeedError as error:
            if error.retry:
                raise
            self._tally.trouble("closes_refused", f"the closes before splits are not known: {error}")
            return {}

    async def settle(self) -> bool:
        """Ask again for closes on which the sources did not agree; whether that has changed something.

        Raises nothing: what is not known stays withheld, and a later round asks again.
        """
        now = asyncio.get_running_loop().time()
        open_ = [symbol for symbol, action in self.of.items() if action.split and action.prev_close is None]
        if not open_ or self._rounds >= _MOST_ROUNDS or now < self._asked_at + _AGAIN_SECONDS:
            return False
        self._rounds, self._asked_at, before = self._rounds + 1, now, self.of
        try:
            self._adjusted, self._plain = await self._closes(adjusted=True), await self._closes(adjusted=False)
        except FeedError as error:
            self._tally.trouble("closes_failed", f"the closes before splits cannot be loaded: {error}")
            return False
        self._combine()
        return self.of != before

    def _combine(self) -> None:
        self.of = actions_of(self.splits or (), self._dividends or (), self._adjusted or {}, self._plain or {})
