"""What a row shows at the moment of an entry: all fields of few symbols, where lists need few fields of all symbols."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.backtesting.dependencies import STEPPED, needed
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import Matrix, known_before
from gapscan.backtesting.minute_state import OBSERVED
from gapscan.backtesting.ranked import Seen
from gapscan.backtesting.spikes import Spikes
from gapscan.backtesting.stepped import SteppedDay
from gapscan.market.columns import Floats, Ints
from gapscan.market.sessions import MINUTE_MS
from gapscan.ranking.row_values import SHOWN, rounded

_NOTHING: Final = Seen({}, {})
_AT_ONCE: Final = 2_000  # rows: so many fit into a processor's cache


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
        """Rounded numbers of the rows, shape (SHOWN, rows)."""
        self._pick()
        given = {name: np.concatenate([np.zeros(0), *values]) for name, values in self._given.items()}
        past = {key: np.concatenate([np.zeros(0), *values]) for key, values in self._past.items()}
        nobody = np.zeros(0, np.intp)
        minutes, places = (np.concatenate([nobody, *each]) for each in (self._minutes, self._places))
        return _rounded(self._day, minutes, places, given, past)


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
    known = {name: row[0][places] if row.shape[1] > 1 else row[0] for name, row in known_before(day).items()}
    curves = day.own_curves()
    sessions = [day.session(minute) for minute in range(day.length + 1)]
    of = np.array([list(dict.fromkeys(sessions)).index(session) for session in sessions])[minutes]
    for number, session in enumerate(dict.fromkeys(sessions)):
        at = np.flatnonzero(of == number)
        columns = {name: values[at][None, :] for name, values in given.items()}
        columns |= {name: (row[at] if len(row) > 1 else row)[None, :] for name, row in known.items()}
        moments: Floats = (day.times.pre + minutes[at].astype(np.float64) * MINUTE_MS)[None, :]
        ago = {key: values[at][None, :] for key, values in past.items()}
        nothing = np.full((1, len(at)), np.nan)
        matrix = Matrix(
            day, moments, session, columns | {"left_at": nothing}, ago, curves=curves, places=places[at]
        )  # fmt: skip
        with np.errstate(all="ignore"):
            for row, name in enumerate(SHOWN):
                found[row, at] = np.broadcast_to(matrix[name], (1, len(at)))[0]
    for begin in range(0, len(minutes), _AT_ONCE):
        here = found[:, begin : begin + _AT_ONCE]
        here[:] = rounded(here.T).T
    return found
