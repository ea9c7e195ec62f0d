"""Rows do not flicker: who falls behind a condition for a moment stays, and who left comes back after a moment only.

For each list, `settle` ms of market time: a row leaves when its conditions have failed for that long, counted from when
it last passed; and a symbol that left (for whatever reason) is no candidate for as long. Both end with the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints

_NOWHERE: Final = np.zeros(0, np.intp)


class Settling:
    """Of several lists: a key is list * number of symbols + symbol. Moments are market time, epoch ms.

    `settle` has the ms of each list, 0 for one without.
    """

    def __init__(self, settle: Floats) -> None:
        self._settle = settle
        self.begin(0)

    def begin(self, size: int) -> None:
        """Another session begins, with `size` symbols."""
        number = len(self._settle)
        self._passed: Floats = np.full((number, size), -np.inf)  # when those that are rows no longer passed last
        self._passing: Bools = np.zeros((number, size), np.bool_)  # the rows that passed when they were last ranked
        self._ranked_at: float = -np.inf
        self._due: Floats = np.full(number, np.inf)  # after this, somebody has settled
        self._left: tuple[Ints, Ints, Floats] = _NOWHERE, _NOWHERE, np.zeros(0)  # symbols, lists, when

    def grow(self, size: int) -> None:
        """Make room for `size` symbols."""
        missing = len(self._settle), size - self._passed.shape[1]
        self._passed = np.hstack([self._passed, np.full(missing, -np.inf)])
        self._passing = np.hstack([self._passing, np.zeros(missing, np.bool_)])

    def is_due(self, now: int) -> Bools:
        """Which lists have somebody who has settled by now."""
        due: Bools = self._due < now
        return due

    def waiting(self, now: int) -> Ints:
        """Keys of the symbols that have to wait before they may come back."""
        symbols, of, when = self._left
        recent = now - when <= self._settle[of]
        self._left = symbols, of, _ = symbols[recent], of[recent], when[recent]
        keys: Ints = of * self._passed.shape[1] + symbols
        return keys

    def lingers(self, keys: Ints, now: int) -> Bools:
        """Where those that do not pass have not failed for long enough."""
        since = np.where(self._passing.ravel()[keys], self._ranked_at, self._passed.ravel()[keys])
        settle = self._settle[keys // self._passed.shape[1]]
        lingers: Bools = (now - since <= settle) & (settle > 0)
        return lingers

    def end(self, lists: Sequence[int], was: Ints, rows: Ints, lingering: Ints, now: int) -> None:
        """These lists are ranked: the keys of their rows before and now, and of those now that do not pass."""
        passing, passed = self._passing.ravel(), self._passed.ravel()
        shown = np.zeros(len(passed), np.bool_)
        shown[rows] = True
        self._leave(was[~shown[was]], now)
        shown[lingering] = False
        passed[was[passing[was] & ~shown[was]]] = self._ranked_at  # until it was found again, it had passed
        passing[was] = False
        passing[rows] = shown[rows]
        self._due[lists] = np.inf
        of = lingering // self._passed.shape[1]
        np.minimum.at(self._due, of, passed[lingering] + self._settle[of])
        np.minimum.at(self._due, self._left[1], self._left[2] + self._settle[self._left[1]])

    def _leave(self, keys: Ints, now: int) -> None:
        of, symbols = np.divmod(keys, self._passed.shape[1])
        news = symbols, of, np.full(len(keys), float(now))
        counts = self._settle[of] > 0
        self._left = tuple(np.concatenate([old, new[counts]]) for old, new in zip(self._left, news, strict=True))  # type: ignore[assignment]

    def ranked(self, now: int) -> None:
        """All lists were ranked, or are as they were."""
        self._ranked_at = now
