"""Columns: the types of arrays, and text as codes into words, so that a comparison is one of integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


class TextColumn:
    """Text of each symbol as codes into the words seen, so that a comparison is one of integers."""

    def __init__(self) -> None:
        self._words: list[str | None] = [None]
        self._code_of: dict[str | None, int] = {None: 0}
        self.codes: NDArray[np.int32] = np.zeros(0, np.int32)

    def grow(self, size: int) -> None:
        """Make room for `size` symbols; new ones have no value."""
        self.codes = np.concatenate([self.codes, np.zeros(size - len(self.codes), np.int32)])

    def put(self, at: Ints, words: Sequence[str | None]) -> Ints:
        """Set the texts of the symbols at positions `at`; the positions whose text is another one now."""
        for word in set(words) - self._code_of.keys():
            self._code_of[word] = len(self._words)
            self._words.append(word)
        codes = np.array([self._code_of[word] for word in words], np.int32)
        changed: Ints = at[self.codes[at] != codes]
        self.codes[at] = codes
        return changed

    def take(self, at: Ints) -> list[str | None]:
        """The texts of the symbols at positions `at`."""
        return [self._words[code] for code in self.codes[at].tolist()]

    def matches(self, words: Iterable[str], at: Ints | None = None) -> Bools:
        """Where the text is one of `words`, of all symbols or of those at positions `at`."""
        codes = self.codes if at is None else self.codes[at]
        found = np.zeros(len(codes), np.bool_)
        for word in words:
            found |= codes == self._code_of.get(word, -1)
        return found

    def known(self, at: Ints | None = None) -> Bools:
        """Where there is a text."""
        known: Bools = (self.codes if at is None else self.codes[at]) != 0
        return known
