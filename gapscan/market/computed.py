"""The computed columns of a universe, brought up to its market time."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.fields import NUMBERS
from gapscan.market.history import STEP_MS as HISTORY_STEP_MS
from gapscan.market.metrics import IDLE_STEP_MS, STEPS, step_of
from gapscan.market.sessions import MINUTE_MS, MarketSession, open_ramp, session_times, trading_date
from gapscan.market.universe import Universe

_NO_TIME: Final = np.full(1, np.nan)
_ROW_OF: Final = {name: row for row, name in enumerate(NUMBERS)}


class Computed:
    """The columns of all symbols (None), or of those at positions `at`: copies, which are gathered in one go."""

    def __init__(self, universe: Universe, at: Ints | None) -> None:
        self.now = step_of(universe.as_of)
        # Beyond midnight and on days without trading, the day is still the trading day.
        self.date = universe.date or trading_date(self.now)
        self.day = session_times(self.date).regular
        self.universe = universe
        self.at = np.arange(len(universe)) if at is None else at
        self.block = universe.block(at)
        self._moments: dict[str, Floats] = {}

    def __getitem__(self, name: str) -> Floats:
        column: Floats = self.block[_ROW_OF[name]]
        return column

    def __setitem__(self, name: str, values: Floats) -> None:
        self.block[_ROW_OF[name]] = values

    @property
    def session(self) -> MarketSession:
        return self.universe.session

    def ago(self, name: str, ms: int) -> Floats:
        history, time = {
            "price": (self.universe.prices, "price_time"), "volume": (self.universe.volumes, "updated")
        }[name]  # fmt: skip
        return history.at(self.moments(time) - ms, self.at)

    def range_known(self) -> Bools:
        return self.universe.range_known(self.at, np.full(1, float(self.now)))

    def halted(self) -> Bools:
        return self.universe.text("halt").matches(("halted",), self.at)

    def compute_again(self, where: Bools) -> None:
        self.universe.mark_dirty(self.at[where])

    def usual_volume(self) -> tuple[Floats, Floats, bool] | None:
        curves = self.universe.curves
        if not curves.serve(self.date):
            return None
        usual = curves.expected(self.at, self.moments("updated"), self.date)
        return usual, curves.sessions(self.at), curves.date == self.date

    def moments(self, name: str) -> Floats:
        """The moment for which the symbols are computed: the end of the history step of time field `name`, or later."""
        if name not in self._moments:
            idle = self.universe.as_of - self.universe.as_of % IDLE_STEP_MS
            seen = np.floor(self[name] / HISTORY_STEP_MS) * HISTORY_STEP_MS
            self._moments[name] = np.minimum(np.fmax(seen, idle), self.universe.as_of)
        return self._moments[name]


def compute(universe: Universe, at: Ints | None = None) -> Computed:
    """Bring the computed columns up to the universe's market time: of all symbols, or of those at positions `at`."""
    columns = Computed(universe, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        for step in STEPS:
            step(columns)
    universe.put_made(columns.block, at)
    return columns


_AGO: Final = {"change_1m_percent": MINUTE_MS, "spike_size": MINUTE_MS, "change_5m_percent": 5 * MINUTE_MS}
_RANGES: Final = {"from_high_percent": "high", "from_low_percent": "low"}


def unknown_since(universe: Universe, name: str, position: int) -> float:
    """Since when what field `name` of a symbol is made of is unknown, since nothing was observed of it, epoch ms.

    NaN where the field is there, or missing for another reason.
    """
    at = np.array([position])
    columns = Computed(universe, at)
    since = _NO_TIME
    if name in _AGO:
        since = universe.prices.unknown_since(columns.moments("price_time") - _AGO[name], at)
    elif name == "volume_1m":
        since = universe.volumes.unknown_since(columns.moments("updated") - MINUTE_MS, at)
    elif name in ("high_time", "low_time"):
        since = universe.number(name.replace("time", "unknown_since"))[at]
    elif name in _RANGES and not columns.range_known()[0]:
        since = universe.ranges.until(at)
    return float(since[0])


def open_ramp_of(universe: Universe) -> float:
    """How far thresholds have moved, at the universe's market time, from what holds before the open."""
    now = step_of(universe.as_of)
    return open_ramp(now, universe.date or trading_date(now))


def coverage(universe: Universe) -> tuple[int, int]:
    """How many of the symbols in the reference data have a price today, and how many there are."""
    expected = universe.text("type").known() & (universe.number("test_symbol") == 0.0)
    fresh = expected & ~np.isnan(universe.number("price"))
    return int(fresh.sum()), int(expected.sum())
