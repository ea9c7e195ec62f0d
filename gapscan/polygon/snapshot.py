"""The provider's snapshot to universe frames. Zero means unset; times come in ns and ms; volumes in fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct
from msgspec.structs import astuple

from gapscan.market.columns import Floats, packed
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS
from gapscan.polygon.elements import Decoded, Elements
from gapscan.polygon.events import updates_last
from gapscan.protocol.feed import SYMBOLS_A_PART
from gapscan.protocol.messages import SessionName, UniverseFrame

_Whole = Annotated[int, Meta(ge=-(2**62), le=2**62)]  # what is further from 0 is no time, nor a number of trades


class DayBar(Struct, gc=False):
    """`day`; all zeros until there is something to say."""

    o: float = 0.0
    h: float = 0.0
    l: float = 0.0  # noqa: E741  # the provider's name
    c: float = 0.0
    v: float = 0.0
    vw: float = 0.0


class PreviousDay(Struct, gc=False):
    """`prevDay`, of which only the close is of use: what nobody reads is not worth decoding."""

    c: float = 0.0


class MinuteBar(Struct, gc=False):
    """`min`, the latest minute bar; `av` is the day's volume so far, `t` its start in ms, `n` its number of trades."""

    c: float = 0.0
    av: float = 0.0
    t: _Whole = 0
    n: _Whole = 0


class Trade(Struct, gc=False):
    """`lastTrade`; `t` in ns, `c` the sale conditions."""

    p: float = 0.0
    t: _Whole = 0
    c: tuple[int, ...] | None = None


_NO_BAR: Final = DayBar()
_NO_CLOSE: Final = PreviousDay()
_NO_MINUTE: Final = MinuteBar()
_NO_TRADE: Final = Trade()


class Ticker(Struct, gc=False):
    """One element of the snapshot."""

    ticker: str
    day: DayBar | None = None
    prevDay: PreviousDay | None = None
    min: MinuteBar | None = None
    lastTrade: Trade | None = None
    updated: _Whole = 0


_snapshot: Final = Elements("tickers", Ticker)


def decode_snapshot(body: bytes) -> Decoded[Ticker]:
    """The elements of a snapshot body. Raises FeedError when the body as a whole is not one."""
    return _snapshot.decode("the market snapshot", body)


class Observation(Struct):
    """What goes with a scan but is not in its body."""

    frame: int
    as_of: int
    session: SessionName
    simulated: bool


def universe_parts(tickers: Sequence[Ticker], seen: Observation) -> list[UniverseFrame]:
    """The scan as frames of at most SYMBOLS_A_PART symbols; one frame without symbols for an empty scan."""
    groups = [tickers[at : at + SYMBOLS_A_PART] for at in range(0, len(tickers), SYMBOLS_A_PART)] or [[]]
    return [_part(group, number, len(groups), seen) for number, group in enumerate(groups, 1)]


def newest_event(tickers: Sequence[Ticker]) -> int:
    """The newest time that the scan tells of, epoch ms; 0 for an empty one."""
    updated = max((ticker.updated for ticker in tickers), default=0)
    return max(updated, max((ticker.lastTrade.t for ticker in tickers if ticker.lastTrade), default=0)) // NS_PER_MS


def without_future(tickers: Sequence[Ticker], limit: int) -> list[Ticker]:
    """The elements that tell of no time after `limit` (epoch ms)."""
    return [ticker for ticker in tickers if newest_event((ticker,)) <= limit]


def _part(tickers: Sequence[Ticker], part: int, parts: int, seen: Observation) -> UniverseFrame:
    columns = {name: packed(np.where(column == 0, np.nan, column)) for name, column in _columns(tickers).items()}
    return UniverseFrame(
        frame=seen.frame,
        part=part,
        parts=parts,
        as_of=seen.as_of,
        session=seen.session,
        simulated=seen.simulated,
        symbols=[ticker.ticker for ticker in tickers],
        **columns,
    )


def _columns(tickers: Sequence[Ticker]) -> dict[str, Floats]:
    """The numbers of a frame, by name; 0 is unset."""
    day = _fields(DayBar, [ticker.day or _NO_BAR for ticker in tickers])
    minute = _fields(MinuteBar, [ticker.min or _NO_MINUTE for ticker in tickers])
    columns = {
        "prev_close": _floats([(ticker.prevDay or _NO_CLOSE).c for ticker in tickers]),
        "open": day["o"],
        "high": day["h"],
        "low": day["l"],
        "close": day["c"],
        "vwap": day["vw"],
        # `day.v` is 0 until the first regular trade, `min.av` is not: it has the pre-market's.
        "volume": np.maximum(day["v"], minute["av"]),
        "minute_start": minute["t"],
        "minute_trades": minute["n"],
        "updated": _milliseconds([ticker.updated for ticker in tickers]),
    }
    columns["price"], columns["price_time"] = _prices(tickers, minute["c"], columns)
    return columns


def _prices(tickers: Sequence[Ticker], closes: Floats, columns: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """The last trade's price and time; where that does not tell the price, the latest minute's close and end."""
    trades = [ticker.lastTrade or _NO_TRADE for ticker in tickers]
    prices, moments = _floats([trade.p for trade in trades]), _milliseconds([trade.t for trade in trades])
    conditions = [trade.c for trade in trades]
    telling = {each for each in set(conditions) if updates_last(each)}
    told = (prices > 0) & np.fromiter(map(telling.__contains__, conditions), np.bool_, len(trades))
    by_minute, updated = closes > 0, columns["updated"]
    # The minute's close was the price at its end, or so far, if it is still running.
    ends = columns["minute_start"] + MINUTE_MS
    seen = np.where(updated != 0, np.minimum(ends, updated), ends)
    return (
        np.where(told, prices, np.where(by_minute, closes, columns["close"])),
        np.where(told, moments, np.where(by_minute, seen, updated)),
    )


def _fields(kind: type[Struct], items: Sequence[Struct]) -> dict[str, Floats]:
    """The fields of structs that have but numbers, as columns: read struct by struct, for these lie all over memory."""
    names = kind.__struct_fields__
    cells = np.fromiter(chain.from_iterable(map(astuple, items)), np.float64, len(items) * len(names))
    return dict(zip(names, cells.reshape(-1, len(names)).T, strict=True))


def _floats(values: Sequence[float]) -> Floats:
    return np.fromiter(values, np.float64, len(values))


def _milliseconds(ns: Sequence[int]) -> Floats:
    """Divided as integers: floats have no room for today's nanoseconds."""
    return (np.fromiter(ns, np.int64, len(ns)) // NS_PER_MS).astype(np.float64)
