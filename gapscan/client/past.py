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

from gapscan.bus.client import Bus, BusOptions
from gapscan.client.api import connect
from gapscan.client.stays import Stay, stays_of, stays_on_day
from gapscan.client.tape_lists import readers_of_day
from gapscan.client.tape_reader import PastView, TapeReader
from gapscan.client.timeline import day_bounds
from gapscan.errors import NotRecordedError, ProtocolError
from gapscan.market.moments import Moment, day_of, moment_ms
from gapscan.market.sessions import trading_date
from gapscan.obs import logger
from gapscan.protocol import names

__all__ = ["Answer", "Moment", "PastView", "PastViews", "Stay", "TapeReader", "at", "between", "stays_of", "when"]

T = TypeVar("T")

_log = logger("client")


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
    A list whose past cannot be read is left out, and logged. Raises as `at`; NotRecordedError when nothing is recorded
    of that day.
    """

    async def ask() -> list[Stay]:
        async with _connected(bus, nats, f"gapscan when {symbol}") as open_bus:
            found = await find_stays(open_bus, symbol, day, name, simulated)
        for of, fault in found.faults.items():
            _log.warning("the past of a list cannot be read: %s", fault, extra={"list": of})
        return found.stays

    return Answer(ask)


async def _readers(
    bus: Bus, name: str | None, day: str | dt.date, simulated: bool | None
) -> list[tuple[TapeReader, tuple[int, int]]]:
    """Of the list, or of all that are on a tape; with the bounds of the day. Raises UnknownListError, ConfigError."""
    if name is None:
        return await readers_of_day(bus, day, simulated)
    reader = await TapeReader.open(bus, name, simulated)
    return [(reader, day_bounds(day, await reader.end()))]


@dataclass(frozen=True, slots=True)
class FoundStays:
    """A symbol's stays by time, and why the past of some lists could not be read."""

    stays: list[Stay]
    faults: dict[str, str]


async def find_stays(
    bus: Bus, symbol: str, day: str | dt.date = "today", name: str | None = None, simulated: bool | None = None
) -> FoundStays:
    """As `when`, on a connection. What cannot be read of one list is no reason to leave out the others.

    Raises ProtocolError when nothing could be read of any list, and what `when` raises.
    """
    readers = await _readers(bus, name, day, simulated)
    if not readers:
        raise NotRecordedError("nothing is recorded", remedy="`gapscan run recorder` records, as `gapscan up` does")
    asked = (stays_on_day(reader, symbol, *bounds) for reader, bounds in readers)
    found = await asyncio.gather(*map(_or_fault, asked))
    faults = [each for each in found if isinstance(each, ProtocolError)]
    if len(faults) == len(found):
        raise faults[0]
    if all(each is None for each in found):
        of = f" for {name}" if name else ""
        raise NotRecordedError(f"nothing of {day} is recorded{of}", remedy="`gapscan history` shows what there is")
    stays = [stay for each in found if isinstance(each, list) for stay in each]
    named = zip((reader.shelf.name for reader, _ in readers), found, strict=True)
    return FoundStays(
        sorted(stays, key=lambda stay: (stay.entered or 0, stay.list)),
        {of: each.message for of, each in named if isinstance(each, ProtocolError)},
    )


async def _or_fault(asked: Awaitable[T]) -> T | ProtocolError:
    try:
        return await asked
    except ProtocolError as error:
        return error


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
