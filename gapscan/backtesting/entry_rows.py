"""What a row shows at the moment of an entry: all fields of few symbols, where lists need few fields of all symbols."""

from __future__ import annotations

import numpy as np

from gapscan.backtesting.dependencies import STEPPED, needed
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import Matrix, known_before
from gapscan.backtesting.minute_state import OBSERVED
from gapscan.backtesting.stepped import SteppedDay
from gapscan.market.columns import Floats, Ints
from gapscan.market.sessions import MINUTE_MS
from gapscan.ranking.row_values import SHOWN, rounded


def entry_rows(day: MarketDay, minutes: Ints, places: Ints, step: int) -> Floats:
    """Rounded numbers of rows, shape (SHOWN, entries): of the symbol at each of `places` after each of `minutes`.

    Minutes are ascending, and among those that are ranked, which are each `step`-th.
    """
    fields, ago = needed(SHOWN)
    observed = [name for name in (*OBSERVED, *STEPPED) if name in fields]
    given = {name: np.full(len(minutes), np.nan) for name in observed}
    past = {key: np.full(len(minutes), np.nan) for key in ago}
    stepped = SteppedDay(day, observed, ago)
    bounds = np.searchsorted(minutes, np.arange(day.length + 1))
    for minute in range(1, int(minutes[-1]) + 1 if len(minutes) else 0):
        stepped.advance()
        if minute % step == 0:
            stepped.note_spikes()
        here = slice(*bounds[minute : minute + 2])
        if here.start < here.stop:
            for name, values in given.items():
                values[here] = stepped.columns[name][places[here]]
            for key, values in past.items():
                values[here] = stepped.ago(*key)[places[here]]
    return _rounded(day, minutes, places, given, past)


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
    return rounded(found.T).T
