"""Scans of the whole market, and what is known about the symbols, into the universe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from gapscan.market.columns import Floats, Ints, as_floats, unpacked
from gapscan.market.fields import DAY_FIELDS, SCANNED
from gapscan.market.observed import by_price, by_volume
from gapscan.market.sessions import Session, SessionTimes, session_times, trading_date
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Detail, Halts, ReferenceFrame, UniverseFrame

_PRICE: Final = ("price", "price_time", "from_bar")  # as of the price's time; the rest as of `updated`
_PACKED: Final = ("price", "price_time", "prev_close", *DAY_FIELDS, "updated")
_NUMBERS: Final = ("average_volume", "average_trades", "trades_deviation")


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
    told = dict(zip(_PACKED, unpacked([getattr(frame, name) for name in _PACKED]), strict=True))
    _merge(universe, universe.positions(frame.symbols), told, session_times(trading_date(frame.as_of)))
    return True


def _merge(universe: Universe, at: Ints, told: dict[str, Floats], day: SessionTimes) -> None:
    """Take in the columns of a frame, by name; they are changed.

    Values of before the day's clear are yesterday's, prev_close included: they are left out. A price without a time and
    a time without a price say nothing. Other values without a time count as older than all others: before its first
    trade a symbol has no more.
    """
    past, priced = told["updated"] < day.clear, ~np.isnan(told["price"]) & (told["price_time"] >= day.clear)
    for name, column in told.items():
        np.copyto(column, np.nan, where=~priced if name in _PRICE else past)
    times = np.where(np.isnan(told["updated"]), -np.inf, told["updated"])
    times[past] = np.nan
    _widen(universe, at, told, times, day)
    told |= by_price(told["price"], told["price_time"], 0.0) | by_volume(told["volume"], times, day)
    told["scanned"] = times
    values = np.array([told[name] for name in SCANNED])
    universe.observe_scan(at, values, np.array([told["price_time"] if name in _PRICE else times for name in SCANNED]))


def _widen(universe: Universe, at: Ints, told: Mapping[str, Floats], times: Floats, day: SessionTimes) -> None:
    # The provider's high and low are of the regular session; those of pre-market are the prices that were seen.
    price, moments = told["price"], told["price_time"]
    early = np.flatnonzero((moments >= day.pre) & (moments < day.regular))
    # A scan that is older than the newest bar, but the newest scan, may have seen what no bar told of.
    newest = ~(times < universe.times("scanned")[at])
    for name in ("high", "low"):
        universe.widen(name, at[early], price[early], moments[early], day.regular)
        universe.widen(name, at, np.where(newest, told[name], np.nan), np.fmax(times, day.regular), day.regular)


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
    """Take in the halts of a day, all of them; False when they are not of the universe's trading day, or older ones.

    Who reads again what is stored may have heard of the next before.
    """
    if universe.date is None or trading_date(halts.as_of) != universe.date or halts.as_of < universe.halts_as_of:
        return False
    universe.halts_as_of = halts.as_of
    everyone = np.arange(len(universe))
    said = everyone[universe.text("halt").known()]
    at = universe.positions(halts.symbols)
    gone = np.setdiff1d(said, at)
    universe.tell("halt", gone, [None] * len(gone))
    universe.learn("halt_time", gone, np.full(len(gone), np.nan))
    universe.tell("halt", at, list(halts.status))
    universe.learn("halt_time", at, np.array(halts.time, np.float64))
    return True
