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
    """Of several lists, by their place and the position of symbols. Moments are market time, epoch ms.

    `settle` has the ms of each list, 0 for one without.
    """

    def __init__(self, settle: Floats) -> None:
        self._settle = settle
        self.forget()

    def forget(self) -> None:
        """Another session begins."""
        number = len(self._settle)
        self._passed: Floats = np.full((0, number), -np.inf)  # when each symbol last passed, as a row
        self._passing: list[Ints] = [_NOWHERE] * number  # the rows that passed when the list was last ranked
        self._ranked_at: float = -np.inf
        self._due: Floats = np.full(number, np.inf)  # after this, somebody has settled
        self._left: tuple[Ints, Ints, Floats] = _NOWHERE, _NOWHERE, np.zeros(0)  # symbols, lists, when

    def grow(self, size: int) -> None:
        """Make room for `size` symbols."""
        missing = np.full((size - len(self._passed), len(self._settle)), -np.inf)
        self._passed = np.vstack([self._passed, missing])

    def is_due(self, now: int) -> Bools:
        """Which lists have somebody who has settled by now."""
        due: Bools = self._due < now
        return due

    def begin(self, lists: Sequence[int], now: int) -> None:
        """These lists are about to be ranked: what passed the last time had done so until it was found again."""
        for at in lists:
            self._passed[self._passing[at], at] = self._ranked_at
        symbols, of, when = self._left
        recent = now - when <= self._settle[of]
        self._left = symbols[recent], of[recent], when[recent]

    def lingers(self, symbols: Ints, of: Ints, now: int) -> Bools:
        """Where rows that do not pass have not failed for long enough."""
        lingers: Bools = (now - self._passed[symbols, of] <= self._settle[of]) & (self._settle[of] > 0)
        return lingers

    def waiting(self) -> Ints:
        """How many symbols of each list have to wait before they may come back, at most."""
        return np.bincount(self._left[1], minlength=len(self._settle))

    def may_come(self, keys: Ints, members: Sequence[Ints]) -> Ints:
        """Of candidates (list * number of symbols + symbol) those that need not wait; published rows never do."""
        symbols, of, _ = self._left
        if not len(symbols):
            return keys
        size = len(self._passed)
        waits = np.zeros(size * len(self._settle), np.bool_)
        waits[of * size + symbols] = True
        for at in set(of.tolist()):
            waits[at * size + members[at]] = False
        return keys[~waits[keys]]

    def end(
        self, lists: Sequence[int], before: Sequence[Ints], top: Sequence[Ints], lingering: tuple[Ints, Ints], now: int
    ) -> None:
        """These lists are ranked: their rows before and now; `lingering` are rows that do not pass, and their lists."""
        size = len(self._passed)
        kept = np.zeros(size * len(self._settle), np.bool_)
        kept[np.concatenate([at * size + top[at] for at in lists])] = True
        was = np.concatenate([at * size + rows for at, rows in zip(lists, before, strict=True)])
        gone = was[~kept[was]]
        gone = gone[self._settle[gone // size] > 0]
        symbols, of, when = self._left
        news = gone % size, gone // size, np.full(len(gone), float(now))
        self._left = tuple(np.concatenate(both) for both in zip((symbols, of, when), news, strict=True))  # type: ignore[assignment]
        failing, failing_of = lingering
        kept[failing_of * size + failing] = False
        for at in lists:
            self._passing[at] = top[at][kept[at * size + top[at]]] if at in failing_of else top[at]
        self._due[lists] = np.inf
        np.minimum.at(self._due, failing_of, self._passed[failing, failing_of] + self._settle[failing_of])
        np.minimum.at(self._due, self._left[1], self._left[2] + self._settle[self._left[1]])

    def ranked(self, now: int) -> None:
        """All lists were ranked, or are as they were."""
        self._ranked_at = now
