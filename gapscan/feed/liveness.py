"""Whether what the feed has of the provider may be called live, and how late it is: said with the feed's clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from gapscan.config import FeedSection
from gapscan.feed.lateness import BarSilence, DelayJudge, ProviderClock
from gapscan.market.sessions import session_at, session_by_day
from gapscan.protocol.messages import Clock, SessionName
from gapscan.protocol.values import FeedState
from gapscan.provider import MarketSnapshot, MarketStatus
from gapscan.service.lateness import Stage, report

TICK_SECONDS: Final = 0.25
_MOST_OF_A_TICK: Final = 2 * TICK_SECONDS
FAILING_SECONDS: Final = 2.0  # for which scans may fail and be asked for again before anything is said
SILENT_SECONDS: Final = 1.9  # for which the provider may not answer
_SAME_CLOCK_MS: Final = 3_000  # a provider that is no further off goes by the time that we have ourselves
_QUIET_MS: Final = 2_000  # within which a scan and the bars speak of the same moment


class Ticks:
    """Ticks, each with the seconds since the one before; at most two ticks' time.

    A process that was held up for longer has heard nothing, and may conclude nothing: what came is still to be read.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()

    async def next(self) -> float:
        """Wait for the next one; how many seconds went by."""
        await asyncio.sleep(TICK_SECONDS)
        before, self._last = self._last, time.monotonic()
        return min(self._last - before, _MOST_OF_A_TICK)


class Liveness:
    """What scans, bars and silence say together. `wants_bars`: whether any symbol's bars are asked for.

    In a simulated market that is `stepping` from minute to minute, clock and data of a scan are of one moment.
    """

    def __init__(self, section: FeedSection, *, stepping: bool = False) -> None:
        self.clock = ProviderClock()
        self.wants_bars: Callable[[], bool] = lambda: False
        self.exchange = Stage()  # from the event to here; seconds of market time by how fast that runs
        self._section = section
        self._stepping = stepping
        self._delay = DelayJudge()
        self._silence = BarSilence()
        self._status: MarketStatus | None = None
        self._scanned_at = 0.0  # wall time
        self._failing_since: float | None = None  # monotonic
        self._failure = ""
        self._silent_since: float | None = None  # monotonic: since when the provider does not answer
        self._refused_since: float | None = None  # monotonic: since when it refuses
        self._newest_bar = 0
        self._held = 0  # market time at which it was last well

    @property
    def behind(self) -> int:
        """By how many ms of market time all data are late; 0 unless they are delayed."""
        return self._delay.behind

    @property
    def session(self) -> SessionName | None:
        """The session that the data are of; None before the first scan."""
        return None if self._status is None else self.session_of(self._status)

    def session_of(self, status: MarketStatus) -> SessionName:
        """The same by one scan's status: of late data, the session is another than the provider's of now."""
        if not self.behind or session_by_day(status.at) != status.session:
            return status.session
        return session_by_day(self.time_of(status)).value

    def time_of(self, status: MarketStatus) -> int:
        """The market time, epoch ms, that data are of which came with this status."""
        return status.at - self.behind

    @property
    def market_time(self) -> int:
        """Market time of the data now, epoch ms: the last scan's, and the wall time since."""
        now = time.time()
        if self._status is None:
            return round(now * 1000)
        return self.time_of(self._status) + round((now - self._scanned_at) * 1000)

    def observe_scan(self, status: MarketStatus, snapshot: MarketSnapshot) -> None:
        """A scan has come."""
        now = time.time()
        self.clock.observe(status.at, now)
        newest = snapshot.newest_event
        speed = 1.0 if self._stepping else self.clock.speed
        self._delay.observe_scan(status.at, newest, int((snapshot.newest > 0).sum()), speed)
        if self._silence.silent and newest <= self._newest_bar + _QUIET_MS:
            self._silence.forget()  # the scan has nothing that the bars have not: nobody trades
        self._status, self._scanned_at = status, now

    def scan_published(self) -> None:
        """It is with NATS, too."""
        self._failing_since, self._failure = None, ""
        self.answered()

    def scan_failed(self, why: str) -> None:
        """A scan could not be had, or not be published: since now, or since the provider refuses what it is asked."""
        if self._failing_since is None:
            self._failing_since = time.monotonic() if self._refused_since is None else self._refused_since
        self._failure = why

    def unanswered(self, seconds: float) -> None:
        """The provider was asked `seconds` ago, and does not answer."""
        if self._silent_since is None:
            self._silent_since = time.monotonic() - seconds

    def refused(self) -> None:
        """It has answered that it does not."""
        self._silent_since = None
        if self._refused_since is None:
            self._refused_since = time.monotonic()

    def answered(self) -> None:
        """It has answered as it should."""
        self._silent_since = self._refused_since = None

    def observe_bars(self, newest_end: int) -> None:
        """Bars have come, the newest of which ends at `newest_end`; 0: trades alone."""
        self._silence.hear()
        if newest_end <= self._newest_bar or self._status is None or self.clock.stands:
            return
        self._newest_bar = newest_end
        now = self._provider_now()
        self._delay.observe_bars(now, newest_end, self.clock.speed)
        if self.clock.speed > 0:
            self.exchange.add((now - newest_end) / 1000 / max(1.0, self.clock.speed))

    def _provider_now(self) -> int:
        own = time.time()
        told = self.clock.now(own)
        return round(own * 1000) if abs(told - own * 1000) < _SAME_CLOCK_MS else told

    def tick(self, seconds: float) -> None:
        """`seconds` went by."""
        session = self.session
        expected = self.wants_bars() and session not in (None, "closed", "night") and not self.clock.stands
        self._silence.tick(seconds, (session, session_at(self.market_time)) if expected else None)
        if self.state == "live":
            self._held = self.market_time

    @property
    def state(self) -> FeedState:
        """Live, delayed or stale."""
        return "stale" if self.reason else "delayed" if self.behind else "live"

    @property
    def reason(self) -> str:
        """Why the data stand still; empty while they come."""
        failing = self._failing_since
        if failing is not None and time.monotonic() - failing > FAILING_SECONDS:
            return f"scans fail: {self._failure}"
        if self._silent_since is not None and time.monotonic() - self._silent_since > SILENT_SECONDS:
            return "the provider does not answer"
        overdue = time.time() - self._scanned_at - self._section.overdue_after(closed=self.session == "closed")
        if self._status is not None and overdue > 0:
            return f"a scan is overdue by {overdue:.0f} s"
        if self._silence.silent:
            return f"no bars for {self._silence.seconds:.0f} s"
        return ""

    def clock_message(self) -> Clock | None:
        """What the feed says of the time; None before the first scan. The time stands while data do."""
        if self._status is None:
            return None
        reason, lag = self.reason, self.exchange.median_ms()
        return Clock(
            as_of=self._held if reason else self.market_time,
            state=self.state,
            reason=reason or UNSET,
            delayed_by=self.behind or UNSET,
            behind=UNSET if lag is None else lag,
        )

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it."""
        stages = {name: {"p50": s.p50, "p99": s.p99} for name, s in report({"exchange_to_feed": self.exchange}).items()}
        return {
            "state": self.state,
            "reason": self.reason,
            "delayed_by": self.behind / 1000,
            "speed": round(self.clock.speed, 3),
            "stages": stages,
        }
