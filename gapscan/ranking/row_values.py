"""What a row shows, as numbers, and as the Python values that clients see.

What a row shows is kept as numbers. A dict is made of it when somebody wants one (a snapshot, a row that enters a
list): most changes only ever need the few fields that changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from msgspec import Struct

from gapscan.lists.delta import changed_fields
from gapscan.market.columns import Floats, Ints
from gapscan.protocol.fields import NUMBER_FIELDS, Field
from gapscan.protocol.messages import Fields, Row

SHOWN: Final = tuple(field.column for field in NUMBER_FIELDS)  # the universe's columns that rows show
_NAMES: Final = tuple(field.name for field in NUMBER_FIELDS)
# Kinds of fields; the greater ones are texts that are held as numbers.
_ABSENT, _NUMBER, _WHOLE, _FLAG = range(4)
_CODED: Final = tuple(field for field in NUMBER_FIELDS if field.is_coded)
_WORDS: Final = np.array([False, True, *(word for field in _CODED for word in field.words)], object)  # of flags first


def _kind(field: Field) -> int:
    if field.is_coded:
        return _FLAG + 1 + _CODED.index(field)
    return {"boolean": _FLAG, "integer": _WHOLE}.get(field.type, _NUMBER)


_KINDS: Final = np.array([_kind(field) for field in NUMBER_FIELDS])
_FIRST_WORDS: Final = np.cumsum([0] * (_FLAG + 1) + [2, *(len(field.words) for field in _CODED)])  # by kind
NAMES_AT: Final = np.array(_NAMES, object)
_ALL: Final = np.arange(len(SHOWN))
# A coded text has no decimals: it is a whole number.
_SCALES: Final = np.array([10.0 ** (field.decimals or 0) for field in NUMBER_FIELDS])
# A greater number would not survive every JSON reader; no share trades at one.
_LARGEST: Final = 2.0**53


class RowVersion(Struct, gc=False):
    """What one symbol's row shows: made anew whenever that changes, and never changed itself.

    `values` are the bytes of its numbers; `news` is what is different from the version before, None where that is more
    than numbers; `row` is what `as_rows` made of it.
    """

    texts: dict[str, Any]
    values: bytes
    news: Fields | None
    version: int
    row: Row | None = None

    def changes_from(self, old: RowVersion) -> Fields:
        """The fields that differ from an older version of the same row."""
        if self.news is not None and old.version == self.version - 1:
            return self.news
        before, after = as_rows([old, self])
        return changed_fields(before, after)


def as_rows(shown: Sequence[RowVersion]) -> list[Row]:
    """Dicts of what is shown; the same object gives the same dict. Many are made at much less cost than one by one."""
    missing = [one for one in shown if one.row is None]
    if missing:
        values = np.frombuffer(b"".join([one.values for one in missing])).reshape(len(missing), -1)
        for one, cells in zip(missing, cells_of(values, _ALL), strict=True):
            one.row = cast(Row, one.texts | dict(zip(_NAMES, cells, strict=True)))
    return [cast(Row, one.row) for one in shown]


def rounded(numbers: Floats) -> Floats:
    """Numbers of SHOWN, a row for each symbol, as rows show them."""
    values: Floats = numbers * _SCALES
    np.round(values, out=values)
    values /= _SCALES
    values += 0.0  # no minus zero
    np.copyto(values, np.nan, where=~(np.abs(values) <= _LARGEST))  # and all that is missing has the same bits
    return values


def cells_of(values: Floats, which: Ints) -> list[Any]:
    """Numbers of the fields `which` (of the same shape, or of each row's) as Python values; NaN becomes None."""
    kinds = np.where(np.isnan(values), _ABSENT, _KINDS[which])
    cells = np.empty(values.shape, object)  # None
    number, whole = kinds == _NUMBER, kinds == _WHOLE
    cells[number] = values[number]
    cells[whole] = values[whole].astype(np.int64)
    if (others := kinds >= _FLAG).any():
        kind, number = kinds[others], values[others]
        code = np.where(kind == _FLAG, number == 1.0, number).astype(np.intp)  # a flag is set by 1 alone
        cells[others] = _WORDS[_FIRST_WORDS[kind] + code]
    found: list[Any] = cells.tolist()
    return found
