"""What the feed says of its data, and whether it says anything."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from gapscan.market.sessions import MarketSession
from gapscan.protocol.messages import Clock, State
from gapscan.protocol.values import FeedState

SILENCE_SECONDS: Final = 2.0  # without the feed's clock, which comes once a second


class FeedWatch:
    """The feed's last word, and how long ago that was.

    Time is counted by a caller who ticks: a ranker that was held up itself has heard nothing, and may conclude nothing.
    """

    def __init__(self) -> None:
        self.behind: int | None = None  # ms from the exchange to the feed
        self.delayed_by = 0  # ms of market time
        self._state: FeedState = "live"
        self._reason = ""
        self._heard = False
        self._silence = 0.0

    def observe(self, clock: Clock) -> None:
        """The feed has said what time it is; one of an earlier version says no more, and only while all is well."""
        self._heard, self._silence = True, 0.0
        self._state = "live" if clock.state is UNSET else clock.state
        self._reason = "" if clock.reason is UNSET else clock.reason
        self.behind = None if clock.behind is UNSET else clock.behind
        self.delayed_by = 0 if clock.delayed_by is UNSET else clock.delayed_by

    def tick(self, seconds: float) -> None:
        """`seconds` went by."""
        self._silence += seconds

    @property
    def state(self) -> FeedState:
        """Whether the data are live; a feed that was never heard is not judged by its silence."""
        if self._heard and self._silence > SILENCE_SECONDS:
            return "stale"
        return self._state

    def state_of_list(self, session: MarketSession, *, is_open: bool) -> State:
        """How a list stands in `session`, by the data alone; `is_open`: it is ranked in that session."""
        if session is MarketSession.CLOSED or (session is MarketSession.NIGHT and not is_open):
            return "closed"
        return self.state if is_open or self.state == "stale" else "closed"

    @property
    def reason(self) -> str:
        """Why the data stand still; empty while they come."""
        if self._heard and self._silence > SILENCE_SECONDS:
            return f"nothing is heard of the feed for {self._silence:.0f} s"
        return self._reason
