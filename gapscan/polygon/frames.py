"""The provider's snapshot to universe frames. Zero means unset; times come in ns and ms; volumes in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from gapscan.polygon.elements import Decoded, Elements
from gapscan.polygon.events import updates_last
from gapscan.protocol.messages import Column, SessionName, UniverseFrame

_NS_PER_MS: Final = 1_000_000
MINUTE_MS: Final = 60_000

# Far below NATS's max_payload (1 MiB): about 140 bytes a symbol.
SYMBOLS_A_PART: Final = 2_500


class DayBar(Struct, gc=False):
    """`day` and `prevDay`; all zeros until there is something to say."""

    o: float = 0.0
    h: float = 0.0
    l: float = 0.0  # noqa: E741  # the provider's name
    c: float = 0.0
    v: float = 0.0
    vw: float = 0.0


class MinuteBar(Struct, gc=False):
    """`min`, the latest minute bar; `av` is the day's volume so far, `t` its start in ms, `n` its number of trades."""

    c: float = 0.0
    av: float = 0.0
    t: int = 0
    n: int = 0


class Trade(Struct, gc=False):
    """`lastTrade`; `t` in ns, `c` the sale conditions."""

    p: float = 0.0
    t: int = 0
    c: list[int] | None = None


_NO_BAR: Final = DayBar()
_NO_MINUTE: Final = MinuteBar()


class Ticker(Struct, gc=False):
    """One element of the snapshot."""

    ticker: str
    day: DayBar | None = None
    prevDay: DayBar | None = None
    min: MinuteBar | None = None
    lastTrade: Trade | None = None
    updated: int = 0


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
    """The newest `updated` of the scan, epoch ms; 0 for an empty one."""
    return max((ticker.updated for ticker in tickers), default=0) // _NS_PER_MS


def _part(tickers: Sequence[Ticker], part: int, parts: int, seen: Observation) -> UniverseFrame:
    days = [ticker.day or _NO_BAR for ticker in tickers]
    minutes = [ticker.min or _NO_MINUTE for ticker in tickers]
    price, price_time = _prices(tickers, days, minutes)
    return UniverseFrame(
        frame=seen.frame,
        part=part,
        parts=parts,
        as_of=seen.as_of,
        session=seen.session,
        simulated=seen.simulated,
        symbols=[ticker.ticker for ticker in tickers],
        price=price,
        price_time=price_time,
        prev_close=[(ticker.prevDay or _NO_BAR).c or None for ticker in tickers],
        open=[day.o or None for day in days],
        high=[day.h or None for day in days],
        low=[day.l or None for day in days],
        vwap=[day.vw or None for day in days],
        volume=_volumes(days, minutes),
        updated=[ticker.updated // _NS_PER_MS or None for ticker in tickers],
        close=[day.c or None for day in days],
        minute_start=[minute.t or None for minute in minutes],
        minute_trades=[minute.n or None for minute in minutes],
    )


def _prices(tickers: Sequence[Ticker], days: Sequence[DayBar], minutes: Sequence[MinuteBar]) -> tuple[Column, Column]:
    """The last trade's price and time; where that does not tell the price, the latest minute's close and end."""
    prices: Column = []
    times: Column = []
    for ticker, day, minute in zip(tickers, days, minutes, strict=True):
        trade = ticker.lastTrade
        if trade is not None and trade.p > 0 and (not trade.c or updates_last(trade.c)):
            prices.append(trade.p)
            times.append(trade.t // _NS_PER_MS or None)
        elif minute.c > 0:
            prices.append(minute.c)
            times.append(_minute_time(ticker, minute))
        else:
            prices.append(day.c or None)
            times.append(ticker.updated // _NS_PER_MS or None)
    return prices, times


def _minute_time(ticker: Ticker, minute: MinuteBar) -> int:
    """When the minute's close was the price: at its end, or so far, if it is still running."""
    end = minute.t + MINUTE_MS
    return min(end, ticker.updated // _NS_PER_MS) if ticker.updated else end


def _volumes(days: Sequence[DayBar], minutes: Sequence[MinuteBar]) -> Column:
    """Volume of the day, pre-market included: `day.v` is 0 until the first regular trade, `min.av` is not."""
    pairs = zip(days, minutes, strict=True)
    return [(day.v if day.v > minute.av else minute.av) or None for day, minute in pairs]
