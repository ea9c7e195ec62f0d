"""What lists were: at a time, over a time, and when a symbol was in them.

import gapscan

view = gapscan.at("gappers_up", "09:31").result()              # or: await gapscan.at(...)
for view in gapscan.between("gappers_up", "09:30", "09:31"):   # or: async for
    print(view.when, len(view.rows))
print(gapscan.when("TSLA").result())
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from msgspec import UNSET

from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.tape import told
from gapscan.client.api import connect
from gapscan.client.tape_lists import readers_of_day
from gapscan.client.tape_reader import PastView, TapeReader
from gapscan.client.timeline import day_bounds, moves_between
from gapscan.errors import NotRecordedError
from gapscan.market.moments import Moment, day_of, moment_ms
from gapscan.market.sessions import trading_date
from gapscan.protocol import names
from gapscan.protocol.messages import Snapshot
from gapscan.protocol.tape import Move, Unchanged

__all__ = ["Answer", "Moment", "PastView", "PastViews", "Stay", "TapeReader", "at", "between", "stays_of", "when"]

T = TypeVar("T")


class Answer(Generic[T]):
    """What a question brings: `await` it, or call `result()` in a script without an event loop."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask

    def __await__(self) -> Generator[None, None, T]:
        return self._ask().__await__()

    def result(self) -> T:
        """Ask, and wait for it. Raises what the question raises."""

        async def ask() -> T:
            return await self._ask()

        return asyncio.run(ask())


class PastViews:
    """What `between` returns: iterate it with `async for`, or with `for` in a script without an event loop."""

    def __init__(self, views: Callable[[], AsyncGenerator[PastView, None]]) -> None:
        self._views = views

    def __aiter__(self) -> AsyncGenerator[PastView, None]:
        return self._views()

    def __iter__(self) -> Iterator[PastView]:
        """The same, one after the other: none is left out, however slow the caller is."""
        with asyncio.Runner() as runner:
            views = self._views()
            try:
                while (view := runner.run(anext(views, None))) is not None:
                    yield view
            finally:
                runner.run(views.aclose())


@dataclass(frozen=True, slots=True)
class Stay:
    """A symbol's time in a list, market time in epoch ms, with its rank and price when it came and when it went.

    `entered` is None when it was in before the day's first record, `left` when it is in at the day's last one.
    `reason` is why it left, as the list says it (`fell_behind`, `rank`, `idle`, `closed`), if that is recorded.
    `uncertain`: it came or went at some time in a gap, which ends at the time that stands here. `unrecorded`: it came
    at some time that the tape does not tell (yet); `entered` is None then too.
    """

    list: str
    symbol: str
    entered: int | None = None
    left: int | None = None
    rank_in: int | None = None
    rank_out: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    reason: str | None = None
    uncertain: bool = False
    unrecorded: bool = False

    @property
    def seconds(self) -> float | None:
        """How long it was in; None when its beginning or its end is not known."""
        return None if self.entered is None or self.left is None else (self.left - self.entered) / 1000


def at(
    name: str,
    when: Moment | tuple[str, int],
    *,
    day: str | dt.date | None = None,
    simulated: bool | None = None,
    nats: str | BusOptions = "nats://127.0.0.1:4222",
    bus: Bus | None = None,
) -> Answer[PastView]:
    """List `name` as it was at `when`: `await at(...)`, or `at(...).result()` outside of asyncio.

    `when` is market time: "09:31", "09:31:07", "5m ago", "yesterday 15:59", "2026-11-27 09:31" (New York, unless it
    says another zone), a datetime, epoch milliseconds; or a position, (epoch, sequence). It counts in whole seconds:
    the list after all that is of `when` or before. Without a day it is of the newest day on the tape, or of `day`.

    Raises ConfigError for a time that is none, NotRecordedError when what the list was then is not on the tape,
    UnknownListError when nothing of it is, BusError.
    """
    names.check_list_name(name)

    async def ask() -> PastView:
        async with _connected(bus, nats, f"gapscan at {name}") as open_bus:
            reader = await TapeReader.open(open_bus, name, simulated)
            if isinstance(when, tuple):
                return await reader.at_position(*when)
            return await reader.at(await market_ms(reader, when, day))

    return Answer(ask)


def between(
    name: str,
    start: Moment,
    end: Moment = "now",
    *,
    day: str | dt.date | None = None,
    simulated: bool | None = None,
    nats: str | BusOptions = "nats://127.0.0.1:4222",
    bus: Bus | None = None,
) -> PastViews:
    """List `name` at `start`, then after each change up to `end`, at most one for each second of market time.

    Times are as with `at`. Iterate with `async for`, or with `for` outside of asyncio. Raises as `at`, when iterated.
    """
    names.check_list_name(name)

    async def views() -> AsyncGenerator[PastView, None]:
        async with _connected(bus, nats, f"gapscan between {name}") as open_bus:
            reader = await TapeReader.open(open_bus, name, simulated)
            first, last = await market_ms(reader, start, day), await market_ms(reader, end, day)
            async for view in reader.views(first, last):
                yield view

    return PastViews(views)


def when(
    symbol: str,
    day: str | dt.date = "today",
    *,
    name: str | None = None,
    simulated: bool | None = None,
    nats: str | BusOptions = "nats://127.0.0.1:4222",
    bus: Bus | None = None,
) -> Answer[list[Stay]]:
    """When `symbol` was in lists on a trading day, by time; in list `name` alone, if one is given.

    Lists that were removed since are among them. `day` is "today" (the newest on the tape), "yesterday" or a date.
    Raises as `at`; NotRecordedError when nothing is recorded of that day.
    """

    async def ask() -> list[Stay]:
        async with _connected(bus, nats, f"gapscan when {symbol}") as open_bus:
            readers = await _readers(open_bus, name, day, simulated)
            found = await asyncio.gather(*(_stays(reader, symbol, *bounds) for reader, bounds in readers))
        if not readers:
            raise NotRecordedError("nothing is recorded", remedy="`gapscan run recorder` records, as `gapscan up` does")
        if all(stays is None for stays in found):
            of = f" for {name}" if name else ""
            raise NotRecordedError(f"nothing of {day} is recorded{of}", remedy="`gapscan history` shows what there is")
        return sorted(
            (stay for stays in found for stay in stays or ()), key=lambda stay: (stay.entered or 0, stay.list)
        )

    return Answer(ask)


async def _readers(
    bus: Bus, name: str | None, day: str | dt.date, simulated: bool | None
) -> list[tuple[TapeReader, tuple[int, int]]]:
    """Of the list, or of all that are on a tape; with the bounds of the day. Raises UnknownListError, ConfigError."""
    if name is None:
        return await readers_of_day(bus, day, simulated)
    reader = await TapeReader.open(bus, name, simulated)
    return [(reader, day_bounds(day, await reader.end()))]


async def _stays(reader: TapeReader, symbol: str, begin: int, over: int) -> list[Stay] | None:
    """When the symbol was in the list on a day; None when nothing is recorded of it."""
    end = await reader.end()
    if end < begin or await reader.begin() >= over:
        return None
    moves = await moves_between(reader, begin, over)
    stays = stays_of(reader.shelf.name, symbol, moves)
    return stays or await _rested(reader, symbol, begin, min(end, over - 1))


async def _rested(reader: TapeReader, symbol: str, begin: int, end: int) -> list[Stay]:
    """A symbol that neither came nor went was in all the time, or came in the minute that is not over."""
    try:
        view = await reader.at(end)
    except NotRecordedError:
        return []
    if all(row["symbol"] != symbol for row in view.rows):
        return []
    first = await first_symbols(reader, begin, end + 1)
    return [Stay(reader.shelf.name, symbol, unrecorded=first is None or symbol not in first)]


async def first_symbols(reader: TapeReader, begin: int, over: int) -> frozenset[str] | None:
    """Who is in the first list that is recorded from `begin` until `over`, epoch ms; None when none is.

    Raises BusError, ProtocolError.
    """
    async for stored in reader.messages_from(begin):
        message = told(stored)
        if not isinstance(message, Snapshot | Unchanged):
            continue
        if message.as_of >= over:
            return None
        played = await reader.begun([message])
        played.take(message)
        return frozenset(row["symbol"] for row in played.copy.rows) if played.copy is not None else None
    return None


def stays_of(name: str, symbol: str, moves: list[Move]) -> list[Stay]:
    """A symbol's moves as the times that it was in the list."""
    stays: list[Stay] = []
    came: Move | None = None
    for move in moves:
        if move.symbol != symbol:
            continue
        if move.action == "enter":
            came = move
        else:
            stays.append(_stay(name, came, move))
            came = None
    return [*stays, _stay(name, came, None)] if came else stays


def _stay(name: str, came: Move | None, went: Move | None) -> Stay:
    known = came or went
    assert known is not None  # for the type checker: there is no stay without a move
    return Stay(
        list=name,
        symbol=known.symbol,
        entered=came.time if came else None,
        left=went.time if went else None,
        rank_in=came.rank if came else None,
        rank_out=went.rank if went else None,
        price_in=came.price if came else None,
        price_out=went.price if went else None,
        reason=went.reason if went and went.reason is not UNSET else None,
        uncertain=any(move.after_gap for move in (came, went) if move),
    )


async def market_ms(reader: TapeReader, moment: Moment, day: str | dt.date | None = None) -> int:
    """A moment as market time, epoch ms; it counts from the newest on the tape. Raises ConfigError, BusError."""
    if isinstance(moment, int):
        return moment_ms(moment, moment)
    now = await reader.end()
    return moment_ms(moment, now, day_of(day, now) if day is not None else trading_date(now))


@asynccontextmanager
async def _connected(bus: Bus | None, nats: str | BusOptions, name: str) -> AsyncIterator[Bus]:
    if bus is not None:
        yield bus
        return
    async with connect(BusOptions(nats) if isinstance(nats, str) else nats, name) as own:
        yield own
