"""What the provider said in one scan, read from its JSON: 0 and null are unset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

Array = Any  # of numpy: a column, with a value for each symbol

_PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "day": {"open": "o", "high": "h", "low": "l", "close": "c", "vwap": "vw", "day_volume": "v"},
    "min": {"minute_high": "h", "minute_low": "l", "so_far": "av", "minute_start": "t", "minute_trades": "n"},
    "lastTrade": {"price": "p", "price_time": "t"},
    "lastQuote": {"ask": "P", "bid": "p"},
}
_WHOLE: Final = {"t", "n", "updated"}  # numbers that are no fractions: of nanoseconds, a float has not all digits


def _struct(name: str, fields: Sequence[tuple[str, Any]]) -> Any:
    return msgspec.defstruct(name, [(field, kind, None) for field, kind in fields], gc=False)


def _number(key: str) -> Any:
    return int | None if key in _WHOLE else float | None


_KINDS: Final = {part: _struct(part, [(key, _number(key)) for key in keys.values()]) for part, keys in _PARTS.items()}
_TICKER: Any = _struct(
    "ticker",
    [("ticker", str), ("updated", _number("updated")), *((part, kind | None) for part, kind in _KINDS.items())],
)
_decode: Final = msgspec.json.Decoder(list[_TICKER], strict=False).decode


def told(tickers: bytes, symbols: list[str]) -> dict[str, Array]:
    """The numbers of an array of tickers, by name, in the order of `symbols`; times in epoch ms."""
    found = {one.ticker: one for one in _decode(tickers)}
    nothing = _TICKER()
    elements = [found.get(symbol, nothing) for symbol in symbols]
    columns: dict[str, Array] = {"updated": _column("updated", [one.updated for one in elements])}
    for part, names in _PARTS.items():
        none = _KINDS[part]()
        inner = [getattr(one, part) or none for one in elements]
        columns |= {name: _column(name, [getattr(one, key) for one in inner]) for name, key in names.items()}
    columns["volume"] = np.fmax(columns["day_volume"], columns["so_far"])
    columns["spread_percent"] = 200 * (columns["ask"] - columns["bid"]) / (columns["ask"] + columns["bid"])
    return columns


def _column(name: str, values: list[Any]) -> Array:
    nanoseconds = name in ("updated", "price_time")
    known = [value or 0 for value in values]
    column = np.array([value // 1_000_000 for value in known] if nanoseconds else known, float)
    return np.where(column == 0, np.nan, column)
