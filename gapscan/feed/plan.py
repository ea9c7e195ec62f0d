"""What the account's plan gives, and what it withholds: learned from what comes, and said once it is known."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np

from gapscan.obs import logger
from gapscan.provider import MarketSnapshot

_log = logger("feed")

Verdict = Literal["given", "withheld", "unknown"]

_PARTS: Final = ("quotes", "trades", "halts", "bars")
_SCANS: Final = 3  # of a market in which something has traded, after which what is not there is withheld
_TOLD: Final[dict[str, Verdict]] = {"live": "given", "given": "given", "not in the plan": "withheld"}


class PlanWatch:
    """Quotes and last trades are seen in scans, the rest is told.

    `halts` is how the stream's halts stand, `bars` whether bars of the past came or were refused, `delayed_by` ms of
    market time.
    """

    def __init__(self) -> None:
        self._of: dict[str, Verdict] = dict.fromkeys(_PARTS, "unknown")
        self._scans = 0
        self._delayed_by = 0
        self._said = ""

    def observe(self, snapshot: MarketSnapshot, halts: str, bars: str, delayed_by: int) -> None:
        """One more scan, and what is known of the rest by then."""
        if not snapshot.newest_event:
            return  # nothing has traded yet: there is nothing to be seen
        self._scans += 1
        spreads = snapshot.columns.get("spread_percent")
        self._see("quotes", spreads is not None and not np.isnan(spreads).all())
        self._see("trades", snapshot.has_trades)
        self._of["halts"], self._of["bars"] = (_TOLD.get(state, "unknown") for state in (halts, bars))
        self._delayed_by = delayed_by
        if self._scans >= _SCANS:
            self._say()

    def _see(self, part: str, there: bool | None) -> None:
        if there:
            self._of[part] = "given"
        elif there is not None and self._scans >= _SCANS:
            self._of[part] = "withheld"

    def _say(self) -> None:
        """In the log, once, and again when it is another."""
        if self.text != self._said:
            self._said = self.text
            _log.info("the provider's plan: %s", self._said)

    @property
    def text(self) -> str:
        """All of it in one line."""
        late = f"data {self._delayed_by / 60_000:.0f} minutes late" if self._delayed_by else "data as they come"
        named = {verdict: [part for part in _PARTS if self._of[part] == verdict] for verdict in ("given", "withheld")}
        return "; ".join([late, *(f"{verdict} {', '.join(parts)}" for verdict, parts in named.items() if parts)])

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows; delay in seconds of market time."""
        return {**self._of, "delayed_by": self._delayed_by / 1000}
