"""What a universe forgets when its process ends, restored from what was saved and from the rows that were published.

The feed's streams keep scans but not bars: without this, a ranker that starts again would show prices of the last scan,
older than those it published before, and would know nothing of pre-market's highs or of prices a minute ago.

A symbol is saved as it was last observed in a step of the history. One thing is lost by that: what a scan says of a
moment in an earlier step, when a bar or a trade of the symbol follows within the scan's own step, and the scan has left
the stream since. The history of the steps between the two is then what it was before the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

import numpy as np
from msgspec import UNSET

from gapscan.market.columns import Floats, Ints, as_floats
from gapscan.market.fields import PASSED
from gapscan.market.observed import by_price, by_volume
from gapscan.market.premarket import PRE_RANGE, observe_early
from gapscan.market.sessions import session_times, trades_end
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Row, SavedState

SAVED: Final = (
    "price", "price_time", "from_bar", "volume", "volume_time", "updated", "open", "high", "high_time", "low",
    "low_time", "close_volume", "spiking", "spike_time",
)  # fmt: skip
_UNTIL: Final = ("price_until", "volume_until")  # until when these were known
_LATER: Final = (*_UNTIL, *PRE_RANGE.values())  # what a version before did not say
# Beside these, a row has values of scans.
_SCANNED_TOO: Final = ("prev_close", "vwap")


def saved_states(universe: Universe, at: Ints, size: int) -> Iterator[SavedState]:
    """What is to be saved of the symbols at positions `at`, in messages of at most `size` symbols."""
    at = at[~np.isnan(universe.number("price")[at])]
    for begin in range(0, len(at), size):
        part = at[begin : begin + size]
        columns = {name: _plain(_column_of(universe, name)[part]) for name in SAVED}
        columns |= {name: _plain(universe.number(name)[part]) for name in PRE_RANGE.values()}
        columns |= {
            name: _plain(history.known_until(part))
            for name, history in zip(_UNTIL, (universe.prices, universe.volumes), strict=True)
        }
        yield SavedState(str(universe.date), [universe.symbols[place] for place in part.tolist()], **columns)


def _column_of(universe: Universe, name: str) -> Floats:
    # A trade has no volume: that of a symbol may be older than what was last observed of it.
    return universe.times("volume") if name == "volume_time" else universe.number(name)


def _plain(values: Floats) -> list[float | None]:
    return [value if isfinite(value) else None for value in values.tolist()]


def merge_saved(universe: Universe, state: SavedState) -> int:
    """Restore what was saved of the universe's trading day; of how many symbols that was something."""
    if str(universe.date) != state.date:
        return 0
    columns = {name: as_floats(getattr(state, name)) for name in SAVED}
    for name in _LATER:
        if (column := getattr(state, name)) is not UNSET:
            columns[name] = as_floats(column)
    columns["volume_time"] = np.fmax(columns["volume_time"], -np.inf)  # of unknown age is older than all others
    # Each moment has its place in the history only when that has come so far.
    universe.advance(int(np.fmax.reduce(columns["updated"], initial=0.0)))
    return _restore_known(universe, state.symbols, columns)


def restore(universe: Universe, rows: Iterable[Row]) -> int:
    """Restore what `rows` know better than the universe; how many of them are of its trading day."""
    if universe.date is None:
        return 0
    begin, end = session_times(universe.date).night, trades_end(universe.date)
    # Lists are published one after the other: of one symbol's rows, the newest counts.
    todays = sorted((row for row in rows if begin < (row.get("price_time") or 0) <= end), key=_times_of)
    known: Sequence[Row] = list({row["symbol"]: row for row in todays}.values())
    symbols = [row["symbol"] for row in known]
    live = np.array([row.get("source") == "bar" for row in known], np.float64)
    columns = {name: _column(known, name) for name in (*SAVED, *_SCANNED_TOO)}
    columns |= {"from_bar": live} | dict.fromkeys(("updated", "volume_time"), _column(known, "as_of"))
    # Since a row does not say how old its volume is, only more than is known is news.
    more = ~(columns["volume"] <= universe.number("volume")[universe.positions(symbols)])
    columns["volume"] = np.where(more, columns["volume"], np.nan)
    return _restore_known(universe, symbols, columns)


def _times_of(row: Row) -> tuple[int, int]:
    return row.get("price_time") or 0, row.get("as_of") or 0


def _restore_known(universe: Universe, symbols: list[str], known: Mapping[str, Floats]) -> int:
    if not symbols or universe.date is None:
        return 0
    at, day = universe.positions(symbols), session_times(universe.date)
    times, regular = known["updated"], day.regular
    observed = by_price(known["price"], known["price_time"], known["from_bar"])
    universe.observe(at, observed, known["price_time"], known.get("price_until"))
    observed = by_volume(known["volume"], known["volume_time"], day)
    observed["close_volume"] = np.where(
        np.isnan(known["close_volume"]), observed["close_volume"], known["close_volume"]
    )
    universe.observe(at, observed, known["volume_time"], known.get("volume_until"))
    universe.observe(at, {name: known[name] for name in ("updated", "open", *_SCANNED_TOO) if name in known}, times)
    for name, moment in zip(("high", "low"), PASSED, strict=True):
        ranged = _range_times(known, moment, regular)
        universe.widen(name, at, known[name], ranged, regular)
        # Who saw bars knows better than scans when it was passed; pre-market's high may be as high as the session's.
        same_session = (ranged >= regular) == (universe.times(name)[at] >= regular)
        same = same_session & (universe.number(name)[at] == known[name])
        universe.put_at(moment, at[same], known[moment][same])
        universe.mark_dirty(at[same])
    for name, column in PRE_RANGE.items():
        observe_early(universe, name, at, known.get(column, np.full(len(at), np.nan)), np.zeros(len(at)), regular)
    universe.restore_history("spike_time", at, known["spike_time"])
    newest = ~np.isnan(known["spiking"]) & (times >= universe.number("updated")[at])
    universe.put_at("spiking", at[newest], known["spiking"][newest])
    return len(symbols)


def _range_times(known: Mapping[str, Floats], moment: str, regular: int) -> Floats:
    """When high or low were observed: when they were passed, or else in the session that the official open shows."""
    early = np.fmin(known["updated"], regular - 1)
    return np.where(np.isnan(known[moment]), np.where(np.isnan(known["open"]), early, known["updated"]), known[moment])


def _column(rows: Sequence[Row], name: str) -> Floats:
    values: list[Any] = [dict(row).get(name) for row in rows]
    return np.array(values, np.float64)
