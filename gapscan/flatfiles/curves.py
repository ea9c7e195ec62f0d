"""How much of each symbol's volume has usually traded by which time of the day: means over past days, as messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from gapscan.flatfiles.minutes import KNOTS, DayVolumes
from gapscan.market.columns import Floats
from gapscan.protocol.messages import VolumeCurves
from gapscan.provider import Split

# In one message; of one symbol, 70 knots of up to 13 digits, and usually half of that.
CURVES_A_PART: Final = 800
_BYTES_A_CURVE: Final = 1_250


def curves_a_part(max_payload: int) -> int:
    """How many symbols a message may have where the server takes messages of so many bytes."""
    return max(1, min(CURVES_A_PART, max_payload // _BYTES_A_CURVE))


class MeanVolumes:
    """The mean cumulative volume of each symbol at each of KNOTS, over the days on which it traded."""

    def __init__(self) -> None:
        self.days = 0
        self._row_of: dict[str, int] = {}
        self._sums: Floats = np.zeros((0, len(KNOTS)))
        self._sessions = np.zeros(0, np.intp)

    def __len__(self) -> int:
        """How many symbols there are."""
        return len(self._row_of)

    def add(self, day: DayVolumes, ratios: Mapping[str, float]) -> None:
        """Add one day; `ratios` are the present shares of a symbol for one of that day, where that is not 1."""
        self.days += 1
        rows = np.array([self._row_of.setdefault(symbol, len(self)) for symbol in day.symbols], np.intp)
        missing = len(self) - len(self._sums)
        self._sums = np.vstack([self._sums, np.zeros((missing, len(KNOTS)))])
        self._sessions = np.concatenate([self._sessions, np.zeros(missing, np.intp)])
        ratio = np.array([ratios.get(symbol, 1.0) for symbol in day.symbols])
        self._sums[rows] += day.volumes * ratio[:, None]
        self._sessions[rows] += 1

    def parts(self, date: dt.date, size: int = CURVES_A_PART) -> Iterable[VolumeCurves]:
        """The curves for trading day `date`, at most `size` symbols a message; no message without symbols."""
        symbols, starts = list(self._row_of), range(0, len(self), size)
        for number, start in enumerate(starts, 1):
            these = slice(start, start + size)
            sessions = self._sessions[these]
            means = np.rint(self._sums[these] / sessions[:, None]).astype(np.int64)
            yield VolumeCurves(
                part=number,
                parts=len(starts),
                date=date.isoformat(),
                knots=list(KNOTS),
                symbols=symbols[these],
                sessions=sessions.tolist(),
                volumes=means.tolist(),
            )


def ratios_since(splits: Iterable[Split], date: dt.date) -> dict[str, float]:
    """How many shares of now one share of `date` has become, by symbols that split after it; flat files do not say."""
    ratios: dict[str, float] = {}
    for split in splits:
        if split.date > date and split.ratio is not None:
            ratios[split.symbol] = ratios.get(split.symbol, 1.0) * split.ratio
    return ratios
