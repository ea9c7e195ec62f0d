"""Scans of the whole market, and what is known about the symbols, into the universe."""

from __future__ import annotations

import numpy as np

from gapscan.market.columns import Floats, Ints
from gapscan.market.fields import DAY_FIELDS
from gapscan.market.sessions import Session, session_times, trading_date
from gapscan.market.universe import Universe, as_floats
from gapscan.protocol.messages import Detail, Halts, ReferenceFrame, UniverseFrame

_NUMBERS = ("average_volume", "average_trades", "trades_deviation")


def merge_scan(universe: Universe, frame: UniverseFrame) -> bool:
    """Take in a part of a discovery scan; False when it is of an earlier trading day and was left out."""
    date = trading_date(frame.as_of)
    if universe.date is not None and date < universe.date:
        return False
    if date != universe.date:
        universe.begin_day(date)
    universe.set_clock(frame.as_of, Session(frame.session))
    universe.scanned_at = max(universe.scanned_at, frame.as_of)
    universe.simulated = frame.simulated
    at = universe.positions(frame.symbols)
    _merge_price(universe, frame, at)
    _merge_day(universe, frame, at)
    return True


def _merge_price(universe: Universe, frame: UniverseFrame, at: Ints) -> None:
    """A price without a time, a time without a price, or a price of before the day's clear says nothing."""
    day = session_times(trading_date(frame.as_of))
    prices, times = as_floats(frame.price), as_floats(frame.price_time)
    told = ~np.isnan(prices) & (times >= day.clear)
    at, prices, times = at[told], prices[told], times[told]
    universe.see_price(at, prices, times, live=False)
    # The provider's high and low are of the regular session; those of pre-market are the prices that were seen.
    early = (times >= day.pre) & (times < day.regular)
    for name in ("high", "low"):
        universe.widen(name, at[early], prices[early], times[early], day.regular)


def _merge_day(universe: Universe, frame: UniverseFrame, at: Ints) -> None:
    """Values without a time count as older than all others: before its first trade a symbol has no more.

    Values of before the day's clear are yesterday's, prev_close included: they are left out.
    """
    day = session_times(trading_date(frame.as_of))
    updated = as_floats(frame.updated)
    ours = ~(updated < day.clear)
    at, updated = at[ours], updated[ours]
    times = np.where(np.isnan(updated), -np.inf, updated)
    # A scan that is older than the newest bar, but the newest scan, may have seen what no bar told of.
    newest = ~(times < universe.times("scanned")[at])
    for name in ("high", "low"):
        values = as_floats(getattr(frame, name))[ours][newest]
        universe.widen(name, at[newest], values, np.fmax(times[newest], day.regular), day.regular)
    for name in ("prev_close", *DAY_FIELDS):
        values = as_floats(getattr(frame, name))[ours]
        if name == "volume":
            universe.see_volume(at, values, times)
        else:
            universe.observe(name, at, values, times)
    universe.observe("updated", at, updated, times)
    universe.observe("scanned", at, times, times)


def merge_reference(universe: Universe, frame: ReferenceFrame) -> bool:
    """Take in a part of the reference data; False when it is of an earlier day than what is known already."""
    if frame.date < universe.reference_date:
        return False
    universe.reference_date = frame.date
    at = universe.positions(frame.symbols)
    for name, words in (("name", frame.name), ("exchange", frame.exchange), ("type", frame.kind)):
        universe.tell(name, at, words)
    for name in _NUMBERS:
        _learn_known(universe, name, at, as_floats(getattr(frame, name)))
    _learn_known(universe, "baseline_sessions", at, as_floats([number or None for number in frame.sessions]))
    universe.learn("split_today", at, np.array(frame.split, dtype=np.float64))
    universe.learn("test_symbol", at, np.array(frame.test, dtype=np.float64))
    return True


def _learn_known(universe: Universe, name: str, at: Ints, values: Floats) -> None:
    """Null means "not yet": it must not take the place of one that is known."""
    told = ~np.isnan(values)
    universe.learn(name, at[told], values[told])


def merge_detail(universe: Universe, detail: Detail) -> None:
    """Take in what is known of one symbol beside its listing; symbols that nobody has seen are left out."""
    if detail.symbol not in universe.index:
        return
    at = universe.positions([detail.symbol])
    for name in ("market_cap", "float_shares"):
        universe.learn(name, at, as_floats([getattr(detail, name)]))
    universe.tell("sector", at, [detail.sector])


def merge_halts(universe: Universe, halts: Halts) -> bool:
    """Take in the halts of a day, all of them; False when they are not of the universe's trading day."""
    if universe.date is None or trading_date(halts.as_of) != universe.date:
        return False
    everyone = np.arange(len(universe))
    said = everyone[universe.text("halt").known()]
    at = universe.positions(halts.symbols)
    gone = np.setdiff1d(said, at)
    universe.tell("halt", gone, [None] * len(gone))
    universe.learn("halt_time", gone, np.full(len(gone), np.nan))
    universe.tell("halt", at, list(halts.status))
    universe.learn("halt_time", at, np.array(halts.time, np.float64))
    return True
