"""What may be wanted of a list: its first rows, and some fields only. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, cast

from gapscan.lists.delta import Rows
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import Row

_ALWAYS: Final = frozenset(("symbol", "rank"))  # no row is without


class Wish(NamedTuple):
    """The first `limit` rows, and of each its symbol and `fields`; None: all."""

    limit: int | None = None
    fields: tuple[str, ...] | None = None

    @classmethod
    def of(cls, limit: int | None, fields: Iterable[str] | None) -> Wish:
        """The same wish, however it is said. What is no field is left out: no row has it."""
        return cls(limit, None if fields is None else tuple(sorted(set(fields) & FIELDS.keys())))

    def rows(self, rows: Rows) -> list[Row]:
        """What is wanted of `rows`."""
        return [self.row(row) for row in rows[: self.limit]]

    def row(self, row: Row) -> Row:
        """What is wanted of a row; the row itself when that is all of it."""
        if self.fields is None:
            return row
        kept = {"symbol", *self.fields}
        return cast(Row, {name: value for name, value in row.items() if name in kept})


WHOLE: Final = Wish()


def not_fields(names: Iterable[str]) -> list[str]:
    """Those of `names` that are no fields of a row."""
    return [name for name in names if name not in FIELDS and name not in _ALWAYS]
