"""Scans of the whole market, and what is known about the symbols, into the universe."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import UNSET, UnsetType

from gapscan.market.columns import Floats, Ints, PackedRows, as_floats, numbers_of, packed, packed_rows
from gapscan.market.fields import SCANNED
from gapscan.market.observed import by_price, by_volume
from gapscan.market.premarket import observe_early
from gapscan.market.sessions import (
    MINUTE_MS,
    MarketSession,
    date_of_trades,
    session_at,
    session_times,
    trading_date,
)
from gapscan.market.universe import Universe
from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.protocol.messages import Column, Detail, Halts, News, ReferenceFrame, UniverseFrame

_CONFIRMED: Final = [SCAN_COLUMNS.index(name) for name in ("price", "price_time", "volume", "updated")]
_PRICE_TIME: Final = SCAN_COLUMNS.index("price_time")
_PRICE: Final = ("price", "price_time", "from_bar")  # as of the price's time; the rest as of `updated`
_OF_OLD_SHARES: Final = ("prev_high", "prev_low", "prev_volume")  # on the day of a split, they say nothing of today's
_NUMBERS: Final = ("average_volume", "average_trades", "trades_deviation")


def merge_scan(universe: Universe, *parts: UniverseFrame) -> bool:
    """Take in the parts of a discovery scan; False when it is of an earlier trading day and was left out.

    All together: what each costs by itself is more than what its symbols do.
    """
    said, as_of = [_said(part) for part in parts], parts[0].as_of
    date = _date_of(universe, as_of, numbers_of(np.concatenate([rows[_PRICE_TIME] for rows in said])))
    if universe.date is not None and date < universe.date:
        return False
    if date != universe.date:
        universe.begin_day(date)
    universe.set_clock(as_of, session_of(parts[0]))
    universe.scanned_at = max(universe.scanned_at, as_of)
    universe.simulated = parts[0].simulated
    at = [universe.positions(part.symbols) for part in parts]
    _merge_news(universe, parts, at, said)
    confirmed = np.concatenate([rows[_CONFIRMED] for rows in said], axis=1)
    _confirm(universe, np.concatenate(at), numbers_of(confirmed), as_of)
    return True


def _merge_news(
    universe: Universe, parts: Sequence[UniverseFrame], at: Sequence[Ints], said: Sequence[PackedRows]
) -> None:
    """Merge what a scan does not say again."""
    last, as_of = universe.last_scan, parts[0].as_of
    of_parts = list(zip([part.part for part in parts], at, said, strict=True))
    news = [last.news(*each, as_of) for each in of_parts]
    rows = np.concatenate([one[:, new] for one, new in zip(said, news, strict=True)], axis=1)
    if rows.shape[1]:
        where = np.concatenate([one[new] for one, new in zip(at, news, strict=True)])
        _merge(universe, where, dict(zip(SCAN_COLUMNS, numbers_of(rows), strict=True)), as_of)
    for each in of_parts:
        last.merged(*each, as_of)


def _date_of(universe: Universe, as_of: int, price_times: Floats) -> dt.date:
    """The trading day that a scan is of. In a night the day that is over stands until something of the next trades."""
    coming = date_of_trades(as_of)
    return coming if universe.date == coming else night_of(as_of, price_times) or trading_date(as_of)


def night_of(as_of: int, price_times: Floats) -> dt.date | None:
    """The trading day in whose night `as_of` is, if something has traded in that; times in epoch ms."""
    coming = date_of_trades(as_of)
    traded = coming > trading_date(as_of) and bool((price_times > session_times(coming).night).any())
    return coming if traded else None


def session_of(frame: UniverseFrame) -> MarketSession:
    """The session that a scan is of. A provider that knows of no night says that the market is closed in it."""
    session = MarketSession(frame.session)
    by_clock = session_at(frame.as_of)
    return by_clock if session is MarketSession.CLOSED and by_clock is MarketSession.NIGHT else session


def _said(frame: UniverseFrame) -> PackedRows:
    """The columns of a frame, as they are packed. A feed of another version may not have all of them: nothing is known
    then."""
    columns = [getattr(frame, name) for name in SCAN_COLUMNS]
    if UNSET in columns:
        nothing = packed([None] * len(frame.symbols))
        columns = [nothing if column is UNSET else column for column in columns]
    return packed_rows(columns)


def _confirm(universe: Universe, at: Ints, said: Floats, as_of: int) -> None:
    """What is held of all symbols in a scan is known for longer, whether it said anything new of them or not."""
    prices, price_times, volumes, updated = said
    night = session_times(universe.date or trading_date(as_of)).night
    price_times = np.where(np.isnan(prices) | ~(price_times > night), np.nan, price_times)
    times = np.where(np.isnan(updated), -np.inf, np.where(updated <= night, np.nan, updated))
    universe.confirm(at, price_times, np.where(np.isnan(volumes), np.nan, times), as_of)


def _merge(universe: Universe, at: Ints, observed: dict[str, Floats], as_of: int) -> None:
    """Take in the columns of a frame, by name; they are changed.

    Values until the day's night begins are yesterday's, prev_close included: they are left out. A price without a time
    and a time without a price say nothing. Other values without a time count as older than all others: before its first
    trade a symbol has no more.
    """
    day = session_times(universe.date or trading_date(as_of))
    past, priced = observed["updated"] <= day.night, ~np.isnan(observed["price"]) & (observed["price_time"] > day.night)
    for name, column in observed.items():
        np.copyto(column, np.nan, where=~priced if name in _PRICE else past)
    times = np.where(np.isnan(observed["updated"]), -np.inf, observed["updated"])
    times[past] = np.nan
    scanned = observed["prev_close"]
    observed["prev_close"] = np.where(np.isnan(scanned), scanned, _close_before(universe, at, scanned))
    for name in _OF_OLD_SHARES:
        np.copyto(observed[name], np.nan, where=universe.number("split_today")[at] == 1.0)
    _widen(universe, at, observed, times, as_of)
    observed |= by_price(observed["price"], observed["price_time"], 0.0) | by_volume(observed["volume"], times, day)
    observed["scanned"] = _seen(observed["minute_start"], times, as_of)
    values = np.array([observed[name] for name in SCANNED])
    moments = np.array([observed["price_time"] if name in _PRICE else times for name in SCANNED])
    universe.observe_scan(at, values, moments, as_of)


def _seen(minutes: Floats, times: Floats, as_of: int) -> Floats:
    """Until when the scan saw the newest minutes: a minute in which nothing more trades passes all the same."""
    seen: Floats = np.where(np.isnan(minutes), times, np.fmin(minutes + MINUTE_MS, as_of))
    return np.where(np.isnan(times), np.nan, seen)


def _widen(universe: Universe, at: Ints, observed: Mapping[str, Floats], times: Floats, as_of: int) -> None:
    # The provider's high and low are of the regular session; those of pre-market are of its minutes, and the prices.
    day = session_times(universe.date or trading_date(as_of))
    price, moments = observed["price"], observed["price_time"]
    known = universe.range_known(at, np.full(len(at), float(as_of)))
    early = np.flatnonzero((moments >= day.pre) & (moments < day.regular))
    # A scan that is older than the newest bar, but the newest scan, may have seen what was in no bar.
    newest = ~(times < universe.times("scanned")[at])
    ends = np.fmin(observed["minute_start"] + MINUTE_MS - 1, as_of)
    minute = np.flatnonzero((observed["minute_start"] >= day.pre) & (observed["minute_start"] < day.regular))
    for name in ("high", "low"):
        for who, values, times_of in (
            (early, price, moments), (minute, observed[f"minute_{name}"], ends)
        ):  # fmt: skip
            universe.widen(name, at[who], values[who], times_of[who], day.regular, known[who])
            observe_early(universe, name, at[who], values[who], times_of[who], day.regular)
        values = np.where(newest, observed[name], np.nan)
        universe.widen(name, at, values, np.fmax(times, day.regular), day.regular, known)


def merge_reference(universe: Universe, frame: ReferenceFrame) -> bool:
    """Take in a part of the reference data; False when it is of an earlier day than what is known already."""
    if frame.date < universe.reference_date:
        return False
    universe.reference_date = frame.date
    is_of_today = universe.date is None or frame.date >= universe.date.isoformat()
    at = universe.positions(frame.symbols)
    for name, words in (("name", frame.name), ("exchange", frame.exchange), ("type", frame.kind)):
        universe.set_text(name, at, words)
    for name in _NUMBERS:
        _set_known(universe, name, at, as_floats(getattr(frame, name)))
    _set_known(universe, "baseline_sessions", at, as_floats([number or None for number in frame.sessions]))
    _set_known(universe, "atr", at, _given(frame.atr, len(at)))
    universe.set_reference("test_symbol", at, np.array(frame.test, dtype=np.float64))
    if is_of_today:  # in a night in which something traded, what is stored is of the day that is over
        _merge_today(universe, at, frame)
    return True


def _merge_today(universe: Universe, at: Ints, frame: ReferenceFrame) -> None:
    """What holds on the frame's day alone."""
    _set_known(universe, "first_day", at, _first_day(frame))
    universe.set_reference("split_today", at, np.array(frame.split, dtype=np.float64))
    _merge_actions(universe, at, frame)
    _set_known(universe, "ssr_carried", at, _given(frame.ssr_carried, len(at)))


def _given(column: Column | UnsetType, number: int) -> Floats:
    return as_floats([None] * number if column is UNSET else column)


def _first_day(frame: ReferenceFrame) -> Floats:
    """Where no session of the baseline has the symbol; not known while the baseline is still being loaded."""
    absent = np.array([number == 0 for number in frame.sessions], np.float64)
    return absent if frame.complete else np.where(absent == 1.0, np.nan, absent)


def _merge_actions(universe: Universe, at: Ints, frame: ReferenceFrame) -> None:
    """What happened to the shares overnight; a part that does not say, says that nothing did."""
    nothing: list[None] = [None] * len(at)
    for name, column in (
        ("split_ratio", frame.split_ratio), ("known_close", frame.prev_close), ("ex_amount", frame.ex_amount)
    ):  # fmt: skip
        universe.set_reference(name, at, as_floats(nothing if column is UNSET else column))
    universe.set_text("ex_today", at, nothing if frame.ex_today is UNSET else frame.ex_today)
    prev_close = _close_before(universe, at, universe.number("prev_close")[at])
    universe.set_reference("prev_close", at, prev_close)
    split = at[universe.number("split_today")[at] == 1.0]
    for name in _OF_OLD_SHARES:
        universe.set_reference(name, split, np.full(len(split), np.nan))


def _close_before(universe: Universe, at: Ints, scanned: Floats) -> Floats:
    """The closes that today's prices are measured against, in the place of those that a scan says."""
    known = universe.number("known_close")[at]
    return np.where(np.isnan(known) & (universe.number("split_today")[at] != 1.0), scanned, known)


def _set_known(universe: Universe, name: str, at: Ints, values: Floats) -> None:
    """Null means "not yet": it must not take the place of one that is known."""
    observed = ~np.isnan(values)
    universe.set_reference(name, at[observed], values[observed])


def merge_detail(universe: Universe, detail: Detail) -> None:
    """Merge what is known of one symbol beside its listing; symbols that were never observed are left out."""
    if detail.symbol not in universe.index:
        return
    at = universe.positions([detail.symbol])
    for name in ("market_cap", "float_shares"):
        universe.set_reference(name, at, as_floats([getattr(detail, name)]))
    universe.set_text("sector", at, [detail.sector])
    universe.set_reference("listed_on", at, as_floats([_ordinal(detail.listed or "")]))


def _ordinal(date: str) -> int | None:
    """The number of a day; None of what is none."""
    try:
        return dt.date.fromisoformat(date).toordinal()
    except ValueError:
        return None


def merge_news(universe: Universe, news: News) -> bool:
    """Take in the headlines of a symbol; False when they are of another trading day, or it was never observed."""
    if universe.date is None or news.date != universe.date.isoformat() or news.symbol not in universe.index:
        return False
    at = universe.positions([news.symbol])
    newest = max((headline.time for headline in news.headlines), default=None)
    universe.set_reference("news_time", at, as_floats([newest]))
    universe.set_reference("news_count", at, as_floats([news.count or None]))
    return True


def merge_halts(universe: Universe, halts: Halts) -> bool:
    """Take in the halts of a day, all of them; False when they are not of the universe's trading day, or older ones.

    Who reads again what is stored may have the next already.
    """
    days = (trading_date(halts.as_of), date_of_trades(halts.as_of))
    if universe.date not in days or halts.as_of < universe.halts_as_of:
        return False
    universe.halts_as_of = halts.as_of
    everyone = np.arange(len(universe))
    said = everyone[universe.text("halt").known()]
    at = universe.positions(halts.symbols)
    gone = np.setdiff1d(said, at)
    _set_halts(universe, gone, [None] * len(gone), np.full(len(gone), np.nan), None, None)
    reasons = None if halts.reason is UNSET else halts.reason
    ends = None if halts.resumes_at is UNSET else halts.resumes_at
    _set_halts(universe, at, list(halts.status), np.array(halts.time, np.float64), reasons, ends)
    return True


def _set_halts(
    universe: Universe,
    at: Ints,
    status: Sequence[str | None],
    times: Floats,
    reasons: Sequence[str | None] | None,
    ends: Sequence[float | None] | None,
) -> None:
    nothing: list[None] = [None] * len(at)
    universe.set_text("halt", at, status)
    universe.set_text("halt_reason", at, reasons or nothing)
    universe.set_reference("halt_time", at, times)
    universe.set_reference("resumption_time", at, as_floats(ends or nothing))
