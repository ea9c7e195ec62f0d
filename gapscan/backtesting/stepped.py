"""A day's minutes, one after the other: what is observed, what it was some minutes ago, and where spikes began."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from gapscan.backtesting.dependencies import STEPPED, formulas
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import Matrix
from gapscan.backtesting.minute_state import MinuteState, Places
from gapscan.market.columns import Floats
from gapscan.market.sessions import MINUTE_MS

_SPIKES_READ: Final = (("price", MINUTE_MS), ("volume", MINUTE_MS))


class SteppedDay:
    """`columns` are as a scan after `minute` minutes would have them; with STEPPED, if those are wanted."""

    def __init__(self, day: MarketDay, wanted: Collection[str], ago: Collection[tuple[str, int]]) -> None:
        self._day = day
        self._spikes = bool(STEPPED & set(wanted))
        ago = {*ago, *(_SPIKES_READ if self._spikes else ())}
        self._state = MinuteState(day, {*wanted, *(name for name, _ in ago), *(("price",) if self._spikes else ())})
        self.columns = self._state.columns
        if self._spikes:
            self.columns |= {name: np.full(len(day.symbols), np.nan) for name in STEPPED}
        self._past = {key: [np.full(len(day.symbols), np.nan)] * (key[1] // MINUTE_MS) for key in ago}
        self._traded: Places = np.zeros(0, np.int32)

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
        self._traded = self._state.advance()

    def moves(self, name: str, begin: int, end: int) -> bool:
        """Whether a column can change in the minutes from `begin` to before `end`."""
        return self._state.moves(name, begin, end)

    def ago(self, name: str, ms: int) -> Floats:
        """What a column was so long ago."""
        return self._past[name, ms][0]

    def note_spikes(self) -> None:
        """Only who traded in the last minute can be spiking; to be called at the end of each minute that is ranked."""
        if not self._spikes:
            return
        at, moment = self._traded, self._day.moment(self.minute)
        given = {name: self.columns[name][at][None, :] for name in ("price", "volume", *STEPPED)}
        past = {key: self.ago(*key)[at][None, :] for key in _SPIKES_READ}
        held = {name: given.pop(name) for name in STEPPED}
        here = _Stepping(self._day, np.full((1, 1), float(moment)), self._day.session(self.minute), given, past)
        self.columns["spiking"][:] = 0.0
        for name, values in here.stepped(held).items():
            self.columns[name][at] = values[0]


class _Stepping(Matrix):
    """A matrix in which a formula may go on from what there was."""

    def stepped(self, held: dict[str, Floats]) -> dict[str, Floats]:
        """STEPPED, from what they were."""
        self._before, self._after = held, dict[str, Floats]()
        formulas()["spike_time"].step(self)
        return self._after

    def __getitem__(self, name: str) -> Floats:
        return self._before[name] if name in STEPPED else super().__getitem__(name)

    def __setitem__(self, name: str, values: Floats) -> None:
        if name in STEPPED:
            self._after[name] = values
        else:
            super().__setitem__(name, values)
