"""What a universe forgets when its process ends, taken back from the rows that were published.

The feed's streams keep scans but not bars: without this, a ranker that starts again would show prices of the last scan,
older than those it published before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from gapscan.market.sessions import session_times
from gapscan.market.universe import DAY_FIELDS, Floats, Universe
from gapscan.protocol.messages import Row

_WIDEN: Final = ("high", "low")
_DAY: Final = ("prev_close", *(name for name in DAY_FIELDS if name not in _WIDEN))


def restore(universe: Universe, rows: Iterable[Row]) -> int:
    """Take back what `rows` know better than the universe; how many of them are of its trading day."""
    if universe.date is None:
        return 0
    clear = session_times(universe.date).clear
    ours = {row["symbol"]: row for row in rows if (row.get("price_time") or 0) >= clear}
    if not ours:
        return 0
    at = universe.positions(list(ours))
    known: Sequence[Row] = list(ours.values())
    priced, seen = _column(known, "price_time"), _column(known, "as_of")
    from_bar = np.array([row.get("source") == "bar" for row in known], np.float64)
    newer = priced > _held(universe.number("price_time")[at])
    for name, values in (("price", _column(known, "price")), ("price_time", priced), ("from_bar", from_bar)):
        universe.observe(name, at[newer], values[newer], priced[newer])
    newer = seen > _held(universe.number("updated")[at])
    for name in _DAY:
        universe.observe(name, at[newer], _column(known, name)[newer], seen[newer])
    universe.observe("updated", at[newer], seen[newer], seen[newer])
    for name in _WIDEN:
        universe.widen(name, at, _column(known, name), seen)
    return len(ours)


def _column(rows: Sequence[Row], name: str) -> Floats:
    values: list[Any] = [dict(row).get(name) for row in rows]
    return np.array(values, np.float64)


def _held(times: Floats) -> Floats:
    """Times that anything is newer than, where nothing is held."""
    return np.where(np.isnan(times), -np.inf, times)
