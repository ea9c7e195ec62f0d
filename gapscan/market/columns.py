"""Columns: the types of arrays, their packed form on the wire, and text as codes into words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
PackedRows = NDArray[np.uint64]  # numbers bit by bit as they are packed: to compare them, NaN is NaN

_WIRE: Final = np.dtype("<f8")
_BITS: Final = np.dtype("<u8")
_AT_ONCE: Final = 256  # rows that fit into a core's cache


def as_floats(column: Sequence[float | None]) -> Floats:
    """A column of a message as floats; null becomes NaN."""
    return np.array(column, dtype=np.float64)


def packed(values: Sequence[float | None] | Floats) -> bytes:
    """A column of numbers as a message carries it; null and NaN alike mean "no value"."""
    return np.array(values, _WIRE).tobytes()


def in_packed_form(column: Sequence[float | None] | bytes) -> bytes:
    """A column of a message that may have been packed, or not."""
    return column if isinstance(column, bytes) else packed(column)


def unpacked(columns: Sequence[bytes]) -> Floats:
    """Packed columns of one length as the rows of a matrix; NaN where there is no value."""
    return numbers_of(packed_rows(columns))


def packed_rows(columns: Sequence[bytes]) -> PackedRows:
    """Packed columns of one length as the rows of a matrix, not read yet."""
    return np.frombuffer(b"".join(columns), _BITS).reshape(len(columns), -1)


def numbers_of(rows: PackedRows) -> Floats:
    """The numbers in packed rows; NaN where there is no value.

    Infinite is no value either: nothing that is measured is that, and JSON numbers cannot say it.
    """
    numbers = rows.view(_WIRE)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def span(at: Ints) -> slice | Ints:
    """Positions that follow one another as a slice, which copies nothing; others as they are."""
    if len(at) and at[-1] - at[0] == len(at) - 1 and (at[1:] > at[:-1]).all():
        return slice(int(at[0]), int(at[-1]) + 1)
    return at


def turned(rows: Floats, at: Ints | None) -> Floats:
    """The rows at positions `at` (None: all) of a matrix as columns, copied a few at a time: several times faster."""
    columns = np.empty((rows.shape[1], len(rows) if at is None else len(at)))
    for begin in range(0, columns.shape[1], _AT_ONCE):
        some = slice(begin, begin + _AT_ONCE)
        columns[:, some] = (rows[some] if at is None else rows.take(at[some], axis=0)).T
    return columns


class Marks:
    """Symbols that wait for somebody, by position."""

    def __init__(self) -> None:
        self._flags: Bools = np.zeros(0, np.bool_)

    def grow(self, size: int) -> None:
        """Make room for `size` symbols; new ones are not marked."""
        self._flags = np.concatenate([self._flags, np.zeros(size - len(self._flags), np.bool_)])

    def mark(self, at: Ints) -> None:
        """Mark the symbols at positions `at`."""
        self._flags[at] = True

    def drain(self) -> Ints:
        """The positions that are marked; they are no longer."""
        at = np.flatnonzero(self._flags)
        self._flags[at] = False
        return at


class TextColumn:
    """Text of each symbol as codes into the words that came, so that a comparison is one of integers."""

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

    def words(self, at: Ints) -> list[str | None]:
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
