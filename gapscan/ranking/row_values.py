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
from gapscan.protocol.messages import Fields, Row
from gapscan.ranking.language.closures import ALIASES, CODED, FLAGS

# Decimals of every number in a row: prices as the tape prints them, percent to the hundredth, whole shares.
DECIMALS: Final = {
    "price": 4,
    "prev_close": 4,
    "open": 4,
    "high": 4,
    "low": 4,
    "vwap": 4,
    "change_percent": 2,
    "gap_percent": 2,
    "change_from_open_percent": 2,
    "from_high_percent": 2,
    "volume": 0,
    "dollar_volume": 0,
    "average_volume": 0,
    "rvol": 2,
    "price_time": 0,
    "updated": 0,
    "gap_indicative": 0,
    "split_today": 0,
    "stale": 0,
    "from_bar": 0,
    "from_low_percent": 2,
    "change_1m_percent": 1,
    "change_5m_percent": 1,
    "high_time": 0,
    "low_time": 0,
    "post_change_percent": 2,
    "post_volume": 0,
    "volume_1m": 0,
    "trades_z": 1,
    "thin_baseline": 0,
    "market_cap": 0,
    "float_shares": 0,
    "spike_size": 1,
    "spike_time": 0,
    "halt_time": 0,
}
SHOWN: Final = tuple(DECIMALS)
_FIELDS: Final = {column: field for field, column in ALIASES.items()} | {c.column: field for field, c in CODED.items()}
_NAMES: Final = tuple(_FIELDS.get(column, column) for column in SHOWN)
_WHOLE, _FLAG, _SOURCE = 1, 2, 3  # kinds of fields; others are numbers with decimals


def _kind(name: str, decimals: int) -> int:
    if name in CODED:
        return _SOURCE
    return _FLAG if name in FLAGS else _WHOLE * (decimals == 0)


_KINDS: Final = np.array(list(map(_kind, _NAMES, DECIMALS.values())))
_SOURCES: Final = np.array(CODED["source"].words, object)
NAMES_AT: Final = np.array(_NAMES, object)
_ALL: Final = np.arange(len(SHOWN))
_SCALES: Final = np.array([10.0**places for places in DECIMALS.values()])[:, None]
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
    values: Floats = np.round(numbers * _SCALES) / _SCALES + 0.0  # no minus zero
    values[np.abs(values) > _LARGEST] = np.nan
    return values


def cells_of(values: Floats, which: Ints) -> list[Any]:
    """Numbers of the fields `which` (of the same shape, or of each row's) as Python values; NaN becomes None."""
    cells, absent, kinds = values.astype(object), np.isnan(values), np.broadcast_to(_KINDS[which], values.shape)
    whole, flags, sources = (kinds == _WHOLE) & ~absent, kinds == _FLAG, kinds == _SOURCE
    cells[whole] = values[whole].astype(np.int64)
    cells[flags] = values[flags] == 1.0
    cells[sources] = _SOURCES[(values[sources] == 1.0).astype(np.intp)]
    cells[absent] = None
    found: list[Any] = cells.tolist()
    return found
