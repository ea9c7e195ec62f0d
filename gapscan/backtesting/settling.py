"""Rows that settle, of one list that is ranked minute by minute: as `gapscan.ranking.settling` has them, for many."""

from __future__ import annotations

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints

_NOBODY = np.zeros(0, np.intp)


class SettlingRows:
    """What one list remembers of its `symbols`, so that its rows do not flicker. Moments are epoch ms.

    A row leaves when its conditions have failed for `settle` ms, counted from when it last passed; who left comes back
    after as long. Both end with the session.
    """

    def __init__(self, symbols: int, settle: float) -> None:
        self._settle = settle
        self._passed: Floats = np.full(symbols, -np.inf)
        self._left: Floats = np.full(symbols, -np.inf)
        self._rows = _NOBODY

    def forget(self) -> None:
        """Another session begins."""
        self._passed[:] = self._left[:] = -np.inf
        self._rows = _NOBODY

    def candidates(self, passing: Ints, members: Ints, there: Bools, now: float) -> Ints:
        """Who passes, but for who left a moment ago; and members that are there and passed a moment ago."""
        passes = _marked(len(there), passing)
        is_in = _marked(len(there), members)
        may_come = passing[is_in[passing] | (now - self._left[passing] > self._settle)]
        failing = members[~passes[members] & there[members]]
        return np.concatenate([may_come, failing[now - self._passed[failing] <= self._settle]])

    def note(self, top: Ints, passing: Ints, now: float) -> None:
        """The list is ranked."""
        size = len(self._passed)
        self._left[self._rows[~_marked(size, top)[self._rows]]] = now
        self._passed[top[_marked(size, passing)[top]]] = now
        self._rows = top


def _marked(size: int, places: Ints) -> Bools:
    marks = np.zeros(size, np.bool_)
    marks[places] = True
    return marks
