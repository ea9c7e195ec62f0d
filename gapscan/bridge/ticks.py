"""New values of single cells between two deltas, from the bars of hot symbols. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gapscan.bridge.encodings import Encoding, Message
from gapscan.protocol import websocket
from gapscan.protocol.messages import Bars, Fields
from gapscan.protocol.values import numbers_in
from gapscan.protocol.websocket import Aggregate

_STARTED_OVER_MS: Final = 3_600_000  # no correction comes so late: a replay runs anew


class Cells:
    """The newest bar of each symbol since the last time they were taken."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}  # the newest bar's end: bars come again, corrected, for minutes
        self._waiting: dict[str, Fields] = {}

    def put(self, bars: Bars) -> bool:
        """Take in bars; True when any of them is news."""
        numbers = (numbers_in(column) for column in (bars.close, bars.day_volume, bars.day_open, bars.day_vwap))
        columns = zip(bars.symbols, bars.end, *numbers, strict=True)
        for symbol, end, close, volume, opened, vwap in columns:
            if _is_news(end, self._ends.get(symbol)):
                self._ends[symbol] = end
                self._waiting[symbol] = _cells(end, close, volume, opened, vwap)
        return bool(self._waiting)

    def drain(self) -> dict[str, Message]:
        """A message for each symbol that has news."""
        waiting, self._waiting = self._waiting, {}
        return {symbol: Message(websocket.encode(Aggregate(symbol, data))) for symbol, data in waiting.items() if data}


def _is_news(end: int, newest: int | None) -> bool:
    return newest is None or end >= newest or end < newest - _STARTED_OVER_MS


def _cells(end: int, close: float | None, volume: float | None, opened: float | None, vwap: float | None) -> Fields:
    cells = Fields()
    if close is not None:
        cells["price"] = round(close, 4)
        cells["price_time"] = end
    if volume is not None:
        cells["volume"] = round(volume)
    if opened is not None:
        cells["open"] = round(opened, 4)
    if vwap is not None:
        cells["vwap"] = round(vwap, 4)
    return cells


def joined(messages: dict[str, Message], symbols: Iterable[str], encoding: Encoding) -> bytes:
    """The messages about those of `symbols` that have news, encoded, one after the other."""
    return b"".join(messages[symbol].encoded(encoding) for symbol in symbols if symbol in messages)
