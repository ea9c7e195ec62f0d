"""Time and session of the market: the provider's, or the exchange calendar's while the provider does not say."""

from __future__ import annotations

import time

from gapscan.errors import FeedError
from gapscan.feed.calendar_check import CalendarCheck
from gapscan.market.sessions import session_by_day, trading_date
from gapscan.obs import Tally
from gapscan.provider import MarketSnapshot, MarketStatus, Provider


class MarketClock:
    """The market's time and session, scan by scan. `simulated` markets have another time than the machine."""

    def __init__(self, provider: Provider, tally: Tally, *, simulated: bool) -> None:
        self.fault = ""  # why the calendar had to serve at the last scan, if so
        self._provider = provider
        self._tally = tally
        self._simulated = simulated
        self._calendar = CalendarCheck(tally)
        self._said: MarketStatus | None = None  # what the provider said last
        self._heard = 0.0  # when, in monotonic time

    @property
    def disagreement(self) -> str | None:
        """What the provider said last against the calendar, if it did."""
        return self._calendar.disagreement

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
