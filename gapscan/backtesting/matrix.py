"""Columns of some minutes as matrices: what formulas compute and expressions read, many minutes at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from gapscan.backtesting.dependencies import formulas
from gapscan.backtesting.market_day import MarketDay
from gapscan.market.baselines import Curves
from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.sessions import MarketSession, open_ramp
from gapscan.ranking.language.closures import RAMP_COLUMN

_UNKNOWN: Final = np.full((1, 1), np.nan)
_NO: Final = np.zeros((1, 1), np.bool_)
_YES: Final = np.ones((1, 1), np.bool_)
TEXTS: Final = {"type": "CS"}  # what is taken to be so of every symbol: flat files tell nothing

OF_THE_DAY_BEFORE: Final = ("prev_close", "prev_high", "prev_low", "prev_volume")
_WITHHELD: Final = (*OF_THE_DAY_BEFORE, "atr")  # on the day of a split

Ago = Mapping[tuple[str, int], Floats]


def known_before(day: MarketDay) -> dict[str, Floats]:
    """What is known of the symbols before the day, and does not change in it: rows that fit under every minute.

    On the day of a split what is of the day before is of another share, and files are one source only: it is withheld.
    """
    reference = day.reference
    columns = {
        **{name: np.where(reference.split, np.nan, getattr(reference, name)) for name in _WITHHELD},
        "average_volume": reference.average_volume,
        "average_trades": reference.average_trades, "trades_deviation": reference.trades_deviation,
        "baseline_sessions": reference.sessions, "ssr_carried": reference.ssr_carried,
        "split_today": reference.split.astype(np.float64),
        "first_day": np.where(np.isnan(reference.sessions), 1.0 if reference.complete else np.nan, 0.0),
    }  # fmt: skip
    rows = {name: column[None, :] for name, column in columns.items()}
    return rows | {"test_symbol": np.zeros((1, 1)), "from_bar": np.zeros((1, 1))}


class Matrix:
    """Columns of symbols (the last axis) at `moments` of one session (the first axis, epoch ms).

    `given` are columns that are observed or known; the others are computed when they are asked for. What is neither is
    unknown. `places` are those of the symbols, without them all, and `curves` their usual volumes. Every column has two
    axes, of which one may have the length 1: a column that is the same for all.
    """

    def __init__(
        self,
        day: MarketDay,
        moments: Floats,
        session: MarketSession,
        given: Mapping[str, Floats],
        ago: Ago,
        *,
        curves: Curves | None = None,
        places: Ints | None = None,
    ) -> None:
        self.found: dict[str, Bools] | None = {}
        self._curves = curves
        self._places = places
        self.session = session
        self.date = day.date
        self.day = day.times.regular
        self.now: Floats | int = moments
        self._moments = moments
        self._columns = dict(given)
        self._ago = ago
        self._symbols = day.symbols

    def __getitem__(self, name: str) -> Floats:
        if name not in self._columns:
            formula = formulas().get(name)
            if formula is None:
                return _UNKNOWN
            formula.step(self)
        return self._columns[name]

    def __setitem__(self, name: str, values: Floats) -> None:
        self._columns.setdefault(name, values)

    def moments(self, name: str) -> Floats:
        """The moments themselves: a minute is over at the end of every step of the histories."""
        return self._moments

    def ago(self, name: str, ms: int) -> Floats:
        """What the column was so long before each moment."""
        return self._ago[name, ms]

    def range_known(self) -> Bools:
        """Nothing is missing of a past day."""
        return _YES

    def halted(self) -> Bools:
        """Minutes tell nothing of halts."""
        return _NO

    def compute_again(self, where: Bools) -> None:
        """Everything is computed."""

    def usual_volume(self) -> tuple[Floats, Floats, bool] | None:
        """By the symbols' own curves, if there are any."""
        if self._curves is None:
            return None
        places = np.arange(len(self._symbols)) if self._places is None else self._places
        usual = self._curves.expected(places, self._moments, self.date)
        return usual, self._curves.sessions(places)[None, :], True

    def number(self, name: str) -> Floats:
        """A column for an expression; `now` is market time."""
        if name == RAMP_COLUMN and name not in self._columns:
            ramp = [open_ramp(int(moment), self.date) for moment in self._moments.ravel().tolist()]
            self._columns[name] = np.array(ramp).reshape(self._moments.shape)
        return self._moments if name == "now" else self[name]

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        """Where the text field `name` is one of `values`."""
        if name == "symbol":
            return np.isin(np.array(self._symbols, object)[None, :], list(values))
        text = str(self.session) if name == "session" else TEXTS.get(name)
        return _YES if text in values else _NO

    def known(self, name: str) -> Bools:
        """Where the text field `name` has a value."""
        return _YES if name in ("symbol", "name", "session", *TEXTS) else _NO


class Part:
    """Some symbols of a matrix, as conditions see them."""

    found = None

    def __init__(self, matrix: Matrix, places: Ints) -> None:
        self._matrix = matrix
        self._places = places

    def picked(self, column: Floats | Bools) -> Any:
        """The symbols' values of a column of the matrix."""
        return column.take(self._places, axis=1) if np.ndim(column) and column.shape[1] > 1 else column

    def number(self, name: str) -> Floats:
        """A column of the symbols."""
        found: Floats = self.picked(self._matrix.number(name))
        return found

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        """Where the text is one of `values`."""
        found: Bools = self.picked(self._matrix.matches(name, values))
        return found

    def known(self, name: str) -> Bools:
        """Where there is a text."""
        found: Bools = self.picked(self._matrix.known(name))
        return found
