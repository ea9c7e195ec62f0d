"""How often a definition would have fired on the tape's newest day, among the symbols that recorded lists showed.

The tape has what lists were, not the market: of a symbol that no list showed at a minute, nothing is known then. What
was recorded are rows as they were shown, rounded. Each full minute is looked at as backtests do, with gate, sessions,
hysteresis, idle rule and limit as live.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from gapscan.backtesting.half_hours import half_hours
from gapscan.backtesting.tape_minutes import Clock, RecordedMinute, TapeDay
from gapscan.bus.client import Bus
from gapscan.lists.delta import Rows
from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.metrics import GONE_AFTER
from gapscan.market.sessions import MINUTE_MS, minute_of_day, open_ramp, session_at, session_times, trading_date
from gapscan.protocol.api import TriedMoment, TriedToday
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.language.closures import RAMP_COLUMN
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.row_columns import RowColumns
from gapscan.ranking.spec import ListSpec, compile_list, shipped_lists
from gapscan.ranking.top_rows import sort_values

SECONDS: Final = 15.0  # of reading: what is older then is left out, and said
LATEST: Final = 20  # entries that are shown
_OF_AGE: Final = ("price_time", "halt", "price")

COVERED: Final = (
    "Counted among symbols while a recorded list shows them, once a minute: what no list showed is not on the tape,"
    " so there may have been more entries, and earlier ones."
)
CUT_SHORT: Final = "The day is longer on the tape than could be read in time: it counts from `begin` on."
ROUNDED: Final = "Conditions see the rows as they were shown, rounded."


async def tried_today(
    bus: Bus,
    definition: ListDefinition,
    simulated: bool | None = None,
    seconds: float = SECONDS,
    clock: Clock = time.monotonic,
) -> TriedToday:
    """The answer. Raises NotRecordedError when there is no tape, BusError, ProtocolError."""
    spec, gate = compile_list(definition), shipped_lists().gate
    gate = spec.gate or gate
    columns = spec.fields | gate.fields
    fields = {field.name for field in FIELDS.values() if field.column in columns or field.name in columns} | {*_OF_AGE}
    day = await TapeDay.open(bus, fields, simulated)
    ranked = [_ranked(each, spec, gate) async for each in day.minutes(seconds, clock)][::-1]
    return _answer(day, ranked, spec)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """One minute's symbols: who may come in, who may stay, and the values of the sort keys, a row each."""

    moment: int
    symbols: list[str]
    prices: list[float | None]
    entry: Bools
    stay: Bools
    keys: Floats
    is_open: bool


def _ranked(minute: RecordedMinute, spec: ListSpec, gate: Filter) -> _Ranked:
    columns, size = _Columns(minute.rows, minute.moment), (len(minute.rows),)
    with np.errstate(all="ignore"):
        there = np.ones(size, np.bool_) if spec.keeps_idle else ~columns.gone()
        entry, stay = gate.entry(columns) & spec.filter.entry(columns), gate.stay(columns) & spec.filter.stay(columns)
        keys = np.stack([sort_values(key, columns) for key in spec.keys])
    return _Ranked(
        minute.moment,
        [row["symbol"] for row in minute.rows],
        [row.get("price") for row in minute.rows],
        np.broadcast_to(entry, size) & there,
        np.broadcast_to(stay, size) & there,
        keys,
        spec.is_open(session_at(minute.moment)),
    )


class _Columns(RowColumns):
    """Rows of the tape, by symbol, as gates, filters and sort keys see them."""

    def __init__(self, rows: Rows, moment: int) -> None:
        super().__init__(rows, moment, self._of_the_time)
        self._moment = moment

    def __len__(self) -> int:
        return len(self.rows)

    def _of_the_time(self, name: str) -> Floats | None:
        if name != RAMP_COLUMN:
            return None
        return np.full(len(self), open_ramp(self._moment, trading_date(self._moment)))

    def symbol_order(self) -> Floats:
        """They are in alphabetical order."""
        return np.arange(len(self), dtype=np.float64)

    def gone(self) -> Bools:
        """Who has not traded for so long that lists which do not keep idle symbols leave it out."""
        session = session_at(self._moment)
        if session not in GONE_AFTER:
            return np.zeros(len(self), np.bool_)
        start = getattr(session_times(trading_date(self._moment)), session.value)
        age = (self.number("now") - np.fmax(self.number("price_time"), start)) / 1000.0
        gone: Bools = (age > GONE_AFTER[session]) & ~self.matches("halt", frozenset({"halted"}))
        return gone


def _answer(day: TapeDay, minutes: list[_Ranked], spec: ListSpec) -> TriedToday:
    found, already = _entries(minutes, spec)
    moments = np.array([minute_of_day(entry.time) for entry in found], np.intp)
    begin = minutes[0].moment if minutes else 0
    return TriedToday(
        day=day.date.isoformat(),
        begin=begin,
        end=minutes[-1].moment if minutes else 0,
        symbols=len({symbol for minute in minutes for symbol in minute.symbols}),
        already_in=already,
        entries=len(found),
        by_half_hour=half_hours(moments),
        latest=found[: -LATEST - 1 : -1],
        simulated=day.simulated,
        notes=[COVERED, ROUNDED, *_not_read(day, begin, len(minutes))],
        fault="" if minutes else "nothing is recorded of the trading day",
    )


def _not_read(day: TapeDay, begin: int, read: int) -> Iterator[str]:
    """What of the day is not counted: the time was over, or it is not on the tape."""
    if day.cut_short:
        yield CUT_SHORT
    looked_at = [minute for minute in day.all_minutes if not day.cut_short or minute * MINUTE_MS >= begin]
    if missing := len(looked_at) - read:
        yield f"Not recorded: {missing} of {len(looked_at)} minutes."


def _entries(minutes: list[_Ranked], spec: ListSpec) -> tuple[list[TriedMoment], int]:
    """The entries by time, and how many were in when the first minute was recorded: they came in before."""
    found: list[TriedMoment] = []
    members, already = set[str](), 0
    for number, minute in enumerate(minutes):
        if not minute.is_open:
            continue
        top = [minute.symbols[at] for at in _top(minute, members, spec.definition.limit)]
        if number == 0:
            already = len(top)
        else:
            prices = dict(zip(minute.symbols, minute.prices, strict=True))
            found += [
                TriedMoment(minute.moment, symbol, rank, prices[symbol])
                for rank, symbol in enumerate(top, 1)
                if symbol not in members
            ]
        members = set(top)
    return found, already


def _top(minute: _Ranked, members: set[str], limit: int) -> list[int]:
    is_in = np.array([symbol in members for symbol in minute.symbols], np.bool_)
    candidates: Ints = np.flatnonzero(minute.entry | minute.stay & is_in)
    order = np.lexsort(minute.keys[::-1, candidates])
    places: list[int] = candidates[order[:limit]].tolist()
    return places
