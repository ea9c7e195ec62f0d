"""Rows to text: pure functions from values to cells, and which columns a width has room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gapscan.market.sessions import new_york
from gapscan.protocol.fields import FIELDS, Field, Show, shown_fields
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
    """A multiple, such as relative volume; another number alike."""
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


def flag(value: bool | None) -> str:
    """Whether something holds."""
    return "yes" if value else MISSING


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


# How a value is written, and in how many cells, by the way in which its field is shown.
_FORMS: Final[dict[Show, tuple[Callable[[Any], str], int]]] = {
    "price": (price, 10),
    "percent": (percent, 9),
    "ratio": (ratio, 6),
    "number": (ratio, 6),
    "amount": (amount, 7),
    "clock": (clock, 8),
    "words": (text, 8),
    "flag": (flag, 3),
}


def _column(field: Field) -> Column:
    form, width = _FORMS[field.show]

    def cell(row: Mapping[str, Any]) -> str:
        value = row.get(field.name)
        return (field.doubt if value is not None and row.get(field.doubted_by) else "") + form(value)

    title = field.title.lower()
    signed = field.name if field.show == "percent" else None
    return Column(title, max(width, len(title)), cell, left=field.show == "words", signed=signed)


SYMBOL: Final = Column("symbol", 8, lambda row: text(row.get("symbol")), left=True)
COLUMNS: Final = {field.name: _column(field) for field in FIELDS.values()}
PRICE: Final = COLUMNS["price"]
NAME: Final = COLUMNS["name"]
FLAGS: Final = Column("flags", 11, flags, left=True)
_FIRST: Final = 4  # fields that are more wanted than the company's name


def columns_for(width: int, fields: Sequence[str] = ()) -> list[Column]:
    """The columns that fit into `width` cells beside each other.

    They are the symbol, the first of `fields` (without any: of the usual ones), the flags, and the name of the company,
    which takes what is left.
    """
    shown = [COLUMNS[field] for field in fields or shown_fields((), ())]
    chosen: list[Column] = [SYMBOL]
    left = width - SYMBOL.width
    for column in (*shown[:_FIRST], NAME, *shown[_FIRST:], FLAGS):
        # What is less wanted than the name must leave it room to be read.
        spare = _GOOD_NAME - NAME.width if NAME in chosen else 0
        if column.width + GAP + spare > left:
            break
        chosen.append(column)
        left -= column.width + GAP
    stretched = replace(NAME, width=min(_LONGEST_NAME, NAME.width + left))
    return [*(column for column in chosen if column is not NAME), *([stretched] if NAME in chosen else [])]


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
