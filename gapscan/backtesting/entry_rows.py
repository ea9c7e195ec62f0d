"""What a row shows at the moment of an entry: all fields of few symbols, where lists need few fields of all symbols."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from gapscan.backtesting.dependencies import STEPPED, needed
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import Matrix, known_before
from gapscan.backtesting.minute_state import OBSERVED
from gapscan.backtesting.ranked import Seen
from gapscan.backtesting.spikes import Spikes
from gapscan.backtesting.stepped import SteppedDay
from gapscan.market.columns import Floats, Ints
from gapscan.market.sessions import MINUTE_MS, MarketSession
from gapscan.ranking.row_values import SHOWN, rounded

Key = TypeVar("Key")

_NOTHING: Final = Seen({}, {})
_AT_ONCE: Final = 8_000  # rows: few calls, and yet in the cache
_ROUNDED_AT_ONCE: Final = 256  # of which all fields are in it


class RowLog:
    """Takes in what was seen of symbols minute by minute, and makes of all of it at once what rows show."""

    def __init__(self, day: MarketDay) -> None:
        fields, ago = needed(SHOWN)
        self._day = day
        self._given: dict[str, list[Floats]] = {name: [] for name in (*OBSERVED, *STEPPED) if name in fields}
        self._past: dict[tuple[str, int], list[Floats]] = {key: [] for key in ago}
        self._minutes: list[Ints] = []
        self._places: list[Ints] = []
        self._seen = _NOTHING  # of what is not picked yet
        self._waiting: list[tuple[int, Ints]] = []

    @property
    def observed(self) -> list[str]:
        """The columns that are picked from what is observed."""
        return [name for name in self._given if name not in STEPPED]

    @property
    def ago(self) -> list[tuple[str, int]]:
        """And those of the past."""
        return list(self._past)

    def add(self, seen: Seen, row: int, minute: int, places: Ints) -> None:
        """The symbols at `places` after `minute`, of which `row` of what was seen is. Minutes come in their order."""
        if seen is not self._seen:
            self._pick()
            self._seen = seen
        self._waiting.append((row, places))
        self._minutes.append(np.full(len(places), minute))
        self._places.append(places)

    def _pick(self) -> None:
        """From what was seen in several minutes: as many symbols at a time as there are."""
        if not self._waiting:
            return
        places = np.concatenate([places for _, places in self._waiting])
        rows = np.repeat([row for row, _ in self._waiting], [len(places) for _, places in self._waiting])
        size = len(self._day.symbols)
        cells = rows * size + places
        for name, values in self._given.items():
            seen = self._seen.observed[name]
            values.append(seen.ravel().take(cells if len(seen) > 1 else places))
        for key, values in self._past.items():
            values.append(self._seen.past[key].ravel().take(cells))
        self._waiting.clear()

    def rounded(self) -> Floats:
        """Rounded numbers of the rows, shape (SHOWN, rows). Nothing is held of what was seen from then on."""
        self._pick()
        self._seen = _NOTHING
        given, past = _joined(self._given), _joined(self._past)
        nobody = np.zeros(0, np.intp)
        minutes, places = (np.concatenate([nobody, *each]) for each in (self._minutes, self._places))
        return _rounded(self._day, minutes, places, given, past)


def _joined(parts: dict[Key, list[Floats]]) -> dict[Key, Floats]:
    """Each one's parts, which are let go as they are joined."""
    return {key: np.concatenate([np.zeros(0), *parts.pop(key)]) for key in list(parts)}


def entry_rows(day: MarketDay, minutes: Ints, places: Ints, step: int) -> Floats:
    """Rounded numbers of rows, shape (SHOWN, entries): of the symbol at each of `places` after each of `minutes`.

    Minutes are ascending, and among those that are ranked, which are each `step`-th.
    """
    log, spikes = RowLog(day), Spikes(day)
    stepped = SteppedDay(day, log.observed, log.ago)
    bounds = np.searchsorted(minutes, np.arange(day.length + 1))
    for minute in range(1, int(minutes[-1]) + 1 if len(minutes) else 0):
        stepped.advance()
        if minute % step == 0:
            observed = {name: stepped.columns[name].copy()[None, :] for name in log.observed}
            past = {key: stepped.ago(*key)[None, :] for key in log.ago}
            moment = np.full((1, 1), float(day.moment(minute)))
            with np.errstate(all="ignore"):
                observed |= spikes.of(Matrix(day, moment, day.session(minute), observed, past))
            here = places[slice(*bounds[minute : minute + 2])]
            if len(here):
                log.add(Seen(observed, past), 0, minute, here)
    return log.rounded()


def _rounded(
    day: MarketDay, minutes: Ints, places: Ints, given: dict[str, Floats], past: dict[tuple[str, int], Floats]
) -> Floats:
    found = np.full((len(SHOWN), len(minutes)), np.nan)
    known, curves = known_before(day), day.own_curves()
    for session, here in _stretches(day, minutes):
        at = places[here]
        columns = {name: values[here][None, :] for name, values in given.items()}
        columns |= {name: values[:, at] if values.shape[1] > 1 else values for name, values in known.items()}
        moments: Floats = (day.times.pre + minutes[here].astype(np.float64) * MINUTE_MS)[None, :]
        ago = {key: values[here][None, :] for key, values in past.items()}
        columns["left_at"] = np.full((1, len(at)), np.nan)
        matrix = Matrix(day, moments, session, columns, ago, curves=curves, places=at)
        with np.errstate(all="ignore"):
            for row, name in enumerate(SHOWN):
                found[row, here] = np.broadcast_to(matrix[name], (1, len(at)))[0]
        for begin in range(here.start, here.stop, _ROUNDED_AT_ONCE):
            some = found[:, begin : min(begin + _ROUNDED_AT_ONCE, here.stop)]
            some[:] = rounded(some.T).T
    return found


def _stretches(day: MarketDay, minutes: Ints) -> Iterator[tuple[MarketSession, slice]]:
    """Parts of ascending minutes that are of one session, and not many: what is computed of them stays in the cache."""
    first = [number for number in range(day.length + 1) if day.session(number) != day.session(number - 1)]
    bounds = np.searchsorted(minutes, [0, *first, day.length + 1]).tolist()
    for start, end in pairwise(bounds):
        for begin in range(start, end, _AT_ONCE):
            yield day.session(int(minutes[begin])), slice(begin, min(end, begin + _AT_ONCE))
