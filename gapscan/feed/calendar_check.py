"""The provider's market status against the exchange's calendar: a contradiction is said, not left to be guessed."""

from __future__ import annotations

from typing import Final

from gapscan.market.sessions import session_by_day
from gapscan.obs import Tally
from gapscan.provider import MarketStatus

_SCANS: Final = 2  # where a session begins, one scan may see two clocks that differ by a little


class CalendarCheck:
    """Compares scan by scan. The provider is followed in any case: it knows of closures that nobody foresaw."""

    def __init__(self, tally: Tally) -> None:
        self.disagreement: str | None = None  # as of the last scan
        self._tally = tally
        self._scans = 0

    def compare(self, status: MarketStatus) -> None:
        """Compare the status of one more scan."""
        session = session_by_day(status.at)
        self._scans = 0 if status.session == session else self._scans + 1
        if self._scans < _SCANS:
            self.disagreement = None
            return
        self.disagreement = f"the provider says {status.session}, the calendar says {session}"
        self._tally.trouble("calendar_disagrees", f"{self.disagreement}; the provider is followed")
