"""Time and session of the market: the provider's, or the exchange calendar's while the provider does not say."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from gapscan.errors import FeedError
from gapscan.feed.calendar_check import CalendarCheck
from gapscan.market.sessions import session_by_day, trading_date
from gapscan.obs import Tally
from gapscan.provider import MarketSnapshot, MarketStatus, Provider

_ROUNDS: Final = 4  # of asking a market that has moved on: two suffice, but where it is closed and waits for nobody


class MarketClock:
    """The market's time and session, scan by scan. `simulated` markets have another time than the machine, and one
    that is `stepping` goes from minute to minute.
    """

    def __init__(self, provider: Provider, tally: Tally, *, simulated: bool, stepping: bool = False) -> None:
        self.fault = ""  # why the calendar had to serve at the last scan, if so
        self._provider = provider
        self._tally = tally
        self._simulated = simulated
        self._stepping = stepping
        self._calendar = CalendarCheck(tally)
        self._said: MarketStatus | None = None  # what the provider said last
        self._heard = 0.0  # when, in monotonic time

    @property
    def disagreement(self) -> str | None:
        """What the provider said last against the calendar, if it did."""
        return self._calendar.disagreement

    async def scan(self) -> tuple[MarketStatus | FeedError, MarketSnapshot]:
        """The market, and what the provider says of the time. Raises FeedError without a snapshot."""
        if self._stepping:
            return await self._scan_of_a_minute()
        return await asyncio.gather(self.ask(), self._provider.snapshot())

    async def _scan_of_a_minute(self) -> tuple[MarketStatus | FeedError, MarketSnapshot]:
        """Both of one minute: that which it was before the snapshot and after it.

        A market that has gone on between the two waits in the next minute until that is ranked, and so for this scan.
        """
        said = await self.ask()
        for _ in range(_ROUNDS):
            before, snapshot = said, await self._provider.snapshot()
            said = await self.ask()
            if said == before or isinstance(said, FeedError):
                break
        return said, snapshot

    async def ask(self) -> MarketStatus | FeedError:
        """What the provider says, or why it does not."""
        try:
            return await self._provider.status()
        except FeedError as error:
            return error

    def status(self, answer: MarketStatus | FeedError, snapshot: MarketSnapshot) -> MarketStatus:
        """The status that goes with `snapshot`. Raises FeedError when nothing tells the time."""
        if isinstance(answer, MarketStatus):
            self.fault, self._said, self._heard = "", answer, time.monotonic()
            self._calendar.compare(answer)
            return answer
        at = self._now(snapshot)
        if not at:
            raise answer
        self.fault = answer.message
        self._tally.trouble("status_failed", f"{answer}; the exchange's calendar serves meanwhile")
        said = self._said
        if said and self.disagreement and trading_date(said.at) == trading_date(at):
            return MarketStatus(at, said.session)  # a closure that the calendar does not know
        return MarketStatus(at, session_by_day(at).value)

    def _now(self, snapshot: MarketSnapshot) -> int:
        """Market time by what was said last, or by the machine; of a market that has its own time, by its data."""
        if self._simulated:
            return max(snapshot.newest_event, self._said.at if self._said else 0)
        if self._said is None:
            return round(time.time() * 1000)
        return self._said.at + round((time.monotonic() - self._heard) * 1000)
