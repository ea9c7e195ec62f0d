"""A day's minutes, one after the other: what is observed, and what it was some minutes ago."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.minute_state import MinuteState
from gapscan.market.columns import Floats
from gapscan.market.sessions import MINUTE_MS


class SteppedDay:
    """`columns` are as a scan after `minute` minutes would have them."""

    def __init__(self, day: MarketDay, wanted: Collection[str], ago: Collection[tuple[str, int]]) -> None:
        self._state = MinuteState(day, {*wanted, *(name for name, _ in ago)})
        self.columns = self._state.columns
        self._past = {key: [np.full(len(day.symbols), np.nan)] * (key[1] // MINUTE_MS) for key in ago}

    @property
    def minute(self) -> int:
        """How many minutes of the day are over."""
        return self._state.minute

    def advance(self) -> None:
        """Take in the next minute."""
        held = {name: self.columns[name].copy() for name in {name for name, _ in self._past}}
        for (name, _), past in self._past.items():
            past.append(held[name])
            del past[0]
        self._state.advance()

    def moves(self, name: str, begin: int, end: int) -> bool:
        """Whether a column can change in the minutes from `begin` to before `end`."""
        return self._state.moves(name, begin, end)

    def ago(self, name: str, ms: int) -> Floats:
        """What a column was so long ago."""
        return self._past[name, ms][0]
