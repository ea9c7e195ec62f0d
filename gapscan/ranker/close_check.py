"""Whether the volumes at the close are known, on which what is asked of the evening stands."""

from __future__ import annotations

import datetime as dt

import numpy as np

from gapscan.market.sessions import MarketSession
from gapscan.market.universe import Universe
from gapscan.obs import Tally


class CloseCheck:
    """Says it once an evening when nothing is known of the close: a ranker that began later did not observe it."""

    def __init__(self, universe: Universe, tally: Tally) -> None:
        self._universe = universe
        self._tally = tally
        self._checked: dt.date | None = None

    def check(self) -> None:
        """Look, after a ranking."""
        date = self._universe.date
        if self._universe.session is not MarketSession.POST or date == self._checked:
            return
        self._checked = date
        if np.isnan(self._universe.number("close_volume")).all():
            self._tally.trouble("close_unknown", "volumes at the close are not known: post_volume stays empty today")
