"""What is computed from what is known of symbols, for many of them at once. Formulas are in the docstrings.

They work on columns of any shape: of the universe as it is now (computed.py), or of all minutes of a past day.

Percent are true percent (5.0 = 5 %). NaN in gives NaN out: a missing value never becomes a number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from gapscan.market.columns import Bools, Floats
from gapscan.market.curve import busiest_minute, share_of_minute, share_traded
from gapscan.market.sessions import MINUTE_MS, MarketSession, closes_early, session_times
from gapscan.market.true_range import restricts

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
# The same by whole dollars, up to the last of the prices: of many symbols found in half the time of a search.
_SPIKES_BY_DOLLARS: Final = _SPIKE_SIZES[_SPIKE_PRICES.searchsorted(np.arange(_SPIKE_PRICES[-2] + 1), side="right")]
# A minute that has just begun says little about its trades: at least this share of it is taken to have passed.
_LEAST_PART: Final = 0.25
_MINUTE_IS_NEW: Final = 2 * MINUTE_MS


_OWN, _MARKET, _NONE = map(float, range(3))  # the words of rvol_source


def step_of(ms: int) -> int:
    """The beginning of the step that `ms` lies in: what depends on the time alone is the same throughout it."""
    return ms - ms % TIME_STEP_MS


class MetricColumns(Protocol):
    """What formulas read and write: columns of symbols at one moment, or a matrix of moments and symbols.

    `now` is the moment in steps; `day` and `date` are of the trading day.
    """

    @property
    def now(self) -> Floats | int: ...
    @property
    def date(self) -> dt.date: ...
    @property
    def day(self) -> int: ...
    @property
    def session(self) -> MarketSession: ...
    def __getitem__(self, name: str) -> Floats: ...
    def __setitem__(self, name: str, values: Floats) -> None: ...
    def moments(self, name: str) -> Floats:
        """The moment for which the symbols are computed, by time field `name`."""

    def ago(self, name: str, ms: int) -> Floats:
        """What `price` or `volume` was `ms` before the moments, where something was observed near then."""

    def range_known(self) -> Bools:
        """Where high and low are known to be all of the session."""

    def halted(self) -> Bools:
        """Who is halted."""

    def compute_again(self, where: Bools) -> None:
        """What was computed here, the next computation goes on from."""

    def usual_volume(self) -> tuple[Floats, Floats, bool] | None:
        """By the symbols' own curves: volume by now, over how many sessions, and whether the curves are of this day."""


def _percent(now: Floats, before: Floats) -> Floats:
    """(now - before) / before * 100."""
    return (now - before) / before * 100.0


def _positive(values: Floats) -> Floats:
    """The values above zero; the others are missing, since nothing can be a percentage of them."""
    return np.where(values > 0, values, np.nan)


def _previous_close(columns: MetricColumns) -> Floats:
    """On the day of a split there is one where it is known in shares of today."""
    close = columns["prev_close"]
    withheld = (columns["split_today"] == 1.0) & np.isnan(columns["known_close"])
    return np.where((close > 0) & ~withheld, close, np.nan)


def _against_the_close(columns: MetricColumns) -> None:
    """What is measured against the previous close: the price, the gap, and the fall that restricts short sales.

    The gap is the official open's, once that has printed; indicative, from the last price, before.
    Of what restricts short sales (true_range.py), the low counts from the official open on: until then it is that of
    pre-market.
    """
    price, opened, close = columns["price"], columns["open"], _previous_close(columns)
    columns["change_percent"] = _percent(price, close)
    indicative = np.isnan(opened)
    columns["gap_indicative"] = indicative.astype(np.float64)
    columns["gap_percent"] = _percent(np.where(indicative, price, opened), close)
    columns["ssr"] = np.where(~indicative & restricts(columns["low"], close), 1.0, columns["ssr_carried"])


def _since_the_open(columns: MetricColumns) -> None:
    """Price against the official open; and who trades for the first time."""
    columns["change_from_open_percent"] = _percent(columns["price"], _positive(columns["open"]))
    first = (columns["first_day"] == 1.0) & ~(columns["prev_close"] > 0)
    renamed = columns["listed_on"] < columns.date.toordinal()
    columns["new_listing"] = (first & ~renamed).astype(np.float64)


def _ranges(columns: MetricColumns) -> None:
    """Distance from high and low; missing while nothing says that these are still so: after an outage."""
    ranged = np.where(columns.range_known(), columns["price"], np.nan)
    columns["from_high_percent"] = _percent(ranged, _positive(columns["high"]))
    width = _positive(columns["high"] - columns["low"])
    columns["range_position"] = (ranged - columns["low"]) / width * 100.0
    columns["from_low_percent"] = _percent(ranged, _positive(columns["low"]))


def _minute(columns: MetricColumns) -> None:
    """Change and volume of one minute: against what had been observed by then; missing if nothing was near then.

    `spike_size` is the one-minute move in units of what counts as a spike at this price.
    """
    price = columns["price"]
    columns["change_1m_percent"] = move = _percent(price, _positive(columns.ago("price", MINUTE_MS)))
    columns["volume_1m"] = columns["volume"] - columns.ago("volume", MINUTE_MS)
    columns["spike_size"] = np.abs(move) / _least_spike(price)


def _five_minutes(columns: MetricColumns) -> None:
    """Change over five minutes, as over one."""
    before = columns.ago("price", 5 * MINUTE_MS)
    columns["change_5m_percent"] = _percent(columns["price"], _positive(before))


def _spikes(columns: MetricColumns) -> None:
    """When the present or latest spike began."""
    spiking = (columns["spike_size"] >= 1.0) & (columns["volume_1m"] > SPIKE_VOLUME)
    begins = spiking & ((columns["spiking"] == 0.0) | np.isnan(columns["spike_time"]))
    columns["spike_time"] = np.where(begins, columns.moments("price_time"), columns["spike_time"])
    columns.compute_again(spiking != (columns["spiking"] == 1.0))
    columns["spiking"] = spiking.astype(np.float64)


def _least_spike(price: Floats) -> Floats:
    """From how many percent on a one-minute move counts as a spike at these prices."""
    dollars = np.fmin(price, len(_SPIKES_BY_DOLLARS) - 1.0).astype(np.intp)
    sizes: Floats = _SPIKES_BY_DOLLARS.take(dollars, mode="clip")  # whatever a price is, it ends no ranking
    return sizes


def _after_the_close(columns: MetricColumns) -> None:
    """Change since the regular close, and volume since then, of symbols that have traded after it."""
    post = session_times(columns.date).post
    traded = columns["price_time"] >= post
    if not traded.any():
        columns["post_change_percent"] = columns["post_volume"] = np.full(traded.shape, np.nan)
        return
    columns["post_change_percent"] = np.where(traded, _percent(columns["price"], _positive(columns["close"])), np.nan)
    columns["post_volume"] = np.where(traded, columns["volume"] - columns["close_volume"], np.nan)


def _dollars(columns: MetricColumns) -> None:
    """Dollar volume: volume times vwap, or times the price before there is a vwap."""
    vwap = columns["vwap"]
    columns["dollar_volume"] = columns["volume"] * np.where(np.isnan(vwap), columns["price"], vwap)


def _relative_volume(columns: MetricColumns) -> None:
    """Volume now / the mean cumulative volume at this time of the day.

    Where only daily averages are known, or the mean is thinner than they are, or of the day before with a split since,
    / (mean daily volume * the share of a day that has traded by now). It is missing where the expected volume is under
    RVOL_FLOOR shares.

    That share is the market's, and says something of a symbol in regular hours only: before and after them there is no
    relative volume without the symbol's own curve. Nothing says what is usual after an early close. `rvol_by` is what
    it was held against.
    """
    moments, sessions, times = columns.moments("updated"), columns["baseline_sessions"], session_times(columns.date)
    regular = (moments >= times.regular) & (moments < times.post)
    expected = np.where(regular, columns["average_volume"] * share_traded(columns.day, moments), np.nan)
    by = np.full(expected.shape, _MARKET)
    if (curve := columns.usual_volume()) is not None:
        usual, number, is_todays = curve
        counts = ~np.isnan(usual) & ~((number < THIN_BASELINE) & (number < sessions))
        if not is_todays:  # adjusted for the splits up to its own day only
            counts &= columns["split_today"] == 0.0
        if closes_early(columns.date):
            counts &= moments < times.post
        expected, sessions = np.where(counts, usual, expected), np.where(counts, number, sessions)
        by = np.where(counts, _OWN, _MARKET)
    columns["rvol"] = rvol = columns["volume"] / np.where(expected >= RVOL_FLOOR, expected, np.nan)
    columns["rvol_by"] = np.where(np.isnan(rvol), _NONE, by)
    columns["thin_baseline"] = np.where(np.isnan(sessions), np.nan, sessions < THIN_BASELINE)


def _trades(columns: MetricColumns) -> None:
    """How unusual the number of trades in the latest minute is, in standard deviations.

    z = (trades - m s) / sqrt(m s + (d s)^2), with m and d the mean and the deviation of a day's trades, and s the
    share of a day's volume that trades in the part of the minute that has passed: trades come at random (Poisson)
    around a rate that differs from day to day. Missing where fewer than TRADES_FLOOR are expected, and when the
    minute is long over.
    """
    is_new = columns.now - columns["minute_start"] <= _MINUTE_IS_NEW
    busiest = busiest_minute(columns.day, columns.now, _MINUTE_IS_NEW // MINUTE_MS)
    counted = is_new & (columns["average_trades"] * busiest >= TRADES_FLOOR)
    # Nothing is computed of the others: mostly these are nearly all. Matrices are searched faster as one row.
    at = np.unravel_index(counted.ravel().nonzero()[0], counted.shape)
    start, scanned, trades, average, daily = (
        np.broadcast_to(columns[name], is_new.shape)[at]
        for name in ("minute_start", "scanned", "minute_trades", "average_trades", "trades_deviation")
    )
    # Bars do not count trades: what counts is how much of the minute the scan saw.
    seen = np.minimum(np.maximum(scanned - start, _LEAST_PART * MINUTE_MS), MINUTE_MS)
    share = share_of_minute(columns.day, start) * (seen / MINUTE_MS)
    expected = average * share
    deviation = np.sqrt(expected + (daily * share) ** 2)
    z = np.full(is_new.shape, np.nan)
    z[at] = np.where(expected >= TRADES_FLOOR, (trades - expected) / deviation, np.nan)
    columns["trades_z"] = z


def _ages(columns: MetricColumns) -> None:
    """Mark symbols that have not traded for long, counted from the session's start at the earliest.

    Halted ones cannot trade: they are not marked. Who had left before a session began comes back with a trade only.
    """
    session, traded = columns.session, columns["price_time"]
    left = columns["left_at"] == traded
    if session not in STALE_AFTER:
        columns["stale"], columns["gone"] = np.zeros(left.shape), left.astype(np.float64)
        return
    start = getattr(session_times(columns.date), session.value)
    age = (columns.now - np.fmax(traded, start)) / 1000.0
    free = ~columns.halted()
    columns["stale"] = (free & (age > STALE_AFTER[session])).astype(np.float64)
    gone = free & (left & (traded < start) | (age > GONE_AFTER[session]))
    columns["gone"], columns["left_at"] = gone.astype(np.float64), np.where(gone, traded, np.nan)


# In this order: what a formula reads of another one is there.
STEPS: Final[tuple[Callable[[MetricColumns], None], ...]] = (
    _against_the_close, _since_the_open, _ranges, _minute, _five_minutes, _spikes, _after_the_close, _dollars,
    _relative_volume, _trades, _ages,
)  # fmt: skip
