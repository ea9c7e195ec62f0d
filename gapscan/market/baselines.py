"""How much of each symbol's volume has usually traded by a moment of the day, where its minutes are known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapscan.errors import ProtocolError
from gapscan.market.columns import Floats, Ints
from gapscan.market.sessions import MINUTE_MS, epoch_ms, previous_trading_day
from gapscan.protocol.messages import VolumeCurves

_Head = tuple[int, str, list[int]]  # parts, date, knots


class _Part(NamedTuple):
    symbols: Sequence[str]
    sessions: Sequence[float]
    volumes: NDArray[np.float32]

    def equals(self, other: _Part) -> bool:
        """Whether it says the same of the same symbols."""
        same = list(self.symbols) == list(other.symbols) and list(self.sessions) == list(other.sessions)
        return same and np.array_equal(self.volumes, other.volumes)


class Curves:
    """The curves of one trading day, by the positions of `symbols`, which may grow.

    Those of another day take their place when they are whole: a baseline that changes part by part would bring
    symbols into lists and out again.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.date: dt.date | None = None
        self._symbols = symbols
        # A set that is not whole: what its parts have in common, and those that came.
        self._head: _Head | None = None
        self._parts: list[_Part] = []
        self._lost = False  # a part of a set, since the last one that became whole
        self._knots: Floats = np.zeros(0)
        # The last row is that of symbols without a curve.
        self._volumes: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._sessions: Floats = np.zeros(0)
        self._row_of: dict[str, int] = {}
        self._rows: Ints = np.zeros(0, np.intp)  # by position

    def __len__(self) -> int:
        """How many symbols have a curve."""
        return len(self._row_of)

    @property
    def lacking(self) -> bool:
        """Whether a set has begun, or passed, of which not all parts have come."""
        return self._lost or self._head is not None

    def merge(self, part: VolumeCurves) -> bool:
        """Take in a part; whether that made a set whole, which counts from now on. An older day's is left out.

        A part that is held already changes nothing: whoever reads what is stored while it is being published has some
        parts twice. Raises ProtocolError for a part that makes no sense, or leaves a hole in its set, which is then
        lost.
        """
        if not _fits(part):
            raise self._refusal(part)
        head = (part.parts, part.date, part.knots)
        new = _Part(part.symbols, part.sessions, np.array(part.volumes, np.float32).reshape(-1, len(part.knots)))
        if self._holds(head, part.part, new):
            return False
        if part.part == 1:
            self._head, self._parts = head, []
        if self._head is None:
            self._lost = True  # the end of a set of which the beginning was not heard, or is kept no more
            return False
        if head != self._head or part.part != len(self._parts) + 1:
            raise self._refusal(part)
        self._parts.append(new)
        if part.part < part.parts:
            return False
        parts, self._head, self._parts, self._lost = self._parts, None, [], False
        return self._replace(dt.date.fromisoformat(part.date), part.knots, parts)

    def _refusal(self, part: VolumeCurves) -> ProtocolError:
        self._head, self._parts, self._lost = None, [], True
        return ProtocolError(f"part {part.part} of {part.parts} of the volume curves of {part.date} does not fit")

    def _holds(self, head: _Head, number: int, part: _Part) -> bool:
        """Whether the part is in the set that is coming; without one, also whether it is in the set that counts."""
        if self._head is not None:
            return head == self._head and number <= len(self._parts) and part.equals(self._parts[number - 1])
        if number == 1 or self.date is None or head[1:] != (self.date.isoformat(), self._knots.tolist()):
            return False
        rows = np.array([self._row_of.get(symbol, -1) for symbol in part.symbols], np.intp)
        return part.equals(_Part(part.symbols, self._sessions[rows].tolist(), self._volumes[rows]))

    def _replace(self, date: dt.date, knots: Sequence[int], parts: Sequence[_Part]) -> bool:
        if self.date is not None and date < self.date:
            return False
        self.date, self._knots = date, np.array(knots, np.float64)
        nothing = np.full((1, len(knots)), np.nan, np.float32)
        self._volumes = np.vstack([*(part.volumes for part in parts), nothing])
        self._sessions = np.array([*(number for part in parts for number in part.sessions), np.nan])
        symbols = (symbol for part in parts for symbol in part.symbols)
        self._row_of = {symbol: row for row, symbol in enumerate(symbols)}
        self._rows = np.zeros(0, np.intp)
        return True

    def serve(self, date: dt.date) -> bool:
        """Whether there are curves for trading day `date`: its own, or those of the trading day before.

        Those of a new day take a while to come, and may come a day late. Older ones know nothing of the splits since.
        """
        return self.date is not None and (self.date == date or self.date == previous_trading_day(date))

    def expected(self, at: Ints, moments: Floats, date: dt.date) -> Floats:
        """The shares that have usually traded by `moments` (epoch ms, of the New York day `date`).

        One moment for each of the symbols at positions `at`; NaN for those without a curve or a moment.
        """
        minutes = (moments - epoch_ms(date, dt.time())) / MINUTE_MS
        right = np.clip(np.searchsorted(self._knots, minutes, side="right"), 1, len(self._knots) - 1)
        left = right - 1
        begin, end = self._knots[left], self._knots[right]
        rows = self._rows_at(at)
        low, high = self._volumes[rows, left], self._volumes[rows, right]
        found: Floats = low + (high - low) * np.clip((minutes - begin) / (end - begin), 0.0, 1.0)
        return found

    def sessions(self, at: Ints) -> Floats:
        """Over how many sessions the curves of the symbols at positions `at` are taken; NaN without a curve."""
        found: Floats = self._sessions[self._rows_at(at)]
        return found

    def _rows_at(self, at: Ints) -> Ints:
        known = len(self._rows)
        if known < len(self._symbols):
            new = [self._row_of.get(symbol, -1) for symbol in self._symbols[known:]]
            self._rows = np.concatenate([self._rows, np.array(new, np.intp)])
        rows: Ints = self._rows[at]
        return rows


def _fits(part: VolumeCurves) -> bool:
    """Whether the columns have one length each, the knots ascend and the date is one."""
    number, knots = len(part.symbols), part.knots
    whole = 1 <= part.part <= part.parts and number == len(part.sessions) == len(part.volumes)
    even = all(len(row) == len(knots) for row in part.volumes)
    return whole and even and all(a < b for a, b in pairwise(knots)) and _is_date(part.date)


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
