"""Rows to text: pure functions from values to cells, and which columns a width has room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gapscan.market.sessions import new_york
from gapscan.protocol.messages import Row

MISSING: Final = "-"
GAP: Final = 2  # spaces between columns
_SUFFIXES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_MINUTE: Final = 60
_HOUR: Final = 3600
_GOOD_NAME, _LONGEST_NAME = 24, 48


def text(value: object) -> str:
    """Text from outside, without anything that could steer a terminal."""
    if value is None:
        return MISSING
    return "".join(char if char.isprintable() else "?" for char in str(value))


def price(value: float | None) -> str:
    """Two decimals, four below one dollar."""
    if value is None:
        return MISSING
    return f"{value:,.2f}" if value >= 1 else f"{value:.4f}"


def percent(value: float | None) -> str:
    """Percent with its sign."""
    if value is None:
        return MISSING
    return f"{value:+,.2f}" if abs(value) < 10_000 else f"{value:+,.0f}"


def ratio(value: float | None) -> str:
    """A multiple, such as relative volume."""
    if value is None:
        return MISSING
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def amount(value: float | None) -> str:
    """A large number in at most six characters: 950, 12.3K, 4.56M."""
    if value is None:
        return MISSING
    for size, suffix in _SUFFIXES:
        if abs(value) >= size:
            scaled = value / size
            return f"{scaled:.2f}{suffix}" if abs(scaled) < 10 else f"{scaled:.1f}{suffix}"
    return f"{value:.0f}"


def clock(ms: int | None) -> str:
    """New York time of day."""
    return f"{new_york(ms):%H:%M:%S}" if ms else MISSING


def moment(ms: int) -> str:
    """New York day and time."""
    return f"{new_york(ms):%a %Y-%m-%d %H:%M:%S} ET" if ms else "no market time yet"


def span(seconds: float) -> str:
    """A duration, as short as it can be said."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.0f} h"


def gap(row: Mapping[str, Any]) -> str:
    """The gap; before the open it is marked as what it would be."""
    mark = "~" if row.get("gap_indicative") and row.get("gap_percent") is not None else ""
    return mark + percent(row.get("gap_percent"))


def flags(row: Mapping[str, Any]) -> str:
    """What else must be known of a row."""
    words = [word for name, word in (("split_today", "split"), ("stale", "stale")) if row.get(name)]
    return " ".join([row.get("halt") or "", *words]).strip()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. `signed` is the field whose sign colours the cell."""

    title: str
    width: int
    cell: Callable[[Mapping[str, Any]], str]
    left: bool = False
    signed: str | None = None


def _of(field: str, form: Callable[[Any], str]) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: form(row.get(field))


def _percent(title: str, field: str, width: int = 9) -> Column:
    return Column(title, width, _of(field, percent), signed=field)


SYMBOL: Final = Column("symbol", 8, _of("symbol", text), left=True)
PRICE: Final = Column("price", 10, _of("price", price))
NAME: Final = Column("name", 9, _of("name", text), left=True)
_GAP: Final = Column("gap %", 9, gap, signed="gap_percent")
_CHANGE: Final = _percent("change %", "change_percent")
_VOLUME: Final = Column("volume", 7, _of("volume", amount))
_RVOL: Final = Column("rvol", 6, _of("rvol", ratio))
_DOLLARS: Final = Column("$ volume", 8, _of("dollar_volume", amount))
_FROM_OPEN: Final = _percent("open %", "change_from_open_percent")
_FROM_HIGH: Final = _percent("high %", "from_high_percent", 8)
_VWAP: Final = Column("vwap", 10, _of("vwap", price))
_OPEN: Final = Column("open", 10, _of("open", price))
_HIGH: Final = Column("high", 10, _of("high", price))
_LOW: Final = Column("low", 10, _of("low", price))
_PREVIOUS: Final = Column("prev close", 10, _of("prev_close", price))
_TIME: Final = Column("time", 8, _of("price_time", clock))
_FLAGS: Final = Column("flags", 11, flags, left=True)

# What a list is about, beside what every list shows: right after the change.
_SPECIAL: Final = {
    "momentum_up": (_percent("5 min %", "change_5m_percent"),),
    "momentum_down": (_percent("5 min %", "change_5m_percent"),),
    "new_highs": (Column("high at", 8, _of("high_time", clock)),),
    "new_lows": (Column("low at", 8, _of("low_time", clock)),),
    "anomalies": (Column("trades z", 8, _of("trades_z", ratio)),),
    "post_market": (_percent("post %", "post_change_percent"), Column("post vol", 8, _of("post_volume", amount))),
    "low_float": (Column("float", 7, _of("float_shares", amount)),),
    "price_spikes": (Column("spike at", 8, _of("spike_time", clock)), _percent("1 min %", "change_1m_percent")),
    "halted": (Column("since", 8, _of("halt_time", clock)),),
}

# From left to right, and from the most to the least wanted.
ORDER: Final = (
    SYMBOL, PRICE, _GAP, _CHANGE, _VOLUME, _RVOL, _DOLLARS, _FROM_OPEN, _FROM_HIGH, _VWAP,
    _OPEN, _HIGH, _LOW, _PREVIOUS, _TIME, _FLAGS, NAME,
)  # fmt: skip
_WANTED: Final = (
    SYMBOL, PRICE, _GAP, _CHANGE, _VOLUME, _RVOL, NAME, _DOLLARS, _FLAGS, _FROM_OPEN, _FROM_HIGH, _TIME,
    _VWAP, _PREVIOUS, _HIGH, _LOW, _OPEN,
)  # fmt: skip


def columns_for(width: int, name: str = "") -> list[Column]:
    """The columns of list `name` that fit into `width` cells beside each other, the most wanted first to get in.

    The name of the company takes what is left.
    """
    order, wanted = (_with_special(columns, name) for columns in (ORDER, _WANTED))
    chosen: set[Column] = {SYMBOL}
    left = width - SYMBOL.width
    for column in wanted[1:]:
        # What is less wanted than the name must leave it room to be read.
        spare = _GOOD_NAME - NAME.width if NAME in chosen else 0
        if column.width + GAP + spare > left:
            break
        chosen.add(column)
        left -= column.width + GAP
    stretched = replace(NAME, width=min(_LONGEST_NAME, NAME.width + left))
    return [stretched if column is NAME else column for column in order if column in chosen]


def _with_special(columns: Sequence[Column], name: str) -> list[Column]:
    place = columns.index(_CHANGE) + 1
    return [*columns[:place], *_SPECIAL.get(name, ()), *columns[place:]]


def plain_line(rank: object, row: Row | None, columns: list[Column]) -> str:
    """One row, or the titles when there is none, as aligned text."""
    cells = [column.cell(row) if row is not None else column.title for column in columns]
    padded = [_padded(cell, column) for cell, column in zip(cells, columns, strict=True)]
    return (" " * GAP).join([f"{rank:>4}", *padded]).rstrip()


def _padded(cell: str, column: Column) -> str:
    if not column.left:
        return f"{cell:>{column.width}}"
    short = cell if len(cell) <= column.width else cell[: column.width - 1] + "…"
    return f"{short:<{column.width}}"
