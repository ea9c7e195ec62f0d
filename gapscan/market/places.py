"""Where symbols are: long lists that come again and again are not looked up each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from gapscan.market.columns import Floats, Ints

_LONG: Final = 500  # symbols
_LONG_ONES: Final = 64  # lists of as many that are remembered
_NO_PLACES: Final = np.zeros(0, np.intp)


class Places:
    """The positions of `index`; `register` gives new symbols theirs."""

    def __init__(self, index: dict[str, int], register: Callable[[list[str]], None]) -> None:
        self._index = index
        self._register = register
        self._known: dict[tuple[int, str, str], tuple[list[str], Ints]] = {}

    def of(self, symbols: list[str]) -> Ints:
        """Where the symbols are, not to be changed.

        Scan after scan asks for the same symbols: to see that they are the same is faster than to look them up.
        """
        if len(symbols) < _LONG:
            return self._look_up(symbols)
        key = (len(symbols), symbols[0], symbols[-1])
        before, at = self._known.get(key, ([], _NO_PLACES))
        if before != symbols:
            at = self._look_up(symbols)
            if len(self._known) >= _LONG_ONES:
                self._known.clear()
            self._known[key] = (list(symbols), at)
        return at

    def _look_up(self, symbols: list[str]) -> Ints:
        try:
            return np.fromiter(map(self._index.__getitem__, symbols), np.intp, len(symbols))
        except KeyError:
            self._register(symbols)
            return np.fromiter(map(self._index.__getitem__, symbols), np.intp, len(symbols))


def alphabetical(symbols: list[str]) -> Floats:
    """Each symbol's place in alphabetical order."""
    places = np.empty(len(symbols))
    places[np.argsort(np.array(symbols, dtype=object), kind="stable")] = np.arange(len(symbols))
    return places
