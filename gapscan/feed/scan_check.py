"""Whether an answer can be the market as it is now: one that came whole and in form may still be none.

A server behind the provider may have lost most of its data, or serve for hours what it had in its cache. Such a scan
counts as failed: nothing is published of it, and lists turn stale if it lasts.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from gapscan.errors import FeedError
from gapscan.market.sessions import MINUTE_MS, new_york, session_times, trading_date
from gapscan.provider import MarketSnapshot, MarketStatus

_LEAST: Final = 0.5  # of the last scan's symbols
_GRACE_MS: Final = 5 * MINUTE_MS  # after a session has begun, until something must have traded in it
_BARS_AHEAD_MS: Final = MINUTE_MS  # of a scan that does not move
# Without live bars only the clock tells. When trading halts in the whole market, a quarter of an hour is usual.
_UNMOVED_MS: Final = 20 * MINUTE_MS
_MANY: Final = 100  # symbols: in a market of fewer, nothing at all may trade for so long


class ScanCheck:
    """Compares scan by scan. The day's first scan has nothing to be compared with."""

    def __init__(self) -> None:
        self._date: dt.date | None = None
        self._at = 0  # of the last scan that passed
        self._size = 0
        self._newest = 0  # event that any scan spoke of
        self._moved_at = 0  # when that was seen first

    def check(self, snapshot: MarketSnapshot, status: MarketStatus, newest_bar: int = 0) -> None:
        """Raises FeedError for what is not the market; `newest_bar` is the end of the newest live bar, epoch ms."""
        date = trading_date(status.at)
        if date != self._date or status.at < self._at - MINUTE_MS:  # or a market that is replayed once more
            self._date, self._at, self._size, self._newest = date, 0, 0, 0
        if fault := self._fault(snapshot, status, newest_bar):
            raise FeedError(f"the market snapshot {fault}")
        if snapshot.newest_event > self._newest:
            self._newest, self._moved_at = snapshot.newest_event, status.at
        self._at, self._size = status.at, len(snapshot)

    def _fault(self, snapshot: MarketSnapshot, status: MarketStatus, newest_bar: int) -> str:
        if status.session in ("closed", "night"):
            return ""
        return (
            self._too_small(snapshot, status)
            or _too_old(snapshot, status)
            or self._unmoved(snapshot, status, newest_bar)
        )

    def _too_small(self, snapshot: MarketSnapshot, status: MarketStatus) -> str:
        size = len(snapshot)
        early = status.at < session_times(trading_date(status.at)).pre + _GRACE_MS
        if not size and not (early and not self._size):
            return "has no tickers"
        return f"has {size} tickers, the last one had {self._size}" if size < self._size * _LEAST else ""

    def _unmoved(self, snapshot: MarketSnapshot, status: MarketStatus, newest_bar: int) -> str:
        newest, times = snapshot.newest_event, session_times(trading_date(status.at))
        if not times.clear <= newest <= self._newest:
            return ""
        stands = f"does not move: its newest event is of {_clock(newest)}"
        if newest_bar > self._newest + _BARS_AHEAD_MS and newest_bar <= status.at + _BARS_AHEAD_MS:
            return f"{stands}, live bars are of {_clock(newest_bar)}"
        since = max(self._moved_at, times.regular)
        unmoved = status.session == "regular" and len(snapshot) >= _MANY and status.at > since + _UNMOVED_MS
        return f"{stands}, the provider's clock says {_clock(status.at)}" if unmoved else ""


def _too_old(snapshot: MarketSnapshot, status: MarketStatus) -> str:
    """Of another day, though trading has begun."""
    times, newest = session_times(trading_date(status.at)), snapshot.newest_event
    if status.session == "pre" or status.at < times.regular + _GRACE_MS or not 0 < newest < times.clear:
        return ""
    return f"is of another day: its newest event is of {new_york(newest):%Y-%m-%d %H:%M:%S}"


def _clock(ms: int) -> str:
    return f"{new_york(ms):%H:%M:%S}"
