"""What is computed from the universe's columns, for many symbols at once. Formulas are in the docstrings.

Percent are true percent (5.0 = 5 %). NaN in gives NaN out: a missing value never becomes a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.curve import share_traded
from gapscan.market.fields import KNOWN, OBSERVED
from gapscan.market.history import STEP_MS as HISTORY_STEP_MS
from gapscan.market.sessions import MINUTE_MS, MarketSession, new_york, session_times, trading_date
from gapscan.market.universe import Universe

# What depends on the time alone is computed anew in steps of this; between two, only what was observed anew is.
TIME_STEP_MS: Final = 10_000
# What a symbol's values are compared with (its price a minute ago, its usual volume by now) moves on when it trades,
# and in steps of this while it does not: a row must not change just because seconds pass.
IDLE_STEP_MS: Final = 30_000

# Below this many shares expected by now, relative volume says nothing; the same for trades expected in a minute.
RVOL_FLOOR: Final = 1_000.0
TRADES_FLOOR: Final = 5.0
# A baseline of fewer sessions than this is marked as thin.
THIN_BASELINE: Final = 10

# Seconds without a trade after which a row is marked stale, and after which it leaves its lists.
STALE_AFTER: Final = {MarketSession.PRE: 600.0, MarketSession.REGULAR: 120.0, MarketSession.POST: 600.0}
GONE_AFTER: Final = {MarketSession.PRE: 3600.0, MarketSession.REGULAR: 900.0, MarketSession.POST: 3600.0}

# A move within a minute counts as a spike from this many percent on, by the price below which that holds.
SPIKES: Final = ((1.0, 10.0), (2.0, 8.0), (4.0, 6.0), (8.0, 4.0), (10.0, 2.0), (np.inf, 1.0))
SPIKE_VOLUME: Final = 1_000.0
_SPIKE_PRICES, _SPIKE_SIZES = np.array(SPIKES).T
# A minute that has just begun says little about its trades: at least this share of it is taken to have passed.
_LEAST_PART: Final = 0.25
_MINUTE_IS_NEW: Final = 2 * MINUTE_MS


_NO_TIME: Final = np.full(1, np.nan)
_READ: Final = (*OBSERVED, *KNOWN, "spiking", "spike_time", "left_at")


def step_of(ms: int) -> int:
    """The beginning of the step that `ms` lies in: what depends on the time alone is the same throughout it."""
    return ms - ms % TIME_STEP_MS


class _Columns:
    """The columns of all symbols, or of those at positions `at`, which are gathered and stored in one go."""

    def __init__(self, universe: Universe, at: Ints | None) -> None:
        self.now = step_of(universe.as_of)
        # Beyond midnight and on days without trading, the day is still the trading day.
        self.date = universe.date or trading_date(self.now)
        self.day = session_times(self.date).regular
        self.universe = universe
        self.at = np.arange(len(universe)) if at is None else at
        self._columns = {} if at is None else dict(zip(_READ, universe.numbers(_READ, at), strict=True))
        self._made: dict[str, Floats] = {}
        self._moments: dict[str, Floats] = {}
        self._all = at is None

    def __getitem__(self, name: str) -> Floats:
        return self._columns[name] if name in self._columns else self.universe.number(name)

    def __setitem__(self, name: str, values: Floats) -> None:
        if self._all:
            self.universe.put(name, values)
        else:
            self._columns[name] = self._made[name] = values

    def store(self) -> None:
        """Write what was computed for some symbols."""
        if self._made:
            self.universe.put_at(self._made, self.at)

    def moments(self, name: str) -> Floats:
        """The moment for which the symbols are computed: the end of the history step of time field `name`, or later."""
        if name not in self._moments:
            idle = self.universe.as_of - self.universe.as_of % IDLE_STEP_MS
            seen = np.floor(self[name] / HISTORY_STEP_MS) * HISTORY_STEP_MS
            self._moments[name] = np.minimum(np.fmax(seen, idle), self.universe.as_of)
        return self._moments[name]


def compute(universe: Universe, at: Ints | None = None) -> None:
    """Bring the computed columns up to the universe's market time: of all symbols, or of those at positions `at`."""
    columns = _Columns(universe, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        for step in _STEPS:
            step(columns)
    columns.store()


def _percent(now: Floats, before: Floats) -> Floats:
    """(now - before) / before * 100."""
    return (now - before) / before * 100.0


def _positive(values: Floats) -> Floats:
    """The values above zero; the others are missing, since nothing can be a percentage of them."""
    return np.where(values > 0, values, np.nan)


def _moves(columns: _Columns) -> None:
    """Change, gap, change from open, distance from high and low.

    The gap is taken from the official open once that has printed, and is indicative (from the last price)
    before. On the day of a split, prev_close is of another share: gap and change are withheld. The distance from high
    and low is, while nothing says that these, and the price, are still so: after an outage.
    """
    price, opened = columns["price"], columns["open"]
    prev_close = np.where(columns["split_today"] == 1.0, np.nan, _positive(columns["prev_close"]))
    indicative = np.isnan(opened)
    columns["gap_indicative"] = indicative.astype(np.float64)
    columns["change_percent"] = _percent(price, prev_close)
    columns["gap_percent"] = _percent(np.where(indicative, price, opened), prev_close)
    columns["change_from_open_percent"] = _percent(price, _positive(opened))
    ranged = np.where(_range_known(columns), price, np.nan)
    columns["from_high_percent"] = _percent(ranged, _positive(columns["high"]))
    columns["from_low_percent"] = _percent(ranged, _positive(columns["low"]))


def _range_known(columns: _Columns) -> Bools:
    return columns.universe.range_known(columns.at, np.full(len(columns.at), float(columns.now)))


def _windows(columns: _Columns) -> None:
    """Change over one and five minutes, and the volume of one: against what had been observed by then.

    Missing where nothing was observed near that moment, as after an outage.

    `spike_size` is the one-minute move in units of what counts as a spike at this price; `spike_time` is when the
    present or latest spike began.
    """
    price, moments, prices = columns["price"], columns.moments("price_time"), columns.universe.prices
    move = _percent(price, _positive(prices.at(moments - MINUTE_MS, columns.at)))
    columns["change_1m_percent"] = move
    columns["change_5m_percent"] = _percent(price, _positive(prices.at(moments - 5 * MINUTE_MS, columns.at)))
    before = columns.universe.volumes.at(columns.moments("updated") - MINUTE_MS, columns.at)
    columns["volume_1m"] = columns["volume"] - before
    columns["spike_size"] = size = np.abs(move) / _least_spike(price)
    spiking = (size >= 1.0) & (columns["volume_1m"] > SPIKE_VOLUME)
    begins = spiking & ((columns["spiking"] == 0.0) | np.isnan(columns["spike_time"]))
    columns["spike_time"] = np.where(begins, moments, columns["spike_time"])
    columns.universe.mark_dirty(columns.at[spiking != (columns["spiking"] == 1.0)])
    columns["spiking"] = spiking.astype(np.float64)


def _least_spike(price: Floats) -> Floats:
    """From how many percent on a one-minute move counts as a spike; missing without a price."""
    found: Floats = _SPIKE_SIZES[np.minimum(np.searchsorted(_SPIKE_PRICES, price, side="right"), len(SPIKES) - 1)]
    return np.where(np.isnan(price), np.nan, found)


def _after_the_close(columns: _Columns) -> None:
    """Change since the regular close, and volume since then, of symbols that have traded after it."""
    post = session_times(columns.date).post
    traded = columns["price_time"] >= post
    if not traded.any():
        columns["post_change_percent"] = columns["post_volume"] = np.full(len(traded), np.nan)
        return
    columns["post_change_percent"] = np.where(traded, _percent(columns["price"], _positive(columns["close"])), np.nan)
    columns["post_volume"] = np.where(traded, columns["volume"] - columns["close_volume"], np.nan)


def _volumes(columns: _Columns) -> None:
    """Dollar volume (volume times vwap, or times the price before there is a vwap) and relative volume.

    Relative volume is volume now / the mean cumulative volume at this time of the day; where only daily averages are
    known, or the mean is thinner than they are, or of the day before with a split since, / (mean daily volume * the
    share of a day that has traded by now). It is missing where the expected volume is under RVOL_FLOOR shares.
    """
    volume, vwap = columns["volume"], columns["vwap"]
    columns["dollar_volume"] = volume * np.where(np.isnan(vwap), columns["price"], vwap)
    moments, sessions = columns.moments("updated"), columns["baseline_sessions"]
    expected = columns["average_volume"] * share_traded(columns.day, moments)
    curves = columns.universe.curves
    if curves.serve(columns.date):
        usual, number = curves.expected(columns.at, moments, columns.date), curves.sessions(columns.at)
        counts = ~np.isnan(usual) & ~((number < THIN_BASELINE) & (number < sessions))
        if curves.date != columns.date:  # adjusted for the splits up to its own day only
            counts &= columns["split_today"] == 0.0
        expected, sessions = np.where(counts, usual, expected), np.where(counts, number, sessions)
    columns["rvol"] = volume / np.where(expected >= RVOL_FLOOR, expected, np.nan)
    columns["thin_baseline"] = np.where(np.isnan(sessions), np.nan, sessions < THIN_BASELINE)


def _trades(columns: _Columns) -> None:
    """How unusual the number of trades in the latest minute is, in standard deviations.

    z = (trades - m s) / sqrt(m s + (d s)^2), with m and d the mean and the deviation of a day's trades, and s the
    share of a day's volume that trades in the part of the minute that has passed: trades come at random (Poisson)
    around a rate that differs from day to day. Missing where fewer than TRADES_FLOOR are expected, and when the
    minute is long over.
    """
    start = columns["minute_start"]
    # Bars do not count trades: what counts is how much of the minute the scan saw.
    seen = np.minimum(np.maximum(columns["scanned"] - start, _LEAST_PART * MINUTE_MS), MINUTE_MS)
    by_start, by_end = share_traded(columns.day, np.array([start, start + MINUTE_MS]))
    share = (by_end - by_start) * (seen / MINUTE_MS)
    expected = columns["average_trades"] * share
    deviation = np.sqrt(expected + (columns["trades_deviation"] * share) ** 2)
    says = (expected >= TRADES_FLOOR) & (columns.now - start <= _MINUTE_IS_NEW)
    columns["trades_z"] = np.where(says, (columns["minute_trades"] - expected) / deviation, np.nan)


def _ages(columns: _Columns) -> None:
    """Mark symbols that have not traded for long, counted from the session's start at the earliest.

    Halted ones cannot trade: they are not marked. Who had left before a session began comes back with a trade only.
    """
    session, traded = columns.universe.session, columns["price_time"]
    left = columns["left_at"] == traded
    if session not in STALE_AFTER:
        columns["stale"], columns["gone"] = np.zeros(len(columns.at)), left.astype(np.float64)
        return
    start = session_start(columns.now, session)
    age = (columns.now - np.fmax(traded, start)) / 1000.0
    free = ~columns.universe.text("halt").matches(("halted",), columns.at)
    columns["stale"] = (free & (age > STALE_AFTER[session])).astype(np.float64)
    gone = free & (left & (traded < start) | (age > GONE_AFTER[session]))
    columns["gone"], columns["left_at"] = gone.astype(np.float64), np.where(gone, traded, np.nan)


_STEPS: Final[tuple[Callable[[_Columns], None], ...]] = (_moves, _windows, _after_the_close, _volumes, _trades, _ages)


_AGO: Final = {"change_1m_percent": MINUTE_MS, "spike_size": MINUTE_MS, "change_5m_percent": 5 * MINUTE_MS}
_RANGES: Final = {"from_high_percent": "high", "from_low_percent": "low"}


def unknown_since(universe: Universe, name: str, position: int) -> float:
    """Since when what field `name` of a symbol is made of is unknown, since nothing was observed of it, epoch ms.

    NaN where the field is there, or missing for another reason.
    """
    at = np.array([position])
    columns = _Columns(universe, at)
    since = _NO_TIME
    if name in _AGO:
        since = universe.prices.unknown_since(columns.moments("price_time") - _AGO[name], at)
    elif name == "volume_1m":
        since = universe.volumes.unknown_since(columns.moments("updated") - MINUTE_MS, at)
    elif name in ("high_time", "low_time"):
        since = universe.number(name.replace("time", "unknown_since"))[at]
    elif name in _RANGES and not _range_known(columns)[0]:
        since = universe.ranges.until(at)
    return float(since[0])


def session_start(ms: int, session: MarketSession) -> int:
    """When `session` of the day of `ms` began, epoch ms."""
    return int(getattr(session_times(new_york(ms).date()), session.value))


def coverage(universe: Universe) -> tuple[int, int]:
    """How many of the symbols in the reference data have a price today, and how many there are."""
    expected = universe.text("type").known() & (universe.number("test_symbol") == 0.0)
    fresh = expected & ~np.isnan(universe.number("price"))
    return int(fresh.sum()), int(expected.sum())
