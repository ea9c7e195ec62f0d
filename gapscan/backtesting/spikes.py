"""Where spikes began: the one formula that goes on, from minute to minute, from what it gave before."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.backtesting.dependencies import STEPPED, formulas
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import Matrix
from gapscan.market.columns import Floats

_NONE_YET: Final = {name: np.full((1, 1), np.nan) for name in STEPPED}


class Spikes:
    """STEPPED of a day's symbols, which `of` is asked for in all minutes that are ranked, in their order."""

    def __init__(self, day: MarketDay) -> None:
        self._day = day
        self._last = {name: np.full((1, len(day.symbols)), np.nan) for name in STEPPED}

    def of(self, matrix: Matrix) -> dict[str, Floats]:
        """STEPPED in the minutes of a matrix: a row each, or one where nothing changes.

        Who spikes does not hang on what was before, only since when. So that is stepped for those alone who do.
        """
        moments = matrix.moments("price_time")
        read = {name: matrix[name] for name in formulas()["spike_time"].reads}
        spiking = self._stepped(matrix, moments, read, _NONE_YET)["spiking"]
        times = self._last["spike_time"]
        who = np.flatnonzero(spiking.any(axis=0))
        if len(who):
            times = np.repeat(times, len(spiking), axis=0)
            held = {name: values[:, who] for name, values in self._last.items()}
            for row in range(len(spiking)):
                here = {name: values[row : row + 1, who] for name, values in read.items()}
                held = self._stepped(matrix, moments[row : row + 1], here, held)
                times[row, who] = held["spike_time"][0]
        self._last = {"spiking": spiking[-1:], "spike_time": times[-1:]}
        return {"spiking": spiking, "spike_time": times}

    def _stepped(
        self, matrix: Matrix, moments: Floats, read: dict[str, Floats], held: dict[str, Floats]
    ) -> dict[str, Floats]:
        return _Stepping(self._day, moments, matrix.session, read, {}).stepped(held)


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
        self._after[name] = values
